"""What the simulator does with each request: forms that a script may have, all turned into one function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, TypeAlias

import attrs

from aiocompl.testing import faults
from aiocompl.testing.answer import Answer
from aiocompl.testing.delivery import Delivery
from aiocompl.testing.faults import Fault
from aiocompl.testing.latency import Latency

if TYPE_CHECKING:
    from aiocompl.testing.asked import Asked


@attrs.frozen(kw_only=True)
class Reply:
    """What happens to one request, in full; the short forms of `Behaviour` stand for one of its parts."""

    answer: Answer | None = None
    """What the model says, in each choice; None repeats the user."""

    choices: tuple[Answer, ...] = ()
    """What it says in each choice apart; goes before `answer` and before the request's `n`."""

    faults: tuple[Fault, ...] = ()
    """What goes wrong, one upon the other."""

    latency: Latency | None = None
    """How long it takes; None for the simulator's."""

    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Further headers of the answer."""


Behaviour: TypeAlias = str | Answer | Fault | Latency | Reply | Delivery | None
"""None answers plainly; text is an `Answer` of that text; a `Delivery` is sent as it stands."""

ScriptFunction: TypeAlias = "Callable[[Asked], Behaviour]"

Script: TypeAlias = "Behaviour | Sequence[Behaviour] | Mapping[str, Script] | ScriptFunction"
"""One behaviour for every request; one after the other (then plain answers); by model name (others get plain answers);
or a function of the request, such as a `Mix`."""


@attrs.define(eq=False)
class Mix:
    """Behaviours drawn at random, the same ones in the same order under the same seed.

    Args:
        weighted: Pairs of probability and behaviour; what lacks to 1 is a plain answer.
        seed: Where the draw begins.
    """

    weighted: Sequence[tuple[float, Behaviour]]
    seed: int = 0
    _chance: Random = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        total = sum(weight for weight, _ in self.weighted)
        if total > 1 + 1e-9 or any(weight < 0 for weight, _ in self.weighted):
            raise ValueError(
                f"the weights are probabilities: 0 or more each, 1 together at most, not {total}"
            )
        self._chance = Random(self.seed)  # noqa: S311 - repeatable on purpose

    @classmethod
    def of_faults(cls, rate: float, *, seed: int = 0, among: Sequence[Fault] | None = None) -> Mix:
        """Every kind of fault equally often, together for the share `rate` (0 to 1) of the requests.

        Args:
            rate: How many of the requests go wrong.
            seed: Where the draw begins.
            among: The faults; None for `faults.quick()`, each of which ends at once.
        """
        kinds = faults.quick() if among is None else among
        return cls([(rate / len(kinds), fault) for fault in kinds], seed)

    def __call__(self, asked: Asked) -> Behaviour:
        """Draw the next behaviour."""
        drawn = self._chance.random()
        for weight, behaviour in self.weighted:
            drawn -= weight
            if drawn < 0:
                return behaviour
        return None


def as_function(script: Script) -> ScriptFunction:
    """Turn any form of script into a function of the request."""
    if isinstance(script, Mapping):
        by_model = {model: as_function(part) for model, part in script.items()}
        return lambda asked: by_model[asked.model](asked) if asked.model in by_model else None
    if isinstance(script, Sequence) and not isinstance(script, str):
        in_turn = iter(tuple(script))
        return lambda _: next(in_turn, None)
    if callable(script):
        return script
    return lambda _: script


def as_reply(behaviour: str | Answer | Fault | Latency | Reply | None) -> Reply:
    """Turn a short form into what it stands for.

    Raises:
        TypeError: It is none of them.
    """
    match behaviour:
        case None:
            return _PLAIN
        case Reply():
            return behaviour
        case Answer():
            return Reply(answer=behaviour)
        case str():
            return Reply(answer=Answer(text=behaviour))
        case Latency():
            return Reply(latency=behaviour)
        case Fault():
            return Reply(faults=(behaviour,))
    raise TypeError(
        f"a script answers with text, an Answer, a Fault, a Latency, a Reply or None, not {behaviour!r}"
    )


_PLAIN = Reply()

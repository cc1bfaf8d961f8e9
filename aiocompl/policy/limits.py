"""How many requests and tokens a deployment may be asked for in a minute, and how long a call has to wait for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from aiocompl.policy.learnt import allowance, per_minute
from aiocompl.policy.meter import Meter
from aiocompl.policy.tokens import estimate_tokens, rough_prompt_tokens
from aiocompl.types.request import ChatRequest, EmbeddingRequest

if TYPE_CHECKING:
    from aiocompl.policy.learnt import Allowance
    from aiocompl.rate_limits import RateLimit, RateLimits
    from aiocompl.types.completion import Usage
    from aiocompl.types.request import Request

DEFAULT_OUTPUT_TOKENS: Final = 256.0
"""Tokens that an answer is taken to have until it is there, where the call does not bound it."""


KINDS: Final = ("requests", "tokens", "input_tokens", "output_tokens")
"""What is limited."""

_NO_LIMIT: Final = 1e12
"""A meter with so much in a minute holds nothing up but by what the provider says is left."""


def _positive(_: object, attribute: attrs.Attribute[float | None], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} must be above 0, or None for no limit, not {value!r}")


_LIMIT: Final[Any] = _positive


@attrs.frozen(kw_only=True)
class RateLimitPolicy:
    """How much may pass in any 60 s; None for no limit."""

    rpm: float | None = attrs.field(default=None, validator=_LIMIT)
    """Requests."""

    tpm: float | None = attrs.field(default=None, validator=_LIMIT)
    """Tokens, of prompts and answers together."""

    input_tpm: float | None = attrs.field(default=None, validator=_LIMIT)
    output_tpm: float | None = attrs.field(default=None, validator=_LIMIT)

    burst: float | None = attrs.field(default=None, validator=_LIMIT)
    """Requests that may pass at once after a rest. None: 5 % of `rpm`, at least one. Tokens always have their 5 %."""

    learn: bool = False
    """Heed what the provider's headers say of its limits, too."""

    @property
    def limits(self) -> tuple[float | None, float | None, float | None, float | None]:
        """The limit on each of `KINDS`."""
        return self.rpm, self.tpm, self.input_tpm, self.output_tpm


@attrs.define(unsafe_hash=True)
class Cost:
    """What one call takes of the limits; nobody changes it. Not frozen, as there are two for every call.

    Whole numbers will do, but the interpreter is twice as fast where all are floats.
    """

    requests: float = 1.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0
    amounts: tuple[float, float, float, float] = attrs.field(init=False, eq=False, repr=False)
    """What it takes of each of `KINDS`."""

    def __attrs_post_init__(self) -> None:
        prompt, answer = self.input_tokens, self.output_tokens
        self.amounts = self.requests, prompt + answer, prompt, answer

    @property
    def tokens(self) -> float:
        """Of prompt and answer together."""
        return self.amounts[1]

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    def times(self, factor: float) -> Cost:
        """So often the same."""
        return Cost(self.requests * factor, self.input_tokens * factor, self.output_tokens * factor)


NOTHING: Final = Cost(0.0)
ONE: Final = Cost()


class SharedLimits(Protocol):
    """Limits that several processes share, so that asking them takes a while. It sees to its own failures."""

    async def take(self, cost: Cost, now: float) -> float:
        """Take what a call costs and return 0.0; where that cannot be yet, take nothing and say in how many seconds.

        Cancelled: it may or may not be taken.
        """
        ...

    def settle(self, reserved: Cost, used: Cost, now: float, at: float) -> None:
        """Charge, or give back, the difference between what was taken at the instant `at` and what was used.

        It does not wait for that.
        """
        ...


@attrs.define(eq=False)
class Limiter:
    """One deployment's limits, all asked at once: GCRA over each, and never more than a limit in any 60 s.

    In any half-open window of 60 s at most `rpm` requests pass and at most the tokens of each limit, as they were
    reserved or settled; a call that costs more tokens than a whole limit passes alone.

    It is handed the time, on any clock that does not go back.
    """

    policy: RateLimitPolicy
    taken: Cost = attrs.field(default=NOTHING, init=False)
    """All that was ever taken, for `learn`; kept only where `policy.learn` is set."""
    learns: bool = attrs.field(init=False)
    """Whether `learn` is of use."""
    _meters: dict[int, Meter] = attrs.field(init=False)  # by the place in `KINDS`
    _each: tuple[tuple[int, Meter], ...] = attrs.field(init=False)  # the same

    def __attrs_post_init__(self) -> None:
        self.learns = self.policy.learn
        self._meters = meters_of(self.policy)
        self._each = tuple(self._meters.items())

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens a call has, so that they are worth estimating."""
        return len(self._meters) > (0 in self._meters)

    def limit(self, name: str) -> float | None:
        """The limit that is in force on one of `KINDS`."""
        meter = self._meters.get(KINDS.index(name))
        return None if meter is None or meter.limit == _NO_LIMIT else meter.limit

    def wait(self, cost: Cost, now: float, ahead: Cost = NOTHING) -> float:
        """Seconds until a call may pass, if `ahead` passes before it. Nothing is taken."""
        amounts, before = cost.amounts, ahead.amounts
        longest = 0.0
        for kind, meter in self._meters.items():
            longest = max(longest, meter.wait(amounts[kind], now, before[kind]))
        return longest

    def is_exhausted(self, now: float) -> bool:
        """Whether no request may pass now, however few tokens it has."""
        requests = self._meters.get(0)
        return requests is not None and requests.wait(1.0, now) > 0

    def take(self, cost: Cost, now: float) -> float:
        """Take what a call costs and return 0.0, or take nothing and return the seconds until it may be asked again."""
        meters, amounts = self._each, cost.amounts
        longest = 0.0
        for kind, meter in meters:
            if (wait := meter.wait(amounts[kind], now)) > longest:
                longest = wait
        if longest > 0:
            return longest
        for kind, meter in meters:
            meter.take(amounts[kind], now)
        if self.learns:
            self.taken = self.taken.plus(cost)
        return 0.0

    def spend_burst(self, cost: Cost, now: float) -> None:
        """Have nothing saved up: a call may pass as it might have, and those after it are spaced out."""
        amounts = cost.amounts
        for kind, meter in self._meters.items():
            meter.spend_burst(amounts[kind], now)

    def settle(self, reserved: Cost, used: Cost, now: float, at: float | None = None) -> None:
        """Give back what a call did not need, or charge what it took beyond what was reserved.

        Args:
            reserved: What was taken for it.
            used: What it took. ``Cost(0)`` for a call that was never sent.
            now: The present.
            at: When it was taken; without it, what is given back is of use only once the minute is over.
        """
        before, after = reserved.amounts, used.amounts
        for kind, meter in self._each:
            more = after[kind] - before[kind]
            if more > 0:
                meter.take(more, now)
            elif more < 0:
                meter.give_back(-more, now, -1.0 if at is None else at)

    def learn(self, said: RateLimits, now: float, taken: Cost | None = None) -> None:
        """Heed what an answer's headers say: a lower limit is adopted, and no more passes than is left.

        Args:
            said: The limits by the headers of an answer.
            now: When the answer came.
            taken: `taken` as it was right after the answer's request had passed: what passed later is not in the
                headers yet. None for now.
        """
        since = self.taken.plus((taken or self.taken).times(-1.0)).amounts
        for kind, name in enumerate(KINDS):
            one: RateLimit | None = getattr(said, name)
            if one is not None:
                self._adopt(kind, per_minute(one), allowance(one, now, since[kind]))

    def _adopt(self, kind: int, learnt: float | None, left: Allowance | None) -> None:
        """Set a limit that is lower than ours, and what is left of it."""
        meter, ours = self._meters.get(kind), self.policy.limits[kind]
        limit = min(ours or _NO_LIMIT, learnt or _NO_LIMIT)
        if meter is None:
            if learnt is None and left is None:
                return
            meter = self._meters[kind] = self._meter(kind, limit)
            self._each = tuple(self._meters.items())
        elif learnt is not None and learnt != meter.limit:
            meter.resize(limit)
        meter.allowance = left

    def _meter(self, kind: int, limit: float) -> Meter:
        return Meter(limit, None if kind else self.policy.burst)


def meters_of(policy: RateLimitPolicy) -> dict[int, Meter]:
    """A meter for each limit of a policy, by the place in `KINDS` of what it counts."""
    return {
        kind: Meter(limit, None if kind else policy.burst)
        for kind, limit in enumerate(policy.limits)
        if limit is not None
    }


def estimated_cost(request: Request) -> Cost:
    """What a call may take: its prompt by estimate, its answer by the bound that it asks for, for each of `n` answers.

    What is embedded counts too, and has no answer; what else can be asked is a request and nothing more.
    """
    params = request.params
    if isinstance(request, ChatRequest):
        if not params:
            return Cost(1.0, float(rough_prompt_tokens(request.messages)), DEFAULT_OUTPUT_TOKENS)
        bound = params.get("max_completion_tokens") or params.get("max_tokens") or DEFAULT_OUTPUT_TOKENS
        answers = params.get("n") or 1
        prompt = rough_prompt_tokens(request.messages, tools=params.get("tools"))
        return Cost(1.0, float(prompt), _number(bound) * _number(answers))
    texts = request.input if isinstance(request, EmbeddingRequest) else ()
    return Cost(1.0, float(sum(estimate_tokens(one) if isinstance(one, str) else len(one) for one in texts)))


def used_cost(usage: Usage) -> Cost:
    """What a call took by the provider's own count."""
    return Cost(1.0, float(usage.prompt_tokens), float(usage.completion_tokens))


def _number(value: object) -> float:
    """A parameter as a number: what is none is the provider's business, and refused there."""
    return float(value) if isinstance(value, (int, float)) and value > 0 else 1.0

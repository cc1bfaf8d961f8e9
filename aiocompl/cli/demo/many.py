"""Many prompts: the batch under faults."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from aiocompl.cli.ask import text_of
from aiocompl.cli.demo.cast import KEY
from aiocompl.runtime.supervisor import Supervisor
from aiocompl.testing import Fault, Latency, Mix, Simulator, Uniform
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiocompl.cli.demo.screen import Screen
    from aiocompl.testing import Asked
    from aiocompl.testing.script import Behaviour

_PROMPTS: Final = 500
_CONCURRENCY: Final = 50
_FAULTS: Final = 0.1
_LATENCY: Final = Latency(first_token=Uniform(low=0.05, high=0.2))
_MODEL: Final = "openai/gpt-4o-mini"


class Faulty:
    """A script under which a share of all requests goes wrong.

    Which ones is a matter of the seed, the prompt, and how often it was asked; not of the order in which they come.
    """

    def __init__(self, rate: float, seed: int) -> None:
        self._rate = rate
        self._seed = seed
        self._mixes: dict[str, Mix] = {}
        self.spoilt = 0
        """How many went wrong."""

    def __call__(self, asked: Asked) -> Behaviour:
        """Draw what happens to a request."""
        mix = self._mixes.get(asked.text)
        if mix is None:
            seed = zlib.crc32(f"{self._seed} {asked.text}".encode())
            mix = self._mixes[asked.text] = Mix.of_faults(self._rate, seed=seed)
        behaviour = mix(asked)
        self.spoilt += isinstance(behaviour, Fault)
        return behaviour


async def show_batch(screen: Screen, seed: int) -> None:
    """Run a batch against a provider a tenth of whose answers go wrong; count on both sides."""
    screen.heading(
        f"3. Batch: {_PROMPTS} prompts, {_CONCURRENCY} at a time, and {_FAULTS:.0%} of all requests go wrong",
        "Rate limits, server errors, broken connections, answers cut short. What may succeed if asked again is asked again; "
        "what may not (a quota used up, say) is an error in its place.",
    )
    prompts = [f"What is {number} + {number}?" for number in range(_PROMPTS)]
    faulty = Faulty(_FAULTS, seed)
    async with Simulator(faulty, latency=_LATENCY, seed=seed) as simulator:
        async with Supervisor() as supervisor:
            results = await supervisor.batch(
                _MODEL,
                prompts,
                concurrency=_CONCURRENCY,
                progress=True,
                api_base=simulator.base_url,
                api_key=KEY,
            )
        screen.print()
        screen.table(("WHERE", "WHAT", "COUNTED"), [*_ours(results), *_theirs(simulator, faulty)])
        screen.print()
        _judge(screen, prompts, results, simulator)


def _ours(results: Sequence[ChatCompletion | Exception]) -> Iterator[tuple[str, str, str]]:
    answers = [result for result in results if isinstance(result, ChatCompletion)]
    again = sum(bool(answer.call and answer.call.failed) for answer in answers)
    kinds = Counter(type(result).__name__ for result in results if isinstance(result, Exception))
    failed = "".join(f", {count} {kind}" for kind, count in sorted(kinds.items()))
    yield "here", "answered", f"{len(answers)}, {again} of them after being asked again"
    yield "", "failed", f"{kinds.total()}{failed}"


def _theirs(simulator: Simulator, faulty: Faulty) -> Iterator[tuple[str, str, str]]:
    requests = simulator.requests
    asked = Counter(_prompt_of(record.body) for record in requests)
    connections = {record.connection for record in requests}
    again = sum(times > 1 for times in asked.values())
    yield "at the server", "requests", f"{len(requests)}, over {len(connections)} connections"
    yield "", "went wrong", f"{faulty.spoilt}, {faulty.spoilt / len(requests):.1%} of the requests"
    yield "", "prompts", f"{len(asked)}, {again} of them asked more than once"


def _judge(
    screen: Screen,
    prompts: Sequence[str],
    results: Sequence[ChatCompletion | Exception],
    simulator: Simulator,
) -> None:
    placed = sum(
        isinstance(result, Exception) or text_of(result.choices[0].message) == f"You said: {prompt}"
        for prompt, result in zip(prompts, results, strict=False)
    )
    screen.promise(
        f"{len(results)} results for {len(prompts)} prompts, {placed} of them in their place",
        kept=len(results) == placed == len(prompts),
    )
    screen.promise(
        f"never more than {simulator.max_in_flight} at once, and {simulator.in_flight} are still being answered",
        kept=simulator.max_in_flight <= _CONCURRENCY and simulator.in_flight == 0,
    )


def _prompt_of(body: dict[str, list[dict[str, str]]]) -> str:
    return body["messages"][-1]["content"]

"""For any mix of delays, failures and acceptance, and a cancellation at any instant: one outcome, everything awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
from arena import MESSAGES, Arena, refuses, says, streams
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_clock import VirtualClock

from aiocompl import AiocomplError, AllModelsFailedError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.testing import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

DEADLINE = 20.0
DELAYS = st.integers(0, 30).map(lambda half: half / 2)


@attrs.frozen
class Model:
    """One contestant, and when something comes of it."""

    kind: str
    delay: float

    def step(self, *, stream: bool) -> Delivery:
        if self.kind == "fails":
            return refuses(500, self.delay)
        if self.kind == "silent":
            return Delivery(opened=False, ending="silence")
        if stream:
            words = ("word", "another") if self.kind == "good" else ()
            return streams(*words, first=self.delay, between=1)
        return says("word" if self.kind == "good" else "", self.delay)


MODELS = st.lists(
    st.builds(Model, st.sampled_from(["good", "empty", "fails", "silent"]), DELAYS), min_size=1, max_size=6
)


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = VirtualClock()
    try:
        loop.run_until_complete(scene())
        assert not asyncio.all_tasks(loop)
    finally:
        loop.close()


def expected(models: list[Model]) -> int | None:
    """Who wins a race in which all start at once."""
    ready = [
        (model.delay, index)
        for index, model in enumerate(models)
        if model.kind == "good" and model.delay < DEADLINE
    ]
    return min(ready)[1] if ready else None


@settings(max_examples=300, deadline=None)
@given(models=MODELS, stream=st.booleans(), stagger=st.sampled_from([None, 0.5, 3.0]), linger=DELAYS)
def test_a_race_has_one_outcome(
    models: list[Model], stream: bool, stagger: float | None, linger: float
) -> None:
    async def scene() -> None:
        async with Arena(*[model.step(stream=stream) for model in models]) as arena:
            try:
                answer: Any = await arena.race(
                    arena.models,
                    MESSAGES,
                    stream=stream,
                    stagger=stagger,
                    linger=0.0 if stream else linger,
                    timeout=DEADLINE,
                )
            except AllModelsFailedError as error:
                report, causes = error.race, len(error.exceptions)
            else:
                causes = 0
                report = answer.call.race if answer.call else None
                if isinstance(answer, CompletionStream):
                    assert arena.snapshot().in_flight == 1
                    await answer.aclose()
            assert report is not None
            won = [item.index for item in report.contestants if item.outcome == "won"]
            assert len(won) <= 1
            if stagger is None:
                assert won == [index for index in [expected(models)] if index is not None]
            started = [item.started is not None for item in report.contestants]
            assert all(asked <= start for asked, start in zip(arena.asked, started, strict=True))
            assert causes in (0, sum(started))
            arena.assert_nothing_open()

    run(scene)


@settings(max_examples=300, deadline=None)
@given(
    models=MODELS,
    stream=st.booleans(),
    what=st.sampled_from(["race", "fan_out", "batch"]),
    at=DELAYS,
    again=st.booleans(),
)
def test_a_cancellation_at_any_instant_leaves_nothing(
    models: list[Model], stream: bool, what: str, at: float, again: bool
) -> None:
    async def scene() -> None:
        async with Arena(*[model.step(stream=stream) for model in models]) as arena:
            if what == "race":
                call: Any = arena.race(arena.models, MESSAGES, stream=stream, timeout=DEADLINE)
            elif what == "fan_out":
                call = arena.fan_out(arena.models, MESSAGES, timeout=DEADLINE)
            else:
                call = arena.batch("m0", ["a", "b", "c"], concurrency=2, api_base="http://m0.invalid/v1")
            task = asyncio.get_running_loop().create_task(call)
            await asyncio.sleep(at)
            task.cancel()
            if again:
                await asyncio.sleep(0)
                task.cancel()
            await asyncio.wait([task])
            if not task.cancelled():
                result = task.exception() or task.result()
                assert not isinstance(result, Exception) or isinstance(result, AiocomplError)
                if isinstance(result, CompletionStream):
                    result.close()
            arena.assert_nothing_open()

    run(scene)

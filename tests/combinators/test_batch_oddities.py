"""Batches at their edges: answers that need no waiting, bugs, closing, sources of every kind."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from arena import MESSAGES, Arena, says

from aiocompl import APITimeoutError, BatchProgress, RateLimitError, SupervisorClosedError
from aiocompl._compat import override
from aiocompl.combinators.batch import Batch, BatchStream, run_batch
from aiocompl.combinators.batch_rules import BatchRules
from aiocompl.combinators.handover import Handover
from aiocompl.combinators.merged import merge
from aiocompl.testing import Delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

NEVER = Delivery(opened=False, ending="silence")
BASE: Any = {"api_base": "http://m0.invalid/v1"}
CANNED: Any = {"mock_response": "canned"}


async def list_of(results: BatchStream) -> list[Any]:
    return [item async for item in results]


async def test_answers_that_need_no_waiting_leave_the_loop_to_others() -> None:
    async with Arena() as arena:
        call = asyncio.create_task(arena.batch("gpt-4o", itertools.repeat("x"), **CANNED))
        for _ in range(100):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_closed_supervisor_ends_a_batch_without_end() -> None:
    seen: list[Any] = []

    async def read(results: BatchStream) -> None:
        async for _, result in results:
            seen.append(result)

    async with Arena(lambda _: says("a", 1)) as arena:
        results = arena.aiter_batch("m0", itertools.repeat("x"), concurrency=3, **BASE)
        call = asyncio.create_task(read(results))
        await asyncio.sleep(2.5)
        await arena.aclose()
        with pytest.raises(SupervisorClosedError):
            await call
        assert 6 <= len(seen) <= 6 + 2 * 3
        assert [item async for item in results] == []


async def test_closing_in_the_middle_of_a_list() -> None:
    async with Arena(lambda _: says("a", 1)) as arena:
        call = asyncio.create_task(arena.batch("m0", ["x"] * 9, concurrency=3, **BASE))
        await asyncio.sleep(1.5)
        drain = asyncio.create_task(arena.drain())
        results = await call
        assert [type(item).__name__ for item in results[:6]] == ["ChatCompletion"] * 6
        assert [type(item) for item in results[6:]] == [SupervisorClosedError] * 3
        await drain


async def test_prompts_left_unasked_are_told_of_where_nobody_knows_how_many() -> None:
    async with Arena(lambda _: says("a", 1)) as arena:
        results = await arena.batch("m0", iter(["x"] * 99), timeout=2.5, concurrency=2, **BASE)
        assert len(results) == 7  # two waves, one broken off, and one prompt that was read and not asked
        assert [type(item) for item in results[4:]] == [APITimeoutError] * 3


async def test_prompts_left_unasked_are_an_error_where_failures_are() -> None:
    async def slowly() -> AsyncIterator[str]:
        yield "x"
        await asyncio.sleep(5)
        yield "y"

    async with Arena(lambda _: says("a", 1)) as arena:
        with pytest.raises(APITimeoutError, match="before all prompts"):
            await arena.batch("m0", slowly(), timeout=3, return_exceptions=False, **BASE)


async def test_a_prompt_may_have_a_timeout_of_its_own(looptime: Any) -> None:
    async with Arena(NEVER) as arena:
        prompts: Any = [{"messages": MESSAGES, "timeout": 3}, {"messages": MESSAGES, "timeout": 99}]
        results = await arena.batch("m0", prompts, item_timeout=5, **BASE)
        assert [type(item) for item in results] == [APITimeoutError] * 2
        assert looptime == 5


async def test_a_prompt_that_is_taken_in_the_last_moment() -> None:
    class Late(asyncio.SelectorEventLoop):
        now = 0.0

        @override
        def time(self) -> float:
            self.now += 1
            return self.now

    given: list[float] = []

    async def ask(*_: Any, **params: Any) -> Any:
        given.append(params["timeout"])
        raise APITimeoutError("too late")

    async def scene() -> None:
        for seconds in range(1, 6):
            batch = Batch(ask, "m", ["a"], rules=BatchRules(), params={"timeout": seconds})
            assert [type(item) for item in await run_batch(batch)] == [APITimeoutError]

    def run() -> None:
        with asyncio.Runner(loop_factory=Late) as runner:
            runner.run(scene())

    await asyncio.to_thread(run)
    assert 0 < min(given) < 1e-3


async def test_the_bug_of_the_last_one_is_not_lost() -> None:
    for turns in itertools.product(range(6), repeat=2):

        async def ask(*asked: Any, turns: Any = turns, **_: Any) -> Any:
            bug = asked[1][0]["content"] == "bug"
            for _turn in range(turns[bug]):
                await asyncio.sleep(0)
            if bug:
                raise ZeroDivisionError
            raise RateLimitError("full")

        with pytest.raises(ZeroDivisionError):
            await run_batch(Batch(ask, "m", ["good", "bug"], rules=BatchRules(), params={}))
        results = BatchStream(Batch(ask, "m", ["good", "bug"], rules=BatchRules(), params={}))
        with pytest.raises(ZeroDivisionError):
            await list_of(results)

        async def ask_models(*asked: Any, ask: Any = ask, **_: Any) -> Any:
            return await ask(asked[0], [{"content": asked[0]}])

        merged = merge(
            ask_models, ["good", "bug"], MESSAGES, return_exceptions=True, params={}, default_timeout=9
        )
        with pytest.raises(ZeroDivisionError):
            [item async for item in merged]


@pytest.mark.parametrize("how", ["list", "stream"])
async def test_a_bug_keeps_nothing_alive(how: str) -> None:
    class Source:
        def __iter__(self) -> Iterator[str]:
            yield "x"
            raise OSError("the file is gone")

    async with Arena(NEVER) as arena:
        hook = list[BatchProgress]()
        kept: Any = lambda progress: hook.append(progress)  # noqa: E731, PLW0108 - to be watched
        alive = weakref.ref(kept)
        gc.disable()
        try:
            try:
                if how == "list":
                    await arena.batch("m0", Source(), on_progress=kept, **BASE)
                else:
                    await list_of(arena.aiter_batch("m0", Source(), on_progress=kept, **BASE))
            except OSError:
                pass
            del kept
            await asyncio.sleep(0)
            assert alive() is None
        finally:
            gc.enable()
        arena.assert_nothing_open()


async def test_after_closing_there_is_nothing() -> None:
    async with Arena(lambda _: says("a", 1)) as arena:
        results = arena.aiter_batch("m0", ["x"] * 9, **BASE)
        await anext(results)
        await asyncio.sleep(1)
        await results.aclose()
        await results.aclose()
        assert await list_of(results) == []


async def test_after_a_failure_there_is_nothing() -> None:
    async with Arena(lambda _: Delivery.json({"error": {"message": "no"}}, status=400)) as arena:
        results = arena.aiter_batch("m0", ["x"] * 9, return_exceptions=False, **BASE)
        with pytest.raises(Exception, match="no"):
            await anext(results)
        assert await list_of(results) == []


async def test_an_iterator_of_ones_own() -> None:
    class Source:
        def __init__(self) -> None:
            self.left = 5

        def __aiter__(self) -> AsyncIterator[str]:
            return self

        async def __anext__(self) -> str:
            if not self.left:
                raise StopAsyncIteration
            self.left -= 1
            return "x"

    async with Arena(lambda _: says("a", 1)) as arena:
        assert len(await arena.batch("m0", Source(), concurrency=2, **BASE)) == 5


async def test_tokens_are_counted_where_they_are_told() -> None:
    seen: list[BatchProgress] = []
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": {"content": "a"}}]}
    async with Arena(lambda _: Delivery.json(body)) as arena:
        await arena.batch("m0", ["x"], on_progress=seen.append, **BASE)
    assert [(item.prompt_tokens, item.done) for item in seen] == [(0, 1)]


async def test_handed_over_by_one_who_has_gone() -> None:
    handover = Handover[int]()
    leaves = asyncio.create_task(handover.offer(1))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.wait([leaves])
    assert handover.take_nowait() == 1
    assert handover.take_nowait() is None


def test_dropped_when_its_loop_is_closed() -> None:
    async def scene() -> BatchStream:
        async def ask(*_: Any, **__: Any) -> Any:
            await asyncio.Event().wait()

        results = BatchStream(Batch(ask, "m", ["a"], rules=BatchRules(), params={}))
        await asyncio.sleep(0)
        return results

    results = asyncio.run(scene())
    del results
    gc.collect()

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from arena import MESSAGES, Arena, refuses, says

from aiocompl import (
    APITimeoutError,
    BadRequestError,
    BatchProgress,
    BatchStream,
    InternalServerError,
    MissingExtraError,
)
from aiocompl.testing import Delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiocompl.wire.messages import HTTPRequest

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

BASE: Any = {"api_base": "http://m0.invalid/v1"}


def echo(request: HTTPRequest) -> Delivery:
    """Repeats the prompt; one that names a number takes so many seconds, "bad" fails, "never" never answers."""
    text = orjson.loads(request.body)["messages"][-1]["content"]
    if text == "never":
        return Delivery(opened=False, ending="silence")
    if text.startswith("bad"):
        return refuses(500, 1)
    return says(text, float(text) if text.isdigit() else 1)


def shown(results: Any) -> list[Any]:
    return [
        type(item) if isinstance(item, Exception) else item.choices[0].message.content for item in results
    ]


async def take_all(results: BatchStream, into: list[Any]) -> None:
    async for _, result in results:
        into.append(result)


async def test_results_stand_in_the_order_of_the_prompts(looptime: Any) -> None:
    async with Arena(echo) as arena:
        results = await arena.batch("m0", ["5", "bad", "1", [{"role": "user", "content": "3"}]], **BASE)
        assert looptime == 5
        assert shown(results) == ["5", InternalServerError, "1", "3"]
        assert results[1].__traceback__ is None


async def test_no_more_are_asked_at_a_time_than_told(looptime: Any) -> None:
    async with Arena(echo) as arena:
        results = await arena.batch("m0", ["1"] * 10, concurrency=3, **BASE)
        assert len(results) == 10
        assert looptime == 4
        assert arena.transports[0].max_in_flight == 3


@pytest.mark.parametrize("lazily", ["generator", "async generator", "iterator"])
async def test_prompts_may_come_lazily(lazily: str) -> None:
    texts = [str(number % 3) for number in range(20)]

    def generator() -> Iterator[str]:
        yield from texts

    async def async_generator() -> AsyncIterator[str]:
        for text in texts:
            await asyncio.sleep(0.1)
            yield text

    sources: dict[str, Any] = {
        "generator": generator(),
        "async generator": async_generator(),
        "iterator": iter(texts),
    }
    async with Arena(echo) as arena:
        assert shown(await arena.batch("m0", sources[lazily], concurrency=4, **BASE)) == texts


async def test_the_source_is_read_no_faster_than_results_are_taken() -> None:
    read = 0

    def source() -> Iterator[str]:
        nonlocal read
        for number in range(1_000_000):
            read = number + 1
            yield "1"

    async with Arena(echo) as arena:
        async with arena.aiter_batch("m0", source(), concurrency=5, **BASE) as results:
            for taken in range(1, 20):
                await anext(results)
                await asyncio.sleep(30)
                assert read <= taken + 5
        arena.assert_nothing_open()


async def test_results_come_as_they_complete() -> None:
    async with Arena(echo) as arena:
        seen = [index async for index, _ in arena.aiter_batch("m0", ["5", "1", "3", "0"], **BASE)]
        assert seen == [3, 1, 2, 0]


async def test_the_first_failure_can_end_it(looptime: Any) -> None:
    async with Arena(echo) as arena:
        with pytest.raises(InternalServerError):
            await arena.batch("m0", ["9", "bad", "9"], return_exceptions=False, **BASE)
        assert looptime == 1
        arena.assert_nothing_open()
        results = arena.aiter_batch("m0", ["0", "bad", "9"], return_exceptions=False, **BASE)
        with pytest.raises(InternalServerError):
            assert [index async for index, _ in results] == [0]
        arena.assert_nothing_open()


async def test_each_prompt_may_have_parameters_of_its_own() -> None:
    prompts: Any = [
        {"messages": MESSAGES, "temperature": 0.5},
        {"messages": MESSAGES, "model": "custom/other"},
        "plain",
    ]
    async with Arena(echo) as arena:
        await arena.batch("custom/m0", prompts, temperature=1.0, concurrency=1, **BASE)
        sent = [orjson.loads(record.request.body) for record in arena.transports[0].records[:1]]
        assert sent[0]["temperature"] == 0.5
        assert arena.asked == [2]  # the other model has no address of its own, and takes none


async def test_timeouts_for_each_and_for_all(looptime: Any) -> None:
    async with Arena(echo) as arena:
        each = await arena.batch("m0", ["1", "never", "3"], item_timeout=2, **BASE)
        assert shown(each) == ["1", APITimeoutError, APITimeoutError]
        assert looptime == 2
        all_of_them = await arena.batch("m0", ["1"] * 9, timeout=3.5, concurrency=2, **BASE)
        assert shown(all_of_them) == ["1"] * 6 + [APITimeoutError] * 3
        assert looptime == 5.5


async def test_a_deadline_that_left_prompts_unasked_is_said() -> None:
    async with Arena(echo) as arena:
        results = arena.aiter_batch("m0", ["1"] * 9, timeout=3.5, concurrency=2, **BASE)
        seen: list[Any] = []
        with pytest.raises(APITimeoutError, match="before all prompts"):
            await take_all(results, seen)
        assert shown(seen) == ["1"] * 6 + [APITimeoutError] * 2
        with pytest.raises(APITimeoutError):
            await arena.batch("m0", ["1"] * 9, timeout=3.5, concurrency=2, return_exceptions=False, **BASE)


async def test_progress_is_told() -> None:
    seen: list[BatchProgress] = []

    def note(progress: BatchProgress) -> None:
        seen.append(progress)
        raise ValueError("a bug of the hook")

    async with Arena(echo) as arena:
        await arena.batch("m0", ["1", "bad", "2"], on_progress=note, **BASE)
    assert [(item.done, item.failed, item.total) for item in seen] == [(1, 0, 3), (2, 1, 3), (3, 1, 3)]
    assert (seen[-1].prompt_tokens, seen[-1].completion_tokens, seen[-1].elapsed) == (14, 6, 2)


@pytest.mark.parametrize("how", ["break", "close", "cancel", "drop"])
async def test_however_it_is_left_everything_is_cancelled(how: str) -> None:
    closed = False

    async def source() -> AsyncIterator[str]:
        nonlocal closed
        try:
            while True:
                yield "0"
                yield "never"
        finally:
            closed = True

    async with Arena(echo) as arena:
        results = arena.aiter_batch("m0", source(), concurrency=4, **BASE)
        await anext(results)
        if how == "break":
            async with results:
                async for _ in results:
                    break
        elif how == "close":
            await results.aclose()
        elif how == "cancel":
            task = asyncio.create_task(take_all(results, []))
            await asyncio.sleep(5)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        del results
        gc.collect()
        await asyncio.sleep(1)
        arena.assert_nothing_open()
        assert closed


async def test_what_the_source_raises_ends_it() -> None:
    def source() -> Iterator[str]:
        yield "1"
        yield "never"
        raise OSError("the file is gone")

    async with Arena(echo) as arena:
        with pytest.raises(OSError, match="the file is gone"):
            await arena.batch("m0", source(), **BASE)
        arena.assert_nothing_open()


@pytest.mark.parametrize(
    ("prompts", "options", "param"),
    [
        ("text", {}, "messages"),
        (None, {}, "messages"),
        ({"messages": []}, {}, "messages"),
        (["a"], {"concurrency": 0}, "concurrency"),
        (["a"], {"concurrency": True}, "concurrency"),
        (["a"], {"item_timeout": 0}, "item_timeout"),
        (["a"], {"timeout": -1}, "timeout"),
    ],
)
async def test_what_makes_no_sense_is_refused(prompts: Any, options: Any, param: str) -> None:
    async with Arena(echo) as arena:
        with pytest.raises(BadRequestError) as caught:
            await arena.batch("m0", prompts, **BASE, **options)
        assert caught.value.param == param


async def test_a_prompt_that_is_none_is_its_own_failure() -> None:
    async with Arena(echo) as arena:
        prompts: Any = ["1", None, {"model": "x"}, {"messages": MESSAGES, "stream": True}, []]
        results = await arena.batch("m0", prompts, **BASE)
        assert shown(results) == ["1", *[BadRequestError] * 4]


async def test_a_misspelt_keyword_ends_it() -> None:
    async with Arena(echo) as arena:
        with pytest.raises(TypeError, match="temperature"):
            await arena.batch("m0", ["1"] * 5, temperatur=1, **BASE)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        arena.assert_nothing_open()


async def test_no_prompts_give_no_results() -> None:
    async with Arena(echo) as arena:
        assert await arena.batch("m0", [], **BASE) == []
        assert [item async for item in arena.aiter_batch("m0", iter(()), **BASE)] == []


async def test_a_bar_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    async with Arena(echo) as arena:
        await arena.batch("m0", ["1", "bad"], progress=True, **BASE)
    assert "2/2" in capsys.readouterr().out


async def test_a_bar_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    async with Arena() as arena:
        with pytest.raises(MissingExtraError, match=r"aiocompl\[cli\]"):
            await arena.batch("m0", ["1"], progress=True)

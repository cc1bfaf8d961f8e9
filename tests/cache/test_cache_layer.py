"""Whole answers: kept, given again, and as little shared as if each had been asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from cache_kit import WORDS, Upstream, info, streamed, text_of, whole

from aiocompl.cache.layer import CacheLayer, CacheStatistics
from aiocompl.cache.memory import MemoryCache
from aiocompl.policy.cache_controls import DEFAULT, OFF, CacheControls, cache_controls
from aiocompl.runtime.replay import StreamForm
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from aiocompl.runtime.stream import CompletionStream

pytestmark = pytest.mark.looptime


class Wall:
    """The wall clock, which nobody has to wait for."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def ask(layer: CacheLayer, upstream: Upstream, controls: CacheControls = DEFAULT, **more: Any) -> Any:
    more.setdefault("key", "k")
    return await layer.answer(more.pop("key"), controls, upstream.ask, **more)


async def test_the_second_call_is_answered_by_the_first(looptime: float) -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream()
    first = await ask(layer, upstream)
    second = await ask(layer, upstream)
    assert looptime == upstream.asked == 1
    assert first == second
    assert (first.call.cached, second.call.cached, second.call.total) == (False, True, 0)
    assert second.call.provider == "test"
    first.choices[0].message.content = "changed"
    second.choices.clear()
    assert text_of(await ask(layer, upstream)) == WORDS
    assert layer.statistics() == CacheStatistics(hits=2, misses=1, kept=1)
    await layer.aclose()


async def test_a_loop_over_hits_lets_others_run() -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream()
    await ask(layer, upstream)
    turns: list[int] = []

    async def other() -> None:
        while True:
            turns.append(layer.statistics().hits)
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    for _ in range(200):
        await ask(layer, upstream)
    waiting.cancel()
    assert turns == [64, 128, 192]
    await layer.aclose()


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([{}, {}], 1),
        ([{}, False], 2),
        ([False, {}], 2),
        ([{"no-store": True}, {}, {}], 2),
        ([{}, {"no-cache": True}, {}], 2),
        ([{"no-cache": True}, {}], 1),
        ([{"no-cache": True, "no-store": True}, {}], 2),
    ],
)
async def test_controls(given: list[Any], asked: int) -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream()
    for value in given:
        await ask(layer, upstream, cache_controls(value))
    assert upstream.asked == asked
    await layer.aclose()


async def test_what_has_no_key_is_asked() -> None:
    layer, upstream = CacheLayer(MemoryCache(), coalesce=True), Upstream()
    for _ in range(2):
        await ask(layer, upstream, key=None)
    assert (upstream.asked, layer.statistics()) == (2, CacheStatistics())
    await layer.aclose()


async def test_without_a_cache_nothing_is_kept() -> None:
    layer, upstream = CacheLayer(), Upstream()
    for _ in range(2):
        await ask(layer, upstream)
    await ask(layer, upstream, CacheControls(read=False))
    assert (upstream.asked, layer.statistics()) == (3, CacheStatistics())
    await layer.aclose()


async def test_the_calls_own_time_to_live() -> None:
    layer, upstream = CacheLayer(MemoryCache(ttl=100)), Upstream()
    await ask(layer, upstream, CacheControls(ttl=10))
    await asyncio.sleep(9)
    await ask(layer, upstream)
    assert upstream.asked == 1
    await asyncio.sleep(2)
    await ask(layer, upstream)
    assert upstream.asked == 2
    await layer.aclose()


async def test_the_age_that_a_call_accepts() -> None:
    wall = Wall()
    layer, upstream = CacheLayer(MemoryCache(), clock=wall), Upstream()
    await ask(layer, upstream)
    wall.now += 10
    await ask(layer, upstream, CacheControls(max_age=10))
    assert upstream.asked == 1
    await ask(layer, upstream, CacheControls(max_age=9))
    assert upstream.asked == 2
    await ask(layer, upstream, CacheControls(max_age=9))
    assert upstream.asked == 2
    assert layer.statistics() == CacheStatistics(hits=2, misses=2, kept=2)
    await layer.aclose()


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (whole(finish_reason="length"), True),
        (whole(""), False),
        (whole(finish_reason="content_filter"), False),
        (ChatCompletion(id="x", choices=[]), False),
    ],
)
async def test_which_answers_are_kept(answer: ChatCompletion, kept: bool) -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream(answer)
    await ask(layer, upstream)
    assert info(await ask(layer, upstream)).cached is kept
    await layer.aclose()


@pytest.mark.parametrize(
    ("kind", "kept"), [("first", 1), ("retry", 1), ("hedge", 1), ("fallback", 0), ("recovery", 0)]
)
async def test_the_answers_of_other_models_are_not_kept(kind: Any, kept: int) -> None:
    answer = whole()
    info(answer).kind = kind

    async def ask() -> ChatCompletion:
        return answer

    layer = CacheLayer(MemoryCache())
    await layer.answer("k", DEFAULT, ask)
    assert layer.statistics().kept == kept
    await layer.aclose()


async def test_errors_are_not_kept() -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream(error=ConnectionError())
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await ask(layer, upstream)
    assert upstream.asked == 2
    await layer.aclose()


async def test_a_kept_answer_as_a_stream(looptime: float) -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream()
    answer = await ask(layer, upstream)
    stream = streamed(await ask(layer, upstream, stream=StreamForm()))
    texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(texts) == WORDS
    assert len(texts) > len(WORDS.split())
    assert await stream.response() == answer
    assert looptime == upstream.asked == 1
    assert (stream.call.cached, stream.call.total) == (True, 0)
    await layer.aclose()


@pytest.mark.parametrize("coalesce", [False, True])
class TestStreams:
    async def ask(self, layer: CacheLayer, upstream: Upstream, controls: CacheControls = DEFAULT) -> Any:
        return await layer.answer("k", controls, upstream.ask_stream, stream=StreamForm())

    async def test_one_read_to_its_end_is_kept_as_the_whole(self, coalesce: bool) -> None:
        layer, upstream = CacheLayer(MemoryCache(), coalesce=coalesce), Upstream()
        stream = await self.ask(layer, upstream)
        assert not [chunk async for chunk in stream if not chunk.choices]
        again = await ask(layer, upstream)
        assert again == await stream.response() == whole()
        assert (again.call.cached, stream.call.cached) == (True, False)
        assert (await self.ask(layer, upstream)).call.cached
        assert upstream.asked == 1
        await layer.aclose()

    async def test_one_that_was_left_is_not(self, coalesce: bool) -> None:
        layer, upstream = CacheLayer(MemoryCache(), coalesce=coalesce), Upstream()
        async with await self.ask(layer, upstream) as stream:
            await anext(stream)
        del stream
        assert not info(await ask(layer, upstream)).cached
        await layer.aclose()

    async def test_one_that_broke_is_not(self, coalesce: bool) -> None:
        layer, upstream = CacheLayer(MemoryCache(), coalesce=coalesce), Upstream(broken_after=3)
        with pytest.raises(ConnectionError):
            await (await self.ask(layer, upstream)).response()
        assert not info(await ask(layer, upstream)).cached
        await layer.aclose()

    async def test_one_that_another_model_has_finished_is_not(self, coalesce: bool) -> None:
        layer, upstream = CacheLayer(MemoryCache(), coalesce=coalesce), Upstream()
        opened = await upstream.ask_stream()

        async def ask() -> CompletionStream:
            return opened

        stream = streamed(await layer.answer("k", DEFAULT, ask, stream=StreamForm()))
        await anext(stream)
        opened.call = CallInfo("other", "http://other", "m-2")
        await stream.response()
        assert stream.call.provider == "other"
        assert layer.statistics().kept == 0
        await layer.aclose()

    async def test_one_that_says_nothing_is_not(self, coalesce: bool) -> None:
        layer, upstream = CacheLayer(MemoryCache(), coalesce=coalesce), Upstream(whole(""))
        await (await self.ask(layer, upstream)).response()
        assert layer.statistics().kept == 0
        await layer.aclose()

    async def test_one_that_must_not_be_kept_is_not(self, coalesce: bool) -> None:
        layer, upstream = CacheLayer(MemoryCache(), coalesce=coalesce), Upstream()
        await (await self.ask(layer, upstream, CacheControls(store=False))).response()
        assert layer.statistics().kept == 0
        await layer.aclose()


async def test_a_stream_that_was_forgotten_is_not_kept() -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream()
    stream = streamed(await layer.answer("k", DEFAULT, upstream.ask_stream, stream=StreamForm()))
    stream.forget()
    assert len([chunk async for chunk in stream]) == 6
    assert layer.statistics().kept == 0
    await layer.aclose()


async def test_a_stream_that_was_dropped_is_not_held() -> None:
    layer, upstream = CacheLayer(MemoryCache()), Upstream()
    stream = await layer.answer("k", OFF, upstream.ask_stream, stream=StreamForm())
    assert not streamed(stream)._ending._callbacks
    await streamed(stream).aclose()
    stream = await layer.answer("k", DEFAULT, upstream.ask_stream, stream=StreamForm())
    await anext(streamed(stream))
    del stream
    await asyncio.sleep(0)
    assert upstream.responses[-1].closed == 1
    await layer.aclose()

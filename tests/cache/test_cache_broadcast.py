"""Streams that are shared: each reader at its own pace, all from the beginning, and the upstream open as long as anybody reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from cache_kit import WORDS, Upstream, assert_nothing_left, streamed, whole

from aiocompl.cache.layer import CacheLayer
from aiocompl.cache.memory import MemoryCache
from aiocompl.errors import ActorDiedError, APITimeoutError, IncompleteStreamError, RateLimitError
from aiocompl.policy.cache_controls import DEFAULT, CacheControls
from aiocompl.runtime.replay import StreamForm
from aiocompl.testing import settle

if TYPE_CHECKING:
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.chunk import ChatCompletionChunk

pytestmark = pytest.mark.looptime

LENGTH = 9
"""Seconds until the answer is whole: one to the opening, then eight events, one a second."""


@pytest.fixture
def layer() -> CacheLayer:
    return CacheLayer(coalesce=True)


async def open_stream(
    layer: CacheLayer,
    upstream: Upstream,
    *,
    patience: float = 600,
    form: StreamForm = StreamForm(),  # noqa: B008 - it is frozen
    controls: CacheControls = DEFAULT,
) -> CompletionStream:
    deadline = asyncio.get_running_loop().time() + patience
    return streamed(await layer.answer("k", controls, upstream.ask_stream, stream=form, deadline=deadline))


def begin(layer: CacheLayer, upstream: Upstream, **more: Any) -> asyncio.Task[CompletionStream]:
    return asyncio.create_task(open_stream(layer, upstream, **more))


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def read(stream: CompletionStream, pace: float = 0.0) -> str:
    text = ""
    async for chunk in stream:
        text += text_of([chunk])
        await asyncio.sleep(pace)
    return text


async def test_many_readers_one_request(layer: CacheLayer, looptime: float) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    streams = await asyncio.gather(*(open_stream(layer, upstream) for _ in range(4)))
    assert looptime == 1
    assert [stream.call.coalesced for stream in streams] == [False, True, True, True]
    assert await asyncio.gather(*(read(stream) for stream in streams)) == [WORDS] * 4
    assert (looptime, upstream.asked) == (LENGTH, 1)
    for stream in streams:
        assert await stream.response() == whole()
    assert [stream.call.cost for stream in streams[1:]] == [0.0] * 3
    await assert_nothing_left(layer, before)
    await layer.aclose()


async def test_chunks_are_everybodys_own(layer: CacheLayer) -> None:
    upstream = Upstream()
    one, two = await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream))
    (await anext(one)).choices.clear()
    assert (await anext(two)).choices[0].delta.role == "assistant"
    assert await two.response() == whole()
    await one.aclose()
    await layer.aclose()


async def test_a_late_joiner_gets_what_came_before_then_the_rest(layer: CacheLayer, looptime: float) -> None:
    upstream = Upstream()
    first = await open_stream(layer, upstream)
    reading = asyncio.create_task(read(first))
    await asyncio.sleep(3.5)
    late = await open_stream(layer, upstream)
    assert looptime == 4.5
    assert text_of(await late.next_chunks()) == "one two"
    assert looptime == 4.5
    assert text_of(await late.next_chunks()) == " three"
    assert looptime == 5
    assert await read(late) == " four"
    assert await reading == WORDS
    assert late.call.total == LENGTH - 4.5
    assert upstream.asked == 1
    await layer.aclose()


async def test_each_at_its_own_pace(layer: CacheLayer, looptime: float) -> None:
    upstream = Upstream()
    slow, quick = await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream))
    reading = asyncio.create_task(read(slow, pace=5))
    assert await read(quick) == WORDS
    assert looptime == LENGTH
    assert upstream.responses[0].closed == 1  # its slot is free while somebody still reads
    assert await reading == WORDS
    assert looptime > 30
    await layer.aclose()


async def test_one_that_has_ended_is_not_joined(layer: CacheLayer) -> None:
    upstream = Upstream()
    slow = await open_stream(layer, upstream)
    await asyncio.sleep(LENGTH)
    other = await open_stream(layer, upstream)
    assert upstream.asked == 2
    assert await slow.response() == await other.response()
    await layer.aclose()


async def test_whole_answers_and_streams_do_not_mix(layer: CacheLayer) -> None:
    upstream = Upstream()
    stream, _ = await asyncio.gather(open_stream(layer, upstream), layer.answer("k", DEFAULT, upstream.ask))
    assert upstream.asked == 2
    await stream.aclose()
    await layer.aclose()


@pytest.mark.parametrize("way", ["close", "cancel", "drop"])
async def test_the_last_reader_closes_the_upstream(layer: CacheLayer, way: str, looptime: float) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    streams = list(await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream)))
    await anext(streams[0])
    await streams.pop().aclose()
    assert upstream.responses[0].closed == 0
    if way == "close":
        await streams.pop().aclose()
    elif way == "cancel":
        reading = asyncio.create_task(streams.pop().response())
        await settle()
        reading.cancel()
        await asyncio.wait([reading])
        del reading
    else:
        streams.clear()
    await settle()
    assert upstream.responses[0].closed == 1
    assert looptime == 2
    await assert_nothing_left(layer, before)
    await layer.aclose()


@pytest.mark.parametrize("leaving", [0, 1])
async def test_who_goes_does_not_hurt_the_others(layer: CacheLayer, leaving: int) -> None:
    upstream = Upstream()
    streams = list(await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream)))
    gone = streams.pop(leaving)
    reading = asyncio.create_task(gone.response())
    await asyncio.sleep(1.5)
    reading.cancel()
    assert await streams[0].response() == whole()
    assert reading.cancelled()
    await layer.aclose()


@pytest.mark.parametrize("leaving", [[0], [1], [0, 1]])
async def test_cancelled_before_it_opens(layer: CacheLayer, leaving: list[int]) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    tasks = [begin(layer, upstream) for _ in range(2)]
    await asyncio.sleep(0.5)
    for index in leaving:
        tasks[index].cancel()
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [index in leaving for index in range(2)]
    assert upstream.cancelled == (2 if len(leaving) == 2 else 0)
    for task in tasks:
        if not task.cancelled():
            assert await (await task).response() == whole()
    await assert_nothing_left(layer, before)
    await layer.aclose()


async def test_closed_before_the_request_began(layer: CacheLayer) -> None:
    before, upstream = asyncio.all_tasks(), Upstream()
    task = begin(layer, upstream)
    await asyncio.sleep(0)
    await layer.aclose()
    await asyncio.wait([task])
    assert isinstance(task.exception(), ActorDiedError)
    assert upstream.asked == 0
    await assert_nothing_left(layer, before)


async def test_an_error_before_it_opens_goes_to_all(layer: CacheLayer) -> None:
    upstream = Upstream(error=RateLimitError("no"))
    errors = await asyncio.gather(*(begin(layer, upstream) for _ in range(2)), return_exceptions=True)
    assert all(isinstance(error, RateLimitError) for error in errors)
    assert errors[0] is not errors[1]
    await layer.aclose()


async def test_an_error_within_goes_to_all_who_read_so_far(layer: CacheLayer) -> None:
    upstream = Upstream(broken_after=3)
    streams = await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream))
    errors = []
    for stream in streams:
        assert text_of([await anext(stream), await anext(stream), await anext(stream)]) == "one two"
        with pytest.raises(ConnectionError) as raised:
            await anext(stream)
        errors.append(raised.value)
    assert errors[0] is not errors[1]
    await layer.aclose()


async def test_an_end_before_the_end(layer: CacheLayer) -> None:
    upstream = Upstream(broken_after=3)
    stream, _ = await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream))
    upstream.responses[0]._error = None
    with pytest.raises(IncompleteStreamError):
        await stream.response()
    await layer.aclose()


async def test_an_upstream_that_is_closed_by_somebody_else(layer: CacheLayer) -> None:
    upstream = Upstream()
    stream, _ = await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream))
    await asyncio.sleep(2)
    (flight,) = layer._flights._open.values()
    flight._stream.close()  # type: ignore[attr-defined]
    with pytest.raises(IncompleteStreamError):
        await stream.response()
    await layer.aclose()


async def test_each_deadline_holds(layer: CacheLayer, looptime: float) -> None:
    upstream = Upstream()
    longer, brief, idle = await asyncio.gather(
        open_stream(layer, upstream),
        open_stream(layer, upstream, patience=4.5),
        open_stream(layer, upstream, patience=5),
    )
    reading = asyncio.create_task(longer.response())
    with pytest.raises(APITimeoutError, match="within the stream"):
        await brief.response()
    assert looptime == 4.5
    await asyncio.sleep(1)
    with pytest.raises(APITimeoutError):
        await anext(idle)
    assert await reading == whole()
    await layer.aclose()


async def test_a_deadline_before_it_opens(layer: CacheLayer, looptime: float) -> None:
    upstream = Upstream()
    first = begin(layer, upstream)
    await asyncio.sleep(0)
    with pytest.raises(APITimeoutError, match="another call"):
        await open_stream(layer, upstream, patience=0.5)
    assert looptime == 0.5
    assert await (await first).response() == whole()
    await layer.aclose()


async def test_who_reads_whole_needs_no_deadline_any_more(layer: CacheLayer) -> None:
    upstream = Upstream()
    one, two = await asyncio.gather(open_stream(layer, upstream), open_stream(layer, upstream, patience=50))
    assert await two.response() == whole()
    assert await one.response() == whole()
    await asyncio.sleep(100)
    assert await two.response() == whole()
    await layer.aclose()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("shown", [True, False])
async def test_the_usage_is_shown_to_those_who_asked(layer: CacheLayer, first: bool, shown: bool) -> None:
    upstream = Upstream(usage_shown=shown)
    forms = [StreamForm(shows_usage=first), StreamForm(shows_usage=not first)]
    streams = await asyncio.gather(*(open_stream(layer, upstream, form=form) for form in forms))
    for stream, form in zip(streams, forms, strict=True):
        told = [chunk for chunk in [chunk async for chunk in stream] if not chunk.choices]
        assert len(told) == int(form.shows_usage)
        assert await stream.response() == whole()
        assert stream.spent()[1] is False
    await layer.aclose()


async def test_a_usage_that_is_told_with_the_last_words_is_told_once(layer: CacheLayer) -> None:
    upstream = Upstream()
    plain = await upstream.ask_stream()
    body = upstream.responses[0]
    body._slices[5] = body._slices[5].replace(b'"choices"', b'"usage":{"total_tokens":9},"choices"')
    del body._slices[6]  # the chunk of nothing but the usage

    async def ask() -> CompletionStream:
        return plain

    stream = streamed(await layer.answer("k", DEFAULT, ask, stream=StreamForm(shows_usage=True)))
    chunks = [chunk async for chunk in stream]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [9]
    assert all(chunk.choices for chunk in chunks)
    await layer.aclose()


async def test_a_usage_that_was_never_told_is_not_made_up(layer: CacheLayer) -> None:
    answer = whole()
    answer.usage = None
    stream = await open_stream(layer, Upstream(answer), form=StreamForm(shows_usage=True))
    assert (await stream.response()).usage is None
    await layer.aclose()


async def test_it_is_kept_if_anybody_lets_it() -> None:
    layer, upstream = CacheLayer(MemoryCache(), coalesce=True), Upstream()
    controls = CacheControls(store=False)
    streams = await asyncio.gather(
        open_stream(layer, upstream, controls=controls), open_stream(layer, upstream)
    )
    await streams[0].response()
    assert layer.statistics().kept == 1
    assert (await open_stream(layer, upstream)).call.cached
    await layer.aclose()


async def test_a_request_that_is_cancelled_by_somebody_else(layer: CacheLayer) -> None:
    upstream = Upstream()
    opening = [begin(layer, upstream) for _ in range(2)]
    await asyncio.sleep(0.5)
    await layer.aclose()
    errors = await asyncio.gather(*opening, return_exceptions=True)
    assert all(isinstance(error, ActorDiedError) for error in errors)
    stream = await open_stream(layer, upstream)
    await asyncio.sleep(1.5)
    await layer.aclose()
    with pytest.raises(ActorDiedError):
        await stream.response()
    assert upstream.responses[0].closed == 1


async def test_what_is_read_is_a_response_like_others(layer: CacheLayer) -> None:
    upstream = Upstream()
    stream = await open_stream(layer, upstream)
    reading: Any = stream._lease.response  # type: ignore[attr-defined]
    body = await reading.read()
    assert body.endswith(b"data: [DONE]\n\n")
    assert (reading.status, await reading.read_slice()) == (200, b"")
    reading.close()
    assert await reading.read_slice() == b""
    await stream.aclose()
    await layer.aclose()

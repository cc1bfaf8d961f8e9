"""Streams over real sockets: however they end, the server sees the client gone and the slot is free."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import MESSAGES, Bugs, ScriptedChild, outcome

from aiocompl import Supervisor, stream_chunk_builder
from aiocompl.errors import (
    ActorDiedError,
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    IncompleteStreamError,
    SupervisorClosedError,
)
from aiocompl.runtime.mock import mock_answer
from aiocompl.testing import Answer, Delivery, Latency, Reply, Slice, ToolCall, faults, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.testing import Simulator

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]

STALLED = Reply(answer=Answer(text="one two three"), faults=(faults.Stall(after_events=2),))
WORDS = "one two three four five"


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor(max_concurrency=1, num_retries=0) as made:
        yield made


async def opened(supervisor: Supervisor, simulator: Simulator, **more: Any) -> CompletionStream:
    stream: CompletionStream = await supervisor.acompletion(
        "m", MESSAGES, api_base=simulator.base_url, stream=True, **more
    )
    return stream


async def assert_gone(supervisor: Supervisor, simulator: Simulator) -> None:
    """The server sees the client gone, the slot is free, and the session serves on."""
    await simulator.requests[-1].wait_client_gone()
    assert supervisor.snapshot().in_flight == 0
    simulator.script = None
    await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)


async def begin_reading(stream: CompletionStream) -> asyncio.Task[Any]:
    """Read what has come, and have a task wait for more."""
    await anext(stream)
    reading = asyncio.create_task(stream.response())
    await settle()
    return reading


def text_of(chunks: list[Any]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def test_leaving_the_block(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    async with await opened(supervisor, simulator) as stream:
        await anext(stream)
        assert supervisor.snapshot().in_flight == 1
    await assert_gone(supervisor, simulator)
    assert [chunk async for chunk in stream] == []


async def test_break_within_the_block(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    async with await opened(supervisor, simulator) as stream:
        async for _ in stream:
            break
    await assert_gone(supervisor, simulator)


async def test_an_exception_within_the_block(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    with pytest.raises(ZeroDivisionError):
        async with await opened(supervisor, simulator):
            raise ZeroDivisionError
    await assert_gone(supervisor, simulator)


async def test_aclose(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator)
    await anext(stream)
    assert "open" in repr(stream)
    await stream.aclose()
    await stream.aclose()
    assert "closed" in repr(stream)
    await assert_gone(supervisor, simulator)


async def test_aclose_while_another_task_reads(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator)
    reading = await begin_reading(stream)
    await stream.aclose()
    error = await outcome(reading)
    assert isinstance(error, IncompleteStreamError)
    assert "closed before its end" in str(error)
    await assert_gone(supervisor, simulator)


async def test_cancelling_the_reader(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator)
    reading = await begin_reading(stream)
    reading.cancel()
    assert isinstance(await outcome(reading), asyncio.CancelledError)
    await assert_gone(supervisor, simulator)


async def test_cancelling_before_the_headers(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = faults.Silence()
    opening = asyncio.create_task(opened(supervisor, simulator))
    await simulator.wait_requests(1)
    opening.cancel()
    assert isinstance(await outcome(opening), asyncio.CancelledError)
    await assert_gone(supervisor, simulator)


async def test_dropping_it(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream: Any = await opened(supervisor, simulator)
    await anext(stream)
    del stream
    gc.collect()
    await assert_gone(supervisor, simulator)


async def test_dropping_it_unread(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    await opened(supervisor, simulator)
    gc.collect()
    await assert_gone(supervisor, simulator)


async def test_deadline(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator, timeout=0.2)
    with pytest.raises(APITimeoutError, match="deadline passed within the stream") as raised:
        await stream.response()
    assert isinstance(raised.value, TimeoutError)
    await assert_gone(supervisor, simulator)


async def test_deadline_while_nobody_reads(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator, timeout=0.1)
    await simulator.requests[-1].wait_client_gone()
    with pytest.raises(APITimeoutError):
        await anext(stream)
    assert await stream.next_chunks() == []


async def test_closing_the_supervisor(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator)
    reading = await begin_reading(stream)
    await supervisor.aclose()
    assert isinstance(await outcome(reading), SupervisorClosedError)
    await simulator.requests[-1].wait_client_gone()


async def test_a_crash_under_a_reader(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    stream = await opened(supervisor, simulator)
    reading = await begin_reading(stream)
    next(iter(supervisor._children.values()))._actor._crash(ZeroDivisionError(), "m")  # type: ignore[union-attr] # it runs
    assert isinstance(await outcome(reading), ActorDiedError)
    await assert_gone(supervisor, simulator)


@pytest.mark.parametrize(
    "fault",
    [
        faults.SlowBody(),
        faults.OddFraming(bom=True),
        faults.MissingDone(),
        faults.MissingFinish(),
        faults.ContentType(),
        faults.CloseAfter(),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_right_however_it_is_sent(
    supervisor: Supervisor, simulator: Simulator, fault: faults.Fault
) -> None:
    simulator.script = [Reply(answer=Answer(text=WORDS), faults=(fault,)), "next"]
    stream = await opened(supervisor, simulator)
    chunks = [chunk async for chunk in stream]
    assert text_of(chunks) == WORDS
    assert len({chunk.id for chunk in chunks}) == 1
    assert supervisor.snapshot().in_flight == 0
    answer = await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)
    assert answer.choices[0].message.content == "next"
    assert answer.call is not None
    assert len(answer.call.attempts) == 1


async def test_an_event_of_three_mebibytes(supervisor: Supervisor, simulator: Simulator) -> None:
    word = "x" * (3 * 1024 * 1024)
    simulator.script = word
    answer = await (await opened(supervisor, simulator)).response()
    assert answer.choices[0].message.content == word


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (faults.Cut(after_events=3), APIConnectionError),
        (faults.Cut(after_events=3, clean=True), IncompleteStreamError),
        (faults.ResetAfter(after_events=3), APIConnectionError),
        (faults.ErrorEvent(at_event=3), APIError),
        (faults.ErrorEvent(at_event=3, with_end=True), APIError),
        (faults.Malformed(at_event=6), APIResponseValidationError),
    ],
    ids=str,
)
async def test_broken_in_the_middle(
    supervisor: Supervisor, simulator: Simulator, fault: faults.Fault, expected: type[APIError]
) -> None:
    latency = Latency(between_tokens=0.001)
    simulator.script = [Reply(answer=Answer(text=WORDS), faults=(fault,), latency=latency), "next"]
    stream = await opened(supervisor, simulator)
    with pytest.raises(expected) as raised:
        await stream.response()
    assert (raised.value.provider, raised.value.model) == ("custom", "m")
    assert supervisor.snapshot().in_flight == 0
    assert [chunk async for chunk in stream] == [], "after its error it is over"
    await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)


async def test_what_came_before_an_error_is_delivered_first(
    supervisor: Supervisor, simulator: Simulator
) -> None:
    simulator.script = Reply(answer=Answer(text=WORDS), faults=(faults.ErrorEvent(at_event=3),))
    stream = await opened(supervisor, simulator)
    chunks: list[Any] = []

    async def read() -> None:
        async for chunk in stream:
            chunks.append(chunk)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(APIError):
        await read()
    assert text_of(chunks) == "one two"


async def test_response_with_chunks_read_before(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = WORDS
    stream = await opened(supervisor, simulator, stream_options={"include_usage": True})
    await anext(stream)
    answer = await stream.response()
    assert answer.choices[0].message.content == WORDS
    assert answer.usage is not None
    assert answer.call is stream.call
    assert stream.call.first_token is not None
    assert stream.call.total is not None
    assert stream.call.first_token <= stream.call.total
    assert (await stream.response()) == answer


async def test_tool_calls_and_builder(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Answer(tool_calls=(ToolCall(name="f", arguments='{"city": "Paris"}'),))
    async with await opened(supervisor, simulator) as stream:
        chunks = [chunk async for chunk in stream]
    calls = stream_chunk_builder(chunks).choices[0].message.tool_calls
    assert calls is not None
    assert calls[0]["function"]["arguments"] == '{"city": "Paris"}'
    assert stream.call.first_token is not None


async def test_refusal(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Answer(refusal="I would rather not")
    answer = await (await opened(supervisor, simulator)).response()
    assert answer.choices[0].message.refusal == "I would rather not"


async def test_a_stream_that_ended_gives_its_connection_back(
    supervisor: Supervisor, simulator: Simulator
) -> None:
    for _ in range(3):
        async with await opened(supervisor, simulator) as stream:
            async for _chunk in stream:
                pass
    assert {record.connection for record in simulator.requests} == {1}


async def test_an_end_that_does_not_come_is_not_waited_for(
    supervisor: Supervisor, simulator: Simulator
) -> None:
    latency = Latency()
    whole = Reply(answer=Answer(text=WORDS), faults=(faults.Stall(after_events=1000),), latency=latency)
    simulator.script = whole
    answer = await (await opened(supervisor, simulator)).response()
    assert answer.choices[0].message.content == WORDS
    await assert_gone(supervisor, simulator)


async def test_read_to_its_last_byte_and_then_expired(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Reply(answer=Answer(text=WORDS), faults=(faults.Stall(after_events=1000),))
    stream = await opened(supervisor, simulator, timeout=0.3)
    chunks = [await anext(stream)]
    while not any(choice.finish_reason for choice in chunks[-1].choices):
        chunks.append(await anext(stream))
    await simulator.requests[-1].wait_client_gone()
    assert text_of(chunks) == WORDS
    assert await stream.next_chunks() == [], "the answer is whole: no deadline makes it less"


async def test_an_error_status_opens_no_stream(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = faults.server_error()
    with pytest.raises(APIError):
        await opened(supervisor, simulator)
    assert supervisor.snapshot().in_flight == 0


@pytest.mark.looptime
async def test_ended_under_a_read_that_still_gets_its_slice() -> None:
    event = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    async with ScriptedChild(Delivery.stream([event, Slice(event, 9)])) as scripted:
        stream: Any = await scripted.ask(stream=True, timeout=5)
        await anext(stream)
        with pytest.raises(APITimeoutError):
            await anext(stream)


async def test_the_end_of_a_body_that_goes_on_is_read_too() -> None:
    end = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    async with ScriptedChild(Delivery.stream([end, b": bye\n\n", b": bye\n\n"])) as scripted:
        stream: Any = await scripted.ask(stream=True)
        assert len([chunk async for chunk in stream]) == 1
        assert scripted.transports[0].records[0].outcome == "read"


async def test_a_bug_of_a_decoder_ends_its_stream_alone() -> None:
    broken: Any = Bugs()
    broken.frame_decoder = Raising
    async with ScriptedChild(Delivery.stream([b"data: 1\n\n"])) as scripted:
        stream: Any = await scripted.ask(stream=True, codec=broken)
        with pytest.raises(ZeroDivisionError):
            await anext(stream)
        assert scripted.child.snapshot().in_flight == 0
        assert scripted.child.snapshot().restarts == 0


class Raising:
    def feed(self, _data: bytes) -> list[Any]:
        raise ZeroDivisionError


async def test_dropping_it_needs_no_garbage_collector(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = STALLED
    opening = asyncio.create_task(opened(supervisor, simulator))
    stream: Any = await opening
    await anext(stream)
    gone = weakref.ref(stream)
    gc.disable()
    try:
        del stream, opening
        await settle()  # the loop's last handle
        assert gone() is None
    finally:
        gc.enable()
    await assert_gone(supervisor, simulator)


async def test_dropped_after_its_loop_was_closed() -> None:
    def elsewhere() -> CompletionStream:
        async def make() -> CompletionStream:
            return mock_answer("yes", model="m", stream=True)  # type: ignore[return-value] # a stream

        return asyncio.run(make())

    stream = await asyncio.to_thread(elsewhere)
    del stream
    gc.collect()

"""Whoever asks is told once when a stream is over, however that comes, and what it took."""

from __future__ import annotations

import asyncio
import gc
import pickle
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from runtime_kit import MESSAGES, Bugs, ScriptedChild, outcome

from aiocompl import CompletionStream
from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    IncompleteStreamError,
    SupervisorClosedError,
)
from aiocompl.runtime.mock import mock_answer
from aiocompl.runtime.replay import CannedResponse
from aiocompl.runtime.upstream import Lease, UpstreamStream
from aiocompl.testing import Delivery, Slice, settle
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import Usage
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]

TEXT: Final = "twelve chars"


def event(delta: dict[str, Any], **more: Any) -> bytes:
    body = {"id": "s1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    return b"data: " + orjson.dumps(body | more) + b"\n\n"


BEGUN: Final = [event({"role": "assistant", "content": ""}), event({"content": TEXT})]
FINISH: Final = event({}, choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
COUNT: Final = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}
DONE: Final = b"data: [DONE]\n\n"


def script(*more: bytes | Slice, ending: Any = "whole") -> ScriptedChild:
    return ScriptedChild(Delivery.stream([*BEGUN, *more], ending=ending))


class Told:
    """What the callbacks were told, and what the receipt said then; none of it holds the stream."""

    def __init__(self, stream: CompletionStream) -> None:
        self.errors: list[Exception | None] = []
        self.estimated: list[bool] = []
        receipt = stream.receipt

        def note(error: Exception | None) -> None:
            self.errors.append(error)
            self.estimated.append(receipt.spent()[1])

        stream.when_ended(note)

    @property
    def error(self) -> Exception | None:
        assert len(self.errors) == 1
        return self.errors[0]


async def test_read_to_its_end() -> None:
    async with script(FINISH, event({}, choices=[], usage=COUNT), DONE) as scripted:
        stream: Any = await scripted.ask(stream=True)
        assert isinstance(stream, CompletionStream)
        told = Told(stream)
        assert told.errors == []
        await stream.response()
        assert told.error is None
        assert told.estimated == [False]
        assert stream.spent() == (Usage.model_validate(COUNT), False)
        assert stream.receipt.finished


async def test_an_error_tells_its_own() -> None:
    async with script(ending="drop") as scripted:
        stream: Any = await scripted.ask(stream=True)
        told = Told(stream)
        with pytest.raises(APIConnectionError) as raised:
            await stream.response()
        assert told.error is raised.value
        assert told.estimated == [True]
        late = Told(stream)
        assert type(late.error) is type(raised.value)
        assert late.error is not raised.value
        partial = pickle.loads(pickle.dumps(raised.value)).partial  # noqa: S301 - our own
        assert partial.choices[0].message.content == TEXT


async def test_without_its_end() -> None:
    async with script() as scripted:
        stream: Any = await scripted.ask(stream=True)
        told = Told(stream)
        with pytest.raises(IncompleteStreamError):
            await stream.response()
        assert isinstance(told.error, IncompleteStreamError)


@pytest.mark.parametrize("how", ["close", "leave", "drop", "cancel"])
async def test_left_before_its_end(how: str) -> None:
    async with script(ending="silence") as scripted:
        stream: Any = await scripted.ask(stream=True)
        told = Told(stream)
        await anext(stream)
        await anext(stream)
        if how == "close":
            stream.close()
        elif how == "leave":
            async with stream:
                pass
        elif how == "drop":
            del stream
            gc.collect()
            assert told.errors == [], "not before the loop turns"
        else:
            reading = asyncio.create_task(stream.response())
            await settle()
            reading.cancel()
            assert isinstance(await outcome(reading), asyncio.CancelledError)
        await settle()
        assert told.error is None
        assert told.estimated == [True]
        assert scripted.child.snapshot().in_flight == 0


@pytest.mark.looptime
async def test_the_deadline_tells_while_nobody_reads() -> None:
    async with script(ending="silence") as scripted:
        stream: Any = await scripted.ask(stream=True, timeout=5)
        told = Told(stream)
        await asyncio.sleep(6)
        assert isinstance(told.error, APITimeoutError)
        assert (told.error.provider, told.error.model) == ("test", "m")
        with pytest.raises(APITimeoutError) as raised:
            await stream.response()
        assert raised.value is told.error


@pytest.mark.looptime
async def test_a_deadline_after_the_whole_answer_is_no_error() -> None:
    async with script(FINISH + DONE, ending="silence") as scripted:
        stream: Any = await scripted.ask(stream=True, timeout=5)
        told = Told(stream)
        while not stream.receipt.finished:
            await anext(stream)
        await asyncio.sleep(6)
        assert told.error is None
        assert (await stream.response()).choices[0].message.content == TEXT


async def test_closing_the_child() -> None:
    async with script(ending="silence") as scripted:
        stream: Any = await scripted.ask(stream=True)
        told = Told(stream)
    assert isinstance(told.error, SupervisorClosedError)


async def test_a_bug_is_told() -> None:
    broken: Any = Bugs()
    broken.frame_decoder = _Raising
    async with script() as scripted:
        stream: Any = await scripted.ask(stream=True, codec=broken)
        ends: list[Exception | None] = []
        stream.when_ended(ends.append)
        with pytest.raises(ZeroDivisionError):
            await anext(stream)
        stream.when_ended(ends.append)
    assert [type(error) for error in ends] == [ZeroDivisionError, type(None)]


class _Raising:
    def feed(self, _data: bytes) -> list[Any]:
        raise ZeroDivisionError


async def test_a_callback_that_goes_wrong_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stream: Any = mock_answer("yes", model="m", stream=True)
    told: list[object] = []
    stream.when_ended(lambda _: 1 / 0)
    stream.when_ended(told.append)
    assert (await stream.response()).choices[0].message.content == "yes"
    assert told == [None]
    assert "stream.callback_failed" in capsys.readouterr().out


def _before_the_end(_: Any) -> None:
    """Nothing else."""


@pytest.mark.parametrize("forget", [_before_the_end, lambda stream: stream.forget()])
@pytest.mark.parametrize(
    ("delta", "tokens"),
    [
        ({"content": "a" * 40}, 10),
        ({"reasoning_content": "a" * 40}, 10),
        ({"refusal": "a" * 40}, 10),
        ({"content": [{"type": "text"}]}, 0),
        ({"tool_calls": [{"index": 0, "function": {"name": "aaaa", "arguments": "a" * 36}}]}, 10),
        ({"tool_calls": [{"index": 0, "custom": {"name": "aaaa", "input": "a" * 36}}]}, 10),
        ({"function_call": {"name": "aaaa", "arguments": "a" * 36}}, 10),
        ({"audio": {"transcript": "a" * 40}}, 10),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_what_was_received_is_estimated(
    delta: dict[str, Any], tokens: int, forget: Callable[[Any], None]
) -> None:
    slices = [event({"content": ""}), event(delta), event({"content": ""})]
    async with ScriptedChild(Delivery.stream(slices, ending="drop")) as scripted:
        stream: Any = await scripted.ask(stream=True)
        assert stream.spent() == (Usage(prompt_tokens=8, total_tokens=8), True)
        await anext(stream)
        forget(stream)
        await anext(stream)
        expected = Usage(prompt_tokens=8, completion_tokens=tokens, total_tokens=8 + tokens)
        assert stream.spent() == (expected, True)
        forget(stream)
        assert stream.spent() == (expected, True)


async def test_a_count_that_does_not_come_last_is_found() -> None:
    counted = event({}, choices=[], usage=COUNT)
    async with script(FINISH + counted + event({"content": ""}) + DONE) as scripted:
        stream: Any = await scripted.ask(stream=True)
        async for _ in stream:
            pass
        assert stream.spent() == (Usage.model_validate(COUNT), False)


async def test_a_whole_stream_without_a_count_is_estimated() -> None:
    async with script(FINISH, DONE) as scripted:
        stream: Any = await scripted.ask(stream=True)
        async for _ in stream:
            pass
        assert stream.spent() == (Usage(prompt_tokens=8, completion_tokens=3, total_tokens=11), True)


async def test_what_was_forgotten_is_no_response() -> None:
    stream: Any = mock_answer("yes", model="m", stream=True)
    stream.forget()
    with pytest.raises(IncompleteStreamError, match="forget"):
        await stream.response()


async def test_a_lease_ends_without_a_stream_too() -> None:
    """Where a bug keeps the stream from being made."""
    ended: list[Lease] = []
    lease = Lease(CannedResponse(b""), asyncio.get_running_loop(), ended.append)
    lease.end(APITimeoutError)
    lease.end()
    assert ended == [lease]
    assert isinstance(lease.why, APITimeoutError)


async def test_a_stream_that_could_not_be_made_is_nothing_to_close() -> None:
    lease = Lease(CannedResponse(b""), asyncio.get_running_loop(), lambda _: None)
    codec: Any = Bugs(streaming=True)
    request = ChatRequest("m", MESSAGES, stream=True)
    with pytest.raises(ZeroDivisionError):
        UpstreamStream(lease, codec, request, CallInfo("test", "", "m"), 0.0)
    assert not lease.over

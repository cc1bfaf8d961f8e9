"""Malformed events: left out and counted where the rest of the stream is whole, else an error."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_kit import CODEC, MESSAGES, ScriptedChild

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    IncompleteStreamError,
    InternalServerError,
    ResponseTooLargeError,
)
from aiocompl.runtime.received import Received
from aiocompl.runtime.skipping import SkippingDecoder
from aiocompl.testing import Delivery
from aiocompl.types.batches import BatchLine
from aiocompl.types.request import BatchDownload, ChatRequest

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]

BAD: Final = b'data: {"id": "s1", "choices": [{"ind\n\n'
ODD: Final = b'data: {"type": "keepalive"}\n\n'
DONE: Final = b"data: [DONE]\n\n"


def event(delta: dict[str, Any], reason: str | None = None, index: int = 0) -> bytes:
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return b"data: " + orjson.dumps({"id": "s1", "model": "m", "choices": [choice]}) + b"\n\n"


def word(text: str, index: int = 0) -> bytes:
    return event({"content": text}, index=index)


STOP: Final = event({}, "stop")


async def read(*slices: bytes, ending: Any = "whole", forget: bool = False) -> tuple[str, int]:
    """The text that was read, and the events left out; the response has the same text."""
    async with ScriptedChild(Delivery.stream(slices, ending=ending)) as scripted:
        stream: Any = await scripted.ask(stream=True)
        if forget:
            stream.forget()
        text = ""
        async for chunk in stream:
            text += chunk.choices[0].delta.content or ""
        if not forget:
            assert ((await stream.response()).choices[0].message.content or "") == text
        return text, stream.call.skipped_events


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        ((word("a"), BAD, word("b"), STOP, DONE), ("ab", 1)),
        ((word("a") + BAD + word("b") + STOP + DONE,), ("ab", 1)),
        ((BAD + word("a"), BAD + BAD, word("b"), STOP), ("ab", 3)),
        ((ODD, word("a"), ODD, word("b") + ODD, STOP), ("ab", 3)),
        ((word("a"), STOP, BAD, DONE), ("a", 1)),
        ((word("a"), STOP, BAD), ("a", 1)),
        ((word("a"), STOP + DONE), ("a", 0)),
    ],
)
async def test_left_out_and_counted(slices: tuple[bytes, ...], expected: tuple[str, int]) -> None:
    assert await read(*slices) == expected


@pytest.mark.parametrize(
    "slices",
    [
        (word("a"), BAD),
        (word("a"), BAD, DONE),
        (word("a"), word("b", 1), BAD, STOP, DONE),
        (word("a"), BAD + word("b")),
        (BAD, DONE),
        (BAD,),
        (ODD, ODD, word("a"), STOP, DONE),
        (BAD, ODD, word("a"), STOP, DONE),
    ],
)
async def test_an_error_where_the_rest_is_not_whole(slices: tuple[bytes, ...]) -> None:
    with pytest.raises(APIResponseValidationError, match="not what its dialect promises") as raised:
        await read(*slices)
    assert raised.value.body in (BAD[6:-2].decode(), ODD[6:-2].decode())


@pytest.mark.parametrize(
    ("last", "ending", "expected"),
    [
        (b'data: {"error": {"message": "It broke."}}\n\n', "whole", InternalServerError),
        (word("b"), "drop", APIConnectionError),
    ],
)
async def test_other_errors_are_what_they_are(last: bytes, ending: Any, expected: type[APIError]) -> None:
    with pytest.raises(expected) as raised:
        await read(word("a"), BAD, last, ending=ending)
    assert type(raised.value) is expected


async def test_what_is_not_kept_cannot_be_read_again() -> None:
    with pytest.raises(APIResponseValidationError):
        await read(word("a"), BAD, STOP, DONE, forget=True)


class Loose:
    """A decoder that is content with any end, and takes no event but one that is too large."""

    finished: bool = False

    def feed(self, events: Any, into: Any) -> None:
        if events[0][1] == b"large":
            raise ResponseTooLargeError("too large")
        raise APIResponseValidationError("malformed")

    def end(self, into: Any) -> None:
        self.finished = True


FIRST: Final = APIResponseValidationError("the first")


def test_too_large_is_not_malformed() -> None:
    decoder = SkippingDecoder(Loose(), FIRST)
    with pytest.raises(ResponseTooLargeError):
        decoder.feed([("message", b"large")], [])


def test_an_end_alone_makes_nothing_whole() -> None:
    decoder = SkippingDecoder(Loose(), FIRST)
    decoder.feed([("message", b"?")], [])
    with pytest.raises(APIResponseValidationError, match="the first"):
        decoder.end([])
    assert not decoder.finished


def test_a_decoder_may_see_the_end_in_an_event() -> None:
    received = Received(
        resolve(Target("cohere/command-r", api_key="sk-made-up"), {}).codec,
        ChatRequest("m", MESSAGES, stream=True),
    )
    with pytest.raises(APIResponseValidationError):
        received.take(BAD + DONE, [])


ANTHROPIC: Final = resolve(Target("claude-sonnet-4-5", api_key="sk-made-up"), {}).codec


def anthropic(*bodies: dict[str, Any] | bytes) -> bytes:
    return b"".join(
        b"data: " + (body if isinstance(body, bytes) else orjson.dumps(body)) + b"\n\n" for body in bodies
    )


def test_what_builds_on_a_lost_event_is_no_whole_answer() -> None:
    """Without its start nothing of a block can be told, and it must not be an empty answer."""
    received = Received(ANTHROPIC, ChatRequest("m", MESSAGES, stream=True))
    message = {"id": "1", "model": "m", "usage": {}}
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    head = anthropic({"type": "message_start", "message": message}, b'{"type": "content_block_st')
    into: list[Any] = []
    received.take(head, into)
    assert len(into) == 1
    assert received.skipped == 1
    with pytest.raises(APIResponseValidationError):
        received.take(anthropic({"type": "ping"}, piece, piece), [])
    assert not received.finished


class Lines:
    """The codec of a download."""

    def frame_decoder(self) -> Any:
        return CODEC.frame_decoder()

    def stream_decoder(self, _request: Any) -> Any:
        return self

    finished = False

    def feed(self, events: Any, into: list[Any]) -> None:
        for _, data in events:
            if data == b"bad":
                raise APIResponseValidationError("malformed")
            into.append(BatchLine(custom_id="1", data={}))


def test_each_line_of_a_download_counts() -> None:
    lines: Any = Lines()
    request: Any = BatchDownload(model="m", id="1")
    received = Received(lines, request)
    into: list[Any] = []
    received.take(b"data: good\n\n", into)
    assert len(into) == 1
    with pytest.raises(APIResponseValidationError):
        received.take(b"data: bad\n\n", [])


WORDS: Final = st.lists(st.sampled_from(["one ", "two ", "three "]), max_size=5)


@given(
    words=WORDS,
    bad=st.lists(st.booleans(), min_size=8, max_size=8),
    cuts=st.sets(st.integers(0, 900)),
    done=st.booleans(),
)
def test_any_malformed_events_however_cut(
    words: list[str], bad: list[bool], cuts: set[int], done: bool
) -> None:
    events = [*(word(text) for text in words), STOP]
    spoilt = [BAD if broken else good for good, broken in zip(events, bad, strict=False)]
    kept = "".join(text for text, broken in zip(words, bad, strict=False) if not broken)
    body = b"".join(spoilt) + (DONE if done else b"")
    bounds = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    slices = [body[start:end] for start, end in itertools.pairwise(bounds) if start < end]
    count = sum(bad[: len(events)])
    if bad[len(words)]:
        with pytest.raises(APIError) as raised:
            asyncio.run(read(*slices))
        assert isinstance(raised.value, APIResponseValidationError | IncompleteStreamError)
    else:
        assert asyncio.run(read(*slices)) == (kept, count)

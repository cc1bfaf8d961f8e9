"""Streams of OpenAI's dialect: complete, cut, malformed, and with errors inside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIResponseValidationError,
    APITimeoutError,
    ContentPolicyViolationError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.model import JSON

CODEC = OpenAICodec(
    Vendor(name="openai", title="OpenAI", base_url=""),
    Endpoint(provider="openai", base_url="https://api.openai.com/v1", api_key="sk-0123456789"),
)
REQUEST = ChatRequest("m", [{"role": "user", "content": "Hi"}], stream=True)


def chunk(delta: JSON | None = None, finish: str | None = None, index: int = 0, **more: Any) -> JSON:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "created": 1, "model": "m-1", "choices": choices, **more}


def lines(*events: JSON | bytes) -> bytes:
    return b"".join(
        b"data: " + (event if isinstance(event, bytes) else orjson.dumps(event)) + b"\n\n" for event in events
    )


DONE = b"[DONE]"


def play(
    stream: bytes, size: int | None = None
) -> tuple[list[ChatCompletionChunk], AiocomplError | None, StreamDecoder]:
    frames, decoder = SSEDecoder(), CODEC.stream_decoder(REQUEST)
    chunks: list[ChatCompletionChunk] = []
    try:
        for at in range(0, len(stream), size or len(stream) or 1):
            decoder.feed(frames.feed(stream[at : at + (size or len(stream))]), chunks)
        decoder.end(chunks)
    except AiocomplError as error:
        return chunks, error, decoder
    return chunks, None, decoder


COMPLETE: dict[str, tuple[bytes, str | None, str | None]] = {
    "as OpenAI does": (
        lines(chunk({"role": "assistant"}), chunk({"content": "Hi"}), chunk({}, "stop"), DONE),
        "Hi",
        "stop",
    ),
    "no [DONE] after the finish reason": (lines(chunk({"content": "Hi"}), chunk({}, "stop")), "Hi", "stop"),
    "finish reason with the text": (lines(chunk({"content": "Hi"}, "length")), "Hi", "length"),
    "usage on a chunk of its own": (
        lines(
            chunk({"content": "Hi"}, usage=None),
            chunk({}, "stop", usage=None),
            chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
            DONE,
        ),
        "Hi",
        "stop",
    ),
    "a chunk after the finish reason, and no [DONE]": (
        lines(chunk({"content": "Hi"}), chunk({}, "stop"), chunk({}), chunk()),
        "Hi",
        "stop",
    ),
    "[DONE] without a finish reason": (lines(chunk({"content": "Hi"}), DONE), "Hi", None),
    "an empty finish reason": (lines(chunk({"content": "Hi"}, ""), chunk({}, "stop")), "Hi", "stop"),
    "a vendor's own finish reason": (lines(chunk({"content": "Hi"}), chunk({}, "eos"), DONE), "Hi", "eos"),
    "null for what is not there": (
        lines(
            chunk({"content": "Hi", "tool_calls": None, "refusal": None}, error=None), chunk({}, "stop"), DONE
        ),
        "Hi",
        "stop",
    ),
    "no delta": (
        lines(chunk({"content": "Hi"}), {**chunk(), "choices": [{"finish_reason": "stop"}]}, DONE),
        "Hi",
        "stop",
    ),
    "no index": (
        lines(
            {**chunk(), "choices": [{"index": None, "delta": {"content": "Hi"}}]},
            {**chunk(), "choices": [{"delta": {}, "finish_reason": "stop"}]},
        ),
        "Hi",
        "stop",
    ),
    "comments and padding": (
        b": OPENROUTER PROCESSING\n\n"
        + lines(chunk({"content": "Hi"}, obfuscation="abc"))
        + b":\n\n"
        + lines(chunk({}, "stop"), DONE),
        "Hi",
        "stop",
    ),
}


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize(("stream", "content", "finish"), COMPLETE.values(), ids=list(COMPLETE))
def test_complete_streams(stream: bytes, content: str, finish: str | None, size: int | None) -> None:
    chunks, error, decoder = play(stream, size)
    assert error is None
    assert decoder.finished
    (choice,) = stream_chunk_builder(chunks).choices
    assert (choice.message.content, choice.finish_reason) == (content, finish)
    assert {piece.id for piece in chunks} == {"chatcmpl-1"}


def test_usage_comes_with_the_last_chunk() -> None:
    chunks, _, _ = play(COMPLETE["usage on a chunk of its own"][0])
    assert [piece.usage and piece.usage.total_tokens for piece in chunks] == [None, None, 3]
    assert chunks[-1].choices == []


def test_tool_calls_refusals_and_several_answers() -> None:
    def call(index: int, **fields: Any) -> JSON:
        return {"tool_calls": [{"index": index, **fields}]}

    chunks, error, _ = play(
        lines(
            chunk({"role": "assistant", "content": None}),
            chunk({"role": "assistant", "refusal": "I "}, index=1),
            chunk(call(0, id="a", type="function", function={"name": "f", "arguments": ""})),
            chunk(call(1, id="b", type="function", function={"name": "g", "arguments": "{"})),
            chunk({"refusal": "won't"}, index=1),
            chunk(call(1, function={"arguments": "}"})),
            chunk(call(0, function={"arguments": "{}"})),
            chunk({}, "tool_calls"),
            chunk({}, "stop", index=1),
            DONE,
        ),
        size=11,
    )
    assert error is None
    called, refused = stream_chunk_builder(chunks).to_dict()["choices"]
    assert [(call["id"], call["function"]) for call in called["message"]["tool_calls"]] == [
        ("a", {"name": "f", "arguments": "{}"}),
        ("b", {"name": "g", "arguments": "{}"}),
    ]
    assert called["finish_reason"] == "tool_calls"
    assert refused["message"] == {"role": "assistant", "content": None, "refusal": "I won't"}


def test_azures_first_chunk_goes_into_the_first_that_has_choices() -> None:
    first = {
        "id": "",
        "created": 0,
        "model": "",
        "choices": [],
        "prompt_filter_results": [{"prompt_index": 0}],
    }
    stream = lines(
        first, chunk({"role": "assistant", "content": ""}), chunk({"content": "Hi"}), chunk({}, "stop"), DONE
    )
    chunks, error, _ = play(stream)
    assert error is None
    assert [(piece.id, piece.model, piece.created) for piece in chunks] == [("chatcmpl-1", "m-1", 1)] * 3
    assert all(piece.choices for piece in chunks)
    assert chunks[0].prompt_filter_results == [{"prompt_index": 0}]
    assert stream_chunk_builder(chunks).model_extra == {"prompt_filter_results": [{"prompt_index": 0}]}


@pytest.mark.parametrize("end", [b"", lines({"error": {"message": "no"}}), lines(b"{"), lines(DONE)])
def test_azures_first_chunk_is_not_lost_where_nothing_good_follows(end: bytes) -> None:
    chunks, _, _ = play(lines({"id": "", "choices": [], "prompt_filter_results": [1]}) + end)
    assert [piece.prompt_filter_results for piece in chunks] == [[1]]


@pytest.mark.parametrize(
    ("ids", "seen"),
    [
        (["a", "b", "a"], ["a", "a", "a"]),
        (["a", "", None], ["a", "a", "a"]),
        (["", "", ""], ["", "", ""]),
        (["", "b", "c"], ["", "", ""]),
    ],
)
def test_all_chunks_share_the_first_id(ids: list[str | None], seen: list[str]) -> None:
    chunks, _, _ = play(lines(*(chunk({"content": "x"}, id=name) for name in ids), DONE))
    assert [piece.id for piece in chunks] == seen


def test_chunks_that_never_get_an_id_come_at_the_end() -> None:
    nameless = {"choices": [], "usage": {"total_tokens": 1}}
    chunks, error, _ = play(lines(nameless, DONE))
    assert error is None
    assert len(chunks) == 1


CUT: dict[str, tuple[bytes, int]] = {
    "nothing at all": (b"", 0),
    "only comments": (b": hi\n\n", 0),
    "before the finish reason": (lines(chunk({"content": "Hi"})), 1),
    "inside an event": (lines(chunk({"content": "Hi"})) + b'data: {"id"', 1),
    "one of two answers has not ended": (
        lines(chunk({}, index=1), chunk({"content": "Hi"}), chunk({}, "stop")),
        3,
    ),
    "an empty finish reason": (lines(chunk({"content": "Hi"}, "")), 1),
}


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize(("stream", "count"), CUT.values(), ids=list(CUT))
def test_cut_streams(stream: bytes, count: int, size: int | None) -> None:
    chunks, error, decoder = play(stream, size)
    assert isinstance(error, IncompleteStreamError)
    assert error.retryable
    assert str(error).startswith("openai/m: the stream ended before its finish reason")
    assert len(chunks) == count
    assert not decoder.finished


MALFORMED = [
    b"{",
    b"null",
    b"[]",
    b"3",
    b"true",
    b'"text"',
    b'"an error"',
    b"[DONE",
    b"{}",
    b'{"choices":null}',
    b'{"choices":3}',
    b'{"choices":["a"]}',
    b'{"choices":[{"delta":3}]}',
    b'{"choices":[{"delta":[1]}]}',
    b'{"choices":[{"delta":{"tool_calls":3}}]}',
    b'{"choices":[{"index":[],"delta":{}}]}'.replace(b"[]", b"[1]"),
    b'{"choices":[{"index":{"a":1},"finish_reason":"stop"}]}',
    b'{"choices":[],"usage":3}',
    b"\xff",
]


@pytest.mark.parametrize("event", MALFORMED)
def test_a_malformed_event_is_our_error_after_the_chunks_before_it(event: bytes) -> None:
    for size in (None, 1):
        chunks, error, _ = play(lines(chunk({"content": "Hi"}), event, chunk({}, "stop"), DONE), size)
        assert isinstance(error, APIResponseValidationError)
        assert (error.provider, error.model, error.status_code) == ("openai", "m", 200)
        assert error.body == event.decode("utf-8", "replace")
        assert len(chunks) == 1


@pytest.mark.parametrize(
    ("event", "cls", "said"),
    [
        (
            b'data: {"error":{"message":"oops","type":"server_error"}}',
            InternalServerError,
            "status 500: oops",
        ),
        (b'data: {"error":{"message":"oops"}}', InternalServerError, "status 500: oops"),
        (b'data: {"error":"oops"}', InternalServerError, "status 500: oops"),
        (b'data: {"error":{"code":"rate_limit_exceeded"}}', RateLimitError, r"status 429: \(no message\)"),
        (b'data: {"error":{"code":429,"message":"slow"}}', RateLimitError, "status 429: slow"),
        (b'data: {"error":{"status_code":504,"message":"late"}}', APITimeoutError, "status 504: late"),
        (b'data: {"error":{"code":"content_filter","message":"no"}}', ContentPolicyViolationError, "no"),
        (b'event: error\ndata: {"message":"oops","type":"api_error"}', InternalServerError, "oops"),
        (b'event: error\ndata: {"error":null}', InternalServerError, "without saying which"),
        (b"event: error\ndata: the server is on fire", InternalServerError, "without saying which"),
        (
            b'data: {"id":"a","choices":[{"index":0,"delta":{},"finish_reason":"error"}],"error":{"code":502,"message":"up"}}',
            InternalServerError,
            "status 502: up",
        ),
        (b'data: {"error":{"message":"bad key sk-0123456789"}}', InternalServerError, r"bad key \[key\]"),
    ],
)
def test_an_error_event_is_an_error_after_the_chunks_before_it(
    event: bytes, cls: type[AiocomplError], said: str
) -> None:
    for size in (None, 1):
        chunks, error, _ = play(lines(chunk({"content": "Hi"})) + event + b"\n\n" + lines(DONE), size)
        assert isinstance(error, cls)
        with pytest.raises(cls, match=said):
            raise error
        assert len(chunks) == 1


def test_nothing_matters_after_the_end() -> None:
    decoder, chunks = CODEC.stream_decoder(REQUEST), list[Any]()
    decoder.feed([("message", b"[DONE]"), ("message", b"{")], chunks)
    decoder.feed([("message", b"{")], chunks)
    decoder.end(chunks)
    assert chunks == []

"""Gemini's dialect: streams in each framing, whole, cut, broken and failing."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from gemini_help import CALL, REQUEST, USAGE, WEB, assembled, body, codec, decode, play, sse
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.codecs.gemini.frames import GeminiFrames
from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
    ResponseTooLargeError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk


STREAM = [
    body({"text": "Hm.", "thought": True}, finish=None, usage={"promptTokenCount": 4}, index=0),
    body({"text": "Hel"}, finish=None, groundingMetadata={}),
    body({"text": "lo"}, finish=None, groundingMetadata={"groundingChunks": WEB}),
    body({"text": ""}, finish=None),
    body(CALL, finish=None),
    body(
        {"text": "", "thoughtSignature": "s"},
        usage=USAGE,
        groundingMetadata={"webSearchQueries": ["q"]},
        avgLogprobs=-1,
    ),
]


def test_a_stream() -> None:
    chunks = play([sse(*STREAM)])
    assert [chunk.choices[0].delta.to_dict() for chunk in chunks[:-2]] == [
        {"role": "assistant", "reasoning_content": "Hm."},
        {"content": "Hel"},
        {"content": "lo"},
        {
            "tool_calls": [
                {"index": 0, "id": "call_0", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ]
        },
    ]
    assert {chunk.id for chunk in chunks} == {"r1"}
    assert {chunk.model for chunk in chunks} == {"gemini-2.5-flash-001"}
    last, usage = chunks[-2:]
    assert last.choices[0].finish_reason == "tool_calls"
    assert last.choices[0].delta.thinking_blocks[-1] == {"type": "thinking", "thinking": "", "signature": "s"}
    assert last.choices[0].delta.provider_specific_fields == {
        "groundingMetadata": {"groundingChunks": WEB, "webSearchQueries": ["q"]},
        "avgLogprobs": -1,
    }
    assert usage.choices == []
    assert usage.usage is not None
    assert usage.usage.total_tokens == 6


def test_an_assembled_stream_is_the_whole_answer() -> None:
    parts = [part for item in STREAM for part in item["candidates"][0]["content"]["parts"]]
    metadata = {"groundingChunks": WEB, "webSearchQueries": ["q"]}
    whole = decode(body(*parts, usage=USAGE, groundingMetadata=metadata, avgLogprobs=-1))
    assert assembled(*STREAM) == whole
    assert decode(STREAM) == whole


def piece(path: str, **value: Any) -> dict[str, Any]:
    return {"jsonPath": path, **value}


def partial_call(*pieces: dict[str, Any], go_on: bool = True, **more: Any) -> dict[str, Any]:
    call = {**more, "partialArgs": list(pieces)} if pieces else more
    return {"functionCall": call | ({"willContinue": True} if go_on else {})}


PIECES = [
    partial_call(name="f", id="x1") | {"thoughtSignature": "s"},
    partial_call(piece("$.city", stringValue="Ro", willContinue=True)),
    partial_call(piece("$.city", stringValue="me"), piece("$.days[1].hot", boolValue=True)),
    partial_call(piece("$.days[0]['at noon']", numberValue=21.5), piece("$.note", nullValue="NULL_VALUE")),
]


def test_a_call_that_comes_in_pieces() -> None:
    events = [body(item, finish=None) for item in PIECES]
    choice = assembled(*events, body(partial_call(go_on=False))).choices[0]
    calls = choice.message.tool_calls
    assert calls is not None
    call = calls[0]
    assert call.function is not None
    assert orjson.loads(call.function.arguments) == {
        "city": "Rome",
        "days": [{"at noon": 21.5}, {"hot": True}],
        "note": None,
    }
    assert (call.id, call.function.name, choice.finish_reason) == ("x1", "f", "tool_calls")
    assert call["provider_specific_fields"] == {"thought_signature": "s"}


@pytest.mark.parametrize("path", ["$.a[10001]", "$[0]", "$.name.a"])
def test_a_place_that_cannot_be(path: str) -> None:
    wrong = partial_call(piece("$.name", stringValue="a"), piece(path, stringValue="b"), name="f")
    with pytest.raises(APIResponseValidationError):
        play([sse(body(wrong, finish=None))])


def test_a_call_that_breaks_off_is_no_call() -> None:
    events = [body(item, finish=None) for item in PIECES[:2]]
    choice = assembled(*events, body(finish="MAX_TOKENS")).choices[0]
    assert choice.message.tool_calls is None
    assert choice.finish_reason == "length"
    assert choice.message.provider_specific_fields == {
        "partialCall": {"name": "f", "id": "x1", "args": {"city": "Ro"}}
    }


def test_several_candidates() -> None:
    first = {"candidates": [{"index": 0, "content": {"parts": [{"text": "a"}]}}], "responseId": "r"}
    both = {
        "candidates": [
            {"index": 1, "content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"},
            {"index": 0, "finishReason": "MAX_TOKENS"},
        ]
    }
    choices = assembled(first, both).choices
    assert [(choice.message.content, choice.finish_reason) for choice in choices] == [
        ("a", "length"),
        ("b", "stop"),
    ]
    with pytest.raises(IncompleteStreamError):
        play([sse(first, {"candidates": both["candidates"][:1]})])


@pytest.mark.parametrize("framing", ["sse", "array", "lines"])
def test_every_framing_however_cut(framing: str) -> None:
    tricky = [body({"text": 'a "quoted \\" }{][ \\\\'}, finish=None), *STREAM]
    data = {
        "sse": sse(*tricky),
        "array": b"\n " + orjson.dumps(tricky, option=orjson.OPT_INDENT_2) + b"\n",
        "lines": b"\n".join(orjson.dumps(item) for item in tricky),
    }[framing]
    whole = play([data])
    assert whole == play([sse(*tricky)])
    assert play([data[i : i + 1] for i in range(len(data))]) == whole


@given(data=st.data())
def test_a_stream_cut_at_random_is_the_same(data: st.DataObject) -> None:
    stream = data.draw(st.sampled_from([sse(*STREAM), orjson.dumps(STREAM)]))
    at = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    slices = [stream[start:end] for start, end in pairwise([0, *sorted(at), len(stream)])]
    assert play(slices) == play([stream])


@pytest.mark.parametrize(
    "data", [b"", b"\n", sse(*STREAM[:-1]), orjson.dumps(STREAM)[:-300], sse({"usageMetadata": USAGE})]
)
def test_a_stream_without_its_end_is_an_error(data: bytes) -> None:
    with pytest.raises(IncompleteStreamError):
        play([data])


def test_what_follows_the_end_says_nothing() -> None:
    made, chunks = codec(), list[Any]()
    decoder = made.stream_decoder(REQUEST)
    decoder.feed([("message", orjson.dumps(body({"text": "a"})))], chunks)
    decoder.end(chunks)
    decoder.end(chunks)
    decoder.feed([("message", b"?")], chunks)
    assert len(chunks) == 2


FAILURE = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    "failure",
    [
        sse(FAILURE),
        orjson.dumps(FAILURE, option=orjson.OPT_INDENT_2),
        orjson.dumps(FAILURE, option=orjson.OPT_INDENT_2) + b"\n",
    ],
)
def test_a_failure_inside_a_stream(failure: bytes) -> None:
    data = sse(body({"text": "a"}, finish=None)) + failure
    for slices in ([data], [data[i : i + 1] for i in range(len(data))]):
        chunks: list[ChatCompletionChunk] = []
        with pytest.raises(ServiceUnavailableError, match="overloaded"):
            play(slices, chunks)
        assert chunks[0].choices[0].delta.content == "a"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"status": "RESOURCE_EXHAUSTED", "message": "m"}, RateLimitError),
        ({"status": 7}, InternalServerError),
        ("Sorry", InternalServerError),
        (["Sorry"], InternalServerError),
    ],
)
def test_the_class_of_a_failure_without_a_code(error: Any, kind: type[APIError]) -> None:
    with pytest.raises(kind):
        play([sse({"error": error})])


@pytest.mark.parametrize(
    "data",
    [
        b"data: nonsense\n\n",
        sse(body({"text": {"a": 1}})),
        sse(body({"text": "a"}, usage={"promptTokenCount": [4]})),
    ],
)
def test_a_malformed_event_is_an_error(data: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        play([data])


@pytest.mark.parametrize(
    "data", [b'[{"a": "' + b"x" * 99, b'{"a": "' + b"x" * 99 + b'"}', b"data: " + b"x" * 99]
)
def test_events_beyond_the_limit(data: bytes) -> None:
    with pytest.raises(ResponseTooLargeError):
        GeminiFrames(50).feed(data)


def test_bytes_outside_of_objects_are_passed_over() -> None:
    frames = GeminiFrames()
    assert frames.end() == []
    assert frames.feed(b'[}, "{", {"a": 1}') == [("message", b'{"a": 1}')]
    assert frames.end() == []

"""Bedrock's ConverseStream: what events become."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any
from zlib import crc32

import orjson
import pytest

from aiocompl.codecs.bedrock import ConverseCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk

MODEL = "us.amazon.nova-lite-v1:0"
CODEC = ConverseCodec(
    Vendor(name="bedrock", title="", base_url=""),
    Endpoint(provider="bedrock", base_url="", api_key="made-up-key"),
)
USAGE = {"inputTokens": 10, "outputTokens": 4, "totalTokens": 14}
Step = tuple[str, dict[str, Any]]

START: Step = ("messageStart", {"role": "assistant", "p": "abc"})
METADATA: Step = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 5}, "p": "abc"})


def stop(reason: str = "end_turn", **more: Any) -> Step:
    return "messageStop", {"stopReason": reason, "p": "ab"} | more


def delta(index: int, value: dict[str, Any]) -> Step:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": value, "p": "abcdef"}


def begin(index: int, value: dict[str, Any]) -> Step:
    return "contentBlockStart", {"contentBlockIndex": index, "start": value}


def done(index: int) -> Step:
    return "contentBlockStop", {"contentBlockIndex": index}


def frame(name: str, payload: dict[str, Any], kind: str = "event") -> bytes:
    said = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in said.items()
    )
    body = orjson.dumps(payload)
    prelude = struct.pack(">II", len(headers) + len(body) + 16, len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + body
    return message + struct.pack(">I", crc32(message))


def decode(slices: list[bytes], into: list[ChatCompletionChunk], **params: Any) -> None:
    request = ChatRequest(model=MODEL, messages=[], params=params, stream=True)
    frames, decoder = CODEC.frame_decoder(), CODEC.stream_decoder(request)
    for data in slices:
        decoder.feed(frames.feed(data), into)
    decoder.feed(frames.end(), into)
    decoder.end(into)
    assert decoder.finished


def stream(*steps: Step, **params: Any) -> list[ChatCompletionChunk]:
    chunks: list[ChatCompletionChunk] = []
    decode([b"".join(frame(*step) for step in steps)], chunks, **params)
    return chunks


def test_a_plain_stream() -> None:
    chunks = stream(START, delta(0, {"text": "Hel"}), delta(0, {"text": "lo"}), done(0), stop(), METADATA)
    heading = {"id": "", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
    assert [chunk.to_dict() for chunk in chunks] == [
        {**heading, "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]},
        {**heading, "choices": [{"index": 0, "delta": {"content": "Hel"}, "finish_reason": None}]},
        {**heading, "choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}]},
        {
            **heading,
            "choices": [
                {"index": 0, "delta": {}, "finish_reason": "stop", "native_finish_reason": "end_turn"}
            ],
        },
        {
            **heading,
            "choices": [],
            "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
            "metrics": {"latencyMs": 5},
        },
    ]


CALL_START = {"toolUse": {"toolUseId": "t1", "name": "f", "type": "tool_use"}}
SERVER_START = {"toolUse": {"toolUseId": "s", "name": "search", "type": "server_tool_use"}}
RESULT = {"toolUseId": "s", "status": "success", "type": "search_result"}
CITATION = {"title": "T", "location": {"web": {"url": "https://e.example"}}}

WHOLE: list[tuple[str, list[Step], list[dict[str, Any]], str]] = [
    (
        "text",
        [delta(0, {"text": "a"}), delta(0, {"text": ""}), delta(0, {"text": "b"})],
        [{"text": "ab"}],
        "end_turn",
    ),
    ("announced text", [begin(0, {}), delta(0, {"text": "a"})], [{"text": "a"}], "max_tokens"),
    ("nothing", [], [], "end_turn"),
    (
        "calls",
        [
            delta(0, {"text": "so"}),
            done(0),
            begin(1, CALL_START),
            delta(1, {"toolUse": {"input": ""}}),
            delta(1, {"toolUse": {"input": '{"a":'}}),
            delta(1, {"toolUse": {"input": "1}"}}),
            done(1),
            begin(2, {"toolUse": {"toolUseId": "t2", "name": "g"}}),
            done(2),
        ],
        [
            {"text": "so"},
            {"toolUse": {**CALL_START["toolUse"], "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
        ],
        "tool_use",
    ),
    (
        "reasoning",
        [
            delta(0, {"reasoningContent": {"text": "h"}}),
            delta(0, {"reasoningContent": {"text": "m"}}),
            delta(0, {"reasoningContent": {"signature": "s1"}}),
            delta(0, {"reasoningContent": {"signature": "s2"}}),
            done(0),
            delta(1, {"reasoningContent": {"redactedContent": "AA=="}}),
            done(1),
            delta(2, {"reasoningContent": {"text": "unsigned"}}),
            done(2),
            delta(3, {"text": "so"}),
        ],
        [
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s1s2"}}},
            {"reasoningContent": {"redactedContent": "AA=="}},
            {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
            {"text": "so"},
        ],
        "end_turn",
    ),
    (
        "citations",
        [
            delta(0, {"text": "It is "}),
            done(0),
            delta(1, {"citation": CITATION}),
            delta(1, {"text": "cited"}),
            delta(1, {"citation": {}}),
        ],
        [
            {"text": "It is "},
            {"citationsContent": {"content": [{"text": "cited"}], "citations": [CITATION, {}]}},
        ],
        "end_turn",
    ),
    (
        "server tool",
        [
            begin(0, SERVER_START),
            delta(0, {"toolUse": {"input": '{"q":1}'}}),
            done(0),
            begin(1, {"toolResult": RESULT}),
            delta(1, {"toolResult": [{"json": {"a": 1}}]}),
            delta(1, {"toolResult": [{"text": "b"}]}),
            done(1),
            delta(2, {"text": "found"}),
        ],
        [
            {"toolUse": {**SERVER_START["toolUse"], "input": {"q": 1}}},
            {"toolResult": {**RESULT, "content": [{"json": {"a": 1}}, {"text": "b"}]}},
            {"text": "found"},
        ],
        "tool_use",
    ),
    (
        "image",
        [begin(0, {"image": {"format": "png"}}), delta(0, {"image": {"source": {"bytes": "AA=="}}}), done(0)],
        [{"image": {"format": "png", "source": {"bytes": "AA=="}}}],
        "end_turn",
    ),
    (
        "unannounced image",
        [delta(0, {"image": {"source": {"bytes": "AA=="}}})],
        [{"image": {"source": {"bytes": "AA=="}}}],
        "end_turn",
    ),
]


@pytest.mark.parametrize(
    ("steps", "blocks", "reason"), [pytest.param(*case[1:], id=case[0]) for case in WHOLE]
)
def test_a_stream_put_together_is_the_blocking_answer(
    steps: list[Step], blocks: list[dict[str, Any]], reason: str
) -> None:
    more = {"additionalModelResponseFields": {"stop_sequence": "x"}}
    metadata = {"usage": USAGE, "metrics": {"latencyMs": 5}, "trace": {}, "serviceTier": {"type": "flex"}}
    chunks = stream(START, *steps, stop(reason, **more), ("metadata", metadata))
    whole = {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": reason,
        **metadata,
        **more,
    }
    request = ChatRequest(model=MODEL, messages=[])
    expected = CODEC.decode_response(request, HTTPResponse(200, {}, orjson.dumps(whole)))
    assert stream_chunk_builder(chunks) == expected
    assert {(chunk.id, chunk.model, chunk.created) for chunk in chunks} == {("", MODEL, 0)}
    assert chunks[0].choices[0].delta.role == "assistant"


def test_the_schema_tool_is_the_text() -> None:
    start = {"toolUse": {"toolUseId": "t", "name": "json_tool_call"}}
    pieces = [delta(0, {"toolUse": {"input": '{"a":'}}), delta(0, {"toolUse": {"input": "1}"}})]
    form = {"type": "json_object"}
    answer = stream_chunk_builder(
        stream(START, begin(0, start), *pieces, done(0), stop("tool_use"), METADATA, response_format=form)
    )
    assert answer.choices[0].message.content == '{"a":1}'
    assert answer.choices[0].message.tool_calls is None
    assert answer.choices[0].finish_reason == "stop"


def test_arguments_that_are_no_json_are_kept_as_text() -> None:
    steps = [begin(0, CALL_START), delta(0, {"toolUse": {"input": '{"a'}}), done(0), delta(1, {"text": "x"})]
    message = stream_chunk_builder(stream(START, *steps, stop("max_tokens"), METADATA)).choices[0].message
    assert message.to_dict()["tool_calls"][0]["function"]["arguments"] == '{"a'
    assert message.provider_specific_fields["converse_blocks"][0]["toolUse"]["input"] == '{"a'


def test_what_follows_the_end_is_passed_over() -> None:
    steps = [START, delta(0, {"text": "a"}), done(7), stop(), METADATA]
    assert stream(*steps) == stream(*steps, delta(0, {"text": "late"}))


def test_unknown_events_are_kept() -> None:
    steps = [START, ("news", {"a": 1}), delta(0, {"text": "a"}), ("news", {"a": 2}), stop(), METADATA]
    message = stream_chunk_builder(stream(*steps)).choices[0].message
    assert message.content == "a"
    assert message.provider_specific_fields == {"unknown_events": [{"news": {"a": 1}}, {"news": {"a": 2}}]}


@pytest.mark.parametrize("metadata", [{}, {"p": "x"}])
def test_metadata_may_say_nothing(metadata: dict[str, Any]) -> None:
    assert [chunk.usage for chunk in stream(START, stop(), ("metadata", metadata))] == [None, None]


def test_metrics_come_without_usage_too() -> None:
    last = stream(START, stop(), ("metadata", {"metrics": {"latencyMs": 1}}))[-1]
    assert (last.usage, last.metrics) == (None, {"latencyMs": 1})


FULL = [START, delta(0, {"text": "a"}), done(0), stop(), METADATA]


@pytest.mark.parametrize("length", range(len(FULL)))
def test_a_stream_that_is_cut_is_an_error(length: int) -> None:
    chunks: list[ChatCompletionChunk] = []
    with pytest.raises(IncompleteStreamError, match="usage" if length > 3 else "finish reason") as caught:
        decode([b"".join(frame(*step) for step in FULL[:length])], chunks)
    assert caught.value.retryable
    assert len(chunks) == [0, 1, 2, 2, 3][length]


def test_the_order_of_finish_reason_and_usage_is_no_matter() -> None:
    assert stream_chunk_builder(stream(START, METADATA, stop())) == stream_chunk_builder(
        stream(START, stop(), METADATA)
    )


def test_text_and_reasoning_of_one_index_are_two_blocks() -> None:
    answer = stream_chunk_builder(
        stream(
            START, delta(0, {"reasoningContent": {"text": "hm"}}), delta(0, {"text": "so"}), stop(), METADATA
        )
    )
    assert (answer.choices[0].message.content, answer.choices[0].message.reasoning_content) == ("so", "hm")


def test_metadata_without_an_end_does_not_complete_a_stream() -> None:
    with pytest.raises(IncompleteStreamError):
        stream(START, METADATA)


@pytest.mark.parametrize(
    ("name", "kind", "cls", "retryable"),
    [
        ("throttlingException", "exception", RateLimitError, True),
        ("internalServerException", "exception", InternalServerError, True),
        ("modelStreamErrorException", "exception", InternalServerError, True),
        ("validationException", "exception", BadRequestError, False),
        ("serviceUnavailableException", "exception", ServiceUnavailableError, True),
        ("somethingElse", "exception", InternalServerError, True),
        ("", "error", InternalServerError, True),
    ],
)
def test_an_exception_in_a_stream_is_an_error(
    name: str, kind: str, cls: type[APIError], retryable: bool
) -> None:
    data = frame(*START) + frame(*delta(0, {"text": "a"})) + frame(name, {"message": "oh no"}, kind)
    for slices in ([data], [data[i : i + 1] for i in range(len(data))]):
        chunks: list[ChatCompletionChunk] = []
        with pytest.raises(APIError, match="oh no") as caught:
            decode(slices, chunks)
        assert type(caught.value) is cls
        assert caught.value.retryable is retryable
        assert len(chunks) == 2


@pytest.mark.parametrize(
    "step",
    [
        ("contentBlockDelta", {"delta": {"text": "a"}}),
        ("contentBlockDelta", {"contentBlockIndex": 0}),
        delta(0, {"text": 5}),
        delta(0, {"toolUse": {"input": "unannounced"}}),
        delta(9, {"toolUse": {"input": "in text"}}),
        delta(0, {"reasoningContent": 5}),
        delta(0, {"reasoningContent": {"signature": 5}}),
        delta(0, {"strange": 5}),
        begin(0, {"toolUse": {}}),
        begin(0, {"toolUse": 5}),
        ("contentBlockStop", {}),
        ("messageStop", {}),
        ("metadata", {"usage": {}}),
    ],
)
def test_malformed_events_are_our_error(step: Step) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        stream(START, delta(9, {"text": "a"}), step, stop(), METADATA)
    assert (caught.value.provider, caught.value.model) == ("bedrock", MODEL)

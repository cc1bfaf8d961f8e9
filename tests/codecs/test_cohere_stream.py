from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from cohere_answers import ANSWER, STREAM, message_event
from hypothesis import given
from hypothesis import strategies as st
from native_driver import Driver, sse

from aiocompl.codecs.cohere.v2 import CohereCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
    UnprocessableEntityError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint

VENDOR = Vendor(name="cohere", title="Cohere", base_url="https://api.cohere.com", native=frozenset({"own"}))
ENDPOINT = Endpoint(provider="cohere", base_url="https://api.cohere.com", api_key="secret-key")
CODEC = CohereCodec(VENDOR, ENDPOINT)
DRIVER = Driver(CODEC, "command-a")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream


def test_a_stream_equals_the_answer() -> None:
    chunks = decode_stream([STREAM])
    assert {chunk.id for chunk in chunks} == {"s1"}
    assert {chunk.model for chunk in chunks} == {"command-a"}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices[0].delta.role is None for chunk in chunks[1:-1])
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert stream_chunk_builder(chunks).to_dict() == decode(ANSWER | {"id": "s1"}).to_dict()


TOOL_STREAM = sse(
    {"id": "s2", **message_event("message-start", {"role": "assistant"})},
    message_event("tool-plan-delta", {"tool_plan": "I will "}),
    message_event("tool-plan-delta", {"tool_plan": "look."}),
    message_event(
        "tool-call-start",
        {"tool_calls": {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}},
        index=3,
    ),
    message_event("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"city"'}}}, index=3),
    message_event("tool-call-delta", {"tool_calls": {"function": {"arguments": ""}}}, index=3),
    message_event("tool-call-delta", {"tool_calls": {"function": {"arguments": ':"Oslo"}'}}}, index=3),
    {"type": "tool-call-end", "index": 3},
    message_event("tool-call-start", {"tool_calls": {"id": "c2", "function": {"name": "bare"}}}, index=4),
    {"type": "tool-call-end", "index": 4},
    message_event(
        "tool-call-start",
        {"tool_calls": {"id": "c3", "function": {"name": "bare", "arguments": "{}"}}},
        index=4,
    ),
    {"type": "tool-call-end", "index": 4},
    {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL", "usage": {}}},
    done=False,
)


def test_streamed_tool_calls() -> None:
    chunks = decode_stream([TOOL_STREAM])
    answer = stream_chunk_builder(chunks)
    message = answer.choices[0].message
    assert answer.usage is None
    assert message.content is None
    assert message.reasoning_content == "I will look."
    assert message.provider_specific_fields == {"tool_plan": "I will look."}
    assert message.tool_calls is not None
    assert [(call.id, call.function.arguments if call.function else "") for call in message.tool_calls] == [
        ("c1", '{"city":"Oslo"}'),
        ("c2", "{}"),
        ("c3", "{}"),
    ]
    assert answer.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize("data", [STREAM, TOOL_STREAM, TOOL_STREAM.replace(b"\n", b"\r\n")])
def test_byte_by_byte(data: bytes) -> None:
    cut = decode_stream([data[i : i + 1] for i in range(len(data))])
    assert cut == decode_stream([data])
    assert cut == decode_stream([data, b"data: trailing\n\n"] if b"DONE" in data else [data])


@given(st.lists(st.integers(0, len(STREAM))))
def test_random_cuts(marks: list[int]) -> None:
    edges = sorted({0, len(STREAM), *marks})
    slices = [STREAM[a:b] for a, b in pairwise(edges)]
    assert decode_stream(slices) == decode_stream([STREAM])


def test_a_block_that_nobody_foresaw_is_kept() -> None:
    chunks = decode_stream(
        [
            sse(
                message_event("content-start", {"content": {"type": "map", "zoom": 3}}, index=0),
                message_event("content-delta", {"content": {"zoom": 4}}, index=0),
                message_event("citation-start", {"citations": [{"start": 1}]}, index=0),
                {"type": "message-end", "delta": {"finish_reason": "ODD"}},
            )
        ]
    )
    message = stream_chunk_builder(chunks).choices[0].message
    assert message.provider_specific_fields == {
        "content": [{"type": "map", "zoom": 3}, {"zoom": 4}],
        "citations": [{"start": 1}],
    }
    assert chunks[-1].choices[0].finish_reason == "ODD"


@pytest.mark.parametrize("done", [True, False])
def test_a_cut_stream_raises(done: bool) -> None:
    with pytest.raises(IncompleteStreamError):
        decode_stream([sse(message_event("content-delta", {"content": {"text": "Hi"}}, index=0), done=done)])


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (
            {
                "type": "message-end",
                "delta": {
                    "finish_reason": "ERROR",
                    "error": "bad tool",
                    "error_type": "INVALID_TOOL_GENERATION",
                    "usage": {},
                },
            },
            UnprocessableEntityError,
        ),
        ({"type": "message-end", "delta": {"finish_reason": "ERROR"}}, InternalServerError),
        (
            {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "error": "after all"}},
            InternalServerError,
        ),
        ({"message": "boom"}, InternalServerError),
        ({"error": {"message": "boom", "code": 429}}, RateLimitError),
        ({"type": "content-delta", "index": 0}, APIResponseValidationError),
        ({"type": ["odd"]}, APIResponseValidationError),
        (
            {
                "type": "tool-call-delta",
                "index": 9,
                "delta": {"message": {"tool_calls": {"function": {"arguments": "x"}}}},
            },
            APIResponseValidationError,
        ),
    ],
)
def test_errors_inside_a_stream(event: dict[str, Any], error: type[APIError]) -> None:
    with pytest.raises(error) as raised:
        decode_stream([sse(event)])
    assert raised.value.provider == "cohere"
    assert "secret-key" not in str(raised.value)

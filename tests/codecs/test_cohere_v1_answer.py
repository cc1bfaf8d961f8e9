from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_driver import USER, Driver, fault, json_lines

from aiocompl.codecs.cohere.v1 import CohereV1Codec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.wire.messages import HTTPResponse

VENDOR = Vendor(name="cohere", title="Cohere", base_url="https://api.cohere.com")
CODEC = CohereV1Codec(VENDOR, Endpoint(provider="cohere", base_url=VENDOR.base_url, api_key="secret-key"))
DRIVER = Driver(CODEC, "command")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream

OSLO = {"name": "weather", "parameters": {"city": "Oslo"}}

ANSWER: dict[str, Any] = {
    "response_id": "r1",
    "generation_id": "87a52a39-dd54",
    "text": "Hello you",
    "finish_reason": "COMPLETE",
    "citations": [{"start": 0, "end": 5, "text": "Hello", "document_ids": ["d"]}],
    "documents": [],
    "chat_history": [{"role": "USER", "message": "Hi"}],
    "meta": {
        "api_version": {"version": "1"},
        "billed_units": {"input_tokens": 1, "output_tokens": 2},
        "tokens": {"input_tokens": 60, "output_tokens": 3},
        "cached_tokens": 48,
    },
}
CALL_ANSWER: dict[str, Any] = {
    "generation_id": "87a52a39-dd54",
    "text": "",
    "finish_reason": "COMPLETE",
    "tool_calls": [
        {"name": "weather", "parameters": {"city": "Oslo"}},
        {"name": "bare", "parameters": {}},
    ],
}


def test_an_answer() -> None:
    answer = decode(ANSWER)
    choice = answer.choices[0]
    assert (answer.id, answer.model) == ("87a52a39-dd54", "command")
    assert choice.message.content == "Hello you"
    assert choice.message.provider_specific_fields == {
        "response_id": "r1",
        "citations": ANSWER["citations"],
        "chat_history": ANSWER["chat_history"],
        "meta": {"api_version": {"version": "1"}},
    }
    assert (choice.finish_reason, choice.native_finish_reason) == ("stop", "COMPLETE")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (60, 3)
    assert answer.usage.to_dict()["prompt_tokens_details"] == {"cached_tokens": 48}


def test_tool_calls_get_ids_and_results_find_them_again() -> None:
    message = decode(CALL_ANSWER).choices[0].message
    assert decode(CALL_ANSWER).choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    assert [call.id for call in message.tool_calls] == ["call_87a52a39_0", "call_87a52a39_1"]
    body = encode(
        USER, message.to_dict(), {"role": "tool", "tool_call_id": "call_87a52a39_0", "content": "Rain"}
    )
    assert body["tool_results"] == [{"call": OSLO, "outputs": [{"output": "Rain"}]}]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("MAX_TOKENS", "length"),
        ("ERROR_LIMIT", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("USER_CANCEL", "USER_CANCEL"),
        (None, None),
    ],
)
def test_finish_reasons(native: str | None, reason: str | None) -> None:
    assert decode({"text": "", "finish_reason": native}).choices[0].finish_reason == reason
    end: dict[str, Any] = {"event_type": "stream-end", "finish_reason": native, "response": {}}
    assert decode_stream([json_lines(end)])[-1].choices[0].finish_reason == reason


@pytest.mark.parametrize(("reason", "error"), [("ERROR", InternalServerError), ("TIMEOUT", APITimeoutError)])
def test_a_failed_generation_raises(reason: str, error: type[APIError]) -> None:
    with pytest.raises(error):
        decode({"text": "", "finish_reason": reason})
    with pytest.raises(error):
        decode_stream([json_lines({"event_type": "stream-end", "finish_reason": reason})])


START = {"is_finished": False, "event_type": "stream-start", "generation_id": "87a52a39-dd54"}
STREAM = json_lines(
    START,
    {"is_finished": False, "event_type": "search-queries-generation", "search_queries": []},
    {"is_finished": False, "event_type": "text-generation", "text": "Hello"},
    {"is_finished": False, "event_type": "text-generation", "text": " you"},
    {"is_finished": False, "event_type": "citation-generation", "citations": ANSWER["citations"]},
    {"is_finished": True, "event_type": "stream-end", "finish_reason": "COMPLETE", "response": ANSWER},
)
CALL_STREAM = json_lines(
    START,
    {"event_type": "tool-calls-chunk", "text": "I "},
    {"event_type": "tool-calls-chunk", "tool_call_delta": {"text": "look"}},
    {"event_type": "tool-calls-chunk", "tool_call_delta": {"name": "weather", "index": 0}},
    {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "parameters": '{"city"'}},
    {"event_type": "tool-calls-chunk", "tool_call_delta": {"index": 0, "parameters": ':"Oslo"}'}},
    {"event_type": "tool-calls-generation", "text": "I look", "tool_calls": CALL_ANSWER["tool_calls"]},
    {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": CALL_ANSWER | {"text": "I look"}},
)


def test_a_stream_equals_the_answer() -> None:
    chunks = decode_stream([STREAM])
    assert {chunk.id for chunk in chunks} == {"87a52a39-dd54"}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert stream_chunk_builder(chunks).to_dict() == decode(ANSWER).to_dict()


def test_streamed_tool_calls_equal_the_answer() -> None:
    chunks = decode_stream([CALL_STREAM])
    assert stream_chunk_builder(chunks).to_dict() == decode(CALL_ANSWER | {"text": "I look"}).to_dict()


def test_a_stream_whose_last_event_alone_says_all() -> None:
    end: dict[str, Any] = {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": ANSWER}
    answer = stream_chunk_builder(decode_stream([json_lines(START, end)]))
    assert answer.to_dict() == decode(ANSWER).to_dict()


@pytest.mark.parametrize("data", [STREAM, CALL_STREAM, STREAM.replace(b"\n", b"\r\n"), STREAM.rstrip(b"\n")])
def test_byte_by_byte(data: bytes) -> None:
    whole = decode_stream([data])
    assert decode_stream([data[i : i + 1] for i in range(len(data))]) == whole
    assert decode_stream([data, b"\ntrailing\n"]) == whole


@given(st.lists(st.integers(0, len(CALL_STREAM))))
def test_random_cuts(marks: list[int]) -> None:
    edges = sorted({0, len(CALL_STREAM), *marks})
    slices = [CALL_STREAM[a:b] for a, b in pairwise(edges)]
    assert decode_stream(slices) == decode_stream([CALL_STREAM])


def test_a_cut_stream_raises() -> None:
    with pytest.raises(IncompleteStreamError):
        decode_stream([json_lines(START, {"event_type": "text-generation", "text": "Hel"})])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"message":"boom"}', InternalServerError),
        (b'{"event_type":"text-generation","text":3}', APIResponseValidationError),
        (b'{"event_type":"text-generation"}', APIResponseValidationError),
        (b'{"event_type":"stream', APIResponseValidationError),
        (b"[]", APIResponseValidationError),
    ],
)
def test_errors_inside_a_stream(line: bytes, error: type[APIError]) -> None:
    with pytest.raises(error):
        decode_stream([line])


def test_an_error() -> None:
    made = CODEC.decode_error(request(), HTTPResponse(404, {}, b'{"message":"model \'x\' was removed"}'))
    assert isinstance(made, NotFoundError)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"text":null,"tool_calls":3}'])
def test_a_malformed_answer_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        decode(body)


JSON_VALUES = st.recursive(
    st.none() | st.integers(-5, 5) | st.sampled_from(["text", "COMPLETE", "tool-calls-chunk", "stream-end"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "event_type",
                    "text",
                    "response",
                    "tool_calls",
                    "tool_call_delta",
                    "index",
                    "finish_reason",
                    "meta",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON_VALUES.map(orjson.dumps) | st.binary(max_size=80))
def test_any_bytes_decode_or_raise_ours(data: bytes) -> None:
    assert isinstance(CODEC.decode_error(request(), HTTPResponse(500, {}, data)), AiocomplError)
    for attempt in (lambda: decode(data), lambda: decode_stream([data])):
        error = fault(attempt)
        assert error is None or error.provider == "cohere"

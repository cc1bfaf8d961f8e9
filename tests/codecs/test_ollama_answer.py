from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_driver import Driver, fault, json_lines

from aiocompl.codecs.ollama import OllamaCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    ServiceUnavailableError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.wire.messages import HTTPResponse

VENDOR = Vendor(name="ollama", title="Ollama", base_url="http://localhost:11434")
CODEC = OllamaCodec(VENDOR, Endpoint(provider="ollama", base_url=VENDOR.base_url))
DRIVER = Driver(CODEC, "qwen3")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream

TIME = "2026-08-07T06:08:09.335586Z"
COUNTS = {
    "total_duration": 9,
    "load_duration": 1,
    "prompt_eval_count": 21,
    "prompt_eval_duration": 2,
    "eval_count": 8,
    "eval_duration": 6,
}
ANSWER: dict[str, Any] = {
    "model": "qwen3:latest",
    "created_at": TIME,
    "message": {"role": "assistant", "content": "Hello you", "thinking": "Hm. ", "images": ["AAAA"]},
    "done": True,
    "done_reason": "stop",
    "logprobs": [{"token": "Hello", "logprob": -0.5, "bytes": [72], "top_logprobs": []}],
    "remote_host": "elsewhere",
    **COUNTS,
}
CALL_ANSWER: dict[str, Any] = {
    "model": "qwen3:latest",
    "created_at": TIME,
    "message": {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "call_x", "function": {"index": 0, "name": "weather", "arguments": {"city": "Oslo"}}},
            {"function": {"name": "bare", "arguments": {}}},
            {"function": {"name": "text", "arguments": '{"as":"text"}'}},
        ],
    },
    "done": True,
    "done_reason": "stop",
    "eval_count": 8,
}


def test_an_answer() -> None:
    answer = decode(ANSWER)
    choice = answer.choices[0]
    assert (answer.id, answer.model, answer.created) == (
        "ollama-20260807060809335586",
        "qwen3:latest",
        1786082889,
    )
    assert (choice.message.content, choice.message.reasoning_content) == ("Hello you", "Hm. ")
    assert choice.message.provider_specific_fields == {"images": ["AAAA"], "remote_host": "elsewhere"}
    assert (choice.finish_reason, choice.native_finish_reason) == ("stop", "stop")
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert choice.logprobs.content[0].token == "Hello"
    assert answer.usage is not None
    assert answer.usage.to_dict() == {
        "prompt_tokens": 21,
        "completion_tokens": 8,
        "total_tokens": 29,
        "eval_duration": 6,
        "load_duration": 1,
        "prompt_eval_duration": 2,
        "total_duration": 9,
    }


def test_tool_calls() -> None:
    answer = decode(CALL_ANSWER)
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.content is None
    assert message.tool_calls is not None
    assert [(call.id, call.function and call.function.arguments) for call in message.tool_calls] == [
        ("call_x", '{"city":"Oslo"}'),
        ("call_20260807060809335586_1", "{}"),
        ("call_20260807060809335586_2", '{"as":"text"}'),
    ]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (0, 8)
    assert encode(message.to_dict())["messages"][0]["tool_calls"][0]["function"] == {
        "name": "weather",
        "arguments": {"city": "Oslo"},
    }


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (None, 0),
        ("soon", 0),
        ("2026-08-07T06:08:09", 1786082889),
        ("2026-08-07T08:08:09.335586123+02:00", 1786082889),
    ],
)
def test_times(time: str | None, seconds: int) -> None:
    answer = decode({"created_at": time, "message": {"content": ""}, "done": True, "done_reason": "load"})
    assert answer.created == seconds
    assert answer.model == "qwen3"
    assert answer.usage is None
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content == ""


def test_an_unknown_reason_passes() -> None:
    choice = decode({"message": {"content": "x"}, "done_reason": "odd"}).choices[0]
    assert (choice.finish_reason, choice.native_finish_reason) == ("odd", "odd")


def line(message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "model": "qwen3:latest",
        "created_at": TIME,
        "message": {"role": "assistant", **message},
        "done": False,
    } | more


STREAM = json_lines(
    line({"content": "", "thinking": "Hm"}),
    line({"content": "", "thinking": ". "}),
    line({"content": "Hello"}, logprobs=ANSWER["logprobs"]),
    line({"content": " you"}),
    line({"content": "", "images": ["AAAA"]}),
    line({"content": ""}, done=True, done_reason="stop", remote_host="elsewhere", **COUNTS),
)
CALL_STREAM = json_lines(
    *(line({"content": "", "tool_calls": [call]}) for call in CALL_ANSWER["message"]["tool_calls"]),
    line({"content": ""}, done=True, done_reason="stop", eval_count=8),
)


@pytest.mark.parametrize(("data", "answer"), [(STREAM, ANSWER), (CALL_STREAM, CALL_ANSWER)])
def test_a_stream_equals_the_answer(data: bytes, answer: dict[str, Any]) -> None:
    chunks = decode_stream([data])
    assert {chunk.id for chunk in chunks} == {"ollama-20260807060809335586"}
    assert {chunk.created for chunk in chunks} == {1786082889}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert stream_chunk_builder(chunks).to_dict() == decode(answer).to_dict()


@pytest.mark.parametrize("data", [STREAM, CALL_STREAM, STREAM.replace(b"\n", b"\r\n"), STREAM.rstrip(b"\n")])
def test_byte_by_byte(data: bytes) -> None:
    whole = decode_stream([data])
    assert decode_stream([data[i : i + 1] for i in range(len(data))]) == whole
    assert decode_stream([data, b"\ntrailing\n"]) == whole


@given(st.lists(st.integers(0, len(STREAM))))
def test_random_cuts(marks: list[int]) -> None:
    edges = sorted({0, len(STREAM), *marks})
    slices = [STREAM[a:b] for a, b in pairwise(edges)]
    assert decode_stream(slices) == decode_stream([STREAM])


def test_a_stream_without_counts_has_no_usage() -> None:
    chunks = decode_stream([json_lines({"done": True})])
    assert [len(chunk.choices) for chunk in chunks] == [1, 1]
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert "native_finish_reason" not in chunks[-1].choices[0].model_extra


def test_a_cut_stream_raises() -> None:
    with pytest.raises(IncompleteStreamError):
        decode_stream([json_lines(line({"content": "Hel"}))])


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b'{"error":"model runner has unexpectedly stopped"}', InternalServerError),
        (b'{"message":{"role":"assistant","content":3}}', APIResponseValidationError),
        (b'{"message":{"role":"a","tool_calls":[{}],"content":""}}', APIResponseValidationError),
        (b'{"done', APIResponseValidationError),
        (b"[]", APIResponseValidationError),
    ],
)
def test_errors_inside_a_stream(data: bytes, error: type[APIError]) -> None:
    with pytest.raises(error):
        decode_stream([data])


def test_an_error_inside_a_200() -> None:
    with pytest.raises(InternalServerError, match="stopped"):
        decode({"error": "model runner has unexpectedly stopped"})


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        (400, '"m" does not support tools', BadRequestError),
        (400, "the input length exceeds the context length", ContextWindowExceededError),
        (401, "unauthorized", AuthenticationError),
        (404, "model 'x' not found", NotFoundError),
        (500, "model requires more system memory", InternalServerError),
        (503, "server busy, please try again.  maximum pending requests exceeded", ServiceUnavailableError),
    ],
)
def test_errors(status: int, text: str, error: type[APIError]) -> None:
    made = CODEC.decode_error(request(), HTTPResponse(status, {}, orjson.dumps({"error": text})))
    assert isinstance(made, error)
    assert text in str(made)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"message":{"tool_calls":[1]}}', b'{"message":{},"created_at":1}'],
)
def test_a_malformed_answer_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        decode(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["text", "stop", TIME]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "created_at",
                    "message",
                    "content",
                    "thinking",
                    "tool_calls",
                    "done",
                    "done_reason",
                    "logprobs",
                    "eval_count",
                    "function",
                    "name",
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
        assert error is None or error.provider == "ollama"

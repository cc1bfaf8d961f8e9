"""Answers and errors in Anthropic's dialect, read into OpenAI's shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from anthropic_answers import (
    ANSWERS,
    CALLS,
    CITED,
    FILED,
    QUOTED,
    REDACTED,
    REFUSED,
    REQUEST,
    SEARCHED,
    START,
    TEXT,
    THOUGHT,
    USAGE,
    message,
    play,
    read,
    sse,
    stream_of,
    text,
)
from anthropic_requests import CODEC, JSON

from aiocompl.errors import (
    AiocomplError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.request import ChatRequest


@pytest.mark.parametrize(("body", "request_"), ANSWERS.values(), ids=ANSWERS)
def test_a_stream_put_together_is_the_answer(body: JSON, request_: ChatRequest) -> None:
    data = sse(*stream_of(body))
    chunks = play(data, request_)
    assert stream_chunk_builder(chunks).to_dict() == read(body, request_).to_dict()
    assert play([data[i : i + 1] for i in range(len(data))], request_) == chunks
    assert {(chunk.id, chunk.model, chunk.created) for chunk in chunks} == {("msg_1", "claude-x", 0)}
    assert chunks[0].choices[0].delta.role == "assistant"


def test_text() -> None:
    got = read(TEXT)
    assert got.to_dict() == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 0,
        "model": "claude-x",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
                "native_finish_reason": "stop_sequence",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
    }


def test_calls() -> None:
    (choice,) = read(CALLS).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "I look."
    assert [call.to_dict() for call in choice.message.tool_calls or ()] == [
        {
            "id": "t1",
            "type": "function",
            "function": {"name": "f", "arguments": '{"a":1}'},
            "caller": {"type": "direct"},
        },
        {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]
    assert read(ANSWERS["calls_alone"][0]).choices[0].message.content is None


def test_calls_in_a_stream_are_counted_among_themselves() -> None:
    deltas = [
        c.choices[0].delta
        for c in play(sse(*stream_of(CALLS)))
        if c.choices and c.choices[0].delta.tool_calls
    ]
    calls = [delta.tool_calls[0].to_dict() for delta in deltas if delta.tool_calls]
    head = {"index": 0, "id": "t1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert calls[0] == {**head, "caller": {"type": "direct"}}
    assert "".join(call["function"]["arguments"] for call in calls if call["index"] == 0) == '{"a":1}'
    assert calls[-2:] == [
        {**head, "index": 1, "id": "t2", "function": {"name": "g", "arguments": ""}},
        {"index": 1, "function": {"arguments": "{}"}},
    ]


def test_the_answer_tool() -> None:
    answered = read(*ANSWERS["forced"]).choices[0]
    assert (answered.message.content, answered.finish_reason) == ('{"a":1}', "stop")
    assert read(*ANSWERS["forced_and_called"]).choices[0].finish_reason == "tool_calls"


def test_thinking_is_text_and_signed_blocks() -> None:
    got = read(message(THOUGHT, REDACTED, text("So."))).choices[0].message
    assert got.reasoning_content == "Hm."
    assert got.thinking_blocks == [THOUGHT, REDACTED]
    assert "provider_specific_fields" not in got


def test_what_the_provider_ran_itself_is_kept_and_not_for_the_caller() -> None:
    got = read(SEARCHED).choices[0]
    assert got.finish_reason == "stop"
    assert got.message.tool_calls is None
    assert got.message.content == "Sunny."
    assert got.message.provider_specific_fields == {
        "citations": [CITED, QUOTED, FILED],
        "content_blocks": SEARCHED["content"],
    }
    assert [note.to_dict() for note in got.message.annotations or ()] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 5},
        }
    ]
    assert got.container == {"id": "c"}


def test_a_refusal_says_why() -> None:
    got = read(REFUSED).choices[0]
    assert got.finish_reason == "content_filter"
    assert (got.message.content, got.message.refusal) == (None, "No.")
    assert got.stop_details == REFUSED["stop_details"]
    assert read(message(stop="refusal")).choices[0].message.refusal is None


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "something_new"),
        (None, None),
    ],
)
def test_finish_reasons(stop: str | None, reason: str | None) -> None:
    got = read(message(stop=stop)).choices[0]
    assert (got.finish_reason, got.native_finish_reason) == (reason, stop)


def test_counts_include_what_the_cache_served_and_took() -> None:
    counts = {
        **USAGE,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 10},
        "output_tokens_details": {"thinking_tokens": 3},
        "service_tier": "standard",
        "inference_geo": None,
    }
    got = read(message(usage=counts))
    assert got.service_tier == "standard"
    assert got.usage is not None
    assert got.usage.to_dict() == {
        "prompt_tokens": 35,
        "completion_tokens": 7,
        "total_tokens": 42,
        "prompt_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 10},
        "completion_tokens_details": {"reasoning_tokens": 3},
        **{name: value for name, value in counts.items() if name not in USAGE and value is not None},
    }
    assert stream_chunk_builder(play(sse(*stream_of(message(usage=counts))))) == got


# ---------------------------------------------------------------- errors


def error(kind: str, text: str = "Sorry", **more: Any) -> JSON:
    return {"type": "error", "error": {"type": kind, "message": text, **more}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (400, error("invalid_request_error"), BadRequestError),
        (
            400,
            error("invalid_request_error", "prompt is too long: 2 tokens > 1 maximum"),
            ContextWindowExceededError,
        ),
        (
            400,
            error("invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
            ContextWindowExceededError,
        ),
        (
            400,
            error("invalid_request_error", "Output blocked by content filtering policy"),
            ContentPolicyViolationError,
        ),
        (402, error("billing_error"), PermissionDeniedError),
        (413, error("request_too_large"), BadRequestError),
        (429, error("rate_limit_error"), RateLimitError),
        (500, error("api_error"), InternalServerError),
        (504, error("timeout_error"), APITimeoutError),
        (529, error("overloaded_error"), ServiceUnavailableError),
        (503, "<html>", ServiceUnavailableError),
        (500, None, InternalServerError),
    ],
)
def test_errors_by_status_and_inside_a_success(status: int, body: Any, cls: type[AiocomplError]) -> None:
    got = CODEC.decode_error(REQUEST, HTTPResponse(status, {"retry-after": "3"}, orjson.dumps(body)))
    assert type(got) is cls
    assert (got.status_code, got.retry_after) == (status, 3)
    if isinstance(body, dict):
        assert (got.request_id, got.type) == ("req_1", body["error"]["type"])
        with pytest.raises(cls) as whole:
            read(body)
        with pytest.raises(cls) as streamed:
            play(sse(START, body))
        assert isinstance(whole.value, APIStatusError | APITimeoutError)
        assert isinstance(streamed.value, APIStatusError | APITimeoutError)
        assert whole.value.status_code == streamed.value.status_code == status


def test_the_stable_code_goes_before_the_message() -> None:
    body = error("invalid_request_error", details={"error_code": "credit_balance_too_low"})
    headers = {"request-id": "req_2"}
    got = CODEC.decode_error(REQUEST, HTTPResponse(400, headers, orjson.dumps(body)))
    assert (got.code, got.request_id) == ("credit_balance_too_low", "req_2")


def test_an_error_event_in_plain_text_is_an_error() -> None:
    with pytest.raises(InternalServerError):
        play(sse(START) + b"event: error\ndata: upstream gone\n\n")

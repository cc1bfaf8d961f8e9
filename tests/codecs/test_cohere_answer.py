from __future__ import annotations

from typing import Any

import orjson
import pytest
from cohere_answers import ANSWER
from hypothesis import given
from hypothesis import strategies as st
from native_driver import Driver, fault

from aiocompl.codecs.cohere.v2 import CohereCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    UnprocessableEntityError,
)
from aiocompl.types.endpoint import Endpoint
from aiocompl.wire.messages import HTTPResponse

VENDOR = Vendor(name="cohere", title="Cohere", base_url="https://api.cohere.com", native=frozenset({"own"}))
ENDPOINT = Endpoint(provider="cohere", base_url="https://api.cohere.com", api_key="secret-key")
CODEC = CohereCodec(VENDOR, ENDPOINT)
DRIVER = Driver(CODEC, "command-a")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream

CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


def test_an_answer() -> None:
    answer = decode(ANSWER)
    choice = answer.choices[0]
    assert (answer.id, answer.model, answer.created) == ("answer-1", "command-a", 0)
    assert choice.message.content == "The sky is green."
    assert choice.message.reasoning_content == "Hm. "
    assert choice.message.provider_specific_fields == {"citations": ANSWER["message"]["citations"]}
    assert choice.finish_reason == "stop"
    assert choice.native_finish_reason == "COMPLETE"
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    token = choice.logprobs.content[0]
    assert (token.token, token.logprob, token.token_ids) == ("The sky", -0.75, [1, 2])
    usage = answer.usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (70, 12, 82)
    assert usage.to_dict()["prompt_tokens_details"] == {"cached_tokens": 64}
    assert usage.to_dict()["completion_tokens_details"] == {"reasoning_tokens": 3}
    assert usage.billed_units == {"input_tokens": 5.0, "output_tokens": 2.0}
    assert "usage" not in answer.model_extra


def test_an_answer_with_tool_calls_goes_back_as_it_came() -> None:
    sent = {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [CALL]}
    answer = decode({"id": "a", "finish_reason": "TOOL_CALL", "message": dict(sent)})
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.usage is None
    assert message.content is None
    assert message.reasoning_content == "I will look."
    assert message.tool_calls is not None
    assert message.tool_calls[0].to_dict() == CALL
    assert encode(message.to_dict())["messages"] == [sent]


def test_blocks_and_fields_that_nobody_foresaw_are_kept() -> None:
    block = {"type": "map", "map": {}}
    answer = decode(
        {
            "id": "a",
            "finish_reason": "NEW_WORD",
            "message": {"content": [block], "mood": "fine"},
            "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 2}, "new": 1},
            "cost": 3,
        }
    )
    assert answer.choices[0].finish_reason == "NEW_WORD"
    assert answer.choices[0].message.provider_specific_fields == {"content": [block], "mood": "fine"}
    assert answer.cost == 3
    assert answer.usage is not None
    assert (answer.usage.total_tokens, answer.usage.new) == (3, 1)


@pytest.mark.parametrize(("reason", "error"), [("ERROR", InternalServerError), ("TIMEOUT", APITimeoutError)])
def test_a_failed_generation_raises(reason: str, error: type[APIError]) -> None:
    with pytest.raises(error, match=f"ended with {reason}"):
        decode({"id": "a", "finish_reason": reason, "message": {}})


def test_an_error_in_spite_of_its_status() -> None:
    with pytest.raises(InternalServerError, match=r"no \[key\]"):
        decode({"id": "a", "message": "no secret-key"})
    with pytest.raises(InternalServerError, match="boom"):
        decode({"error": "boom"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"null",
        b'{"id":"a"}',
        b'{"finish_reason":"COMPLETE","message":3}',
        b'{"finish_reason":[]}',
        b"\xff",
    ],
)
def test_a_malformed_answer_is_a_typed_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError) as raised:
        decode(body)
    assert raised.value.status_code == 200


@pytest.mark.parametrize(
    ("status", "body", "error", "retryable"),
    [
        (400, {"message": "invalid request: x"}, BadRequestError, False),
        (
            400,
            {"message": "too many tokens: size limit exceeded by 9 tokens"},
            ContextWindowExceededError,
            False,
        ),
        (401, {"message": "invalid api token secret-key"}, AuthenticationError, False),
        (404, {"id": "r", "message": "model 'x' not found"}, NotFoundError, False),
        (422, {"data": "unknown field"}, UnprocessableEntityError, False),
        (
            429,
            {"message": "You are using a Trial key, which is limited to 10 API calls / minute"},
            RateLimitError,
            True,
        ),
        (
            429,
            {"message": "You are using a Trial key, which is limited to 1000 API calls / month"},
            RateLimitError,
            False,
        ),
        (498, {"message": "invalid token"}, ContentPolicyViolationError, False),
        (501, {"message": "not implemented"}, BadRequestError, False),
        (503, "down", InternalServerError, True),
        (504, {"other": 1}, APITimeoutError, True),
    ],
)
def test_errors(status: int, body: Any, error: type[APIError], retryable: bool) -> None:
    made = CODEC.decode_error(request(), HTTPResponse(status, {}, orjson.dumps(body)))
    assert isinstance(made, error)
    assert made.status_code == status
    assert made.retryable is retryable
    assert "secret-key" not in str(made)


def test_an_error_has_the_trace_id() -> None:
    made = CODEC.decode_error(request(), HTTPResponse(500, {"x-debug-trace-id": "t1"}, b""))
    assert made.request_id == "t1"


@given(st.binary(max_size=80), st.integers(400, 599))
def test_any_bytes_decode_or_raise_ours(data: bytes, status: int) -> None:
    assert isinstance(CODEC.decode_error(request(), HTTPResponse(status, {}, data)), AiocomplError)
    for attempt in (
        lambda: decode(data),
        lambda: decode_stream([data]),
        lambda: decode_stream([b"data: " + data + b"\n\n"]),
    ):
        error = fault(attempt)
        assert error is None or error.provider == "cohere"


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["text", "COMPLETE", "content-delta", "message-end"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "delta",
                    "message",
                    "content",
                    "text",
                    "tool_calls",
                    "finish_reason",
                    "usage",
                    "tokens",
                    "index",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_any_json_decodes_or_raises_ours(value: Any) -> None:
    for attempt in (
        lambda: decode(orjson.dumps(value)),
        lambda: decode_stream([b"data: " + orjson.dumps(value) + b"\n\n"]),
    ):
        error = fault(attempt)
        assert error is None or error.provider == "cohere"

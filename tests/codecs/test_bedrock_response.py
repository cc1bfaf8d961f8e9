"""Bedrock's Converse: what whole answers and errors become."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.codecs.bedrock import ConverseCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.types.endpoint import AWSCredentials, Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion

KEYS = AWSCredentials(access_key="AKIDEXAMPLE", secret_key="made-up", session_token="A/TOKEN+MADE=UP")
CODEC = ConverseCodec(
    Vendor(name="bedrock", title="", base_url=""),
    Endpoint(provider="bedrock", base_url="", region="us-east-1", credentials=KEYS),
)
NOVA = "us.amazon.nova-lite-v1:0"
USAGE = {"inputTokens": 10, "outputTokens": 4, "totalTokens": 14}


def decode(content: list[Any], stop: str = "end_turn", usage: Any = USAGE, **more: Any) -> ChatCompletion:
    message = {"role": "assistant", "content": content}
    params = more.pop("params", {})
    data = {"output": {"message": message}, "stopReason": stop, "usage": usage} | more
    request = ChatRequest(model=NOVA, messages=[], params=params)
    headers = {"x-amzn-requestid": "request-1"}
    return CODEC.decode_response(request, HTTPResponse(200, headers, orjson.dumps(data)))


def test_a_plain_answer() -> None:
    answer = decode([{"text": "Hel"}, {"text": "lo"}], metrics={"latencyMs": 12}, trace={"guardrail": {}})
    assert answer.to_dict() == {
        "id": "request-1",
        "object": "chat.completion",
        "created": 0,
        "model": NOVA,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
                "native_finish_reason": "end_turn",
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14},
        "metrics": {"latencyMs": 12},
        "trace": {"guardrail": {}},
    }


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_tool_use", "malformed_tool_use"),
        ("tool_use", "stop"),  # no call for the caller to answer
        ("brand_new", "brand_new"),
    ],
)
def test_finish_reasons(stop: str, finish: str) -> None:
    (choice,) = decode([{"text": "a"}], stop).choices
    assert (choice.finish_reason, choice.native_finish_reason) == (finish, stop)


def test_calls() -> None:
    use = {"toolUseId": "t1", "name": "f", "input": {"a": [1]}, "type": "tool_use"}
    (choice,) = decode(
        [{"text": "so"}, {"toolUse": use}, {"toolUse": use | {"toolUseId": "t2"}}], "tool_use"
    ).choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "so"
    assert choice.message.model_extra == {}
    first, second = choice.message.tool_calls or []
    assert first.to_dict() == {
        "id": "t1",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":[1]}'},
    }
    assert second.id == "t2"


def test_reasoning() -> None:
    blocks = [
        {"reasoningContent": {"reasoningText": {"text": "hm ", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "AA=="}},
        {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
        {"text": "so"},
    ]
    message = decode(blocks).choices[0].message
    assert message.content == "so"
    assert message.reasoning_content == "hm unsigned"
    assert message.model_extra == {
        "thinking_blocks": [
            {"type": "thinking", "thinking": "hm ", "signature": "s"},
            {"type": "redacted_thinking", "data": "AA=="},
        ]
    }


def test_citations_with_those_of_the_web_as_annotations() -> None:
    web = {"title": "T", "location": {"web": {"url": "https://e.example", "domain": "e.example"}}}
    page = {"title": "doc", "location": {"documentPage": {"documentIndex": 0, "start": 1, "end": 2}}}
    cited = {"citationsContent": {"content": [{"text": "cited"}], "citations": [web, page, {}]}}
    message = decode([{"text": "It is "}, cited]).choices[0].message
    assert message.content == "It is cited"
    (annotation,) = message.annotations or []
    assert annotation.to_dict() == {
        "type": "url_citation",
        "url_citation": {"url": "https://e.example", "title": "T", "start_index": 6, "end_index": 11},
    }
    assert message.provider_specific_fields == {
        "citations": [web, page, {}],
        "converse_blocks": [{"text": "It is "}, cited],
    }


def test_tools_that_the_provider_ran_are_no_calls() -> None:
    blocks = [
        {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
        {"toolResult": {"toolUseId": "s", "content": [{"json": {}}], "type": "nova_grounding_result"}},
        {"text": "found"},
    ]
    (choice,) = decode(blocks, "tool_use").choices
    assert choice.finish_reason == "stop"
    assert choice.message.tool_calls is None
    assert choice.message.content == "found"
    assert choice.message.provider_specific_fields == {"converse_blocks": blocks}


@pytest.mark.parametrize(
    "blocks",
    [
        [{"text": "a"}, {"reasoningContent": {"redactedContent": "AA=="}}],
        [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}}}, {"text": "after"}],
        [{"toolUse": {"toolUseId": "t", "name": "f", "input": {}, "type": "server_tool_use"}}],
        [{"image": {"format": "png", "source": {"bytes": "AA=="}}}],
        [{}],
    ],
)
def test_blocks_that_would_not_come_back_alike_are_kept(blocks: list[Any]) -> None:
    assert decode(blocks).choices[0].message.provider_specific_fields == {"converse_blocks": blocks}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (
            {**USAGE, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 2, "cacheReadInputTokenCount": 3},
            {
                "prompt_tokens": 15,
                "completion_tokens": 4,
                "total_tokens": 14,
                "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
            },
        ),
        (
            {
                "inputTokens": 1,
                "outputTokens": 2,
                "cacheWriteInputTokenCount": 4,
                "cacheDetails": [{"ttl": "5m"}],
            },
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 7,
                "prompt_tokens_details": {"cache_write_tokens": 4},
                "cacheDetails": [{"ttl": "5m"}],
            },
        ),
    ],
)
def test_usage(raw: Any, expected: Any) -> None:
    usage = decode([], usage=raw).usage
    assert usage is not None
    assert usage.to_dict() == expected


def test_an_answer_may_lack_usage_and_name_its_tier() -> None:
    answer = decode([], usage=None, serviceTier={"type": "flex"})
    assert answer.usage is None
    assert answer.service_tier == "flex"
    assert answer.choices[0].message.content is None


def test_the_schema_tool_is_the_answer() -> None:
    json_tool = {"toolUse": {"toolUseId": "t", "name": "json_tool_call", "input": {"a": 1}}}
    call = {"toolUse": {"toolUseId": "u", "name": "f", "input": {}}}
    params = {"response_format": {"type": "json_object"}}
    (choice,) = decode([json_tool], "tool_use", params=params).choices
    assert (choice.message.content, choice.message.tool_calls, choice.finish_reason) == (
        '{"a":1}',
        None,
        "stop",
    )
    (choice,) = decode([call], "tool_use", params=params).choices
    assert choice.finish_reason == "tool_calls"
    (choice,) = decode([json_tool], "tool_use").choices
    assert choice.finish_reason == "tool_calls"


# Errors

LONG = "Input is too long for requested model."


@pytest.mark.parametrize(
    ("status", "headers", "body", "cls", "retryable"),
    [
        (400, {"x-amzn-errortype": "ValidationException:http://x/"}, {"message": "no"}, BadRequestError, False),
        (400, {}, {"message": "no"}, BadRequestError, False),
        (400, {}, {"__type": "com.amazon#ValidationException", "message": LONG}, ContextWindowExceededError, False),
        (400, {}, {"message": LONG}, ContextWindowExceededError, False),
        (400, {}, {"message": "maximum context length is 4"}, ContextWindowExceededError, False),
        (400, {"x-amzn-errortype": "ServiceQuotaExceededException"}, {"message": "q"}, RateLimitError, False),
        (403, {"x-amzn-errortype": "AccessDeniedException"}, {"Message": "no"}, PermissionDeniedError, False),
        (
            403,
            {"x-amzn-errortype": "AccessDeniedException"},
            {"Message": "Authentication failed: Please make sure your API Key is valid."},
            AuthenticationError,
            False,
        ),
        (403, {"x-amzn-errortype": "UnrecognizedClientException"}, {"message": "t"}, AuthenticationError, False),
        (403, {"x-amzn-errortype": "ExpiredTokenException"}, {"message": "t"}, AuthenticationError, False),
        (403, {"x-amzn-errortype": "InvalidSignatureException"}, {"message": "t"}, AuthenticationError, False),
        (404, {"x-amzn-errortype": "ResourceNotFoundException"}, {"message": "t"}, NotFoundError, False),
        (408, {"x-amzn-errortype": "ModelTimeoutException"}, {"message": "t"}, APITimeoutError, True),
        (424, {"x-amzn-errortype": "ModelErrorException"}, {"message": "t"}, InternalServerError, True),
        (429, {"x-amzn-errortype": "ThrottlingException"}, {"message": "Too many tokens, please wait"}, RateLimitError, True),
        (429, {"x-amzn-errortype": "ModelNotReadyException"}, {"message": "t"}, RateLimitError, True),
        (500, {"x-amzn-errortype": "InternalServerException"}, {"message": "t"}, InternalServerError, True),
        (503, {"x-amzn-errortype": "ServiceUnavailableException"}, {"message": "t"}, ServiceUnavailableError, True),
        (503, {}, None, ServiceUnavailableError, True),
        (418, {"x-amzn-errortype": "TeapotException"}, {"message": 1}, APIStatusError, False),
        (404, {}, {"error": {"message": "a proxy's"}}, NotFoundError, False),
        (404, {}, {"__type": 1}, NotFoundError, False),
    ],
)  # fmt: skip
def test_errors(
    status: int, headers: dict[str, str], body: Any, cls: type[APIError], retryable: bool
) -> None:
    request = ChatRequest(model=NOVA, messages=[])
    raw = b"<html>" if body is None else orjson.dumps(body)
    error = CODEC.decode_error(request, HTTPResponse(status, headers | {"x-amzn-requestid": "r-1"}, raw))
    assert type(error) is cls
    assert error.retryable is retryable
    assert (error.status_code, error.provider, error.model, error.request_id) == (
        status,
        "bedrock",
        NOVA,
        "r-1",
    )


def test_an_error_names_its_exception_and_keeps_its_text() -> None:
    headers = {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/", "retry-after": "3"}
    response = HTTPResponse(429, headers, b'{"message":"slow down"}')
    error = CODEC.decode_error(ChatRequest(model=NOVA, messages=[]), response)
    assert error.type == "ThrottlingException"
    assert error.retry_after == 3
    assert error.message == "status 429: slow down"
    assert error.body == {"message": "slow down"}


def test_a_token_that_aws_repeats_is_kept_from_message_and_body() -> None:
    text = f"The Canonical String should have been 'x-amz-security-token:{KEYS.session_token}'"
    response = HTTPResponse(
        403, {"x-amzn-errortype": "SignatureDoesNotMatch"}, orjson.dumps({"message": text})
    )
    error = CODEC.decode_error(ChatRequest(model=NOVA, messages=[]), response)
    assert isinstance(error, AuthenticationError)
    assert "MADE" not in f"{error} {error.body}"


@pytest.mark.parametrize(
    ("body", "cls"),
    [
        ({"message": "m", "__type": "ThrottlingException"}, RateLimitError),
        ({"__type": "ValidationException"}, BadRequestError),
        ({"message": "m"}, InternalServerError),
    ],
)
def test_an_error_in_an_answer_of_200_is_an_error(body: Any, cls: type[APIError]) -> None:
    with pytest.raises(APIError) as caught:
        CODEC.decode_response(ChatRequest(model=NOVA, messages=[]), HTTPResponse(200, {}, orjson.dumps(body)))
    assert type(caught.value) is cls


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"1",
        b"null",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":{"content":5}},"stopReason":"x"}',
        b'{"output":{"message":{"content":[5]}},"stopReason":"x"}',
        b'{"output":{"message":{"content":[{"text":5}]}},"stopReason":"x"}',
        b'{"output":{"message":{"content":[{"toolUse":{}}]}},"stopReason":"x"}',
        b'{"output":{"message":{"content":[]}}}',
        b'{"output":{"message":{"content":[]}},"stopReason":"x","usage":{}}',
    ],
)
def test_what_is_no_answer_is_our_error(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        CODEC.decode_response(ChatRequest(model=NOVA, messages=[]), HTTPResponse(200, {}, body))
    assert caught.value.provider == "bedrock"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "output",
                    "message",
                    "content",
                    "stopReason",
                    "usage",
                    "text",
                    "toolUse",
                    "reasoningContent",
                    "reasoningText",
                    "signature",
                    "redactedContent",
                    "citationsContent",
                    "citations",
                    "location",
                    "web",
                    "name",
                    "input",
                    "toolUseId",
                    "type",
                    "serviceTier",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(content=st.lists(JSON, max_size=3) | JSON, usage=JSON, stop=JSON)
def test_any_json_decodes_or_raises_our_error(content: Any, usage: Any, stop: Any) -> None:
    data = {"output": {"message": {"content": content}}, "usage": usage, "stopReason": stop}
    request = ChatRequest(model=NOVA, messages=[])
    with suppress(AiocomplError):
        CODEC.decode_response(request, HTTPResponse(200, {}, orjson.dumps(data)))
    error = CODEC.decode_error(request, HTTPResponse(400, {}, orjson.dumps(content)))
    assert isinstance(error, APIStatusError)


@given(body=st.binary(max_size=50), status=st.integers(100, 599), name=st.text(max_size=20))
def test_errors_are_total(body: bytes, status: int, name: str) -> None:
    response = HTTPResponse(status, {"x-amzn-errortype": name}, body)
    assert CODEC.decode_error(ChatRequest(model=NOVA, messages=[]), response).status_code == status

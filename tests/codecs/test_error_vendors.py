"""The error bodies of the vendors of OpenAI's dialect, each in its own shape, and the class that each is."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.error_shapes import decode_error, is_error
from aiocompl.errors import (
    AiocomplError,
    APIError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnprocessableEntityError,
)
from aiocompl.wire.messages import HTTPResponse

CONTEXT, POLICY = ContextWindowExceededError, ContentPolicyViolationError


def read(status: int, body: Any) -> APIError:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return decode_error(HTTPResponse(status, {}, data), provider="p", model="m")


def pydantic(kind: str, message: str) -> dict[str, Any]:
    return {"loc": ["body", "messages", 0, "name"], "msg": message, "type": kind, "input": "the prompt"}


@pytest.mark.parametrize(
    ("vendor", "status", "body", "cls", "said", "code"),
    [
        ("Mistral", 401, {"detail": "Unauthorized"}, AuthenticationError, "Unauthorized", None),
        (
            "Mistral",
            401,
            {"message": "Unauthorized", "request_id": "r"},
            AuthenticationError,
            "Unauthorized",
            None,
        ),
        (
            "Mistral",
            422,
            {"detail": [pydantic("extra_forbidden", "Extra inputs are not permitted")]},
            UnprocessableEntityError,
            "messages.0.name: Extra inputs are not permitted",
            None,
        ),
        (
            "Mistral",
            422,
            {"object": "error", "message": {"detail": [pydantic("missing", "Field required")]}, "code": None},
            UnprocessableEntityError,
            "messages.0.name: Field required",
            None,
        ),
        (
            "Mistral",
            400,
            {
                "object": "error",
                "message": "Prompt contains 9 tokens and 0 draft tokens, too large for model with 8 maximum context",
                "type": "invalid_request_prompt",
                "code": "3051",
            },
            CONTEXT,
            "Prompt contains",
            "3051",
        ),
        (
            "watsonx",
            400,
            {
                "errors": [
                    {
                        "code": "invalid_input_argument",
                        "message": "the number of input tokens 9 cannot exceed the total tokens limit 8",
                    }
                ],
                "status_code": 400,
            },
            CONTEXT,
            "the number of input tokens",
            "invalid_input_argument",
        ),
        (
            "Cloudflare",
            403,
            {
                "success": False,
                "errors": [{"code": 10000, "message": "Authentication error"}],
                "result": None,
            },
            PermissionDeniedError,
            "Authentication error",
            "10000",
        ),
        (
            "Databricks",
            404,
            {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"},
            NotFoundError,
            "no",
            "RESOURCE_DOES_NOT_EXIST",
        ),
        (
            "Databricks",
            400,
            {
                "error_code": "BAD_REQUEST",
                "message": "The endpoint returned HTTP error code 400. Response from external model provider: "
                '{"error": {"message": "no", "code": "context_length_exceeded"}}',
            },
            CONTEXT,
            "The endpoint",
            "BAD_REQUEST",
        ),
        (
            "Databricks",
            400,
            {
                "error_code": "BAD_REQUEST",
                "message": "Response from external model provider: nothing in JSON",
            },
            BadRequestError,
            "Response",
            "BAD_REQUEST",
        ),
        (
            "OpenRouter",
            400,
            {
                "error": {
                    "code": 400,
                    "message": "Provider returned error",
                    "metadata": {"raw": '{"error": {"message": "no", "code": "content_filter"}}'},
                }
            },
            POLICY,
            "Provider",
            "400",
        ),
        ("Snowflake", 400, {"message": "max tokens of 8192 exceeded"}, CONTEXT, "max tokens", None),
        (
            "TGI",
            422,
            {
                "error": "Input validation error: `inputs` must have less than 9 tokens.",
                "error_type": "validation",
            },
            CONTEXT,
            "Input validation",
            None,
        ),
        ("TGI", 422, {"error": ["no"]}, UnprocessableEntityError, "no", None),
        (
            "LM Studio",
            400,
            {"error": "Trying to keep the first 9 tokens when context the overflows."},
            CONTEXT,
            "Trying",
            None,
        ),
        (
            "Cerebras",
            400,
            {
                "message": "Please reduce the length of the messages or completion. Current length is 9 while limit is 8",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            },
            CONTEXT,
            "Please",
            "context_length_exceeded",
        ),
        (
            "LiteLLM's proxy",
            400,
            {"error": {"message": "litellm.ContextWindowExceededError: no", "code": "400"}},
            CONTEXT,
            "litellm.",
            "400",
        ),
        (
            "DeepSeek",
            400,
            {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}},
            POLICY,
            "Content",
            None,
        ),
        (
            "Alibaba",
            400,
            {"error": {"code": "data_inspection_failed", "message": "no"}},
            POLICY,
            "no",
            "data_inspection_failed",
        ),
        ("Z.ai", 400, {"error": {"code": "1301", "message": "no"}}, POLICY, "no", "1301"),
        ("Z.ai", 400, {"error": {"code": "1261", "message": "no"}}, CONTEXT, "no", "1261"),
        (
            "xAI",
            403,
            {"code": "The caller may not", "error": "Content violates usage guidelines."},
            POLICY,
            "Content",
            "The caller may not",
        ),
        (
            "xAI",
            403,
            {"code": "The caller may not", "error": "no"},
            PermissionDeniedError,
            "no",
            "The caller may not",
        ),
        (
            "OpenRouter",
            403,
            {
                "error": {
                    "code": 403,
                    "message": "no",
                    "metadata": {"reasons": ["violence"], "flagged_input": "x"},
                }
            },
            POLICY,
            "no",
            "403",
        ),
        (
            "OpenRouter",
            403,
            {"error": {"code": 403, "message": "no", "metadata": []}},
            PermissionDeniedError,
            "no",
            "403",
        ),
        (
            "OpenRouter",
            400,
            {
                "error": {
                    "code": 400,
                    "message": "Provider returned error",
                    "metadata": {"raw": '{"error":{"message":"maximum context length is 8 tokens"}}'},
                }
            },
            CONTEXT,
            "Provider returned error",
            "400",
        ),
        ("OpenRouter", 529, {"error": {"code": 529, "message": "no"}}, ServiceUnavailableError, "no", "529"),
        ("DeepInfra", 404, {"detail": {"error": "no model"}}, NotFoundError, "no model", None),
        (
            "Gemini",
            400,
            [{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}],
            BadRequestError,
            "no",
            "400",
        ),
        (
            "Hugging Face",
            503,
            {"error": "Model x is currently loading", "estimated_time": 20.0},
            ServiceUnavailableError,
            "Model",
            None,
        ),
        (
            "NVIDIA",
            500,
            {"type": "t", "title": "x", "status": 500, "detail": "no"},
            InternalServerError,
            "no",
            None,
        ),
        ("somebody", 400, {"errors": ["no"]}, BadRequestError, "no", None),
        ("somebody", 400, {"detail": ["no"]}, BadRequestError, "no", None),
        ("somebody", 400, {"detail": [{"type": "t"}]}, BadRequestError, "(no message)", None),
        (
            "somebody",
            400,
            {"errors": [3]},
            BadRequestError,
            "the answer has no error that could be read",
            None,
        ),
    ],
)
def test_error_shapes(
    vendor: str, status: int, body: Any, cls: type[AiocomplError], said: str, code: str | None
) -> None:
    error = read(status, body)
    assert type(error) is cls, vendor
    assert error.message.startswith(f"status {status}: {said}")
    assert error.code == code
    assert "the prompt" not in error.message


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        ({"message": "slow down"}, True),
        ({"message": "no", "type": "exceeded_current_quota_error"}, False),
        ({"message": "no", "code": "1113"}, False),
        ({"message": "You have exceeded your monthly included credits for Inference Providers."}, False),
        ({"message": "Insufficient Balance"}, False),
        ({"message": "Rate limit reached. Increase it at https://platform.openai.com/account/billing"}, True),
    ],
)
def test_a_quota_that_no_waiting_mends(error: dict[str, str], retryable: bool) -> None:
    found = read(429, {"error": error})
    assert type(found) is RateLimitError
    assert found.retryable is retryable


@pytest.mark.parametrize(
    ("body", "yes"),
    [
        ({"error": {"message": "no"}}, True),
        ({"object": "error", "message": "no"}, True),
        ([{"error": "no"}], True),
        ({"error": {"message": "no"}, "choices": [1]}, False),
        ({"id": "a"}, False),
        ([], False),
        ("no", False),
        (None, False),
    ],
)
def test_is_error(body: object, yes: bool) -> None:
    assert is_error(body) is yes

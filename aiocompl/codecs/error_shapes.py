"""Error bodies in OpenAI's shape and those near to it, made into the one tree. Total: nothing here raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.errors import (
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    RateLimitError,
    error_class,
)
from aiocompl.wire.headers import request_id, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.wire.messages import HTTPResponse

MESSAGE_HEAD: Final = 1000
"""Characters of a provider's message that an error keeps."""

CODE_ERRORS: Final[Mapping[str, type[APIStatusError]]] = {
    "context_length_exceeded": ContextWindowExceededError,
    "exceed_context_size_error": ContextWindowExceededError,
    "content_policy_violation": ContentPolicyViolationError,
    "content_filter": ContentPolicyViolationError,
    "cyber_policy_violation": ContentPolicyViolationError,
    "misalignment_policy_violation": ContentPolicyViolationError,
    "bio_policy": ContentPolicyViolationError,
    "ResponsibleAIPolicyViolation": ContentPolicyViolationError,
    "invalid_api_key": AuthenticationError,
}
"""Codes and types that say more than their status."""

FINAL_CODES: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "monthly_usage_limit_exceeded",
    }
)
"""Codes of a 429 that no waiting mends."""

TOO_LARGE: Final = "Request too large"
"""How OpenAI begins the text of a 429 that says the request alone is beyond the limit: nor does waiting mend that."""

TYPE_STATUS: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "requests": 429,
    "tokens": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "api_error": 500,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "server_is_overloaded": 503,
}
"""The status that an error inside a stream, which has none of its own, would have had."""

PHRASES: Final = (
    ("maximum context length", ContextWindowExceededError),
    ("exceeds the context window", ContextWindowExceededError),
    ("input tokens exceed the configured limit", ContextWindowExceededError),
    ("exceeds the available context size", ContextWindowExceededError),
    ("exceeded max context length", ContextWindowExceededError),
    ("exceeds the context length", ContextWindowExceededError),
    ("prompt is too long", ContextWindowExceededError),
    ("exceed context limit", ContextWindowExceededError),
    ("prompt: length", ContextWindowExceededError),
    ("flagged as potentially violating our usage policy", ContentPolicyViolationError),
    ("rejected as a result of our safety system", ContentPolicyViolationError),
    ("content management policy", ContentPolicyViolationError),
    ("blocked by content filtering policy", ContentPolicyViolationError),
)
"""For 400s whose code says no more than the status; the texts of OpenAI, Azure, Anthropic, llama.cpp and Ollama."""

_SECRET: Final = re.compile(r"\b(?:sk|pk|gsk|xai|key|hf|r8)[-_][A-Za-z0-9_\-*.]{6,}|(?i:bearer\s+)\S+")


@attrs.frozen
class ErrorFields:
    """What an error body says, in OpenAI's words."""

    message: str
    code: str | None = None
    type: str | None = None
    param: str | None = None
    inner_code: str | None = None
    status: int | None = None


def decode_error(
    response: HTTPResponse, *, provider: str, model: str, api_key: str | None = None
) -> APIStatusError | APITimeoutError:
    """Read an answer with an error status; total over statuses and bodies."""
    body = parse_body(response.body)
    fields = error_fields(body) or ErrorFields(_without_fields(response))
    return make_error(
        fields,
        response.status,
        body=body,
        headers=response.headers,
        provider=provider,
        model=model,
        api_key=api_key,
    )


def decode_stream_error(
    body: Any, *, headers: Mapping[str, str], provider: str, model: str, api_key: str | None = None
) -> APIStatusError | APITimeoutError:
    """Read an error event inside a stream whose status was 200."""
    fields = error_fields(body) or ErrorFields("the stream reported an error without saying which")
    status = fields.status or TYPE_STATUS.get(fields.code or "") or TYPE_STATUS.get(fields.type or "") or 500
    return make_error(
        fields, status, body=body, headers=headers, provider=provider, model=model, api_key=api_key
    )


def make_error(
    fields: ErrorFields,
    status: int,
    *,
    body: object,
    headers: Mapping[str, str],
    provider: str,
    model: str,
    api_key: str | None,
    cls: type[APIStatusError | APITimeoutError] | None = None,
) -> APIStatusError | APITimeoutError:
    """The one place where an error of a provider is made; `cls` is for dialects that know better than the status."""
    cls = cls or _refine(error_class(status), fields)
    error = cls(
        f"status {status}: {redact(fields.message, api_key)}",
        provider=provider,
        model=model,
        status_code=status,
        code=fields.code,
        type=fields.type,
        param=fields.param,
        request_id=request_id(headers),
        retry_after=retry_after(headers),
        body=body,
        headers=headers,
    )
    if isinstance(error, RateLimitError) and (
        fields.code in FINAL_CODES or fields.type in FINAL_CODES or fields.message.startswith(TOO_LARGE)
    ):
        error.retryable = False
    if (told := headers.get("x-should-retry")) in {"true", "false"}:
        error.retryable = told == "true"
    return error


def parse_body(body: bytes) -> Any:
    """The body as JSON, or the head of its text, or None where it is empty."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body[:MESSAGE_HEAD].decode("utf-8", "replace") or None


def error_fields(body: Any) -> ErrorFields | None:
    """Find the error in a parsed body, in any of the shapes that OpenAI-compatible servers use."""
    if isinstance(body, list) and body:  # Gemini's compatible surface
        body = body[0]
    if not isinstance(body, dict):
        return None
    error = body.get("error", body)
    if isinstance(error, str):
        return ErrorFields(error, code=_text(body.get("code")))
    if not isinstance(error, dict):
        return None
    message = error.get("message") or error.get("detail") or error.get("msg")
    if message is None and error is body:
        return None
    code, inner = error.get("code"), error.get("innererror") or error.get("inner_error")
    return ErrorFields(
        _text(message) or "(no message)",
        code=_text(code),
        type=_text(error.get("type")),
        param=_text(error.get("param")),
        inner_code=_text(inner.get("code")) if isinstance(inner, dict) else None,
        status=_status(code, error.get("status_code"), error.get("status"), body.get("status_code")),
    )


def redact(text: str, api_key: str | None) -> str:
    """The text without anything that is, or looks like, a key; cut to a length that fits a log line."""
    if api_key:
        text = text.replace(api_key, "[key]")
    return _SECRET.sub("[key]", text[:MESSAGE_HEAD])


def _refine(
    cls: type[APIStatusError | APITimeoutError], fields: ErrorFields
) -> type[APIStatusError | APITimeoutError]:
    """The narrower class that code, type or text call for, if it lies below (or beside) the status's."""
    for word in (fields.inner_code, fields.code, fields.type):
        if (refined := CODE_ERRORS.get(word or "")) is not None:
            return refined
    if cls is BadRequestError:
        lower = fields.message.lower()
        for phrase, refined in PHRASES:
            if phrase in lower:
                return refined
    return cls


def _without_fields(response: HTTPResponse) -> str:
    kind = response.headers.get("content-type", "no content type").partition(";")[0]
    size = len(response.body)
    return f"the answer has no error that could be read ({kind}, {size} bytes); see `body` for its head"


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    return orjson.dumps(value, default=repr).decode()


def _status(*candidates: object) -> int | None:
    for value in candidates:
        if isinstance(value, int) and 400 <= value < 600:  # noqa: PLR2004 - HTTP's error statuses
            return value
    return None

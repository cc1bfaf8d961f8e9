"""Error bodies in OpenAI's shape and those near to it, made into the one tree. Total: nothing here raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.error_phrases import PHRASES
from aiocompl.errors import (
    APIStatusError,
    APITimeoutError,
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
    error_class,
)
from aiocompl.wire.headers import request_id, retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.wire.messages import HTTPResponse

MESSAGE_HEAD: Final = 1000
"""Characters of a provider's message that an error keeps."""

STATUSES: Final[Mapping[int, type[APIStatusError]]] = {
    424: InternalServerError,  # TGI, Azure: what is behind failed
    498: ServiceUnavailableError,  # Groq: no capacity in the flex tier
}
"""Statuses that mean more to these servers than HTTP says."""

UNPAID: Final = 402

UNPAID_IS_QUOTA: Final = frozenset({"codestral", "huggingface", "mistral"})
"""Providers whose 402 says that a quota is used up, rather than that something is not allowed."""

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
    "3051": ContextWindowExceededError,  # Mistral
    "1261": ContextWindowExceededError,  # Zhipu
    "1039": ContextWindowExceededError,  # MiniMax
    "tokens_limit_reached": ContextWindowExceededError,  # GitHub Models
    "1301": ContentPolicyViolationError,  # Zhipu
    "1026": ContentPolicyViolationError,  # MiniMax: the prompt
    "1027": ContentPolicyViolationError,  # MiniMax: the answer
    "data_inspection_failed": ContentPolicyViolationError,  # Alibaba
    "DataInspectionFailed": ContentPolicyViolationError,
    "SensitiveContentDetected": ContentPolicyViolationError,  # Volcengine
    "5007": NotFoundError,  # Cloudflare
}
"""Codes and types that say more than their status."""

FINAL_CODES: Final = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "billing_hard_limit_reached",
        "billing_not_active",
        "monthly_usage_limit_exceeded",
        "exceeded_current_quota_error",  # Moonshot
        "Arrearage",  # Alibaba
        "AccountOverdueError",  # Volcengine
        "1112",  # Zhipu
        "1113",
        "3036",  # Cloudflare: the day's free allocation
    }
)
"""Codes of a 429 that no waiting mends."""

FINAL_PHRASES: Final = (
    "insufficient balance",
    "insufficient credit",
    "credit balance",
    "out of credits",
    "in arrears",
    "monthly included credits",
)
"""The same, where the code says nothing."""

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
    "rate_limited": 429,  # Mistral
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "server_error": 500,
    "api_error": 500,
    "overloaded_error": 503,
    "service_unavailable_error": 503,
    "server_is_overloaded": 503,
    "validation": 422,  # TGI
    "template_error": 422,
    "overloaded": 429,
    "generation": 424,
    "incomplete_generation": 424,
    "1002": 429,  # MiniMax, whose errors have status 200
    "1004": 401,
    "1008": 402,
    "1013": 500,
    "1024": 500,
    "2013": 400,
}
"""The status that an error inside a stream, which has none of its own, would have had."""

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
    upstream: str = ""
    """The body of the provider behind a gateway, as text: it may say more than the gateway's own words."""


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
    status = fields.status or TYPE_STATUS.get(fields.code or "") or TYPE_STATUS.get(fields.type or "")
    if status is None and (refined := _refine(BadRequestError, fields)) is not BadRequestError:
        status = refined.http_status
    return make_error(
        fields, status or 500, body=body, headers=headers, provider=provider, model=model, api_key=api_key
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
    if cls is None:
        unpaid = status == UNPAID and provider in UNPAID_IS_QUOTA
        cls = _refine(RateLimitError if unpaid else STATUSES.get(status) or error_class(status), fields)
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
    if isinstance(error, RateLimitError) and (status == UNPAID or _is_final(fields)):
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


def is_error(body: Any) -> bool:
    """Whether a parsed body is an error and nothing besides, whatever its status says."""
    if isinstance(body, dict) and body.get("choices"):
        return False
    return error_fields(body) is not None


def error_fields(body: Any) -> ErrorFields | None:
    """Find the error in a parsed body, in any of the shapes that OpenAI-compatible servers use."""
    if isinstance(body, list) and body:  # Gemini's compatible surface
        body = body[0]
    if not isinstance(body, dict):
        return None
    error = body.get("error") or body.get("errors") or body.get("base_resp") or body
    if isinstance(error, list):  # Cloudflare, watsonx
        error = error[0]
    if isinstance(error, str):
        return ErrorFields(error, code=_code(body), type=_text(body.get("error_type")))
    if not isinstance(error, dict):
        return None
    message = _first(error, "message", "detail", "msg", "error_message", "status_msg", "error")
    if isinstance(message, (dict, list)) and message:
        return _nested(message, error)
    if message is None and error is body:
        return None if body.get("error") is None else ErrorFields("(no message)")
    return _fields(message, error, body)


def _fields(message: object, error: Mapping[str, Any], body: Mapping[str, Any]) -> ErrorFields:
    inner = error.get("innererror") or error.get("inner_error")
    metadata = error.get("metadata")  # OpenRouter's
    if not isinstance(metadata, dict):
        metadata = {}
    inner_code = _text(inner.get("code")) if isinstance(inner, dict) else None
    if metadata.get("reasons") or metadata.get("flagged_input"):
        inner_code = "content_policy_violation"
    return ErrorFields(
        _text(message) or "(no message)",
        code=_code(error) or _code(body),
        type=_text(error.get("type")),
        param=_text(error.get("param")),
        inner_code=inner_code,
        status=_status(
            error.get("code"),
            error.get("status_code"),
            error.get("status"),
            error.get("http_status_code"),
            body.get("status_code"),
        ),
        upstream=_text(metadata.get("raw")) or _embedded(_text(message) or ""),
    )


def _embedded(message: str) -> str:
    """The body of the provider behind Databricks, which stands in the message."""
    _, mark, rest = message.partition("external model provider: ")
    return rest.strip() if mark else ""


def _nested(message: dict[str, Any] | list[Any], error: Mapping[str, Any]) -> ErrorFields:
    """An error within an error, or pydantic's list: what was wrong and where, without the input, which is the prompt."""
    if isinstance(message, dict):
        items = message.get("detail")
        if not isinstance(items, list) or not items:
            return error_fields(message) or ErrorFields(_text(message) or "", code=_code(error))
        message = items
    first = message[0]
    if not isinstance(first, dict):
        return ErrorFields(_text(first) or "(no message)", code=_code(error))
    where = ".".join(str(step) for step in first.get("loc") or () if step != "body")
    text = _text(_first(first, "msg", "message")) or "(no message)"
    return ErrorFields(
        f"{where}: {text}" if where else text,
        code=_code(error),
        type=_text(first.get("type")),
        param=where or None,
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
    for word in (fields.inner_code, fields.code, fields.type, *_upstream_words(fields.upstream)):
        if (refined := CODE_ERRORS.get(word or "")) is not None:
            return refined
    if cls in _REFINED_BY_TEXT:
        lower = f"{fields.message} {fields.upstream}".lower()
        for phrase, refined in PHRASES:
            if phrase in lower:
                return refined
    return cls


def _upstream_words(upstream: str) -> tuple[str | None, ...]:
    """Code and type in the body of the provider behind a gateway, where that is an error in JSON."""
    if not upstream.startswith(("{", "[")):
        return ()
    fields = error_fields(parse_body(upstream.encode("utf-8", "surrogatepass")))
    return () if fields is None else (fields.inner_code, fields.code, fields.type)


_REFINED_BY_TEXT: Final = frozenset({BadRequestError, UnprocessableEntityError, PermissionDeniedError})


def _is_final(fields: ErrorFields) -> bool:
    """Whether a 429 is one that no waiting mends."""
    if fields.code in FINAL_CODES or fields.type in FINAL_CODES or fields.message.startswith(TOO_LARGE):
        return True
    lower = fields.message.lower()
    return any(phrase in lower for phrase in FINAL_PHRASES)


def _first(data: Mapping[str, Any], *names: str) -> Any:
    """The first of these fields that says something."""
    return next((data[name] for name in names if data.get(name)), None)


def _code(data: Mapping[str, Any]) -> str | None:
    return _text(_first(data, "code", "error_code", "status_code"))


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

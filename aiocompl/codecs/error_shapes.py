"""Error bodies in OpenAI's shape and those near to it, made into the one tree. Total: nothing here raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.error_words import (
    CODE_ERRORS,
    FINAL_CODES,
    FINAL_PHRASES,
    LIMIT_PHRASES,
    PHRASES,
    STATE_PHRASES,
    STATUS_WORDS,
    STATUSES,
    TOO_LARGE,
    TYPE_STATUS,
    UNPAID,
    UNPAID_IS_QUOTA,
)
from aiocompl.error_statuses import error_class
from aiocompl.errors import (
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    PermissionDeniedError,
    RateLimitError,
    UnprocessableEntityError,
)
from aiocompl.wire.headers import request_id, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocompl.wire.messages import HTTPResponse

MESSAGE_HEAD: Final = 1000
"""Characters of a provider's message that an error keeps."""

MIN_KEY: Final = 8
"""Characters of the shortest key that is looked for: a shorter one is part of words, and no secret."""

_ERROR_STATUS: Final = re.compile(r"[45]\d\d").fullmatch
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
    return make_error(
        fields,
        stream_status(fields),
        body=body,
        headers=headers,
        provider=provider,
        model=model,
        api_key=api_key,
    )


def stream_status(fields: ErrorFields, default: int = 500) -> int:
    """The status that an error would have had, had it come before the stream: by its code, its type or its text."""
    words = [word for word in (fields.code, fields.type) if word]
    told = fields.status or next((int(word) for word in words if _ERROR_STATUS(word)), None)
    told = told or next((TYPE_STATUS[word] for word in words if word in TYPE_STATUS), None)
    if told is not None:
        return told
    cls = _by_word(fields) or _by_text(fields, (*LIMIT_PHRASES, *PHRASES, *STATE_PHRASES))
    return default if cls is None else cls.http_status


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
        body=_without_key(body, api_key) if api_key and len(api_key) >= MIN_KEY else body,
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
            STATUS_WORDS.get(_text(error.get("status")) or ""),
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
    if api_key and len(api_key) >= MIN_KEY:
        text = text.replace(api_key, "[key]")
    return _SECRET.sub("[key]", text[:MESSAGE_HEAD])


def _without_key(body: Any, api_key: str) -> Any:
    """A parsed body without the key, wherever it stands in it."""
    if isinstance(body, str):
        return body.replace(api_key, "[key]")
    if isinstance(body, dict):
        return {name: _without_key(value, api_key) for name, value in body.items()}
    return [_without_key(item, api_key) for item in body] if isinstance(body, list) else body


def _refine(
    cls: type[APIStatusError | APITimeoutError], fields: ErrorFields
) -> type[APIStatusError | APITimeoutError]:
    """The narrower class that code, type or text call for, if it lies below (or beside) the status's."""
    if (told := _by_word(fields)) is not None:
        return told
    return (_by_text(fields, PHRASES) or cls) if cls in _REFINED_BY_TEXT else cls


def _by_word(fields: ErrorFields) -> type[APIStatusError] | None:
    """The class that a code or type tells."""
    words = (fields.inner_code, fields.code, fields.type, *_upstream_words(fields.upstream))
    return next((CODE_ERRORS[word] for word in words if word is not None and word in CODE_ERRORS), None)


def _by_text(
    fields: ErrorFields, phrases: Iterable[tuple[str, type[APIStatusError]]]
) -> type[APIStatusError] | None:
    """The class of the first phrase in the text."""
    lower = f"{fields.message} {fields.upstream}".lower()
    return next((cls for phrase, cls in phrases if phrase in lower), None)


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

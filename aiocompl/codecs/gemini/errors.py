"""Google's error bodies made into the one tree. Total: nothing here raises."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.error_shapes import (
    ErrorFields,
    decode_error,
    error_fields,
    make_error,
    parse_body,
    stream_status,
)
from aiocompl.codecs.error_words import STATUS_WORDS
from aiocompl.errors import APITimeoutError, RateLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiocompl.errors import APIStatusError
    from aiocompl.wire.messages import HTTPResponse

_CLIENT_CLOSED: Final = 499
_TOO_LONG: Final = re.compile(
    r"input token count .*(?:exceeds|but)|exceeds the maximum number of tokens|maximum number of tokens allowed",
    re.IGNORECASE,
)
_BAD_KEY: Final = re.compile(r"API key (?:not valid|expired|not found)", re.IGNORECASE)
_SECONDS: Final = re.compile(r"(\d+(?:\.\d+)?)s").fullmatch


@attrs.frozen(kw_only=True)
class Origin:
    """Whose error it is, and the key that must not show in it."""

    provider: str
    model: str
    api_key: str | None = attrs.field(default=None, repr=False)


def status_error(response: HTTPResponse, origin: Origin) -> APIStatusError | APITimeoutError:
    """Read an answer with an error status."""
    body = parse_body(response.body)
    if error_fields(body) is None:
        return decode_error(response, provider=origin.provider, model=origin.model, api_key=origin.api_key)
    return body_error(body, response.status, response.headers, origin)


def google_error(response: HTTPResponse, origin: Origin) -> APIStatusError | APITimeoutError | None:
    """Read an error status of Google's own making, or None where it is that of a model's maker behind it."""
    body = parse_body(response.body)
    if not isinstance(_inner(body).get("status"), str):
        return None
    return body_error(body, response.status, response.headers, origin)


def body_error(
    body: Any, status: int | None, headers: Mapping[str, str], origin: Origin
) -> APIStatusError | APITimeoutError:
    """The error that a body describes; without a status of its own (inside a stream) by its code or status word."""
    fields = error_fields(body) or ErrorFields("the stream reported an error without saying which")
    inner = _inner(body)
    word = inner.get("status")
    word = word if isinstance(word, str) else None
    if status is None:
        status = fields.status or STATUS_WORDS.get(word or "") or stream_status(fields)
    reason = next((value for value in _values(inner, "reason") if isinstance(value, str)), None)
    error = make_error(
        attrs.evolve(
            fields,
            code=reason or word,
            type=word,
            inner_code=_narrower(fields.message, reason, status),
        ),
        status,
        body=body,
        headers=headers,
        provider=origin.provider,
        model=origin.model,
        api_key=origin.api_key,
    )
    if status == _CLIENT_CLOSED:  # what Google answers to a request that was cancelled
        error = _as_timeout(error)
    error.retry_after = error.retry_after if error.retry_after is not None else _retry_delay(inner)
    if isinstance(error, RateLimitError) and _is_daily(inner):
        error.retryable = False
    return error


def _as_timeout(error: APIStatusError | APITimeoutError) -> APITimeoutError:
    made = APITimeoutError(error.message)
    made.__dict__.update(error.__dict__)
    return made


def _inner(body: Any) -> dict[str, Any]:
    if isinstance(body, list) and body:  # a stream without server-sent events wraps its error
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _narrower(message: str, reason: str | None, status: int) -> str | None:
    """OpenAI's code for what the text or the reason of a 400 tells more exactly than its status."""
    if status != 400:  # noqa: PLR2004 - the one status that stands for three things
        return None
    if reason == "API_KEY_INVALID" or _BAD_KEY.search(message):
        return "invalid_api_key"
    return "context_length_exceeded" if _TOO_LONG.search(message) else None


def _values(inner: Mapping[str, Any], name: str) -> Iterator[Any]:
    """What stands under a name in any of the error's details."""
    details = inner.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and name in detail:
            yield detail[name]


def _retry_delay(inner: Mapping[str, Any]) -> float | None:
    """Seconds to wait, from ``RetryInfo``."""
    for value in _values(inner, "retryDelay"):
        if isinstance(value, str) and (match := _SECONDS(value)) is not None:
            return float(match[1])
    return None


def _is_daily(inner: Mapping[str, Any]) -> bool:
    """Whether a quota of the day is used up, which no waiting of ours mends."""
    return any("PerDay" in str(violations) for violations in _values(inner, "violations"))

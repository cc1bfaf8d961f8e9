"""The dialect's errors, from a status or out of a stream. Total: nothing here raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.error_shapes import ErrorFields, error_fields, make_error, parse_body, stream_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.errors import APIStatusError, APITimeoutError
    from aiocompl.wire.messages import HTTPResponse

TYPE_STATUS: Final[Mapping[str, int]] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status that an error inside a 200 would have had."""


def error_of(
    body: Any,
    status: int | None,
    *,
    headers: Mapping[str, str],
    provider: str,
    model: str,
    api_key: str | None,
) -> APIStatusError | APITimeoutError:
    """The error that a parsed body reports.

    Args:
        body: The body, or the data of an error event: parsed JSON or the head of its text.
        status: The answer's status; None where that was a success, so that the body says which it would have been.
        headers: The answer's headers.
        provider: The provider's name.
        model: The model's name.
        api_key: The key, to be kept out of the message.
    """
    fields = error_fields(body) or ErrorFields("the answer has no error that could be read; see `body`")
    if status is None:
        status = TYPE_STATUS.get(fields.type or "") or stream_status(fields)
    error = make_error(
        attrs.evolve(fields, code=_stable_code(body) or fields.code),
        status,
        body=body,
        headers=headers,
        provider=provider,
        model=model,
        api_key=api_key,
    )
    if error.request_id is None and isinstance(body, dict) and isinstance(body.get("request_id"), str):
        error.request_id = body["request_id"]
    return error


def error_response(
    response: HTTPResponse, *, provider: str, model: str, api_key: str | None
) -> APIStatusError | APITimeoutError:
    """Read an answer with an error status; total over statuses and bodies."""
    return error_of(
        parse_body(response.body),
        response.status,
        headers=response.headers,
        provider=provider,
        model=model,
        api_key=api_key,
    )


def _stable_code(body: Any) -> str | None:
    """The provider's word for the cause, which stays the same when messages change."""
    error = body.get("error") if isinstance(body, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    code = details.get("error_code") if isinstance(details, dict) else None
    return code if isinstance(code, str) else None

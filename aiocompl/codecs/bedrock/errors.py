"""Errors, before and inside streams: their class is named by a header, the body, or the stream's event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.error_shapes import ErrorFields, error_fields, make_error, parse_body
from aiocompl.errors import (
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.endpoint import Endpoint

ErrorClass = type[APIStatusError | APITimeoutError]

EXCEPTIONS: Final[Mapping[str, tuple[int, ErrorClass]]] = {
    "accessdenied": (403, PermissionDeniedError),
    "expiredtoken": (403, AuthenticationError),
    "incompletesignature": (403, AuthenticationError),
    "internalfailure": (500, InternalServerError),
    "internalserver": (500, InternalServerError),
    "invalidclienttokenid": (403, AuthenticationError),
    "invalidsignature": (403, AuthenticationError),
    "missingauthenticationtoken": (403, AuthenticationError),
    "modelerror": (424, InternalServerError),
    "modelnotready": (429, RateLimitError),
    "modelstreamerror": (424, InternalServerError),
    "modeltimeout": (408, APITimeoutError),
    "resourcenotfound": (404, NotFoundError),
    "servicequotaexceeded": (400, RateLimitError),
    "serviceunavailable": (503, ServiceUnavailableError),
    "signaturedoesnotmatch": (403, AuthenticationError),
    "throttling": (429, RateLimitError),
    "unrecognizedclient": (403, AuthenticationError),
    "validation": (400, BadRequestError),
}
"""For each exception, in lower case and without that word, the status it has outside of streams, and its class."""

FINAL: Final = frozenset({"servicequotaexceeded"})
"""Limits that no waiting mends."""

TOO_LONG: Final = (
    "input is too long for requested model",
    "prompt is too long",
    "too many tokens",
    "too many input tokens",
    "expected maxlength",
    "prompt: length: 1..",
    "exceed model maximum",
    "exceed context limit",
)
"""How the texts of a ValidationException say that the prompt goes beyond the context window."""

BAD_KEY: Final = "authentication failed"
"""How the text of an AccessDeniedException about the API key begins."""


def converse_error(
    body: bytes,
    *,
    exception: str,
    status: int | None,
    headers: Mapping[str, str],
    endpoint: Endpoint,
    model: str,
) -> APIStatusError | APITimeoutError:
    """Read an error; total over all arguments.

    Args:
        body: The answer's body or the event's payload.
        exception: The exception's name as header or event give it, or empty.
        status: The answer's status; None inside a stream.
        headers: The answer's headers.
        endpoint: Where the request went, with which credentials.
        model: The model that was asked.
    """
    parsed = parse_body(_without_token(body, endpoint))
    name = _short_name(exception or _type_in(parsed))
    fields = _fields(parsed, name)
    usual, cls = EXCEPTIONS.get(_key(name), (InternalServerError.http_status, None))
    error = make_error(
        fields,
        usual if status is None else status,
        body=parsed,
        headers=headers,
        provider=endpoint.provider,
        model=model,
        api_key=endpoint.api_key,
        cls=_refined(cls, status, fields),
    )
    error.request_id = error.request_id or headers.get("x-amzn-requestid")
    error.retryable = error.retryable and _key(name) not in FINAL
    return error


def _without_token(body: bytes, endpoint: Endpoint) -> bytes:
    """The body without the session token: where a signature does not match, AWS repeats the headers it was sent."""
    token = endpoint.credentials.session_token if endpoint.credentials else None
    return body.replace(token.encode(), b"[token]") if token else body


def _refined(cls: ErrorClass | None, status: int | None, fields: ErrorFields) -> ErrorClass | None:
    """The class that the text calls for, where the exception's own says too little."""
    text = (fields.upstream or fields.message).lower()
    if (cls is BadRequestError or (cls is None and status == BadRequestError.http_status)) and any(
        phrase in text for phrase in TOO_LONG
    ):
        return ContextWindowExceededError
    if cls is BadRequestError and status in {None, BadRequestError.http_status}:
        return None  # as any other 400: by the phrases of all providers
    if cls is PermissionDeniedError and text.startswith(BAD_KEY):
        return AuthenticationError
    return cls


def _fields(parsed: Any, name: str) -> ErrorFields:
    """Message and exception; of a body that is no object only the class is read from its text, which may be anything."""
    message = parsed.get("message") or parsed.get("Message") if isinstance(parsed, dict) else None
    if not isinstance(message, str) and (found := error_fields(parsed)) is not None:
        message = found.message  # a proxy in between, with a shape of its own
    text = message if isinstance(message, str) else "the answer has no error that could be read; see `body`"
    return ErrorFields(text, type=name or None, upstream=parsed if isinstance(parsed, str) else "")


def _type_in(parsed: Any) -> str:
    name = parsed.get("__type") if isinstance(parsed, dict) else None
    return name if isinstance(name, str) else ""


def _short_name(name: str) -> str:
    """The exception alone: ``ValidationException`` of ``ValidationException:http://...`` or ``prefix#Name``."""
    return name.rpartition("#")[2].partition(":")[0].strip()


def _key(name: str) -> str:
    return name.lower().removesuffix("exception")

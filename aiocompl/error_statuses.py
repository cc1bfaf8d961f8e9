"""Which error reports which HTTP status."""

from __future__ import annotations

from typing import Final

from aiocompl.errors import (
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ConflictError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnprocessableEntityError,
)

STATUS_ERRORS: Final[dict[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: BadRequestError,
    422: UnprocessableEntityError,
    429: RateLimitError,
    500: InternalServerError,
    502: BadGatewayError,
    503: ServiceUnavailableError,
    529: ServiceUnavailableError,
}
"""The class for each HTTP status that has one of its own; see `error_class` for the rest."""


def error_class(status: int) -> type[APIStatusError | APITimeoutError]:
    """The class that reports an HTTP error status; total over all integers."""
    if status in (408, 504):
        return APITimeoutError
    if (known := STATUS_ERRORS.get(status)) is not None:
        return known
    if status >= 500:  # noqa: PLR2004 - where server errors begin
        return InternalServerError
    return APIStatusError

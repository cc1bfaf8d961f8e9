"""The seam that sends an HTTPRequest, as a contract; what is behind it does I/O, what is before it need not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.wire.messages import HTTPRequest


class OpenResponse(Protocol):
    """A response whose headers have come and whose body is still to be read. Whoever opened it closes it.

    Any method raises `APIConnectionError` where the connection breaks, and `ResponseTooLargeError` where the body
    goes beyond `max_response_bytes`. Cancelling a read leaves the response to be closed, nothing else.
    """

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, looked up in lower case."""
        ...

    async def read(self) -> bytes:
        """Read the rest of the body; the connection goes back to the pool."""
        ...

    async def read_slice(self) -> bytes:
        """Wait for more of the body and return all there is; empty at its end."""
        ...

    def close(self) -> None:
        """Give the connection back to the pool where the body is read to its end, else close it. Idempotent."""
        ...


class Transport(Protocol):
    """Sends requests to one endpoint over pooled connections. Foreign exceptions never leave it."""

    async def open(self, request: HTTPRequest) -> OpenResponse:
        """Send the request and wait for the headers of its answer, whatever their status.

        Cancelled: the connection is closed, nothing is left.

        Raises:
            APIConnectionError: No connection, or it broke before the headers came.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        ...

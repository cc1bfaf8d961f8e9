"""HTTP requests and responses as plain values, what passes between the codecs and the transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.define
class HTTPRequest:
    """What a codec asks the transport to send; nobody changes it once it is made.

    `url` and `headers` are best the very same objects for all requests of an endpoint: the transport prepares each
    only once.
    """

    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    method: str = "POST"


@attrs.define
class JobRequest(HTTPRequest):
    """A request that does not bring the answer but begins a job, which has to be followed until it is done."""

    stream: bool = False
    """Whether the answer is wanted as a stream."""


@attrs.define
class HTTPResponse:
    """A whole response. Header names are looked up in lower case."""

    status: int
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


Event = tuple[str, bytes]
"""One event of a stream: its name (``"message"`` where it has none) and its data, undecoded."""


class FrameDecoder(Protocol):
    """Cuts a byte stream into events, pushed in slices of any size; never depends on where it was cut."""

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice and return the events it completes, as (name, data).

        Raises:
            ResponseTooLargeError: An event is larger than the limit.
        """
        ...

    def end(self) -> list[Event]:
        """Take the end of the stream and return what the format allows to be completed by it."""
        ...

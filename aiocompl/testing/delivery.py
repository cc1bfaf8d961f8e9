"""An answer as bytes in time: decided wholly beforehand, so that delivering it needs no further decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Ending = Literal["whole", "close", "drop", "reset", "silence"]
"""What follows the last slice:

- whole: the proper end of the body; the connection serves the next request.
- close: the proper end of the body; then the connection is closed without having said so.
- drop: the connection is closed in the middle of the body.
- reset: the connection is reset (RST).
- silence: nothing more, until the client goes.
"""


class Slice(NamedTuple):
    """Bytes that are written at once."""

    data: bytes
    delay: float = 0.0
    """Seconds to wait before it."""

    events: int = 0
    """How many events of a stream it completes."""


@attrs.frozen(kw_only=True)
class Delivery:
    """One answer on its way: headers after `delay`, then slices, then an ending."""

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    """Names in lower case."""

    delay: float = 0.0
    """Seconds from the request to the headers."""

    slices: tuple[Slice, ...] = attrs.field(default=(), repr=False)
    length: int | None = None
    """The Content-Length; None sends the body in chunks."""

    opened: bool = True
    """False where not even headers are sent, and the ending comes at once."""

    ending: Ending = "whole"
    error: BaseException | None = None
    """Raised in place of the ending by a `ScriptedTransport`; a socket cannot carry it."""

    @property
    def streaming(self) -> bool:
        """Whether it is a stream of events."""
        return self.length is None

    @property
    def is_sse(self) -> bool:
        """Whether it is a stream of server-sent events, and not of JSON lines or the like."""
        return self.streaming and self.headers.get("content-type", "").startswith("text/event-stream")

    @classmethod
    def whole(
        cls, body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None, delay: float = 0.0
    ) -> Delivery:
        """A whole body at once, JSON unless a ``content-type`` among the headers says otherwise."""
        return cls(
            status=status,
            headers={"content-type": "application/json", **(headers or {})},
            delay=delay,
            slices=(Slice(body),),
            length=len(body),
        )

    @classmethod
    def json(cls, value: object, *, status: int = 200, delay: float = 0.0) -> Delivery:
        """A JSON body."""
        return cls.whole(orjson.dumps(value), status=status, delay=delay)

    @classmethod
    def stream(
        cls,
        slices: Iterable[Slice | bytes],
        *,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        ending: Ending = "whole",
    ) -> Delivery:
        """A stream of server-sent events; bare bytes are slices without delay that complete one event each."""
        made = tuple(part if isinstance(part, Slice) else Slice(part, 0.0, 1) for part in slices)
        kind = {"content-type": "text/event-stream; charset=utf-8", **(headers or {})}
        return cls(headers=kind, delay=delay, slices=made, ending=ending)

    @classmethod
    def failing(cls, error: BaseException, *, delay: float = 0.0) -> Delivery:
        """An exception instead of headers, for a `ScriptedTransport`."""
        return cls(opened=False, ending="drop", delay=delay, error=error)

    def body(self) -> bytes:
        """All slices joined."""
        return b"".join([part.data for part in self.slices])

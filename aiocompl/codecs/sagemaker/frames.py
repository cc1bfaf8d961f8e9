"""SageMaker's streams: server-sent events of the container, cut anywhere, in the payloads of an AWS event stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl.wire.eventstream import EventStreamDecoder
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from aiocompl.wire.messages import Event

FAILURES: Final = ("exception:", "error:")
"""How the names of events begin that come from SageMaker, not from the container."""


class PayloadDecoder:
    """Cuts one stream into the container's events; SageMaker's exceptions stand among them. See `FrameDecoder`."""

    __slots__ = ("_inner", "_outer")

    def __init__(self) -> None:
        self._outer = EventStreamDecoder()
        self._inner = SSEDecoder()

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice; see `FrameDecoder`."""
        return self._events(self._outer.feed(data))

    def end(self) -> list[Event]:
        """Take the end of the stream; see `FrameDecoder`."""
        return [*self._events(self._outer.end()), *self._inner.end()]

    def _events(self, messages: list[Event]) -> list[Event]:
        events: list[Event] = []
        for name, payload in messages:
            if name.startswith(FAILURES):
                events.append((name, payload))
            else:
                events += self._inner.feed(payload)
        return events

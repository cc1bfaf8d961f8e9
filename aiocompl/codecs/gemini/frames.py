"""The two framings of the dialect's streams: server-sent events, and objects of one JSON array (without ``alt=sse``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiocompl._compat import override
from aiocompl.errors import ResponseTooLargeError
from aiocompl.wire.sse import MAX_EVENT_BYTES, SSEDecoder

if TYPE_CHECKING:
    from aiocompl.wire.messages import Event, FrameDecoder

_MARKS: Final = re.compile(rb'[{}"\\]')
_QUOTE, _BACKSLASH, _OPEN = b'"\\{'


class GeminiFrames:
    """Cuts a stream into events, whichever framing it has: the first byte that is no white space tells.

    Args:
        max_event_bytes: The largest event taken; what goes beyond it raises instead of filling the memory.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._inner: FrameDecoder | None = None

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice and return the events it completes; see `FrameDecoder`."""
        if self._inner is None:
            data = data.lstrip()
            if not data:
                return []
            self._inner = JSONObjects(self._max) if data[:1] in {b"[", b"{"} else _Events(self._max)
        return self._inner.feed(data)

    def end(self) -> list[Event]:
        """Take the end of the stream; see `FrameDecoder`."""
        return [] if self._inner is None else self._inner.end()


class JSONObjects:
    """Cuts JSON text into its outermost objects, whether in an array or one after the other.

    Args:
        max_event_bytes: The largest object taken.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._buffer = b""
        self._seen = 0  # how far into the buffer we have looked
        self._start = 0  # where the object at hand begins
        self._depth = 0
        self._quoted = False
        self._escaped = -1  # the place of a character that a backslash stands before

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice and return the objects it completes.

        Raises:
            ResponseTooLargeError: An object is larger than `max_event_bytes`.
        """
        events: list[Event] = []
        buffer = self._buffer + data if self._buffer else data
        for match in _MARKS.finditer(buffer, self._seen):
            place = match.start()
            if place == self._escaped:
                continue
            mark = buffer[place]
            if self._quoted:
                if mark == _BACKSLASH:
                    self._escaped = place + 1
                else:
                    self._quoted = mark != _QUOTE
            elif mark == _QUOTE:
                self._quoted = True
            elif mark == _OPEN:
                self._start = self._start if self._depth else place
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    self._check_size(place - self._start)
                    events.append(("message", buffer[self._start : place + 1]))
        self._keep(buffer)
        return events

    def end(self) -> list[Event]:
        """Take the end of the stream: an object that is not closed is dropped."""
        return []

    def _keep(self, buffer: bytes) -> None:
        """Hold back the object that has begun, and nothing else."""
        cut = self._start if self._depth else len(buffer)
        self._buffer = buffer[cut:]
        self._seen = len(self._buffer)
        self._escaped -= cut
        self._start = 0
        self._check_size(self._seen)

    def _check_size(self, size: int) -> None:
        if size > self._max:
            raise ResponseTooLargeError(f"an event of the stream is larger than max_event_bytes={self._max}")


class _Events(SSEDecoder):
    """Server-sent events, among which a failure may break in as bare JSON over several lines."""

    __slots__ = ("_bare",)

    def __init__(self, max_event_bytes: int) -> None:
        super().__init__(max_event_bytes)
        self._bare: list[bytes] = []

    @override
    def end(self) -> list[Event]:
        if not self._bare:
            return super().end()
        return JSONObjects(self._max).feed(b"\n".join([*self._bare, b"".join(self._partial)]))

    @override
    def _take_field(self, line: bytes) -> None:
        if self._bare or line.startswith(b"{"):
            self._bare.append(line)
        else:
            super()._take_field(line)

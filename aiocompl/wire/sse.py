"""Server-sent events, push style: slices of bytes in, events out.

The grammar is the WHATWG's (lines end with CR, LF or CRLF; a leading BOM is dropped; comments are skipped; several
``data`` lines are joined with LF; an event that no blank line ends is dropped), except that ``id`` and ``retry``,
which only matter to a client that reconnects, are passed over.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiocompl.errors import ResponseTooLargeError

if TYPE_CHECKING:
    from aiocompl.wire.messages import Event

MAX_EVENT_BYTES: Final = 32 * 1024 * 1024
"""The default limit on one event."""

_BOM: Final = b"\xef\xbb\xbf"


class SSEDecoder:
    """Cuts one stream into events. Feed it slices in order, then `end`.

    Args:
        max_event_bytes: The largest event taken; what goes beyond it raises instead of filling the memory.
    """

    __slots__ = ("_data", "_fresh", "_max", "_name", "_partial", "_size", "_skip_lf")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._partial: list[bytes] = []  # the slices of a line whose end has not come yet
        self._size = 0  # bytes held back: that line and the data lines of the unfinished event
        self._data: list[bytes] = []
        self._name = "message"
        self._skip_lf = False  # the last slice ended with CR: an LF at the start of the next belongs to it
        self._fresh = True  # nothing taken yet: a BOM may stand here

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice and return the events it completes, as (name, data).

        Raises:
            ResponseTooLargeError: An event is larger than `max_event_bytes`.
        """
        if self._skip_lf and data:
            self._skip_lf = False
            if data[0] == 0x0A:  # noqa: PLR2004 - LF
                data = data[1:]
        if not data:
            return []
        lines = data.splitlines()
        last = data[-1]
        if last == 0x0D:  # noqa: PLR2004 - CR
            self._skip_lf = True
            rest = b""
        else:
            rest = b"" if last == 0x0A else lines.pop()  # noqa: PLR2004 - LF
        careful = self._size + len(data) > self._max
        if lines and self._partial:
            held = b"".join(self._partial)
            self._partial.clear()
            self._size -= len(held)
            lines[0] = held + lines[0]
        events = (self._take_bounded(lines) if careful else self._take_lines(lines)) if lines else []
        if rest:
            self._partial.append(rest)
            if careful:
                self._check_size(len(rest))
            self._size += len(rest)
        return events

    def end(self) -> list[Event]:
        """Take the end of the stream: an event that no blank line ended is dropped, as the grammar says."""
        return []

    def _take_bounded(self, lines: list[bytes]) -> list[Event]:
        """Take lines one by one, so that the limit holds wherever the bytes were cut."""
        events: list[Event] = []
        for line in lines:
            self._check_size(len(line))
            events += self._take_lines([line])
        return events

    def _check_size(self, more: int) -> None:
        if self._size + more > self._max:
            raise ResponseTooLargeError(f"an event of the stream is larger than max_event_bytes={self._max}")

    def _take_lines(self, lines: list[bytes]) -> list[Event]:
        if self._fresh:
            self._fresh = False
            lines[0] = lines[0].removeprefix(_BOM)
        events: list[Event] = []
        data = self._data
        for line in lines:
            if line[:6] == b"data: ":
                data.append(line[6:])
                self._size += len(line)
            elif not line:
                if data:
                    events.append((self._name, data[0] if len(data) == 1 else b"\n".join(data)))
                    data.clear()
                    self._size = 0
                self._name = "message"
            elif line[0] != 0x3A:  # noqa: PLR2004 - a colon begins a comment
                self._take_field(line)
        return events

    def _take_field(self, line: bytes) -> None:
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(line)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace") or "message"

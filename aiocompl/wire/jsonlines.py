"""JSON lines (also called NDJSON), push style: slices of bytes in, lines out.

A line ends with LF or CRLF; the last one may go without. Empty lines are skipped. What stands in a line is the
dialect's to parse.

Source: https://jsonlines.org, https://github.com/ndjson/ndjson-spec (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl.errors import ResponseTooLargeError
from aiocompl.wire.sse import MAX_EVENT_BYTES

if TYPE_CHECKING:
    from aiocompl.wire.messages import Event


class JSONLinesDecoder:
    """Cuts one stream into lines, each an event named ``"message"``. Feed it slices in order, then `end`.

    Args:
        max_event_bytes: The longest line taken, LF not counted; what goes beyond it raises instead of filling the
            memory.
    """

    __slots__ = ("_held", "_max", "_partial")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._partial: list[bytes] = []  # the slices of a line whose end has not come yet
        self._held = 0  # their bytes

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice and return the lines it completes, as (name, line).

        Raises:
            ResponseTooLargeError: A line is longer than `max_event_bytes`.
        """
        lines = data.split(b"\n")
        rest = lines.pop()
        careful = self._held + len(data) > self._max
        if lines and self._partial:
            self._partial.append(lines[0])
            lines[0] = b"".join(self._partial)
            self._partial.clear()
            self._held = 0
        if rest:
            self._partial.append(rest)
            self._held += len(rest)
        if careful:
            self._check_sizes(lines)
        return [("message", line) for raw in lines if (line := raw.removesuffix(b"\r"))]

    def end(self) -> list[Event]:
        """Take the end of the stream, and return the last line where no newline ended it."""
        line = b"".join(self._partial).removesuffix(b"\r")
        self._partial.clear()
        self._held = 0
        return [("message", line)] if line else []

    def _check_sizes(self, lines: list[bytes]) -> None:
        if max(self._held, *map(len, lines), 0) > self._max:
            raise ResponseTooLargeError(f"a line of the stream is longer than max_event_bytes={self._max}")

"""Google's ``:streamGenerateContent`` without ``alt=sse``: one JSON array that grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl._compat import override
from aiocompl.testing.dialects.base import Event
from aiocompl.testing.dialects.gemini import GeminiDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem

_SEPARATOR = b"\n,\r\n"


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> GeminiArrayDialect:
    """Make the dialect; see `make_dialect`."""
    return GeminiArrayDialect(api_key=api_key, models=models)


class GeminiArrayDialect(GeminiDialect):
    """As `GeminiDialect`, but for the stream. Its error bodies are arrays too."""

    stream_type = "application/json; charset=UTF-8"
    end_event = b"\n]"

    @override
    def events(self, asked: Asked, answers: Sequence[Answer]) -> list[Event]:
        """A streamed answer; see `Dialect`."""
        first, *others = super().events(asked, answers)
        opening = first._replace(frame=b"[" + first.frame.removeprefix(_SEPARATOR))
        return [opening, *others, Event(self.end_event)]

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        return b"[" + super().error_body(problem) + b"\n]\n"

    @override
    def frame(self, data: bytes) -> bytes:
        """Any bytes as an element that is not the first; see `Dialect`."""
        return _SEPARATOR + data

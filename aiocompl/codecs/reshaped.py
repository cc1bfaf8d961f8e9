"""What the decoders share that put another decoder's chunks into another form."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.wire.messages import Event


class ReshapedStreamDecoder(ABC):
    """A decoder that lets another one decode, and changes what comes of it; see `StreamDecoder`.

    What was decoded before an error is changed too: it is handed out before the error is raised.
    """

    def __init__(self, decoder: StreamDecoder) -> None:
        self._decoder = decoder

    @property
    def finished(self) -> bool:
        """Whether the end has been seen; see `StreamDecoder`."""
        return self._decoder.finished

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        begun = len(into)
        try:
            self._decoder.feed(events, into)
        finally:
            self._reshape(into[begun:])

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the stream; see `StreamDecoder`."""
        begun = len(into)
        try:
            self._decoder.end(into)
        finally:
            self._reshape(into[begun:])

    @abstractmethod
    def _reshape(self, chunks: list[ChatCompletionChunk]) -> None:
        """Change these chunks, which nobody has seen yet."""

"""Past a malformed event: the rest of the stream decides whether the answer is whole all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orjson import JSONDecodeError

from aiocompl.errors import APIResponseValidationError, IncompleteStreamError
from aiocompl.runtime.tasks import without_traceback

if TYPE_CHECKING:
    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.wire.messages import Event


def may_be_skipped(error: APIResponseValidationError) -> bool:
    """Whether an error says that an event is malformed, and not that it is too large to be one."""
    return type(error) is APIResponseValidationError


class SkippingDecoder:
    """Feeds another decoder event by event, and goes on where one is malformed; see `StreamDecoder`.

    What an event made before it went wrong stays, as long as it is for somebody to read. The stream is whole if it ends
    as its dialect promises and each of its choices has its finish reason, which may else have stood in what was skipped.
    It is not where the event after a malformed one makes no sense: it builds on what was lost.

    Args:
        decoder: A new one.
        first: The error of the stream's first malformed event, which is the stream's if it is not whole.
    """

    def __init__(self, decoder: StreamDecoder, first: APIResponseValidationError) -> None:
        self._decoder = decoder
        self._lost = False  # the event before was malformed
        self._ended: dict[int, bool] = {}  # by the choice's index, whether it has its finish reason
        self.first = without_traceback(first)
        self.skipped = 0
        """How many events were."""

    @property
    def finished(self) -> bool:
        """Whether the whole answer has come."""
        return self._decoder.finished and self._is_whole()

    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order.

        Raises:
            APIError: An event is an error; or one was malformed, and the stream is not whole without it.
        """
        for event in events:
            begun = len(into)
            try:
                self._decoder.feed([event], into)
            except APIResponseValidationError as error:
                if not may_be_skipped(error):
                    raise
                into[begun:] = [chunk for chunk in into[begun:] if chunk.choices]
                self._skip(error)
            except IncompleteStreamError:
                raise self.first from None
            else:
                self._lost = False
            self._note(into[begun:])
            if self._decoder.finished and not self._is_whole():
                raise self.first

    def end(self, into: list[ChatCompletionChunk]) -> None:
        """Take the end of the body; see `feed` for what it raises, and `StreamDecoder`."""
        begun = len(into)
        try:
            self._decoder.end(into)
        except IncompleteStreamError:
            raise self.first from None
        self._note(into[begun:])
        if not self._is_whole():
            raise self.first

    def _skip(self, error: APIResponseValidationError) -> None:
        if self._lost and not isinstance(error.__cause__, JSONDecodeError):
            raise self.first from None
        self._lost = True
        self.skipped += 1

    def _note(self, chunks: list[ChatCompletionChunk]) -> None:
        for chunk in chunks:
            for choice in chunk.choices:
                over = choice.finish_reason is not None
                self._ended[choice.index] = over or self._ended.get(choice.index, False)

    def _is_whole(self) -> bool:
        return not self.skipped or (bool(self._ended) and all(self._ended.values()))

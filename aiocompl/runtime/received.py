"""What has come of one stream so far: bytes in, chunks out; and all of it again, for whoever asks for the whole.

A malformed event is skipped as long as nobody knows whether the rest is whole. Which one it is, is found by decoding anew
from the beginning, event by event: so the usual case costs nothing, and no decoder needs to know of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aiocompl.errors import AiocomplError, APIResponseValidationError, IncompleteStreamError
from aiocompl.policy.tokens import estimate_prompt_tokens, estimate_tokens
from aiocompl.runtime.skipping import SkippingDecoder, may_be_skipped
from aiocompl.types.completion import Usage
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiocompl.codecs.base import Codec, StreamDecoder
    from aiocompl.types.chunk import ChatCompletionChunk, ChoiceDelta
    from aiocompl.wire.messages import Event


class Received:
    """The bytes of one stream, and what they say. It knows nothing of the stream that is read.

    Args:
        codec: Reads them.
        request: What was asked.
    """

    __slots__ = ("_codec", "_decoder", "_ended", "_forgotten", "_frames", "_request", "_slices", "_usage")

    def __init__(self, codec: Codec, request: ChatRequest) -> None:
        self._codec = codec
        self._request = request
        self._frames = codec.frame_decoder()
        self._decoder: StreamDecoder = codec.stream_decoder(request)
        self._slices: list[bytes] = []  # costs a stream nothing but memory
        self._ended = False  # the body has come to its end
        self._usage: Usage | None = None
        self._forgotten: int | None = None  # tokens of what came, once nothing is kept

    @property
    def finished(self) -> bool:
        """Whether the dialect's end has come."""
        return self._decoder.finished

    @property
    def skipped(self) -> int:
        """Events that were malformed and are left out."""
        return self._decoder.skipped if isinstance(self._decoder, SkippingDecoder) else 0

    def take(self, data: bytes, into: list[ChatCompletionChunk]) -> None:
        """Take a slice of the body; empty at its end. The chunks that it makes go into `into`, which is empty.

        Raises:
            APIError: An event is an error, or malformed in a stream that is not whole without it, or the dialect's end is
                missing; the chunks before it have been appended.
        """
        if not data:
            self._ended = True
        elif self._forgotten is None:
            self._slices.append(data)
        events = self._frames.feed(data) if data else self._frames.end()
        try:
            self._decoder.feed(events, into)
        except APIResponseValidationError as error:
            if not self._may_skip(error):
                raise
            self._skip(error, events, into)
        if not data:
            self._decoder.end(into)
        if into and into[-1].usage is not None:
            self._usage = into[-1].usage
        if self._forgotten is not None:
            self._forgotten += _tokens(into)

    def forget(self) -> None:
        """Keep nothing from now on but the count of it."""
        if self._forgotten is None:
            self._forgotten = _tokens(self.chunks())
            self._slices.clear()

    def chunks(self) -> list[ChatCompletionChunk]:
        """All chunks again that have come so far, decoded anew, whether or not they are the whole.

        Raises:
            IncompleteStreamError: They have been forgotten.
        """
        return self._decoded_again(to_end=self._ended)

    def _decoded_again(self, *, to_end: bool) -> list[ChatCompletionChunk]:
        """All chunks again; with `to_end`, those too that are made when nothing more comes."""
        if self._forgotten is not None:
            raise IncompleteStreamError("what was received is not kept, after `forget`")
        chunks: list[ChatCompletionChunk] = []
        frames, decoder = self._codec.frame_decoder(), self._new_decoder()
        with suppress(AiocomplError):  # whoever read it first has been told
            for data in self._slices:
                decoder.feed(frames.feed(data), chunks)
            if to_end:
                decoder.feed(frames.end(), chunks)
                decoder.end(chunks)
        return chunks

    def spent(self) -> tuple[Usage, bool]:
        """The tokens used so far, and whether that is an estimate: where the provider has not told them."""
        if self._usage is not None:
            return self._usage, False
        answered = self._forgotten
        if answered is None:
            chunks = self._decoded_again(to_end=True)
            told = [chunk.usage for chunk in chunks if chunk.usage is not None]
            if told:
                return told[-1], False
            answered = _tokens(chunks)
        asked = estimate_prompt_tokens(self._request.messages)
        return Usage(prompt_tokens=asked, completion_tokens=answered, total_tokens=asked + answered), True

    def _new_decoder(self) -> StreamDecoder:
        decoder: StreamDecoder = self._codec.stream_decoder(self._request)
        used = self._decoder
        return SkippingDecoder(decoder, used.first) if isinstance(used, SkippingDecoder) else decoder

    def _may_skip(self, error: APIResponseValidationError) -> bool:
        """Whether it is the first malformed event of an answer; each line of a download is an answer of its own."""
        return (
            may_be_skipped(error)
            and self._forgotten is None
            and not isinstance(self._decoder, SkippingDecoder)
            and isinstance(self._request, ChatRequest)
        )

    def _skip(
        self, first: APIResponseValidationError, events: list[Event], into: list[ChatCompletionChunk]
    ) -> None:
        """Take the latest events again, one by one, by a decoder that has taken all before them."""
        self._decoder = decoder = SkippingDecoder(self._codec.stream_decoder(self._request), first)
        frames = self._codec.frame_decoder()
        before: list[ChatCompletionChunk] = []
        for data in self._slices if self._ended else self._slices[:-1]:
            decoder.feed(frames.feed(data), before)
        into.clear()
        decoder.feed(events, into)


def _tokens(chunks: Iterable[ChatCompletionChunk]) -> int:
    """About how many tokens these are."""
    texts = (text for chunk in chunks for choice in chunk.choices for text in _texts(choice.delta))
    return estimate_tokens("".join(text for text in texts if isinstance(text, str)))


def _texts(delta: ChoiceDelta) -> Iterator[object]:
    """What of a delta the model wrote; against all promises, not all need be text."""
    yield delta.content
    yield delta.reasoning_content
    yield delta.refusal
    for call in delta.tool_calls or ():
        for part in (call.function, call.custom):
            if part is not None:
                yield part.name
        if call.function is not None:
            yield call.function.arguments
        if call.custom is not None:
            yield call.custom.input
    if delta.function_call is not None:
        yield delta.function_call.name
        yield delta.function_call.arguments
    if delta.audio is not None:
        yield delta.audio.transcript

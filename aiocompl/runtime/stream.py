"""A streamed answer: an async iterator of chunks that holds its slot and its connection until it ends or is closed.

The consumer's own task reads whole slices from the connection and decodes them; no task and no queue stand between.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Self

import attrs

from aiocompl.errors import AiocomplError, APITimeoutError, IncompleteStreamError
from aiocompl.types.assemble import stream_chunk_builder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.wire.messages import FrameDecoder
    from aiocompl.wire.transport import OpenResponse

_TRAILER: Final = 0.05
"""Seconds given to the end of the HTTP body after the dialect's end, so that the connection can serve again."""


@attrs.define(eq=False)
class Lease:
    """What a stream holds: an open response and a slot. Ends once, by whoever comes first.

    It knows nothing of the stream, so that a stream nobody holds any more is collected and can close it.
    """

    response: OpenResponse
    loop: asyncio.AbstractEventLoop
    on_end: Callable[[Lease], None]
    timer: asyncio.TimerHandle | None = None
    ended: bool = False
    why: type[AiocomplError] | None = None
    """Why somebody else than the stream ended it: the deadline, or the supervisor."""

    def end(self, why: type[AiocomplError] | None = None) -> None:
        """Close the response and free the slot. Idempotent."""
        if self.ended:
            return
        self.ended = True
        self.why = why
        if self.timer is not None:
            self.timer.cancel()
        self.response.close()
        self.on_end(self)

    def abandon(self) -> None:
        """End it from wherever the garbage collector happens to run."""
        if self.ended or self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.end)


class CompletionStream:
    """The chunks of one streamed answer::

        async with await acompletion(model="gpt-4o", messages=messages, stream=True) as stream:
            async for chunk in stream:
                print(chunk.choices[0].delta.content or "", end="")

    It ends by itself after the last chunk. Leaving the `async with`, `aclose()`, cancelling whoever reads it, or
    dropping it closes the connection at once, as the provider sees it, and frees the slot. One task at a time may
    read it.

    Iterating raises what any call raises, and `IncompleteStreamError` where the stream is cut before its end. After
    an error, or once closed, the iteration is over.

    Attributes:
        call: Timing and identity of the call; filled in as the stream goes.
    """

    def __init__(
        self,
        lease: Lease | None,
        frames: FrameDecoder | None,
        decoder: StreamDecoder | None,
        call: CallInfo,
        started: float,
    ) -> None:
        self._lease = lease
        self._frames = frames
        self._decoder = decoder
        self._started = started
        self._chunks: list[ChatCompletionChunk] = []
        self._next = 0
        self._error: AiocomplError | None = None
        self.call = call

    @classmethod
    def of(cls, chunks: Iterable[ChatCompletionChunk], call: CallInfo) -> Self:
        """A stream of chunks that are there already, with nothing to close."""
        stream = cls(None, None, None, call, 0.0)
        stream._chunks.extend(chunks)
        return stream

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        index = self._next
        if index == len(self._chunks):
            await self._fill()
        self._next = index + 1
        return self._chunks[index]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def aclose(self) -> None:
        """Close the connection and free the slot; chunks not yet read are gone. Idempotent, never waits."""
        self.close()

    def close(self) -> None:
        """The same as `aclose`, for callers that cannot await."""
        del self._chunks[self._next :]
        self._error = None
        self._end()

    async def next_chunks(self) -> list[ChatCompletionChunk]:
        """Wait for at least one chunk and return all that have come; empty at the end of the stream.

        Cancelled: the stream is closed.
        """
        index = self._next
        if index == len(self._chunks):
            try:
                await self._fill()
            except StopAsyncIteration:
                return []
        self._next = len(self._chunks)
        return self._chunks[index:]

    async def response(self) -> ChatCompletion:
        """Read the rest of the stream and put the whole together, chunks already read included.

        Returns:
            The response that the blocking call would have given, with `call` set.

        Raises:
            APIError: The stream broke, or was closed before its end.
        """
        async for _ in self:
            pass
        if self._decoder is not None and not self._decoder.finished:
            raise IncompleteStreamError(
                "the stream was closed before its end", provider=self.call.provider, model=self.call.model
            )
        whole = stream_chunk_builder(self._chunks)
        whole.call = self.call
        return whole

    def __del__(self) -> None:
        if self._lease is not None:
            self._lease.abandon()

    def __repr__(self) -> str:
        state = "open" if self._lease is not None and not self._lease.ended else "closed"
        return f"<CompletionStream {self.call.provider}/{self.call.model}, {state}, {self._next} chunks read>"

    async def _fill(self) -> None:
        """Wait until there is at least one more chunk.

        Cancelled: the stream is closed.
        """
        have = len(self._chunks)
        try:
            while len(self._chunks) == have:
                await self._fill_once()
        except StopAsyncIteration:
            raise
        except AiocomplError as error:
            self._end()
            if len(self._chunks) == have:
                raise
            self._error = error  # what came before it is delivered first
        except BaseException:
            self._end()
            raise
        if self.call.first_token is None:
            self._stamp_first_token(have)

    async def _fill_once(self) -> None:
        lease, decoder, frames = self._lease, self._decoder, self._frames
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if lease is None or decoder is None or frames is None:
            raise StopAsyncIteration
        if lease.ended:
            self._raise_why(lease)
        if decoder.finished:
            await self._finish(lease)
            raise StopAsyncIteration
        try:
            data = await lease.response.read_slice()
        except AiocomplError as error:
            if lease.why is not None:
                self._raise_why(lease)
            self._name(error)
            raise
        if data:
            decoder.feed(frames.feed(data), self._chunks)
        else:
            decoder.feed(frames.end(), self._chunks)
            decoder.end(self._chunks)

    async def _finish(self, lease: Lease) -> None:
        """Wait briefly for the end of the body, so that the connection can go back to the pool."""
        try:
            async with asyncio.timeout(_TRAILER):
                while await lease.response.read_slice():
                    pass
        except (AiocomplError, TimeoutError):
            pass  # the answer is whole; the connection is not worth more
        self._end()

    def _end(self) -> None:
        if self._lease is not None:
            if self.call.total is None:
                self.call.total = self._lease.loop.time() - self._started
            self._lease.end()

    def _raise_why(self, lease: Lease) -> None:
        """Raise what ended the stream from outside; a stream closed by its reader is just over."""
        if lease.why is None:
            raise StopAsyncIteration
        why, lease.why = lease.why, None
        text = "the deadline passed within the stream" if why is APITimeoutError else "the supervisor was closed"
        raise why(text, provider=self.call.provider, model=self.call.model)

    def _name(self, error: AiocomplError) -> None:
        error.model = error.model or self.call.model

    def _stamp_first_token(self, index: int) -> None:
        for chunk in self._chunks[index:]:
            for choice in chunk.choices:
                delta = choice.delta
                if delta.content or delta.tool_calls or delta.reasoning_content or delta.refusal:
                    lease = self._lease
                    self.call.first_token = lease.loop.time() - self._started if lease else 0.0
                    return

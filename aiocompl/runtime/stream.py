"""A streamed answer: an async iterator of chunks that holds its slot and its connection until it ends or is closed.

The consumer's own task reads whole slices from the connection and decodes them; no task and no queue stand between.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn, Self

import attrs

from aiocompl._compat import override
from aiocompl.codecs.quotes import conceal
from aiocompl.errors import ActorDiedError, AiocomplError, APITimeoutError, IncompleteStreamError
from aiocompl.types.assemble import stream_chunk_builder

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from aiocompl.codecs.base import Codec
    from aiocompl.runtime.stream_limits import StreamWatch
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.transport import OpenResponse

_TRAILER: Final = 0.05
"""Seconds given to the end of the HTTP body after the dialect's end, so that the connection can serve again."""

_WHY: Final[dict[type[AiocomplError], str]] = {
    APITimeoutError: "the deadline passed within the stream",
    ActorDiedError: "the actor died with this stream open",
}


@attrs.define(eq=False)
class Lease:
    """What a stream holds: an open response and a slot. Ends once, by whoever comes first.

    It knows nothing of the stream, so that a stream nobody holds any more is collected and can close it.
    """

    response: OpenResponse
    loop: asyncio.AbstractEventLoop
    on_end: Callable[[Lease], None]
    over: bool = False
    why: type[AiocomplError] | AiocomplError | None = None
    """Why somebody else than its reader ended it: the deadline, a limit of the stream, or the supervisor."""

    def end(self, why: type[AiocomplError] | AiocomplError | None = None) -> None:
        """Close the response and free the slot. Idempotent."""
        if self.over:
            return
        self.over = True
        self.why = why
        self.response.close()
        self.on_end(self)

    def expire(self) -> None:
        """The deadline has passed."""
        self.end(APITimeoutError)

    def abandon(self) -> None:
        """End it from wherever the garbage collector happens to run."""
        if not self.over:
            with suppress(RuntimeError):  # the loop is closed, and its sockets with it
                self.loop.call_soon_threadsafe(self.end)


class CompletionStream:
    """The chunks of one streamed answer.

    ::

        async with await acompletion(model="gpt-4o", messages=messages, stream=True) as stream:
            async for chunk in stream:
                print(chunk.choices[0].delta.content or "", end="")

    It ends by itself after the last chunk. Leaving the `async with`, `aclose()`, cancelling whoever reads it, or
    dropping it closes the connection at once, as the provider sees it, and frees the slot. One task at a time may
    read it.

    Iterating raises what any call raises, and `IncompleteStreamError` where the stream is cut before its end. After
    an error, or once closed, the iteration is over.

    The tokens used are in `response`, where the provider tells them at all; the iteration has a chunk of their own,
    with no choices, only where `stream_options={"include_usage": True}` asks for it, whoever the provider is.

    Attributes:
        call: Timing and identity of the call; filled in as the stream goes.
    """

    def __init__(
        self,
        lease: Lease,
        codec: Codec,
        request: ChatRequest,
        call: CallInfo,
        started: float,
        watch: StreamWatch | None = None,
    ) -> None:
        self._codec = codec
        self._request = request
        self._shows_usage = request.shows_usage
        self._frames = codec.frame_decoder()
        self._decoder = codec.stream_decoder(request)
        self._started = started
        self._watch = watch
        self._ready: list[ChatCompletionChunk] = []  # decoded, not yet read; the next one last
        self._slices: list[
            bytes
        ] = []  # all that was received, for `response`; costs a stream nothing but memory
        self._error: AiocomplError | None = None
        self.call = call
        self._lease = lease  # last: one that could not be made has nothing to give back

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ChatCompletionChunk:
        if not self._ready:
            await self._fill()
        return self._ready.pop()

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
        self._ready.clear()
        self._error = None
        self._end()

    async def next_chunks(self) -> list[ChatCompletionChunk]:
        """Wait for at least one chunk and return all that have come; empty at the end of the stream.

        Cancelled: the stream is closed.
        """
        if not self._ready:
            try:
                await self._fill()
            except StopAsyncIteration:
                return []
        chunks = self._ready[::-1]
        self._ready.clear()
        return chunks

    def forget(self) -> None:
        """Give up what was received so far: `response` cannot be asked for any more, and memory stays flat."""
        self._slices.clear()

    async def wait_for_token(self) -> bool:
        """Wait until a chunk with text, reasoning, a refusal, a call or sound has come, and leave it to be read.

        Cancelled, or broken before: the stream is closed.

        Returns:
            Whether there is one; False where the stream ended without.

        Raises:
            APIError: The stream broke before its first token.
        """
        held: list[ChatCompletionChunk] = []
        found = False
        while not found:
            if not self._ready:
                if self._error is not None:  # what came before it holds no token, and helps nobody
                    error, self._error = self._error, None
                    raise error
                try:
                    await self._fill()
                except StopAsyncIteration:
                    break
            fresh = self._ready[::-1]
            self._ready.clear()
            held += fresh
            found = any(map(_has_token, fresh))
        self._ready = held[::-1]
        return found

    async def response(self) -> ChatCompletion:
        """Read the rest of the stream and put the whole together, chunks already read included.

        Returns:
            The response that the blocking call would have given, with `call` set.

        Raises:
            APIError: The stream broke, or was closed before its end.
        """
        reading = True
        while reading:
            reading = bool(await self.next_chunks())
        if not self._decoder.finished:
            raise IncompleteStreamError(
                "the stream was closed before its end", provider=self.call.provider, model=self.call.model
            )
        whole = stream_chunk_builder(self._decoded_again())
        whole.call = self.call
        if self._request.answer_type is not None:
            self._request.answer_type.read_into(whole)
        return whole

    def _decoded_again(self) -> list[ChatCompletionChunk]:
        chunks: list[ChatCompletionChunk] = []
        codec = self._codec
        frames, decoder = codec.frame_decoder(), codec.stream_decoder(self._request)
        for data in self._slices:
            decoder.feed(frames.feed(data), chunks)
        decoder.feed(frames.end(), chunks)
        decoder.end(chunks)
        return chunks

    def __del__(self) -> None:
        lease: Lease | None = getattr(self, "_lease", None)
        if lease is not None:
            lease.abandon()

    @override
    def __repr__(self) -> str:
        state = "closed" if self._lease.over else "open"
        return f"<CompletionStream {self.call.provider}/{self.call.model}, {state}>"

    async def _fill(self) -> None:
        """Wait until there is at least one chunk.

        Cancelled: the stream is closed.
        """
        chunks: list[ChatCompletionChunk] = []
        try:
            while not chunks:
                await self._fill_once(chunks)
                chunks = self._shown(chunks)
        except StopAsyncIteration:
            raise
        except AiocomplError as error:
            error.provider = error.provider or self.call.provider  # framing knows neither
            error.model = error.model or self.call.model
            conceal(error, self._request)
            self._end()
            if not (chunks := self._shown(chunks)):
                raise
            self._error = error  # what came before it is delivered first
        except BaseException:
            self._end()
            raise
        if self.call.first_token is None and any(map(_has_token, chunks)):
            self.call.first_token = self._lease.loop.time() - self._started
        chunks.reverse()
        self._ready = chunks

    def _shown(self, chunks: list[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
        """What is to be read of these: without the one that only holds the usage, where nobody asks for it."""
        if self._shows_usage:
            return chunks
        return [chunk for chunk in chunks if chunk.choices or chunk.usage is None]

    async def _fill_once(self, chunks: list[ChatCompletionChunk]) -> None:
        lease, decoder = self._lease, self._decoder
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if decoder.finished:
            await self._finish(lease)
            raise StopAsyncIteration
        if lease.over:
            self._raise_why(lease)
        watch = self._watch
        if watch is not None:
            watch.wait(token=self.call.first_token is not None)
        try:
            data = await lease.response.read_slice()
        except AiocomplError as error:
            if lease.over:  # closed under the read
                self._raise_why(lease)
            error.model = error.model or self.call.model
            raise
        if lease.over:
            self._raise_why(lease)
        if watch is not None:
            watch.came()
        if data:
            self._slices.append(data)
            decoder.feed(self._frames.feed(data), chunks)
        else:
            decoder.feed(self._frames.end(), chunks)
            decoder.end(chunks)

    async def _finish(self, lease: Lease) -> None:
        """Wait briefly for the end of the body, so that the connection can go back to the pool."""
        if lease.over:
            return
        with suppress(AiocomplError, TimeoutError):  # the answer is whole; the connection is not worth more
            async with asyncio.timeout(_TRAILER):
                while await lease.response.read_slice():
                    pass
        self._end()

    def _end(self) -> None:
        if self.call.total is None:
            self.call.total = self._lease.loop.time() - self._started
        if self._watch is not None:
            self._watch.close()
        self._lease.end()

    def _raise_why(self, lease: Lease) -> NoReturn:
        """Raise what ended the stream from outside; a stream closed by its reader is just over."""
        if lease.why is None:
            raise StopAsyncIteration
        why, lease.why = lease.why, None
        if isinstance(why, AiocomplError):
            why.provider, why.model = self.call.provider, self.call.model
            raise why
        text = _WHY.get(why, "the supervisor was closed within the stream")
        raise why(text, provider=self.call.provider, model=self.call.model)


def _has_token(chunk: ChatCompletionChunk) -> bool:
    return any(
        choice.delta.content
        or choice.delta.tool_calls
        or choice.delta.reasoning_content
        or choice.delta.refusal
        or choice.delta.function_call
        or choice.delta.audio
        for choice in chunk.choices
    )

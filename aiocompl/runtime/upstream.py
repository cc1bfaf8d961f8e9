"""The stream of one upstream response, which holds its slot and its connection until it ends or is closed.

The consumer's own task reads whole slices from the connection and decodes them; no task and no queue stand between.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NoReturn

import attrs

from aiocompl import telemetry
from aiocompl._compat import override
from aiocompl.codecs.quotes import conceal
from aiocompl.errors import ActorDiedError, AiocomplError, APITimeoutError
from aiocompl.runtime.received import Received
from aiocompl.runtime.stream import CompletionStream, has_token, partial_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec
    from aiocompl.runtime.stream import Ending, Receipt
    from aiocompl.runtime.stream_limits import StreamWatch
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
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
    why: AiocomplError | None = None
    """Why somebody else than its reader ended it: the deadline, a limit of the stream, or the supervisor."""
    call: CallInfo | None = None
    receipt: Receipt | None = None
    ending: Ending | None = None

    def attach(self, call: CallInfo, receipt: Receipt, ending: Ending) -> None:
        """Say what the stream is for whom it is held."""
        self.call, self.receipt, self.ending = call, receipt, ending

    def end(
        self, why: type[AiocomplError] | AiocomplError | None = None, *, error: Exception | None = None
    ) -> None:
        """Close the response and free the slot. Idempotent.

        Args:
            why: Why somebody else than the reader ends it; the reader gets it as an error, if it reads on.
            error: What the reader has got instead of an end.
        """
        if self.over:
            return
        self.over = True
        if why is not None:
            self.why = self._error(why)
            if self.receipt is None or not self.receipt.finished:  # a whole answer is not made less by it
                error = self.why
        self.response.close()
        self.on_end(self)
        if self.ending is not None:
            self.ending.tell(error)

    def expire(self) -> None:
        """The deadline has passed."""
        self.end(APITimeoutError)

    def abandon(self) -> None:
        """End it from wherever the garbage collector happens to run."""
        if not self.over:
            with suppress(RuntimeError):  # the loop is closed, and its sockets with it
                self.loop.call_soon_threadsafe(self.end)

    def _error(self, why: type[AiocomplError] | AiocomplError) -> AiocomplError:
        if isinstance(why, type):
            why = why(_WHY.get(why, "the supervisor was closed within the stream"))
        if self.call is not None:
            why.provider, why.model = self.call.provider, self.call.model
        return why


class UpstreamStream(CompletionStream):
    """The chunks of one upstream response; see `CompletionStream`.

    Args:
        lease: What it holds from now on.
        codec: Reads the response.
        request: What was asked.
        call: What is known of the call; filled in as the stream goes.
        started: When the call began, by `loop.time()`.
        watch: Ends it when the provider keeps the reader waiting for too long.
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
        self._received = received = Received(codec, request)
        super().__init__(call, request.answer_type, received)
        self._request = request
        self._shows_usage = request.shows_usage
        self._started = started
        self._watch = watch
        lease.attach(call, received, self._ending)
        self._lease = lease  # last: one that could not be made has nothing to give back

    def __del__(self) -> None:
        lease: Lease | None = getattr(self, "_lease", None)
        if lease is not None:
            lease.abandon()

    @override
    async def _fill(self) -> None:
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
            error.partial = partial_of(self._received, self.call)
            conceal(error, self._request)
            self._end(error)
            if not (chunks := self._shown(chunks)):
                raise
            self._error = error  # what came before it is delivered first
        except BaseException as error:
            self._end(error if isinstance(error, Exception) else None)
            raise
        if self.call.first_token is None and any(map(has_token, chunks)):
            self.call.first_token = self._lease.loop.time() - self._started
        chunks.reverse()
        self._ready = chunks

    def _shown(self, chunks: list[ChatCompletionChunk]) -> list[ChatCompletionChunk]:
        """What is to be read of these: without the one that only holds the usage, where nobody asks for it."""
        if self._shows_usage:
            return chunks
        return [chunk for chunk in chunks if chunk.choices or chunk.usage is None]

    async def _fill_once(self, chunks: list[ChatCompletionChunk]) -> None:
        lease, received = self._lease, self._received
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        if received.finished:
            if received.skipped:
                self._tell_skipped(received.skipped)
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
        received.take(data, chunks)

    def _tell_skipped(self, count: int) -> None:
        call = self.call
        if not call.skipped_events:
            call.skipped_events = count
            telemetry.attempt(
                "stream.events_skipped",
                verbose=False,
                provider=call.provider,
                endpoint=call.endpoint,
                model=call.model,
                count=count,
            )

    async def _finish(self, lease: Lease) -> None:
        """Wait briefly for the end of the body, so that the connection can go back to the pool."""
        if lease.over:
            return
        with suppress(AiocomplError, TimeoutError):  # the answer is whole; the connection is not worth more
            async with asyncio.timeout(_TRAILER):
                while await lease.response.read_slice():
                    pass
        self._end()

    @override
    def _end(self, error: Exception | None = None) -> None:
        if self.call.total is None:
            self.call.total = self._lease.loop.time() - self._started
        if self._watch is not None:
            self._watch.close()
        self._lease.end(error=error)

    def _raise_why(self, lease: Lease) -> NoReturn:
        """Raise what ended the stream from outside; a stream closed by its reader is just over."""
        why, lease.why = lease.why, None
        if why is None:
            raise StopAsyncIteration
        raise why

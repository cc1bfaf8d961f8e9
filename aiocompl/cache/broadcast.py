"""One stream that several callers read, each at its own pace: what has come is kept until the last of them has gone."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.cache.coalesce import Flight, raise_own, shared_call
from aiocompl.errors import APITimeoutError
from aiocompl.runtime.replay import DONE, sse, stream_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiocompl.runtime.replay import StreamForm
    from aiocompl.runtime.stream import CompletionStream, Receipt
    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk


@attrs.define(eq=False)
class StreamFlight(Flight[None]):
    """A call whose answer is streamed. Its task reads the stream as fast as it comes, and hands on what it reads.

    What is handed on is in OpenAI's dialect, and each reader decodes it: so they share no chunk.
    """

    _ask: Callable[[], Awaitable[CompletionStream]]
    on_whole: Callable[[CallInfo, Receipt], object] | None = None
    """Called if the stream ends as it should."""
    slices: list[bytes] = attrs.field(factory=list, init=False)
    """All that has been handed on."""
    is_ended: bool = attrs.field(default=False, init=False)
    """Whether nothing more will come."""
    error: BaseException | None = attrs.field(default=None, init=False)
    """Why that is so, where something went wrong."""
    opened: asyncio.Future[None] = attrs.field(init=False)
    """Done once the stream is open, or will never be."""
    _call: CallInfo | None = attrs.field(default=None, init=False)
    _stream: CompletionStream | None = attrs.field(default=None, init=False)
    _heading: dict[str, Any] = attrs.field(factory=dict, init=False)  # of all chunks
    _tells_usage: bool = attrs.field(default=True, init=False)  # as long as no other chunk did
    _news: set[asyncio.Future[None]] = attrs.field(factory=set, init=False)

    def begin(self) -> None:
        """Ask for the stream."""
        self.opened = asyncio.get_running_loop().create_future()
        self.start(self._pump)
        self.task.add_done_callback(lambda _: self._end())  # for one that was cancelled before it began

    def reader(self, form: StreamForm, *, first: bool, started: float, deadline: float) -> CompletionStream:
        """A stream for one of those who have waited for it to open.

        Args:
            form: How the reader wants it.
            first: Whether it is the one who began.
            started: When its call began.
            deadline: When that must be over.

        Raises:
            AiocomplError: It could not be opened; each caller has an error of its own.
        """
        if self._call is None:
            raise_own(self.error, alone=self.joined == 1)
        call = self._call if first else shared_call(self._call)
        response = _Reading(self, call.headers, deadline if deadline < self.deadline else inf)
        return stream_of(response, call, form, started=started)

    def let_go(self) -> None:
        """One reader less. The last to go closes the stream, whose slot and connection are free at once."""
        self.waiting -= 1
        if not self.waiting and self._stream is not None:
            self.on_over()
            self._stream.close()
            self.task.cancel()

    async def news(self) -> None:
        """Wait until there is more, or never will be, or `wake` is called."""
        coming = asyncio.get_running_loop().create_future()
        self._news.add(coming)
        try:
            await coming
        finally:
            self._news.discard(coming)

    def wake(self) -> None:
        """Have all who wait for news look."""
        for coming in self._news:
            if not coming.done():
                coming.set_result(None)

    async def _pump(self) -> None:
        try:
            self._stream = await self._ask()
            async with self._stream as stream:
                self._call = source = stream.call
                self.opened.set_result(None)
                while chunks := await stream.next_chunks():
                    if stream.call is not source:
                        source = self._go_on(stream.call)
                    self._tell(chunks)
                if stream.receipt.finished:
                    self._tell_rest(stream)
        except Exception as error:
            self.error = error
            raise
        finally:
            self._end()

    def _go_on(self, call: CallInfo) -> CallInfo:
        """The stream broke and goes on elsewhere: the first reader shall know, and the answer is not that of one model."""
        self.on_whole = _not_kept
        for field in attrs.fields(type(call)):
            setattr(self._call, field.name, getattr(call, field.name))
        return call

    def _tell(self, chunks: list[ChatCompletionChunk]) -> None:
        """Hand chunks on; one of nothing but the usage comes at the end, since not all readers may have asked for it."""
        told = [chunk for chunk in chunks if chunk.choices or chunk.usage is None]
        if told:
            self._heading = {name: getattr(told[-1], name) for name in ("id", "object", "created", "model")}
            self._tells_usage = self._tells_usage and all(chunk.usage is None for chunk in told)
            self.slices.append(b"".join([sse(chunk) for chunk in told]))
            self.wake()

    def _tell_rest(self, stream: CompletionStream) -> None:
        usage, is_estimate = stream.spent()
        last = b""
        if self._tells_usage and not is_estimate:
            last = sse({**self._heading, "choices": [], "usage": usage})
        self.slices.append(last + DONE)
        if self.on_whole is not None:
            self.on_whole(stream.call, stream.receipt)

    def _end(self) -> None:
        self.on_over()
        self.is_ended = True
        self._stream = None
        if not self.opened.done():
            self.opened.set_result(None)
        self.wake()


def _not_kept(_: CallInfo, __: Receipt) -> None:
    """In place of what would keep the answer."""


class _Reading:
    """What one reader reads: all from the beginning. See `OpenResponse` for the contract.

    It knows nothing of the reader's stream, so that a stream that nobody holds any more is collected and closes it.
    """

    def __init__(self, flight: StreamFlight, headers: Mapping[str, str], deadline: float) -> None:
        self.status = 200
        self.headers = headers
        self._flight = flight
        self._at = 0
        self._is_closed = False
        self._is_late = False
        self._timer: asyncio.TimerHandle | None = None
        if deadline != inf:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._expire)

    async def read(self) -> bytes:
        """Read what is left; see `OpenResponse`."""
        parts: list[bytes] = []
        while part := await self.read_slice():
            parts.append(part)
        return b"".join(parts)

    async def read_slice(self) -> bytes:
        """All that has come since the last time, or what comes next; see `OpenResponse`.

        Cancelled: nothing is lost.
        """
        flight = self._flight
        while True:
            if self._is_late:
                raise APITimeoutError("the deadline passed within the stream")
            if self._is_closed:
                return b""
            if self._at < len(flight.slices):
                data = b"".join(flight.slices[self._at :])
                self._at = len(flight.slices)
                return data
            if flight.is_ended:
                if flight.task.cancelled() or flight.error is not None:
                    raise_own(flight.error, alone=flight.joined == 1)
                return b""
            await flight.news()

    def close(self) -> None:
        """Read no more. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._flight.let_go()
        self._flight.wake()

    def _expire(self) -> None:
        self._is_late = True
        self.close()

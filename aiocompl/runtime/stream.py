"""A streamed answer: an async iterator of chunks, whatever they come from.

One upstream response is `runtime.upstream`, one that goes on elsewhere when it breaks `runtime.recovering`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from copy import copy
from typing import TYPE_CHECKING, Protocol, Self

from aiocompl import telemetry
from aiocompl._compat import override
from aiocompl.errors import AiocomplError, IncompleteStreamError
from aiocompl.types.assemble import stream_chunk_builder

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion, Usage
    from aiocompl.types.structured import AnswerType


class Receipt(Protocol):
    """What came of a stream, for whoever counts: it may be kept when the stream is gone."""

    @property
    def finished(self) -> bool:
        """Whether the whole answer has come."""
        ...

    def spent(self) -> tuple[Usage, bool]:
        """The tokens used so far, and whether that is an estimate; see `CompletionStream.spent`."""
        ...

    def chunks(self) -> list[ChatCompletionChunk]:
        """All chunks of the answer again that have come so far, those that are not shown included.

        Raises:
            IncompleteStreamError: They have been forgotten.
        """
        ...

    def forget(self) -> None:
        """Keep nothing from now on but the count of it."""
        ...


class Ending:
    """The end of a stream, told once to all who want to know. It knows nothing of the stream, so that one can be lost."""

    __slots__ = ("_callbacks", "_error", "over")

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Exception | None], object]] = []
        self._error: Exception | None = (
            None  # a copy, for those who ask too late: a traceback would hold the stream
        )
        self.over = False

    def add(self, callback: Callable[[Exception | None], object]) -> None:
        """Have it told; at once, where it is over."""
        if self.over:
            _tell(callback, self._error)
        else:
            self._callbacks.append(callback)

    def tell(self, error: Exception | None = None) -> None:
        """It is over. Idempotent."""
        if self.over:
            return
        self.over = True
        if isinstance(error, AiocomplError):
            self._error = copy(error)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _tell(callback, error)


def _tell(callback: Callable[[Exception | None], object], error: Exception | None) -> None:
    try:
        callback(error)
    except Exception as bug:  # noqa: BLE001 - it must not break the stream
        telemetry.warning("stream.callback_failed", error=repr(bug))


class CompletionStream(ABC):
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
        receipt: What came of it, for whoever counts when the stream is gone.
    """

    def __init__(self, call: CallInfo, answer_type: AnswerType | None, receipt: Receipt) -> None:
        self.call = call
        self.receipt = receipt
        self._answer_type = answer_type
        self._ready: list[ChatCompletionChunk] = []  # decoded, not yet read; the next one last
        self._error: AiocomplError | None = None  # raised when these are read
        self._ending = Ending()

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
        await self.aclose()

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
        """Keep nothing of what comes: `response` cannot be asked for any more, and memory stays flat."""
        self.receipt.forget()

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
            found = any(map(has_token, fresh))
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
        if not self.receipt.finished:
            raise IncompleteStreamError(
                "the stream was closed before its end", provider=self.call.provider, model=self.call.model
            )
        whole = stream_chunk_builder(self.receipt.chunks())
        whole.call = self.call
        if self._answer_type is not None:
            self._answer_type.read_into(whole)
        return whole

    def when_ended(self, callback: Callable[[Exception | None], object]) -> None:
        """Have a function called once, on the loop, when the stream is over: read, broken, closed, cancelled or dropped.

        It is given the error that ended the stream, or None; what it does wrong is logged and breaks nothing. It must not
        hold the stream, which could never be dropped then: `receipt` tells what was spent without it. Where the stream
        is over already, it is called at once.
        """
        self._ending.add(callback)

    def spent(self) -> tuple[Usage, bool]:
        """The tokens used so far, and whether that is an estimate: from the prompt and from what was received.

        It is one where the provider has not told the tokens, because it never does, or because the stream is not at its
        end or will never be.
        """
        return self.receipt.spent()

    @override
    def __repr__(self) -> str:
        state = "closed" if self._ending.over else "open"
        return f"<CompletionStream {self.call.provider}/{self.call.model}, {state}>"

    @abstractmethod
    async def _fill(self) -> None:
        """Wait until there is at least one chunk.

        Cancelled: the stream is closed.

        Raises:
            StopAsyncIteration: There will be none.
        """

    @abstractmethod
    def _end(self, error: Exception | None = None) -> None:
        """Close what is open, and tell that the stream is over, and by which error. Idempotent."""


def partial_of(receipt: Receipt, call: CallInfo) -> ChatCompletion | None:
    """What a stream that broke brought, put together; None where the model had written nothing, or it is forgotten."""
    with suppress(IncompleteStreamError):
        chunks = receipt.chunks()
        if any(map(has_token, chunks)):
            partial = stream_chunk_builder(chunks)
            partial.call = call
            return partial
    return None


def has_token(chunk: ChatCompletionChunk) -> bool:
    """Whether a chunk holds anything that the model wrote."""
    return any(
        choice.delta.content
        or choice.delta.tool_calls
        or choice.delta.reasoning_content
        or choice.delta.refusal
        or choice.delta.function_call
        or choice.delta.audio
        for choice in chunk.choices
    )

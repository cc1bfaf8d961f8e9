"""Blocking twins of the async functions, for scripts, notebooks and threads: one background loop serves them all.

Any number of threads may call at once, a thread that runs a loop of its own included (it blocks, it does not
deadlock). After `fork` the child gets a new background loop at its first call. At interpreter exit the loop is
stopped and everything closed, without a word.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import Future as ThreadFuture
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, overload

from aiocompl.client import aembedding, amodels, amoderation, arerank, default_supervisor
from aiocompl.runtime.stream import CompletionStream

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Unpack

    from aiocompl.types.call import CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.model_list import ModelList
    from aiocompl.types.moderation import ModerationResponse
    from aiocompl.types.operation_params import EmbeddingParams, ModelsParams, ModerationParams, RerankParams
    from aiocompl.types.params import CompletionParams
    from aiocompl.types.request import Messages
    from aiocompl.types.rerank import RerankResponse

T = TypeVar("T")

_EXIT_PATIENCE = 5.0
"""Seconds that closing may take at interpreter exit."""


class _Interruptible(Generic[T]):
    """A coroutine that can be cancelled even where the interruption comes before its caller holds a future of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False

    async def run(self) -> T:
        """Run it. Cancelled: so is the coroutine."""
        if self._cancelled:
            self._coroutine.close()
            raise asyncio.CancelledError
        self._task = asyncio.current_task()
        return await self._coroutine

    def cancel(self) -> None:
        """End it, whether it has begun or not; called on its loop."""
        self._cancelled = True
        if self._task is not None:
            self._task.cancel()


class BackgroundLoop:
    """An event loop on a daemon thread of its own, started by the first call that needs it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ready: ThreadFuture[tuple[asyncio.AbstractEventLoop, asyncio.Event]] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and wait for its result.

        Interrupted (Ctrl-C): the coroutine is cancelled.

        Raises:
            RuntimeError: Called from the background loop itself, where waiting would be for ever.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError(
                "a blocking call inside the background loop would wait for itself; await the async one"
            )
        call = _Interruptible(coroutine)
        loop: asyncio.AbstractEventLoop | None = None
        try:
            loop = self.loop()
            return asyncio.run_coroutine_threadsafe(call.run(), loop).result()
        except BaseException:  # its own error, or Ctrl-C at any point of the above
            if loop is None:
                coroutine.close()
            else:
                with suppress(RuntimeError):  # the loop is closed: so is all that ran on it
                    loop.call_soon_threadsafe(call.cancel)
            raise

    def close(self) -> None:
        """Stop the loop, closing all that runs on it, and wait for the thread. Idempotent."""
        with self._lock:
            ready, thread = self._ready, self._thread
            self._ready = self._thread = None
        if ready is not None and thread is not None:
            loop, stop = ready.result()
            loop.call_soon_threadsafe(stop.set)
            thread.join(_EXIT_PATIENCE)

    def forget(self) -> None:
        """In a forked child: the thread stayed behind in the parent, and so did the right to its sockets."""
        self.__init__()  # type: ignore[misc] # as if nothing had been

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, started if it does not run yet.

        Raises:
            OSError: The system gives no more threads or descriptors.
        """
        with self._lock:
            if self._ready is None:
                _register_once()
                ready: ThreadFuture[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = ThreadFuture()
                thread = threading.Thread(
                    target=_run_loop, args=(ready,), name="aiocompl background loop", daemon=True
                )
                thread.start()
                self._ready, self._thread = ready, thread
            try:
                return self._ready.result()[0]
            except Exception:
                self._ready = self._thread = None
                raise


def _run_loop(ready: ThreadFuture[tuple[asyncio.AbstractEventLoop, asyncio.Event]]) -> None:
    async def serve() -> None:
        stop = asyncio.Event()
        ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await default_supervisor().aclose()

    serving = serve()
    try:
        asyncio.run(serving)
    except Exception as error:
        if ready.done():
            raise
        serving.close()
        ready.set_exception(error)  # no loop could be made: whoever waits for it is told


_background = BackgroundLoop()


def background() -> BackgroundLoop:
    """The loop that serves all blocking calls of this process."""
    return _background


_registered = False


def _register_once() -> None:
    global _registered  # noqa: PLW0603 - hooks of the process, registered once and not at import
    if not _registered:
        _registered = True
        atexit.register(_background.close)
        os.register_at_fork(after_in_child=_background.forget)


class SyncCompletionStream:
    """The chunks of one streamed answer, for blocking code: an iterator and a context manager.

    Leaving the `with`, `close()`, or dropping it closes the connection at once. See `CompletionStream`.
    """

    def __init__(self, stream: CompletionStream, loop: BackgroundLoop) -> None:
        self._stream = stream
        self._loop = loop
        self._pid = os.getpid()
        self._ready: Iterator[ChatCompletionChunk] = iter(())

    @property
    def call(self) -> CallInfo:
        """Timing and identity of the call; filled in as the stream goes."""
        return self._stream.call

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ChatCompletionChunk:
        for chunk in self._ready:
            return chunk
        self._check_process()
        chunks = self._loop.run(self._stream.next_chunks())
        if not chunks:
            raise StopIteration
        self._ready = iter(chunks)
        return next(self._ready)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; chunks not yet read are gone. Idempotent.

        In a forked child it leaves the connection alone: that is the parent's.
        """
        self._ready = iter(())
        if self._pid == os.getpid():
            self._loop.run(self._stream.aclose())

    def response(self) -> ChatCompletion:
        """Read the rest and put the whole together; see `CompletionStream.response`."""
        self._check_process()
        return self._loop.run(self._stream.response())

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            raise RuntimeError("this stream was opened before the fork and is the parent's to read")


@overload
def completion(
    model: str,
    messages: Messages,
    *,
    stream: Literal[False] | None = ...,
    **params: Unpack[CompletionParams],
) -> ChatCompletion: ...
@overload
def completion(
    model: str, messages: Messages, *, stream: Literal[True], **params: Unpack[CompletionParams]
) -> SyncCompletionStream: ...
@overload
def completion(
    model: str, messages: Messages, *, stream: bool | None, **params: Unpack[CompletionParams]
) -> ChatCompletion | SyncCompletionStream: ...


def completion(
    model: str,
    messages: Messages,
    *,
    stream: bool | None = False,
    **params: Unpack[CompletionParams],
) -> ChatCompletion | SyncCompletionStream:
    """Ask a model and wait for the answer: the blocking twin of `acompletion`, with the same arguments and errors.

    Blocks the calling thread, not other callers. Ctrl-C cancels the request.
    """
    answer = _background.run(_ask(model, messages, stream=stream, **params))
    return SyncCompletionStream(answer, _background) if isinstance(answer, CompletionStream) else answer


async def _ask(
    model: str, messages: Messages, *, stream: bool | None, **params: Unpack[CompletionParams]
) -> ChatCompletion | CompletionStream:
    return await default_supervisor().acompletion(model, messages, stream=stream, **params)


def embedding(
    model: str,
    input: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],  # noqa: A002 - OpenAI's name
    **params: Unpack[EmbeddingParams],
) -> EmbeddingResponse:
    """Turn texts into vectors: the blocking twin of `aembedding`."""
    return _background.run(aembedding(model, input, **params))


def rerank(
    model: str, query: str, documents: Sequence[str | Mapping[str, Any]], **params: Unpack[RerankParams]
) -> RerankResponse:
    """Order documents by what they have to do with a query: the blocking twin of `arerank`."""
    return _background.run(arerank(model, query, documents, **params))


def moderation(
    input: str | Sequence[str | Mapping[str, Any]],  # noqa: A002 - OpenAI's name
    model: str = "omni-moderation-latest",
    **params: Unpack[ModerationParams],
) -> ModerationResponse:
    """Judge whether texts are harmful: the blocking twin of `amoderation`."""
    return _background.run(amoderation(input, model, **params))


def models(provider: str, **params: Unpack[ModelsParams]) -> ModelList:
    """List the models that a provider offers to this key: the blocking twin of `amodels`."""
    return _background.run(amodels(provider, **params))

"""The streams of several models as one, of pairs of index and chunk, as they come."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from aiocompl.combinators.contest import split_timeout
from aiocompl.combinators.entries import read_entries
from aiocompl.combinators.handover import Handover
from aiocompl.errors import AiocomplError, ModelsFailedError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.runtime.tasks import cancel_and_wait, error_of, without_traceback

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from aiocompl.combinators.entries import Ask, Entry
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.request import Messages


class MergedStream:
    """The chunks of several models' streamed answers: an async iterator of ``(index, chunk)``, and a context manager.

    ::

        async with await abatch_completion_models_all_responses(models=[...], messages=messages, stream=True) as merged:
            async for index, chunk in merged:
                ...

    The index is the model's place in `models`. Where a stream breaks, the exception stands in place of a chunk, as the
    last thing of its index; with ``return_exceptions=False`` it is raised instead, and the others are closed. Leaving
    the `async with`, `aclose`, cancelling whoever reads it, or dropping it closes all streams. One task at a time may
    read it.
    """

    def __init__(self, streams: _Streams) -> None:
        self._streams = streams

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[int, ChatCompletionChunk | Exception]:
        streams = self._streams
        try:
            while (item := streams.take()) is None:
                if streams.over:
                    break
                await streams.handover.wait()
        except BaseException:
            await streams.stop()
            raise
        if item is None:
            await streams.stop()
            raise StopAsyncIteration
        return item

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
        """Close all streams. Idempotent. Cancelled: it goes on until all are closed, and is cancelled then."""
        await self._streams.stop()

    def __del__(self) -> None:
        self._streams.abandon()


def merge(
    ask: Ask,
    models: object,
    messages: Messages,
    *,
    return_exceptions: bool,
    params: Mapping[str, Any],
    default_timeout: float,
) -> MergedStream:
    """Ask models at once for streams, and merge these.

    Raises:
        BadRequestError: The call makes no sense.
    """
    timeout, shared = split_timeout(params, default_timeout)
    entries = read_entries(models, shared)
    return MergedStream(
        _Streams(ask, entries, messages, return_exceptions=return_exceptions, timeout=timeout)
    )


class _Streams:
    """A task for each stream, that reads it and hands its chunks over."""

    def __init__(
        self,
        ask: Ask,
        entries: tuple[Entry, ...],
        messages: Messages,
        *,
        return_exceptions: bool,
        timeout: float,
    ) -> None:
        self.handover: Handover[tuple[int, list[ChatCompletionChunk | Exception]]] = Handover()
        self._ask = ask
        self._messages = messages
        self._return_exceptions = return_exceptions
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._ready: list[tuple[int, ChatCompletionChunk | Exception]] = []  # the next one last
        self._bug: BaseException | None = None
        self._stopped = False
        self._running = len(entries)
        self._tasks = [self._loop.create_task(self._read(entry), name="aiocompl merge") for entry in entries]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return not self._running

    def take(self) -> tuple[int, ChatCompletionChunk | Exception] | None:
        """The next item, if there is one.

        Raises:
            ModelsFailedError: A model failed, and exceptions are not to be returned.
        """
        if self._bug is not None:
            bug, self._bug = self._bug, None  # its traceback holds this frame
            try:
                raise bug
            finally:
                del bug
        if not self._ready and (handed := self.handover.take_nowait()) is not None:
            index, chunks = handed
            self._ready = [(index, chunk) for chunk in reversed(chunks)]
        if not self._ready:
            return None
        item = self._ready.pop()
        if isinstance(item[1], Exception) and not self._return_exceptions:
            raise ModelsFailedError("a model failed", [item[1]])
        return item

    async def stop(self) -> None:
        """End all tasks, and so close all streams."""
        self._stopped = True
        try:
            await cancel_and_wait(self._tasks)
        finally:
            self._tasks.clear()  # they hold their errors, whose tracebacks hold us
            self._ready.clear()
            self.handover.clear()

    def abandon(self) -> None:
        """End all tasks, from wherever the garbage collector happens to run."""
        if not self.over:
            with suppress(RuntimeError):  # the loop is closed, and its tasks with it
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running -= 1
        error = error_of(task)
        if error is not None and self._bug is None and not self._stopped:
            self._bug = error
        self.handover.wake()

    async def _read(self, entry: Entry) -> None:
        index = entry.index
        try:
            own, params = split_timeout(entry.params, self._timeout)
            timeout = min(own, self._timeout)
            answer = await self._ask(entry.model, self._messages, stream=True, timeout=timeout, **params)
            if not isinstance(answer, CompletionStream):
                raise TypeError("a stream was asked for")
            async with answer:
                while chunks := await answer.next_chunks():
                    await self.handover.offer((index, [*chunks]))
        except AiocomplError as error:
            await self.handover.offer((index, [without_traceback(error)]))

"""A thread that writes lines the moment they are there, so that a slow disk never holds up the loop.

Lines that are there together are written together: under load the thread gets its turn every few milliseconds, and one
line each time would not keep up.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from aiocompl.errors import BatchOutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.batchfile.outputs import AppendFile

_BACKLOG_BYTES: Final = 8 * 1024 * 1024
"""How much may wait for the disk before whoever delivers has to wait too."""

_TOGETHER: Final = 256


class LineWriter:
    """Appends lines to files, in the order in which they come.

    Args:
        files: The files; a line says by number which it is for.
        on_error: Called on the loop, once, when a file cannot be written any more; nothing is written from then on.
    """

    def __init__(self, files: Sequence[AppendFile], on_error: Callable[[BatchOutputError], object]) -> None:
        self._files = files
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[tuple[int, bytes] | None] = SimpleQueue()
        self._waiting_bytes = 0
        self._room: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._dirty = False
        self._thread = Thread(target=self._run, name="aiocompl batch writer", daemon=True)
        self._thread.start()

    def put(self, file: int, line: bytes) -> None:
        """Have a line written, at once or nearly so."""
        self._waiting_bytes += len(line)
        self._dirty = True
        self._queue.put((file, line))

    @property
    def full(self) -> bool:
        """Whether so much waits for the disk that one should `wait`."""
        return self._waiting_bytes > _BACKLOG_BYTES

    async def wait(self) -> None:
        """Wait until not so much waits any more. Cancelled: nothing is lost."""
        while self.full:
            self._room = self._loop.create_future()
            await self._room

    def take_dirty(self) -> bool:
        """Whether anything was put since this was last asked."""
        dirty, self._dirty = self._dirty, False
        return dirty

    async def close(self) -> None:
        """Write all that waits, and end. Cancelled: all of it is written all the same, before this returns."""
        self._queue.put(None)
        interrupted = None
        while not self._ended.done():
            try:
                await asyncio.shield(self._ended)
            except asyncio.CancelledError as error:
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _run(self) -> None:
        failed, over = False, False
        while not over:
            lines, over = self._take()
            if not failed:
                try:
                    self._write(lines)
                except BatchOutputError as error:
                    failed = True
                    self._tell(self._on_error, error)
            self._tell(self._written, sum(len(line) for _, line in lines))
        self._tell(self._ended.set_result, None)

    def _take(self) -> tuple[list[tuple[int, bytes]], bool]:
        """The lines that are there, one at least; and whether no more will come."""
        lines: list[tuple[int, bytes]] = []
        item = self._queue.get()
        with suppress(Empty):
            while item is not None:
                lines.append(item)
                if len(lines) >= _TOGETHER:
                    return lines, False
                item = self._queue.get_nowait()
            return lines, True
        return lines, False

    def _write(self, lines: Sequence[tuple[int, bytes]]) -> None:
        for number, file in enumerate(self._files):
            data = b"".join(line for which, line in lines if which == number)
            if data:
                file.append(data)

    def _tell(self, function: Callable[..., object], argument: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self._loop.call_soon_threadsafe(function, argument)

    def _written(self, size: int) -> None:
        self._waiting_bytes -= size
        if self._room is not None and not self._room.done() and not self.full:
            self._room.set_result(None)

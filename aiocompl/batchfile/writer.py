"""A thread that writes lines the moment they are there, so that a slow disk never holds up the loop.

Lines that come in one turn of the loop are handed over and written together: waking the thread for each would cost more
than the writing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from aiocompl.errors import BatchOutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.batchfile.outputs import AppendFile

_BACKLOG_BYTES: Final = 8 * 1024 * 1024
"""How much may wait for the disk before whoever delivers has to wait too."""


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
        self._queue: SimpleQueue[list[bytearray] | None] = SimpleQueue()
        self._gathered: list[bytearray] | None = None
        self._given = self._written = 0  # bytes; each is counted by one thread alone
        self._room: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._synced = 0
        self._thread = Thread(target=self._run, name="aiocompl batch writer", daemon=True)
        self._thread.start()

    def put(self, file: int, line: bytes) -> None:
        """Have a line written, at the end of this turn of the loop."""
        if self._gathered is None:
            self._gathered = [bytearray() for _ in self._files]
            self._loop.call_soon(self._hand_over)
        self._gathered[file] += line
        self._given += len(line)

    @property
    def full(self) -> bool:
        """Whether so much waits for the disk that one should `wait`."""
        return self._given - self._written > _BACKLOG_BYTES

    async def wait(self) -> None:
        """Wait until not so much waits any more. Cancelled: nothing is lost."""
        self._room = self._loop.create_future()
        try:
            while self.full:
                await self._room
                self._room = self._loop.create_future()
        finally:
            self._room = None

    def take_dirty(self) -> bool:
        """Whether anything was given since this was last asked."""
        given, self._synced = self._synced, self._given
        return given != self._given

    async def close(self) -> None:
        """Write all that waits, and end. Cancelled: all of it is written all the same, before this returns."""
        self._hand_over()
        self._queue.put(None)
        interrupted = None
        while not self._ended.done():
            try:
                await asyncio.shield(self._ended)
            except asyncio.CancelledError as error:
                interrupted = error
        if interrupted is not None:
            raise interrupted

    def _hand_over(self) -> None:
        if self._gathered is not None:
            self._queue.put(self._gathered)
            self._gathered = None

    def _run(self) -> None:
        failed = False
        while (texts := self._queue.get()) is not None:
            if not failed:
                try:
                    self._write(texts)
                except BatchOutputError as error:
                    failed = True
                    self._tell(self._on_error, error)
            self._written += sum(map(len, texts))
            if self._room is not None:
                self._tell(self._make_room)
        self._tell(self._ended.set_result, None)

    def _write(self, texts: Sequence[bytearray]) -> None:
        for file, text in zip(self._files, texts, strict=True):
            if text:
                file.append(text)

    def _tell(self, function: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self._loop.call_soon_threadsafe(function, *arguments)

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

"""From several tasks to one reader, item by item: who hands one over goes on when it is taken."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """A place where tasks leave items for one reader. Each of them leaves one at a time: that bounds what lies here."""

    __slots__ = ("_reader", "_ready")

    def __init__(self) -> None:
        self._ready: deque[tuple[T, asyncio.Future[None]]] = deque()
        self._reader: asyncio.Future[None] | None = None

    async def offer(self, item: T) -> None:
        """Leave an item and wait until it is taken. Cancelled: it may have been taken or not."""
        taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ready.append((item, taken))
        self.wake()
        await taken

    def wake(self) -> None:
        """Have the reader look again, at an item or at the end of it all."""
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def take_nowait(self) -> T | None:
        """The next item, if there is one."""
        if not self._ready:
            return None
        item, taken = self._ready.popleft()
        if not taken.done():
            taken.set_result(None)
        return item

    def clear(self) -> None:
        """Forget what lies here; who left it has been cancelled."""
        self._ready.clear()

    async def wait(self) -> None:
        """Wait until somebody says `wake`. Cancelled: nothing is lost."""
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

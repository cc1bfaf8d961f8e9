"""Functions that block, each in a thread, one at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class OneThread(Generic[T]):
    """Calls a blocking function in a thread. Who asks while it runs waits for the same result.

    A thread cannot be interrupted: a caller that is cancelled goes, the thread runs on, and the next caller finds it.

    Args:
        function: What blocks.
    """

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._running: asyncio.Future[T] | None = None

    async def call(self) -> T:
        """Call the function, or wait for the call that runs."""
        running = self._running
        if running is None or running.done():
            running = asyncio.get_running_loop().create_task(
                asyncio.to_thread(self._function), name="aiocompl thread"
            )
            running.add_done_callback(_retrieve)
            self._running = running
        return await asyncio.shield(running)

    async def aclose(self) -> None:
        """Wait until nothing runs."""
        if self._running is not None and not self._running.done():
            await asyncio.wait([self._running])


def _retrieve(future: asyncio.Future[T]) -> None:
    """Nobody may be there any more to hear what went wrong."""
    if not future.cancelled():
        future.exception()

"""The way to one hook, which keeps its mistakes and its slowness away from everybody else."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from contextvars import copy_context
from inspect import isawaitable
from typing import TYPE_CHECKING, Final

from aiocompl import telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context

GRACE: Final = 1.0
"""Seconds given to a hook that was cancelled; then it is left to itself."""


class Outlet:
    """Tells one hook. What is async waits in a queue, which a task works off as long as there is anything in it.

    It then runs in the context of whoever it was told of: context variables are the call's.

    Args:
        name: What the hook is called in the log.
        size: What may wait; more is dropped and counted.
        limit: Seconds that the hook may take for one thing.
    """

    def __init__(self, name: str, size: int, limit: float) -> None:
        self.dropped = 0
        self._name = name
        self._size = size
        self._limit = limit
        self._waiting: deque[tuple[Awaitable[object], Context]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._current: asyncio.Task[object] | None = None  # what `_task` waits for
        self._closed = False
        self._full = False

    @property
    def task(self) -> asyncio.Task[None] | None:
        """Who works off the queue, where there is anything in it and it is not the hook itself that asks."""
        return self._task if asyncio.current_task() is not self._current else None

    def tell(self, method: Callable[..., object], *values: object) -> object:
        """Call a method of the hook; whatever it raises is logged. What it gives back is awaited some time later.

        Returns:
            What the method gave back, or None where it raised.
        """
        try:
            told = method(*values)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - a hook must not break a call
            self._log_failure(error)
            return None
        if told is not None and isawaitable(told):
            self._put(told)
        return told

    def close(self) -> asyncio.Task[None] | None:
        """Drop what waits, and cancel who works it off.

        Returns:
            That task, if there was one; it is cancelled and wants to be awaited.
        """
        self._closed = True
        while self._waiting:
            self._drop(self._waiting.popleft()[0])
        task = self.task
        if task is not None:
            task.cancel()
        return task

    def _put(self, told: Awaitable[object]) -> None:
        if self._closed or len(self._waiting) >= self._size:
            self._drop(told)
            return
        if self._task is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # the loop is gone: there is nobody left to await anything
                self._drop(told)
                return
            self._task = loop.create_task(self._work(), name=f"aiocompl hook {self._name}")
        self._waiting.append((told, copy_context()))

    def _drop(self, told: Awaitable[object]) -> None:
        if isinstance(told, Coroutine):
            told.close()  # or Python complains that nobody awaited it
        self.dropped += 1
        if not self._full:
            self._full = True  # said once, until there is room again
            telemetry.warning("hook.dropped", hook=self._name, dropped=self.dropped)

    async def _work(self) -> None:
        """Have all done that waits, one after another.

        Cancelled: what is being done is cancelled as well.
        """
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                told, context = self._waiting.popleft()
                self._full = False
                self._current = loop.create_task(
                    _settle(told), name=f"aiocompl hook {self._name}, a call", context=context
                )
                del told  # a report holds an answer, or an error with its frames
                try:
                    await asyncio.wait([self._current], timeout=self._limit)
                finally:
                    await self._end(self._current)
        finally:
            self._task = self._current = None

    async def _end(self, current: asyncio.Task[object]) -> None:
        """See that it is over, and say what went wrong."""
        why = None
        if not current.done():
            why = "not done within its time"
            current.cancel()
            await asyncio.wait([current], timeout=GRACE)
        if not current.done():
            telemetry.warning("hook.stuck", hook=self._name)
        elif current.cancelled():
            self._log_failure(why or asyncio.CancelledError())
        elif (error := current.exception()) is not None:
            self._log_failure(error)

    def _log_failure(self, error: BaseException | str) -> None:
        telemetry.warning(
            "hook.failed", hook=self._name, error=error if isinstance(error, str) else repr(error)
        )


async def _settle(told: Awaitable[object]) -> object:
    return await told

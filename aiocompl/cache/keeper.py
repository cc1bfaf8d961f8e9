"""A cache that cannot fail: what goes wrong there is a line in the log, and a miss."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Final, TypeVar

import attrs

from aiocompl import telemetry
from aiocompl.cache.entry import unpack
from aiocompl.runtime.tasks import cancel_and_wait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiocompl.cache.base import Cache
    from aiocompl.cache.entry import Entry

T = TypeVar("T")

_PATIENCE: Final = 1.0
"""Seconds that a cache may take for anything; closing included."""

_PAUSE: Final = 1.0
"""Seconds in which a cache that has failed is not asked: an outage shall cost calls little."""

_MOST_WRITING: Final = 1000
"""Answers on their way into the cache at once; further ones are not kept."""


@attrs.define(eq=False)
class Keeper:
    """Reads from a cache and writes to it in the background; what is on its way there can be read already."""

    cache: Cache
    _writing: dict[str, bytes] = attrs.field(factory=dict, init=False)
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    _asks_from: float = attrs.field(default=-inf, init=False)  # not before that instant of the loop's clock
    _is_away: bool = attrs.field(default=False, init=False)  # and said so

    async def find(self, key: str, deadline: float = inf) -> Entry | None:
        """What is kept under a key, or None.

        Args:
            key: The key.
            deadline: After that instant nobody is interested.
        """
        data = self._writing.get(key)
        if data is None:
            data = await self._try("get", lambda: self.cache.get(key), deadline)
        if data is None:
            return None
        try:
            return unpack(data)
        except ValueError:
            telemetry.warning("cache.unreadable", key=key)
            return None

    def keep(self, key: str, data: bytes, ttl: float | None) -> None:
        """Have an entry written, later."""
        if len(self._tasks) >= _MOST_WRITING:
            return
        self._writing[key] = data
        task = asyncio.get_running_loop().create_task(self._write(key, data, ttl), name="aiocompl cache")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Write what is to be written, and close the cache. Idempotent.

        Cancelled: what has not been written is not kept.
        """
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)  # each has its time limit
        finally:
            await cancel_and_wait(self._tasks)
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.cache.aclose()
        except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor has to close
            telemetry.warning("cache.failed", operation="aclose", error=type(error).__name__)

    async def _write(self, key: str, data: bytes, ttl: float | None) -> None:
        try:
            await self._try("set", lambda: self.cache.set(key, data, ttl))
        finally:
            if self._writing.get(key) is data:
                del self._writing[key]

    async def _try(self, operation: str, work: Callable[[], Awaitable[T]], deadline: float = inf) -> T | None:
        time = asyncio.get_running_loop().time
        if (now := time()) < self._asks_from:
            return None
        try:
            async with asyncio.timeout_at(min(deadline, now + _PATIENCE)):
                result = await work()
        except Exception as error:  # noqa: BLE001 - the library of any cache raises what it likes
            if not isinstance(error, TimeoutError) or time() < deadline:  # else it was not given its time
                self._fail(operation, error)
            return None
        if self._is_away:
            self._is_away = False
            telemetry.warning("cache.recovered")
        return result

    def _fail(self, operation: str, error: Exception) -> None:
        """Say so once an outage, however many calls meet it."""
        self._asks_from = asyncio.get_running_loop().time() + _PAUSE
        if not self._is_away:
            self._is_away = True
            telemetry.warning("cache.failed", operation=operation, error=type(error).__name__)

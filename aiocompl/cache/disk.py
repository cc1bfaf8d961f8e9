"""Answers kept on disk, by diskcache (extra `disk-cache`)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from aiocompl.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

T = TypeVar("T")


class DiskCache:
    """Keeps answers in a folder, over restarts and for several processes at once. See `Cache`.

    One thread does all that touches the disk, one after the other; it starts with the first use.

    Args:
        path: The folder; made where it is not there. Who can write to it decides what is answered.
        max_bytes: How much it may hold; then the least recently used go.
        ttl: Seconds that an answer is kept where the call says nothing else; None for as long as there is room.

    Raises:
        MissingExtraError: diskcache is not installed.
    """

    def __init__(
        self, path: str | PathLike[str], *, max_bytes: int = 1024 * 1024 * 1024, ttl: float | None = None
    ) -> None:
        if max_bytes <= 0 or (ttl is not None and ttl <= 0):
            raise ValueError("max_bytes and ttl must be positive")
        self._open = _opener(str(path), max_bytes)
        self._ttl = ttl
        self._thread: ThreadPoolExecutor | None = None
        self._cache: Any = None  # only touched by the thread

    async def get(self, key: str) -> bytes | None:
        """What is kept under `key`, or None.

        Cancelled: the thread reads on, for nobody.
        """
        value = await self._do(lambda cache: cache.get(key))
        return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep `value` for `ttl` seconds.

        Cancelled: it is kept nevertheless, if the thread has begun.
        """
        expire = self._ttl if ttl is None else ttl
        await self._do(lambda cache: cache.set(key, value, expire=expire))

    async def aclose(self) -> None:
        """Close the files and end the thread. Idempotent. Cancelled: the thread does so all the same."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        closing = thread.submit(self._close)
        thread.shutdown(wait=False)
        await asyncio.wrap_future(closing)

    async def _do(self, work: Callable[[Any], T]) -> T:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="aiocompl-cache")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)

    def _work(self, work: Callable[[Any], T]) -> T:
        if self._cache is None:
            self._cache = self._open()
        return work(self._cache)

    def _close(self) -> None:
        cache, self._cache = self._cache, None
        if cache is not None:
            cache.close()


def _opener(path: str, max_bytes: int) -> Callable[[], Any]:
    try:
        import diskcache  # noqa: PLC0415 - an extra
        from diskcache.core import MODE_PICKLE  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("DiskCache needs diskcache: pip install 'aiocompl[disk-cache]'") from error

    class PlainDisk(diskcache.Disk):  # type: ignore[misc] # ships no types
        """Reads bytes and nothing else: to unpickle what stands in a file is to run it."""

        def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
            return None if mode == MODE_PICKLE else super().fetch(mode, filename, value, read)

    return lambda: diskcache.Cache(
        path, disk=PlainDisk, size_limit=max_bytes, eviction_policy="least-recently-used", timeout=1
    )

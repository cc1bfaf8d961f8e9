"""The contract of caches."""

from __future__ import annotations

from typing import Protocol


class Cache(Protocol):
    """Where answers are kept, as bytes that mean nothing to it.

    It may raise whatever it likes: that is a line in the log and a miss, never a failed call. A cache that takes its time
    is not waited for longer than a second.
    """

    async def get(self, key: str) -> bytes | None:
        """What is kept under `key`, or None.

        Cancelled: nothing is left behind.
        """
        ...

    async def set(self, key: str, value: bytes, ttl: float | None) -> None:
        """Keep `value`, in place of what was there; for `ttl` seconds, or as long as the cache likes if that is None.

        Cancelled: it may or may not be kept.
        """
        ...

    async def aclose(self) -> None:
        """Let go of files and connections. Idempotent; one that is used again opens them again."""
        ...

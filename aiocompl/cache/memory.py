"""Answers kept in this process's memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from math import inf
from typing import Final

import attrs

ENTRY_BYTES: Final = 300
"""What an entry takes besides its key and its value: two objects and a place in the table."""


@attrs.define(eq=False)
class Shelf:
    """The least recently used goes when there is no room; each entry has its end. Every step is O(1)."""

    max_bytes: int
    nbytes: int = attrs.field(default=0, init=False)
    """What the entries take, as far as can be counted."""
    _entries: OrderedDict[str, tuple[bytes, float]] = attrs.field(factory=OrderedDict, init=False)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str, now: float) -> bytes | None:
        """What is kept under `key` and has not ended; it is the most recently used then."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, end = entry
        if now >= end:
            self.drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: str, value: bytes, end: float) -> None:
        """Keep `value` until `end`. What is larger than the whole shelf is not kept, nor what it would replace."""
        self.drop(key)
        size = _size(key, value)
        if size > self.max_bytes:
            return
        while self.nbytes + size > self.max_bytes:
            self._forget(*self._entries.popitem(last=False))
        self._entries[key] = (value, end)
        self.nbytes += size

    def drop(self, key: str) -> None:
        """Keep nothing under `key`."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._forget(key, entry)

    def _forget(self, key: str, entry: tuple[bytes, float]) -> None:
        self.nbytes -= _size(key, entry[0])


def _size(key: str, value: bytes) -> int:
    return len(key) + len(value) + ENTRY_BYTES


class MemoryCache:
    """Keeps answers in memory: bounded by bytes, the least recently used go first. See `Cache`.

    Args:
        max_bytes: How much it may hold.
        ttl: Seconds that an answer is kept where the call says nothing else; None for as long as there is room.
    """

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024, ttl: float | None = 3600.0) -> None:
        if max_bytes <= 0 or (ttl is not None and ttl <= 0):
            raise ValueError("max_bytes and ttl must be positive")
        self._shelf = Shelf(max_bytes)
        self._ttl = ttl

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def nbytes(self) -> int:
        """What it holds, in bytes; entries that have ended count until they are met."""
        return self._shelf.nbytes

    async def get(self, key: str) -> bytes | None:
        """What is kept under `key`, or None. Never waits."""
        return self._shelf.get(key, asyncio.get_running_loop().time())

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep `value` for `ttl` seconds. Never waits."""
        lasts = self._ttl if ttl is None else ttl
        end = inf if lasts is None else asyncio.get_running_loop().time() + lasts
        self._shelf.put(key, value, end)

    async def aclose(self) -> None:
        """Nothing is open; what is kept stays, for whoever shares it."""

"""The queue before an actor. It belongs to the supervisor and survives the actor's crashes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Inbox(Generic[T]):
    """A bounded first-in-first-out queue with one consumer, from which a waiting item can be taken back in O(1).

    Args:
        size: Items that may wait at once.
    """

    __slots__ = ("_items", "_putters", "_reserved", "_size", "wake")

    def __init__(self, size: int) -> None:
        self._items: OrderedDict[T, None] = OrderedDict()
        self._putters: deque[asyncio.Future[None]] = deque()
        self._reserved = 0  # room given to putters that have not run yet
        self._size = size
        self.wake: Callable[[], None] | None = None
        """Called after each put; set by the consumer."""

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        """Whether anybody waits, be it in the inbox or in line before it."""
        return bool(self._items or self._putters or self._reserved)

    def resize(self, size: int) -> None:
        """Let `size` items wait from now on; those beyond it that wait already stay."""
        self._size = size

    def offer(self, item: T) -> bool:
        """Put an item in if there is room for it and nobody is waiting in line; say whether it is in."""
        if self._putters or len(self._items) + self._reserved >= self._size:
            return False
        self._add(item)
        return True

    async def put(self, item: T) -> None:
        """Put an item in, waiting for room if there is none; callers are served in their order.

        Cancelled: the item is not in the inbox.
        """
        if self.offer(item):
            return
        turn = asyncio.get_running_loop().create_future()
        self._putters.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # passed over already by `_admit`
                    self._putters.remove(turn)
            else:  # told to come in and cancelled at once: our room goes to the next in line
                self._reserved -= 1
                self._admit()
            raise
        self._reserved -= 1
        self._add(item)

    def pop(self) -> T | None:
        """Take the oldest item, or None where there is none."""
        if not self._items:
            return None
        item, _ = self._items.popitem(last=False)
        if self._putters:
            self._admit()
        return item

    def withdraw(self, item: T) -> bool:
        """Take a waiting item back; False where it is not waiting."""
        try:
            del self._items[item]
        except KeyError:
            return False
        self._admit()
        return True

    def _add(self, item: T) -> None:
        self._items[item] = None
        if self.wake is not None:
            self.wake()

    def _admit(self) -> None:
        """Let the first in line come in, if there is room; it is reserved, so that nobody overtakes."""
        while self._putters and len(self._items) + self._reserved < self._size:
            turn = self._putters.popleft()
            if not turn.done():  # one cancelled just now has not run yet
                self._reserved += 1
                turn.set_result(None)

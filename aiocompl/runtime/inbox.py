"""The queue before an actor. It belongs to the supervisor and survives the actor's crashes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

from aiocompl.policy.fair_queue import FairQueue

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Inbox(Generic[T]):
    """A bounded queue with one consumer, from which a waiting item can be taken back in O(1).

    It is first in, first out within a priority; where items have different ones, each priority has its share.

    Args:
        size: Items that may wait at once.
    """

    __slots__ = ("_fair", "_items", "_putters", "_reserved", "_size", "wake")

    def __init__(self, size: int) -> None:
        self._items: OrderedDict[T, None] = OrderedDict()
        self._fair: FairQueue[T] | None = (
            None  # instead of `_items`, from the first that has a priority until it is empty
        )
        self._putters: FairQueue[asyncio.Future[None]] | None = None  # while there are any
        self._reserved = 0  # room given to putters that have not run yet
        self._size = size
        self.wake: Callable[[], None] | None = None
        """Called after each put; set by the consumer."""

    def __len__(self) -> int:
        return len(self._items) if self._fair is None else len(self._fair)

    def __bool__(self) -> bool:
        """Whether anybody waits, be it in the inbox or in line before it."""
        return bool(self._items or self._putters or self._reserved or self._fair)

    def ahead(self, priority: int = 0) -> int:
        """About how many of those that wait come before one who joins with this priority."""
        inside = len(self._items) if self._fair is None else self._fair.ahead(priority)
        return inside + (0 if self._putters is None else self._putters.ahead(priority))

    def resize(self, size: int) -> None:
        """Let `size` items wait from now on; those beyond it that wait already stay."""
        self._size = size

    def offer(self, item: T, priority: int = 0) -> bool:
        """Put an item in if there is room for it and nobody is waiting in line; say whether it is in."""
        if self._putters or len(self) + self._reserved >= self._size:
            return False
        self._add(item, priority)
        return True

    async def put(self, item: T, priority: int = 0) -> None:
        """Put an item in, waiting for room if there is none; callers are served in their order, by priority.

        Cancelled: the item is not in the inbox.
        """
        if self.offer(item, priority):
            return
        turn = asyncio.get_running_loop().create_future()
        if self._putters is None:
            self._putters = FairQueue()
        self._putters.put(turn, priority)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                if self._putters is not None:  # `_admit` may have passed it over already
                    self._putters.withdraw(turn)
            else:  # told to come in and cancelled at once: our room goes to the next in line
                self._reserved -= 1
                self._admit()
            raise
        self._reserved -= 1
        self._add(item, priority)

    def pop(self) -> T | None:
        """Take the item whose turn it is, the oldest of its priority; None where there is none."""
        item: T | None
        if self._fair is not None:
            item = self._fair.pop()
            if not self._fair:
                self._fair = None
        elif self._items:
            item, _ = self._items.popitem(last=False)
        else:
            return None
        if self._putters:
            self._admit()
        return item

    def withdraw(self, item: T) -> bool:
        """Take a waiting item back; False where it is not waiting."""
        if self._fair is not None:
            found = self._fair.withdraw(item)
        elif found := item in self._items:
            del self._items[item]
        if not found:
            return False
        self._admit()
        return True

    def _add(self, item: T, priority: int) -> None:
        if self._fair is not None:
            self._fair.put(item, priority)
        elif priority:
            self._begin_fair(item, priority)
        else:
            self._items[item] = None
        if self.wake is not None:
            self.wake()

    def _begin_fair(self, item: T, priority: int) -> None:
        """The first with a priority: from now on each has its share."""
        self._fair = FairQueue()
        for older in self._items:
            self._fair.put(older)
        self._items.clear()
        self._fair.put(item, priority)

    def _admit(self) -> None:
        """Let the first in line come in, if there is room; it is reserved, so that nobody overtakes."""
        line = self._putters
        while line is not None and len(self) + self._reserved < self._size:
            turn = line.pop()
            if turn is None:
                line = self._putters = None
            elif not turn.done():  # one cancelled just now has not run yet
                self._reserved += 1
                turn.set_result(None)

"""Who is next: a queue of priority classes, each of which gets its share, so that none starves."""

from __future__ import annotations

from collections import OrderedDict
from heapq import heappop, heappush
from math import ceil, floor
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

PRIORITIES: Final[Mapping[str, int]] = {"high": -2, "normal": 0, "low": 2}
"""Names of priorities; the lower the number, the sooner."""

_EXTREME: Final = 10
"""From here on a number gives no larger or smaller share."""


def as_priority(value: object) -> int:
    """A call's `priority` as a number.

    Raises:
        BadRequestError: It is neither a whole number nor one of the names.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value in PRIORITIES:
        return PRIORITIES[value]
    names = ", ".join(map(repr, PRIORITIES))
    raise BadRequestError(
        f"priority must be a whole number (the lower, the sooner; default 0) or one of {names}, not {value!r:.40}",
        param="priority",
    )


def weight(priority: int) -> float:
    """The share of a class: twice that of the class one number above, between 1024 and 1/1024."""
    return 2.0 ** -max(-_EXTREME, min(_EXTREME, priority))


class _Class(Generic[T]):
    """Those of one priority, in their order."""

    __slots__ = ("items", "priority", "queued", "start", "step")

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.items: OrderedDict[T, None] = OrderedDict()
        self.step = 1.0 / weight(priority)
        self.start = 0.0  # the virtual time at which its first item is due
        self.queued = False  # whether it stands in the heap


class FairQueue(Generic[T]):
    """First come first served within a priority; between priorities by start-time fair queueing.

    While several classes wait, each is served in proportion to its `weight`. One that has not been waiting is due at
    once, but gets nothing for the time in which it had nobody: so a class that uses less than its share is served
    next whenever it comes. Items are hashable, each at most once in the queue. Putting, taking and withdrawing one
    take O(log n) in the number of priorities, whatever the number of items.
    """

    __slots__ = ("_classes", "_heap", "_now", "_places")

    def __init__(self) -> None:
        self._places: dict[T, _Class[T]] = {}
        self._classes: dict[int, _Class[T]] = {}
        self._heap: list[
            tuple[float, int]
        ] = []  # (start, priority) of the classes that wait, and of some that did
        self._now = 0.0  # virtual time: the start of the item served last

    def __len__(self) -> int:
        return len(self._places)

    def put(self, item: T, priority: int = 0) -> None:
        """Let an item wait, behind those of its priority."""
        line = self._classes.get(priority)
        if line is None:
            line = self._classes[priority] = _Class(priority)
        line.items[item] = None
        self._places[item] = line
        if not line.queued:
            line.queued = True
            line.start = max(line.start, self._now)
            heappush(self._heap, (line.start, priority))

    def peek(self) -> T | None:
        """The item that is next, or None where there is none."""
        line = self._first()
        return None if line is None else next(iter(line.items))

    def pop(self) -> T | None:
        """Take the item that is next, or None where there is none."""
        line = self._first()
        if line is None:
            return None
        item, _ = line.items.popitem(last=False)
        del self._places[item]
        heap = self._heap
        heappop(heap)
        self._now = line.start
        line.start += line.step
        if line.items:
            heappush(heap, (line.start, line.priority))
        else:
            line.queued = False
            self._forget()
        return item

    def withdraw(self, item: T) -> bool:
        """Take a waiting item back; False where it is not waiting."""
        line = self._places.pop(item, None)
        if line is None:
            return False
        del line.items[item]
        self._forget()
        return True

    def ahead(self, priority: int = 0) -> int:
        """About how many of those that wait now come before one who joins with this priority."""
        own = self._classes.get(priority)
        if own is None:
            own = _Class(priority)
        before = len(own.items)
        due = max(own.start, self._now) + before * own.step
        for line in self._classes.values():
            if line is not own and line.start <= due:
                turns = (due - line.start) / line.step
                first = line.priority < priority  # at the same instant
                before += min(len(line.items), floor(turns) + 1 if first else ceil(turns))
        return before

    def _first(self) -> _Class[T] | None:
        """The class that is next; those that only withdrawals have emptied leave the heap here."""
        while self._heap:
            line = self._classes[self._heap[0][1]]
            if line.items:
                return line
            heappop(self._heap)
            line.queued = False
        return None

    def _forget(self) -> None:
        """Begin anew where nobody waits: who was served how often does not matter any more."""
        if not self._places:
            self._classes.clear()
            self._heap.clear()
            self._now = 0.0

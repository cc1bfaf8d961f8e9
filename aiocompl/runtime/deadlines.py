"""Many deadlines on one timer of the loop.

Nearly every call ends long before its deadline. A `loop.call_at` and its cancelling cost each of them about 4 us; a
place in a dict, left again unread, costs far less, and leaves nothing behind for the collector.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio

_SLACK: Final = 64
"""Dead entries that are kept without looking."""


class Expirable(Protocol):
    """Something with a deadline."""

    @property
    def over(self) -> bool:
        """Its end has come by itself: the deadline does not matter any more."""
        ...

    def expire(self) -> None:
        """The deadline has passed."""
        ...


class Deadlines:
    """Calls `expire` on each entry whose deadline passes before it is `over`; exact, like `loop.call_at`.

    The owner calls `forget` once for each entry that is over. An entry is put in order among the others only when the
    alarm rings while it is there, which is once in the time of a timeout.
    """

    __slots__ = ("_alarm", "_dead", "_heap", "_loop", "_numbers", "_rings", "_young")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._young: dict[Expirable, float] = {}  # those added since the alarm last rang
        self._heap: list[tuple[float, int, Expirable]] = []
        self._numbers = count()  # ties go to the older entry; entries themselves are never compared
        self._dead = 0  # entries of the heap that are over
        self._alarm: asyncio.TimerHandle | None = None
        self._rings = inf

    def __len__(self) -> int:
        return len(self._young) + len(self._heap)

    def add(self, deadline: float, entry: Expirable) -> None:
        """Watch an entry until `deadline`, an instant of `loop.time()`."""
        self._young[entry] = deadline
        if deadline < self._rings:
            self._arm(deadline)

    def forget(self, entry: Expirable) -> None:
        """An entry is over."""
        if self._young.pop(entry, None) is None:
            self._dead += 1
            if self._dead > _SLACK and self._dead * 2 > len(self._heap):
                self._heap = [item for item in self._heap if not item[2].over]
                heapify(self._heap)
                self._dead = 0

    def close(self) -> None:
        """Watch nothing any more."""
        self._young.clear()
        self._heap.clear()
        self._arm(inf)

    def _arm(self, when: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._rings = when
        self._alarm = self._loop.call_at(when, self._ring) if when < inf else None

    def _ring(self) -> None:
        for entry, deadline in self._young.items():
            heappush(self._heap, (deadline, next(self._numbers), entry))
        self._young.clear()
        self._alarm, self._rings = None, inf
        now = self._loop.time()
        try:
            while self._heap and (self._heap[0][0] <= now or self._heap[0][2].over):
                _, _, entry = heappop(self._heap)
                if entry.over:
                    self._dead = max(0, self._dead - 1)
                else:
                    entry.expire()
        finally:  # whatever one of them does wrong, the others keep their deadlines
            if self._heap and self._heap[0][0] < self._rings:
                self._arm(self._heap[0][0])

"""A provider that answers so many requests at once and lets the others wait in line; it knows when each will be done."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class QueueingServer:
    """Tells at a request's arrival how long it will take; times are in seconds.

    Args:
        capacity: Requests that are answered at once.
        service: Draws how long an answer takes from when it is begun.
        refuses: Whether requests that would have to wait are refused instead.
    """

    def __init__(self, capacity: int, service: Callable[[], float], *, refuses: bool = False) -> None:
        self.service = service
        self._free_at = [0.0] * capacity
        self._refuses = refuses

    def set_capacity(self, capacity: int, now: float) -> None:
        """Answer so many at once from now on; what has been taken is answered as was said."""
        spare = [now] * max(0, capacity - len(self._free_at))
        self._free_at = sorted(self._free_at + spare)[-capacity:]
        heapq.heapify(self._free_at)

    def take(self, now: float) -> tuple[float, float] | None:
        """Seconds that a request waits, and then takes; None where it is refused."""
        begins = max(now, self._free_at[0])
        if self._refuses and begins > now:
            return None
        takes = self.service()
        heapq.heapreplace(self._free_at, begins + takes)
        return begins - now, takes

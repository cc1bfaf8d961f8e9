"""How often an actor may crash before its endpoint is given up: an intensity within a period, as in OTP."""

from __future__ import annotations

from collections import deque

import attrs


@attrs.define(eq=False)
class RestartIntensity:
    """Counts restarts in a sliding period.

    `max_restarts` within `period` seconds are granted; one more is not.
    """

    max_restarts: int = 3
    period: float = 5.0
    _times: deque[float] = attrs.field(factory=deque, init=False)
    total: int = attrs.field(default=0, init=False)
    """Restarts granted so far."""

    def grant(self, now: float) -> bool:
        """Whether a crash at `now` (seconds, any clock that does not go back) may be followed by a restart."""
        times = self._times
        while times and times[0] <= now - self.period:
            times.popleft()
        if len(times) >= self.max_restarts:
            return False
        times.append(now)
        self.total += 1
        return True

"""Whom a line refuses: who would get a turn too late to make use of it, so that no slot is spent on a lost call."""

from __future__ import annotations

from math import inf
from typing import Final

import attrs

_SMOOTHING: Final = 0.05
"""How much the latest call counts in what is typical."""

_DEVIATIONS: Final = 2.0
"""So many deviations above the mean is time enough for nearly every call."""

_MEMORY: Final = 1000
"""Turns after which the older half of them counts half."""

_CARRIED: Final = 16
"""Turns of the last backlog that a new one begins with."""


@attrs.define(eq=False)
class Shedder:
    """Watches a line and what is behind it, and says who had better not wait, or not be sent any more.

    It knows two things by observation: how long a turn takes while there is a line (the service time over the slots,
    whatever these are), and how long a call takes once it has its turn. Before it has seen any of either it refuses
    nobody.
    """

    mean: float = 0.0
    """Seconds that a call takes; 0 before the first."""
    deviation: float = 0.0
    """How far calls are from the mean, on average."""
    _since: float = 0.0  # when the backlog began
    _last: float = 0.0  # when the last turn was given
    _turns: int = 0  # since the backlog began

    @property
    def per_turn(self) -> float:
        """Seconds from turn to turn while there is a line; 0 before it is known."""
        return (self._last - self._since) / self._turns if self._turns else 0.0

    def began(self, now: float) -> None:
        """Somebody waits where nobody did. What was seen before counts for a few turns."""
        carried = min(self._turns, _CARRIED)
        self._since = now - carried * self.per_turn
        self._last = now
        self._turns = carried

    def turn(self, now: float) -> None:
        """One who waited has got a turn, and makes use of it."""
        if self._turns >= _MEMORY:
            self._since = (self._since + self._last) / 2
            self._turns //= 2
        self._turns += 1
        self._last = now

    def took(self, seconds: float) -> None:
        """A call is over, so long after its turn."""
        if not self.mean:
            self.mean, self.deviation = seconds, seconds / 2
            return
        error = seconds - self.mean
        self.mean += _SMOOTHING * error
        self.deviation += _SMOOTHING * (abs(error) - self.deviation)

    def aborted(self, seconds: float) -> None:
        """A call was given up so long after its turn: it would have taken longer."""
        if seconds > self.mean:
            self.took(seconds)

    def needed(self, limit: float) -> float:
        """Seconds that a call had better have left when its turn comes, of the `limit` it has in all.

        A little more than the typical: with no more than that left, half of all calls would be too late. But where that
        is more than half of what a call has, the typical is enough; and a call that has less than the typical in all is
        not like the others, so that half is all there is to go by.
        """
        if self.mean > limit:
            return limit / 2
        return max(self.mean, min(self.mean + _DEVIATIONS * self.deviation, limit / 2))

    def refused(
        self, *, now: float, deadline: float, ahead: int, slots: float = inf, least: float = 0.0
    ) -> float | None:
        """Seconds until a caller's turn would come, if that is too late; None where it may wait.

        Args:
            now: When the caller comes.
            deadline: When its call must be over.
            ahead: How many are served before it.
            slots: Calls that may be in flight at once, where all of them are.
            least: Seconds that it waits in any case, for a rate limit.
        """
        wait = max(least, (ahead + 1) * (self.per_turn or self.mean / slots))
        left = deadline - now
        return wait if wait > 0 and wait + self.needed(left) > left else None

    def is_late(self, *, now: float, deadline: float, started: float) -> bool:
        """Whether a turn that has come is of no use: there is less time left than a call needs."""
        return deadline - now < self.needed(deadline - started)

"""One rate limit: so much in any minute, let through evenly rather than all at its edges."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from math import floor, inf
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from aiocompl.policy.learnt import Allowance

WINDOW: Final = 60.0
"""Seconds in which a limit's amount may pass."""

_BURST: Final = 0.05
"""The part of a limit that may pass at once where nobody says how much."""

_SLOWEST: Final = 0.75
"""The part of the limit that passes in the long run at the least, however large the burst is."""

_EARLY: Final = 1e-6
"""Seconds by which a timer may ring early. Intervals and the window are longer by more than that, so that the sums of
rounding errors never let anything pass too early."""

_SLICE: Final = 0.1
"""What passes within so many seconds stands in one entry of the log."""


@attrs.define
class _Entry:
    first: float
    last: float
    amount: float


@attrs.define(eq=False)
class Meter:
    """Lets `limit` units pass in any half-open window of 60 s, at most `burst` of them at once.

    Two rules hold together. GCRA spaces things out: a unit may pass once each interval T = 60 / (limit - burst + 1), and
    `burst` of them after a rest, so that b + ceil(60 / T) - 1 = limit units pass in the fullest window. And a log of
    what passed in the last 60 s holds the limit to the letter where GCRA alone does not: what is larger than the burst
    passes as soon as nothing is owed; what was given back may have been waited for already; and a burst above a quarter
    of the limit would make T long for all that comes after it, so that T is at most 80 s / limit.

    What is larger than the whole limit passes too, once nothing has passed for a whole window.

    Args:
        limit: Units in 60 s; of what is above 1, only whole ones count.
        burst: Units at once; default 5 % of the limit, but at least 1.
    """

    limit: float
    burst: float | None = None
    allowance: Allowance | None = attrs.field(default=None, init=False)
    """What the provider said is left, where that is heeded."""
    _most: float = attrs.field(init=False)  # the burst as it is in force
    _interval: float = attrs.field(init=False)
    _due: float = attrs.field(default=-inf, init=False)  # GCRA's theoretical arrival time
    _log: deque[_Entry] = attrs.field(factory=deque, init=False)
    _sum: float = attrs.field(default=0.0, init=False)  # of the log

    def __attrs_post_init__(self) -> None:
        self.resize(self.limit)

    def resize(self, limit: float) -> None:
        """Let `limit` units pass from now on; what has passed counts."""
        self.limit = limit = float(floor(limit)) if limit >= 1 else limit
        burst = _BURST * limit if self.burst is None else self.burst
        self._most = max(1.0, min(float(floor(burst)), limit))
        rate = max(max(limit, 1.0) - self._most + 1, _SLOWEST * limit) * min(limit, 1.0)
        self._interval = WINDOW / rate * (1 + _EARLY)

    @property
    def pace(self) -> tuple[float, float, float]:
        """The limit, the burst and the interval that are in force, for whoever keeps the count elsewhere."""
        return self.limit, self._most, self._interval

    def wait(self, amount: float, now: float, ahead: float = 0.0) -> float:
        """Seconds until `amount` may pass, if `ahead` passes before it; 0.0 for at once."""
        if amount <= 0:
            return 0.0
        due, spare = self._due, self._most - amount
        if ahead:
            due = max(due, now) + ahead * self._interval
        if spare > 0:
            due -= spare * self._interval
        wait = due - now
        if self._sum + amount > self.limit:
            wait = max(wait, self._until_room(amount, now))
        if self.allowance is not None:
            wait = max(wait, self.allowance.wait(amount + ahead, now))
        return wait if wait > _EARLY else 0.0

    def take(self, amount: float, now: float) -> None:
        """Let `amount` pass, whether or not it has waited as long as it should."""
        if amount <= 0:
            return
        due, log = self._due, self._log
        self._due = max(due, now) + amount * self._interval
        if log and now - (latest := log[-1]).first < _SLICE:
            latest.amount += amount
            latest.last = now
        else:
            self._forget(now)
            log.append(_Entry(now, now, amount))
        self._sum += amount
        if self.allowance is not None:
            self.allowance.left -= amount

    def spend_burst(self, amount: float, now: float) -> None:
        """Have nothing saved up: `amount` may pass as it might have, and what comes after it is spaced out."""
        if amount > 0:
            self._due = max(self._due, now + max(0.0, self._most - amount) * self._interval)

    def give_back(self, amount: float, now: float, at: float) -> None:
        """Undo `amount` of what was taken at the instant `at`: it did not pass after all.

        What the provider said is left stays as it is: it knows best, and says so again with the next answer.
        """
        if (due := self._due) > now:
            self._due = max(due - amount * self._interval, now)
        log = self._log
        if not log or at > (entry := log[-1]).last:
            return
        if at < entry.first:
            entry = log[bisect_left(log, at, key=_last)]
        if entry.first <= at:
            back = min(amount, entry.amount)
            entry.amount -= back
            self._sum -= back

    def _until_room(self, amount: float, now: float) -> float:
        """Seconds until so much of the log is older than the window that there is room for `amount`."""
        self._forget(now)
        excess = self._sum + amount - self.limit
        wait = 0.0
        for entry in self._log:
            if excess <= 0:
                break
            if entry.amount > 0:
                excess -= entry.amount
                wait = entry.last + WINDOW + 2 * _EARLY - now
        return wait

    def _forget(self, now: float) -> None:
        log = self._log
        while log and log[0].last + WINDOW + _EARLY <= now:
            self._sum -= log.popleft().amount
        if not log:
            self._sum = 0.0


def _last(entry: _Entry) -> float:
    return entry.last

"""What latencies say of an endpoint: how much longer its answers take than where none of them waits for another."""

from __future__ import annotations

from math import inf, sqrt
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Hashable

_REMEMBERED: Final = 400
"""Samples that a baseline rests on at most, so that it follows slow changes."""

_KINDS: Final = 32
"""Kinds of calls told apart; all further ones count as one more."""

_PAUSE: Final = 8.0
"""A gap between samples counts as so many usual ones at most: nobody was asking."""

_SMOOTHING: Final = 0.05


@attrs.define(eq=False)
class Tally:
    """Latencies of one kind of calls; times are in seconds."""

    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Of what there is; there is something."""
        return self.total / self.count

    @property
    def variance(self) -> float:
        """Of a single latency."""
        return max(0.0, self.squares / self.count - self.mean * self.mean)

    def add(self, latency: float) -> None:
        """Count one."""
        self.count += 1.0
        self.total += latency
        self.squares += latency * latency

    def merge(self, other: Tally, at_most: float) -> None:
        """Count another's, its own as `at_most` so many; the old count for less where they grow many."""
        keep = min(1.0, at_most / self.count, max(0.0, _REMEMBERED - other.count) / self.count)
        self.count = keep * self.count + other.count
        self.total = keep * self.total + other.total
        self.squares = keep * self.squares + other.squares


@attrs.define(eq=False)
class Window:
    """What has been answered since some instant, while the limit stood still."""

    skip: int
    """So many answers belong to the time before, and are not counted."""
    count: int = 0
    busy: float = 0.0
    elapsed: float = 0.0
    kinds: dict[Hashable, Tally] = attrs.field(factory=dict)
    earlier: dict[Hashable, Tally] = attrs.field(factory=dict)
    """The latencies of those that were not counted."""

    def add(self, latency: float, in_flight: int, gap: float, kind: Hashable) -> None:
        """Count an answer that came `gap` seconds of work after the one before."""
        kinds = self.kinds
        if self.skip > 0:
            self.skip -= 1
            kinds = self.earlier
        else:
            self.count += 1
            self.busy += in_flight
            self.elapsed += gap
        tally = kinds.get(kind)
        if tally is None:
            if len(kinds) >= _KINDS:
                kind = None
            tally = kinds.setdefault(kind, Tally())
        tally.add(latency)

    @property
    def in_flight(self) -> float:
        """How many requests were in flight, on average."""
        return self.busy / self.count

    @property
    def rate(self) -> float:
        """Answers a second, while there was work."""
        return self.count / self.elapsed if self.elapsed > 0.0 else inf


@attrs.define(eq=False)
class Pace:
    """Tells pauses from work in the gaps between answers."""

    _last: float | None = None
    _usual: float = 0.0

    def gap(self, latency: float, now: float) -> float:
        """Seconds of work since the answer before: the request itself was at work for `latency` of them."""
        last, self._last = self._last, now
        if last is None:
            return 0.0
        gap = min(now - last, max(latency, _PAUSE * self._usual))
        self._usual += _SMOOTHING * (gap - self._usual)
        return gap


@attrs.define(eq=False)
class Baseline:
    """How long each kind of calls takes where none waits for another."""

    kinds: dict[Hashable, Tally] = attrs.field(factory=dict)

    def excess(self, kinds: dict[Hashable, Tally]) -> tuple[float, float] | None:
        """How much longer than this calls took on average, and the standard error; None where most are of unknown kinds.

        Each kind is compared with itself, so that another mix of long and short calls is no change.
        """
        count = known = excess = variance = 0.0
        for kind, tally in kinds.items():
            count += tally.count
            base = self.kinds.get(kind)
            if base is not None:
                known += tally.count
                excess += tally.count * (tally.mean - base.mean)
                variance += tally.count**2 * (tally.variance / tally.count + base.variance / base.count)
        if 2.0 * known <= count:
            return None
        return excess / known, sqrt(variance) / known

    def learn(self, window: Window, *, anew: bool = False, half: bool = False) -> None:
        """Take a window's latencies in; `anew` in place of what was known of its kinds, `half` with equal weight."""
        for kind, tally in window.kinds.items():
            base = self.kinds.get(kind)
            if base is None or anew:
                self.kinds[kind] = tally
            else:
                base.merge(tally, at_most=tally.count if half else inf)
        while len(self.kinds) > 2 * _KINDS:
            del self.kinds[next(iter(self.kinds))]

    def learn_new(self, window: Window) -> None:
        """Take in what was not known at all."""
        for kind, tally in window.kinds.items():
            if kind not in self.kinds:
                self.kinds[kind] = tally

    def is_poorer(self, window: Window) -> bool:
        """Whether this rests on far fewer answers than a window, so that comparing the two says more of this."""
        known = [self.kinds[kind].count for kind in window.kinds if kind in self.kinds]
        return 2.0 * sum(known) < window.count

    def usual(self, kind: Hashable) -> float:
        """How long a call of this kind takes; for ever, where that is not known."""
        base = self.kinds.get(kind)
        return inf if base is None else base.mean

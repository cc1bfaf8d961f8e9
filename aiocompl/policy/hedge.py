"""When a call that is slow is asked a second time, and how often that may happen."""

from __future__ import annotations

from typing import Final

import attrs

_SAMPLES: Final = 256
_FEW: Final = 20
"""Fewer samples than these say nothing about the tail."""
_STALE: Final = 16
"""Samples after which a quantile is computed anew."""

QUANTILES: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
"""What may be said instead of seconds."""


@attrs.define(eq=False)
class LatencyDigest:
    """The quantiles of the latest 256 latencies, in seconds."""

    _samples: list[float] = attrs.field(factory=list, init=False)
    _count: int = attrs.field(default=0, init=False)
    _ordered: list[float] = attrs.field(factory=list, init=False)
    _ordered_at: int = attrs.field(default=-_STALE, init=False)

    def observe(self, seconds: float) -> None:
        """One more."""
        if len(self._samples) < _SAMPLES:
            self._samples.append(seconds)
        else:
            self._samples[self._count % _SAMPLES] = seconds
        self._count += 1

    def quantile(self, share: float) -> float | None:
        """The latency that this share of them does not exceed; None while there are fewer than 20."""
        if self._count < _FEW:
            return None
        if self._count - self._ordered_at >= _STALE:
            self._ordered = sorted(self._samples)
            self._ordered_at = self._count
        return self._ordered[min(len(self._ordered) - 1, int(share * len(self._ordered)))]


@attrs.frozen(kw_only=True)
class HedgeBudget:
    """How many second attempts there may be: a share of the calls that ask for them, so that slowness is not doubled."""

    ratio: float = 0.05
    """Second attempts for each call that may have one."""

    burst: float = 5.0
    """The most that can be saved up; one there is at the start."""


@attrs.define(eq=False)
class HedgePurse:
    """What is left of a `HedgeBudget`."""

    budget: HedgeBudget
    balance: float = attrs.field(default=1.0, init=False)

    def earn(self) -> None:
        """A call that may have a second attempt begins."""
        self.balance = min(self.budget.burst, self.balance + self.budget.ratio)

    def spend(self) -> bool:
        """Take a second attempt out, and say whether there was one."""
        if self.balance < 1.0:
            return False
        self.balance -= 1.0
        return True

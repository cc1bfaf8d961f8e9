"""What is measured, in rows: samples by client, a target, and the verdict on it."""

import statistics
from typing import Final

import attrs

from benchmarks._clients import BASELINE, OURS


@attrs.frozen(kw_only=True)
class Target:
    """What is allowed: a ratio to the baseline, an amount above it in the row's unit, or an amount as such."""

    ratio: float | None = None
    least: float | None = None
    """A ratio too, of what had better be large."""
    above: float | None = None
    most: float | None = None
    aim: float | None = None
    """What we are after beyond the target, as a ratio."""

    def is_met(self, value: float, baseline: float | None) -> bool:
        """Tell whether our figure is within it; without a baseline only an amount can be."""
        if self.most is not None:
            return value <= self.most
        if not baseline:
            return False
        return (
            (self.ratio is None or value / baseline <= self.ratio)
            and (self.least is None or value / baseline >= self.least)
            and (self.above is None or value - baseline <= self.above)
        )


@attrs.define(eq=False, kw_only=True)
class Row:
    """One thing measured, for every client; samples of one round stand at the same index.

    A client is whatever is compared; `ours` is held against `baseline`.
    """

    key: str
    title: str
    unit: str
    target: Target | None = None
    digits: int = 0
    """Decimal places worth showing."""
    samples: dict[str, list[float]] = attrs.field(factory=dict)
    absent: dict[str, str] = attrs.field(factory=dict)
    """Why a client has no samples, by client."""
    baseline: str = BASELINE
    ours: str = OURS

    def add(self, client: str, sample: float) -> None:
        """Add one round's figure."""
        self.samples.setdefault(client, []).append(sample)

    def drop(self, client: str, reason: str) -> None:
        """Note that a client cannot be measured, and forget what was; half a sample is none."""
        self.samples.pop(client, None)
        self.absent[client] = reason

    def median(self, client: str) -> float | None:
        """Return the median of a client's samples, None without any."""
        samples = self.samples.get(client)
        return statistics.median(samples) if samples else None

    def ratio(self, client: str) -> float | None:
        """Return the client's median over the baseline's."""
        value, baseline = self.median(client), self.median(self.baseline)
        return value / baseline if value is not None and baseline else None

    def difference(self) -> float:
        """Return by how much our median exceeds the baseline's, 0 where one is absent."""
        value, baseline = self.median(self.ours), self.median(self.baseline)
        return 0.0 if value is None or baseline is None else value - baseline

    def spread(self, client: str) -> tuple[float, float] | None:
        """Return the quartiles of the ratio taken round by round: how far to trust it."""
        pairs = zip(self.samples.get(client, ()), self.samples.get(self.baseline, ()), strict=False)
        ratios = [value / baseline for value, baseline in pairs if baseline]
        if len(ratios) < _QUARTERS:
            return None
        low, _, high = statistics.quantiles(ratios, n=_QUARTERS)
        return low, high

    def verdict(self) -> str:
        """Return `met`, `missed`, or nothing where there is no target or no sample."""
        value, baseline = self.median(self.ours), self.median(self.baseline)
        if self.target is None or value is None or (baseline is None and self.target.most is None):
            return ""
        return "met" if self.target.is_met(value, baseline) else "missed"


_QUARTERS: Final = 4

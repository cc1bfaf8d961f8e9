"""The live figures of a deployment, as balancing reads them. Whoever makes the calls keeps them up to date."""

from __future__ import annotations

from hashlib import blake2b
from math import exp
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from typing import Self

    from aiocompl.policy.config import DeploymentConfig

_MINUTE: Final = 60.0


@attrs.define(eq=False)
class PeakEwma:
    """A mean of latencies that weighs the newest most, believes a rise at once, and comes down as time goes by.

    So a deployment that becomes slow is left at the first sign of it, and tried again when that has worn off.
    """

    decay: float = 10.0
    """An observation that comes so many seconds after the one before counts for about two thirds (1 - 1/e)."""
    fade: float = 120.0
    """Without observations, about a third (1/e) is left after so many seconds."""
    value: float | None = None
    """Seconds, as of the last observation; None before the first."""
    _at: float = attrs.field(default=0.0, init=False)

    def observe(self, latency: float, now: float) -> None:
        """Take in one latency."""
        known = self.value
        if known is None or latency >= known:
            self.value = latency
        else:
            kept = exp(-max(0.0, now - self._at) / self.decay)
            self.value = known * kept + latency * (1.0 - kept)
        self._at = now

    def at(self, now: float) -> float | None:
        """What it is now: without observations it goes towards 0, so that nobody is shunned for ever."""
        if self.value is None:
            return None
        gone = now - self._at
        return self.value * exp(-gone / self.fade) if gone > 0 else self.value


@attrs.define(eq=False)
class MinuteTally:
    """About how much there was in the last 60 seconds: this minute's, and of the one before the part still in sight."""

    _begin: float = attrs.field(default=0.0, init=False)
    _now: float = attrs.field(default=0.0, init=False)
    _before: float = attrs.field(default=0.0, init=False)

    def add(self, amount: float, now: float) -> None:
        """Count so much more, or less, where an estimate is settled."""
        self._turn(now)
        self._now = max(0.0, self._now + amount)

    def at(self, now: float) -> float:
        """How much it is now."""
        self._turn(now)
        return self._now + self._before * (1.0 - (now - self._begin) / _MINUTE)

    def _turn(self, now: float) -> None:
        gone = now - self._begin
        if gone < _MINUTE:
            return
        self._before = self._now if gone < 2 * _MINUTE else 0.0
        self._now = 0.0
        self._begin = now - gone % _MINUTE


def seed_of(text: str) -> int:
    """A number out of a text, the same in every process."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


@attrs.define(eq=False, kw_only=True)
class Load:
    """One deployment, as balancing sees it."""

    id: str
    weight: float | None = None
    rpm: float | None = None
    tpm: float | None = None
    order: int | None = None
    cost: float | None = None
    """US dollars a token, any measure that is the same for all deployments of a group."""

    in_flight: int = 0
    """Calls that it has now: raised by one when it is chosen, lowered when that call ends."""
    latency: PeakEwma = attrs.field(factory=PeakEwma)
    """Seconds to the first token, or to the answer where it comes whole."""
    requests: MinuteTally = attrs.field(factory=MinuteTally)
    tokens: MinuteTally = attrs.field(factory=MinuteTally)
    """As estimated when a call begins, and corrected by its usage, so that calls at once do not all see the same."""
    tallied: bool = True
    """Whether `requests` and `tokens` are kept: one strategy only looks at them."""

    seed: int = attrs.field(init=False)
    """Its place among keys that stick."""

    def __attrs_post_init__(self) -> None:
        self.seed = seed_of(self.id)

    @classmethod
    def of(cls, config: DeploymentConfig, *, tallied: bool = True) -> Self:
        """That of a configured deployment, before its first call."""
        prices = (config.input_cost_per_token, config.output_cost_per_token)
        known = [price for price in prices if price is not None]
        return cls(
            id=config.id or config.model_name,
            weight=config.weight,
            rpm=config.rpm,
            tpm=config.tpm,
            order=config.order,
            cost=sum(known) if known else None,
            tallied=tallied,
        )

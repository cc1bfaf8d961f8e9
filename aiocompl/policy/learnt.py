"""What a provider's own words on its rate limits allow until they are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from aiocompl.rate_limits import RateLimit

_PERIODS: Final = (60.0, 1.0, 3600.0, 86_400.0)
"""In such times providers fill their buckets."""

_MINUTE: Final = 60.0
_TOLERANCE: Final = 0.1
_ROUNDING: Final = 1.0
"""Seconds that a reset may be off where it is given in whole ones."""


@attrs.define(eq=False)
class Allowance:
    """What is left of one limit by an answer's headers, less what has been taken since."""

    left: float
    at: float
    """When the headers said so."""
    until: float
    """When everything is there again."""
    limit: float | None = None
    rate: float = 0.0
    """Units a second that come back meanwhile: 0 where all come back at `until`."""

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount` may pass; what is larger than the whole limit waits for all of it."""
        if now >= self.until:
            return 0.0
        if self.limit is not None:
            amount = min(amount, self.limit)
        short = amount - self.left - self.rate * (now - self.at)
        if short <= 0:
            return 0.0
        rest = self.until - now
        return min(rest, short / self.rate) if self.rate else rest


def allowance(said: RateLimit, now: float, since: float) -> Allowance | None:
    """What may still pass; None where the provider does not say what is left.

    Args:
        said: A limit by an answer's headers.
        now: The present.
        since: What has been taken after the request that the answer is to.
    """
    if said.remaining is None:
        return None
    reset = said.reset
    if reset is None:
        reset = said.window or _MINUTE
    period = refill_period(said)
    rate = said.limit / period if period is not None and said.limit else 0.0
    return Allowance(said.remaining - since, now, now + reset, said.limit, rate)


def per_minute(said: RateLimit) -> float | None:
    """The limit as an amount in a minute; None where it is not one for a minute, or nobody knows."""
    period = said.window or refill_period(said)
    return said.limit if said.limit and period == _MINUTE else None


def refill_period(said: RateLimit) -> float | None:
    """In how many seconds the provider fills an empty bucket evenly; None where it does not seem to.

    A bucket that fills evenly is full again after the time in which what is gone comes back: a window that begins anew
    at fixed times says something else, but by chance.
    """
    limit, remaining, reset = said.limit, said.remaining, said.reset
    if not limit or remaining is None or reset is None or not 0 <= remaining < limit:
        return None
    for period in _PERIODS if said.window is None else (said.window,):
        expected = (limit - remaining) / limit * period
        whole = _ROUNDING if float(reset).is_integer() else 0.0
        if abs(reset - expected) <= max(_TOLERANCE * expected, whole):
            return period
    return None

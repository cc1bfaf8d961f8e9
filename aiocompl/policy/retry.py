"""Whether and when to ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aiocompl.errors import APIError

if TYPE_CHECKING:
    from random import Random

    from aiocompl.errors import AiocomplError
    from aiocompl.policy.config import RetryCounts


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter; a provider's ``Retry-After`` goes before it.

    Times are in seconds.
    """

    max_retries: int = 2
    """Attempts after the first."""

    counts: RetryCounts | None = None
    """The same for single kinds of errors, where it is another number."""

    base: float = 0.5
    """The first backoff lasts at most this long; each further one at most twice the one before."""

    cap: float = 8.0
    """No backoff is longer."""

    def allows(self, error: AiocomplError, attempt: int) -> bool:
        """Whether another attempt may follow the one with this number, which failed by this error."""
        counted = None if self.counts is None else self.counts.for_error(error)
        return attempt <= (self.max_retries if counted is None else counted)

    def delay(
        self, error: AiocomplError, *, attempt: int, now: float, deadline: float, rng: Random
    ) -> float | None:
        """Seconds to wait before the next attempt, or None where there is none.

        Args:
            error: Why the attempt failed.
            attempt: Which attempt it was, counted from 1.
            now: The present, on the clock of `deadline`.
            deadline: When the call must be over: a wait that cannot end before it is not begun.
            rng: Where the jitter comes from.
        """
        if not error.retryable or not self.allows(error, attempt):
            return None
        asked = error.retry_after if isinstance(error, APIError) else None
        if asked is not None:
            wait = asked
        else:
            wait = rng.uniform(0.0, min(self.cap, self.base * 2.0 ** (attempt - 1)))
        return wait if now + wait < deadline else None


@attrs.frozen(kw_only=True)
class RetryBudget:
    """How many retries an endpoint may get: a share of its calls and a floor, so that an outage is not multiplied."""

    ratio: float = 0.1
    """Retries for each call."""

    per_second: float = 10.0
    """Retries a second besides, however few the calls are."""

    burst: float = 100.0
    """The most that can be saved up; so many there are at the start."""


@attrs.define(eq=False)
class RetryPurse:
    """What is left of a `RetryBudget`; looked at only where there is something to retry, so that calls cost nothing."""

    budget: RetryBudget
    balance: float = attrs.field(init=False)
    _calls: int = 0
    _since: float | None = None

    def __attrs_post_init__(self) -> None:
        self.balance = self.budget.burst

    def spend(self, *, calls: int, now: float) -> bool:
        """Take a retry out, and say whether there was one.

        Args:
            calls: How many calls the endpoint has had in all.
            now: The present, in seconds.
        """
        budget = self.budget
        earned = budget.ratio * (calls - self._calls)
        if self._since is not None:
            earned += budget.per_second * (now - self._since)
        self._calls, self._since = calls, now
        self.balance = min(budget.burst, self.balance + earned)
        if self.balance < 1.0:
            return False
        self.balance -= 1.0
        return True

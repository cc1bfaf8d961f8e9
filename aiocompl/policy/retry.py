"""Whether and when to ask again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aiocompl.errors import APIError

if TYPE_CHECKING:
    from random import Random

    from aiocompl.errors import AiocomplError


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter; a provider's ``Retry-After`` goes before it.

    Times are in seconds.
    """

    max_retries: int = 2
    """Attempts after the first."""

    base: float = 0.5
    """The first backoff lasts at most this long; each further one at most twice the one before."""

    cap: float = 8.0
    """No backoff is longer."""

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
        if attempt > self.max_retries or not error.retryable:
            return None
        asked = error.retry_after if isinstance(error, APIError) else None
        if asked is not None:
            wait = asked
        else:
            wait = rng.uniform(0.0, min(self.cap, self.base * 2.0 ** (attempt - 1)))
        return wait if now + wait < deadline else None

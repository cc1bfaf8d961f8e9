"""Whether an endpoint is asked at all: a circuit breaker, which spares one that fails and tries it again with care."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Literal

import attrs

from aiocompl.errors import (
    APIError,
    AuthenticationError,
    PermissionDeniedError,
    RateLimitError,
    WaitTooLongError,
)

if TYPE_CHECKING:
    from aiocompl.errors import AiocomplError

BreakerState = Literal["closed", "open", "half_open"]

_SLICES: Final = 10
"""Parts of the window, each counted and forgotten as a whole."""


@attrs.frozen(kw_only=True)
class BreakerPolicy:
    """When a breaker opens and for how long; times are in seconds."""

    failure_rate: float = 0.5
    """It opens when this share of the calls within `window` failed, once there are `min_calls` of them."""

    min_calls: int = 10

    window: float = 30.0

    consecutive: int = 5
    """It opens after so many failures in a row, too."""

    cooldown: float = 5.0
    """How long it stays open the first time; each further time without a success in between doubles it."""

    max_cooldown: float = 300.0

    hard_cooldown: float = 60.0
    """The least for what time alone does not mend: a key that is not accepted, a quota that is used up."""


@attrs.define(eq=False)
class Breaker:
    """One endpoint's breaker. It is told of every call's end, and asked before every call.

    Closed, all calls pass. Open, none does. Once the cooldown is over it is half open: one call at a time passes as a
    probe, and its end decides.
    """

    policy: BreakerPolicy
    opened: int = 0
    """How often it has opened."""
    _width: float = attrs.field(init=False)  # of a part of the window
    _slices: deque[list[float]] = attrs.field(factory=deque, init=False)  # [begin, calls, failures]
    _row: int = attrs.field(default=0, init=False)  # failures in a row
    _trips: int = attrs.field(default=0, init=False)  # openings since the last success
    _until: float | None = attrs.field(default=None, init=False)  # open until then, half open from then on
    _probing: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._width = self.policy.window / _SLICES

    def state(self, now: float) -> BreakerState:
        """What it is now."""
        if self._until is None:
            return "closed"
        return "open" if now < self._until else "half_open"

    @property
    def is_closed(self) -> bool:
        """Whether all calls pass, whatever the time."""
        return self._until is None

    def closed_for(self, now: float) -> float | None:
        """None where a call may pass now, else seconds until one may. Asking changes nothing."""
        if self._until is None:
            return None
        if now < self._until:
            return self._until - now
        return self.policy.cooldown if self._probing else None

    def wait(self, now: float) -> float | None:
        """None where a call may pass, and then it has to be told how that ended; else seconds until one may."""
        wait = self.closed_for(now)
        if wait is None and self._until is not None:
            self._probing = True
        return wait

    def succeed(self, now: float) -> bool:
        """A call has succeeded; say whether that closed it."""
        self._row = self._trips = 0
        if self._until is not None:
            self._until, self._probing = None, False
            self._slices.clear()
            return True
        self._slice(now)[1] += 1
        return False

    def fail(self, now: float, error: AiocomplError) -> bool:
        """A call has failed; say whether that opened it."""
        if not counts(error):
            self.release()
            return False
        self._row += 1
        current = self._slice(now)
        current[1] += 1
        current[2] += 1
        probe, self._probing = self._probing, False
        if self._until is not None and not probe:
            return False  # it was on its way when the breaker opened
        if probe or is_hard(error) or self._row >= self.policy.consecutive or self._is_too_much():
            self._open(now, error)
            return True
        return False

    def release(self) -> None:
        """A call has ended without saying anything of the endpoint: it was cancelled, or wrong in itself."""
        self._probing = False

    def _open(self, now: float, error: AiocomplError) -> None:
        policy = self.policy
        cooldown = min(policy.max_cooldown, policy.cooldown * 2.0**self._trips)
        if is_hard(error):
            cooldown = max(cooldown, policy.hard_cooldown)
        asked = error.retry_after if isinstance(error, APIError) else None
        self._until = now + max(cooldown, asked or 0.0)
        self._trips += 1
        self.opened += 1

    def _slice(self, now: float) -> list[float]:
        """The part of the window that `now` is in; those out of the window are forgotten."""
        slices = self._slices
        if not slices or now >= slices[-1][0] + self._width:
            slices.append([now, 0, 0])
            while slices[0][0] < now - self.policy.window:
                slices.popleft()
        return slices[-1]

    def _is_too_much(self) -> bool:
        calls = sum(part[1] for part in self._slices)
        failures = sum(part[2] for part in self._slices)
        return calls >= self.policy.min_calls and failures >= self.policy.failure_rate * calls


def is_hard(error: AiocomplError) -> bool:
    """Whether time alone does not mend it."""
    return isinstance(error, (AuthenticationError, PermissionDeniedError)) or (
        isinstance(error, RateLimitError) and not error.retryable
    )


def counts(error: AiocomplError) -> bool:
    """Whether it says something of the endpoint, rather than of the call, or of the line before the endpoint."""
    return (error.retryable or is_hard(error)) and not isinstance(error, WaitTooLongError)

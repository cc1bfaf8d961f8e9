"""What simulated batches are in every dialect: requests that are answered one by one, each in its own time.

Every request of a batch goes through the script, as if it were asked directly, when the batch begins: what it gets, and
after how many seconds, is fixed then. So the batch takes as long as its slowest answer; a request that would take longer
than a day expires; a fault becomes that request's error. Results come in the opposite order of the requests: nobody
promises any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.testing.asked import Asked, Problem
    from aiocompl.testing.delivery import Delivery

WINDOW: Final = 86_400.0
"""Seconds after which what is not done expires."""

_ERROR: Final = 400


@attrs.frozen(kw_only=True)
class Made:
    """What one request of a batch comes to."""

    delay: float
    """Seconds after the batch began."""
    status: int
    """The status that it would have got directly; 0 where it would have got none."""
    body: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class BatchAsked:
    """A batch to begin: its requests, to be put to the script, and what is answered once that is done."""

    requests: Sequence[Asked | Problem]
    begin: Callable[[Sequence[Made]], Delivery]


@attrs.define(eq=False, kw_only=True)
class Running:
    """A batch that was begun."""

    id: str
    names: Sequence[str]
    """The custom ids of its requests."""
    made: Sequence[Made]
    begun: float
    cancelled: float | None = None
    """When it was cancelled."""

    def over(self, now: float) -> bool:
        """Whether nothing more happens."""
        return self.cancelled is not None or all(
            min(each.delay, WINDOW) <= now - self.begun for each in self.made
        )

    def expired(self, now: float) -> bool:
        """Whether a request expired."""
        return self.cancelled is None and any(self.outcome(index, now) == "expired" for index in self.indices)

    @property
    def indices(self) -> Sequence[int]:
        """Its requests, in the order of the results."""
        return range(len(self.names) - 1, -1, -1)

    def outcome(self, index: int, now: float) -> str:
        """How a request stands: ``"processing"``, ``"succeeded"``, ``"errored"``, ``"expired"`` or ``"canceled"``."""
        each = self.made[index]
        until = now if self.cancelled is None else self.cancelled
        if each.delay <= min(until - self.begun, WINDOW):
            return "succeeded" if 0 < each.status < _ERROR else "errored"
        if self.cancelled is not None:
            return "canceled"
        return "expired" if now - self.begun >= WINDOW else "processing"

    def count(self, outcome: str, now: float) -> int:
        """How many requests stand so."""
        return sum(self.outcome(index, now) == outcome for index in self.indices)

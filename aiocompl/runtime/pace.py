"""How fast an actor's inbox moves, and who had better not wait in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl.errors import WaitTooLongError
from aiocompl.policy.shedding import Shedder

if TYPE_CHECKING:
    from aiocompl.runtime.actor import Envelope
    from aiocompl.runtime.inbox import Inbox
    from aiocompl.types.endpoint import Endpoint


class Pace:
    """Watches an inbox, and refuses whom it would keep too long. While nobody waits it has nothing to do.

    Args:
        inbox: What it watches.
        endpoint: What is behind it.
    """

    def __init__(self, inbox: Inbox[Envelope[Any]], endpoint: Endpoint) -> None:
        self._inbox = inbox
        self._endpoint = endpoint
        self._shedder = Shedder()

    def join(self, envelope: Envelope[Any], deadline: float) -> None:
        """Somebody is about to wait.

        Raises:
            WaitTooLongError: The turn would come too late.
        """
        now, ahead = envelope.asked, self._inbox.ahead(envelope.priority)
        if not self._inbox:
            self._shedder.began(now)
        wait = self._shedder.refused(now=now, deadline=deadline, ahead=ahead)
        if wait is not None:
            raise self._error(wait, deadline - now, f"its turn for a slot would come in {wait:.3g} s")

    def turn(self, envelope: Envelope[Any], deadline: float) -> None:
        """Somebody's turn has come.

        Raises:
            WaitTooLongError: Too late, so that it is for somebody else.
        """
        now = envelope.taken
        if self._shedder.is_late(now=now, deadline=deadline, started=envelope.asked):
            wait = self._inbox.ahead(envelope.priority) * self._shedder.per_turn
            raise self._error(wait, deadline - now, "its turn for a slot came too late")
        self._shedder.turn(now)

    def took(self, seconds: float) -> None:
        """A call has been answered, so long after its turn."""
        if self._inbox:
            self._shedder.took(seconds)

    def aborted(self, seconds: float) -> None:
        """A call has come to nothing, so long after its turn."""
        if self._inbox:
            self._shedder.aborted(seconds)

    def _error(self, wait: float, left: float, why: str) -> WaitTooLongError:
        return WaitTooLongError(
            f"{why}: a call takes {self._shedder.mean:.3g} s, and {left:.3g} s are left (in line: {len(self._inbox)}); "
            "try again later, elsewhere, or with a longer timeout",
            provider=self._endpoint.provider,
            retry_after=wait,
        )

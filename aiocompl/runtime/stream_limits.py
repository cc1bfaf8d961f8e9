"""How long a stream may keep its reader waiting: for its first token, and between any two pieces of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.errors import APITimeoutError
from aiocompl.types.checks import seconds

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping


@attrs.frozen(kw_only=True)
class StreamLimits:
    """Bounds on waiting, in seconds; None for no bound but the call's deadline."""

    first_token: float | None = None
    """From the start of the attempt to the first chunk with content, queueing and headers included."""

    idle: float | None = None
    """Between any two pieces of the stream, whatever they hold."""


class StreamWatch:
    """Ends a stream that keeps its reader waiting for too long.

    One timer for the whole stream, which is put off where it rings too early: a piece of the stream costs two
    assignments. Only the provider's time counts: while nobody reads, nothing is late.

    Args:
        limits: How long it may.
        end: Ends the stream, with the error that says why.
        loop: Where the time comes from.
        started: When the attempt began, by `loop.time()`.
    """

    __slots__ = ("_end", "_first_due", "_idle", "_limits", "_loop", "_timer", "_waiting_since")

    def __init__(
        self,
        limits: StreamLimits,
        end: Callable[[APITimeoutError], None],
        loop: asyncio.AbstractEventLoop,
        started: float,
    ) -> None:
        self._limits = limits
        self._end = end
        self._loop = loop
        self._idle = limits.idle
        self._first_due = None if limits.first_token is None else started + limits.first_token
        self._waiting_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, *, token: bool) -> None:
        """The reader waits from now on; whether the first token has come before."""
        self._waiting_since = self._loop.time()
        if token:
            self._first_due = None
        if self._timer is None and (due := self._due()) is not None:
            self._timer = self._loop.call_at(due, self._ring)

    def came(self) -> None:
        """A piece has come."""
        self._waiting_since = None

    def close(self) -> None:
        """The stream is over. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._first_due = self._idle = None

    def _due(self) -> float | None:
        """When the wait that goes on is too long."""
        since = self._waiting_since
        if since is None:
            return None
        first = self._first_due
        bounds = (
            [] if first is None or first < since else [first]
        )  # a reader that came late has itself to blame
        if self._idle is not None:
            bounds.append(since + self._idle)
        return min(bounds, default=None)

    def _ring(self) -> None:
        self._timer = None
        due = self._due()
        if due is None:
            return  # nobody waits: the next wait sets it again
        if due > self._loop.time():
            self._timer = self._loop.call_at(due, self._ring)
            return
        if self._first_due is not None and due >= self._first_due:
            text = f"no token within first_token_timeout={self._limits.first_token:g} s"
        else:
            text = f"nothing more within idle_timeout={self._limits.idle:g} s"
        self._end(APITimeoutError(text))


def stream_limits(options: Mapping[str, Any]) -> StreamLimits | None:
    """The limits that a call's options set, or None where they set none.

    Raises:
        BadRequestError: One of them is no positive number of seconds.
    """
    first, idle = options.get("first_token_timeout"), options.get("idle_timeout")
    if first is None and idle is None:
        return None
    return StreamLimits(
        first_token=None if first is None else seconds("first_token_timeout", first),
        idle=None if idle is None else seconds("idle_timeout", idle),
    )

"""A limit on requests in flight that finds itself, with its clock, and the actor whose slots it sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl.errors import APITimeoutError, RateLimitError, ServiceUnavailableError
from aiocompl.policy.adaptive import AdaptiveLimit

if TYPE_CHECKING:
    import asyncio

    from aiocompl.errors import AiocomplError
    from aiocompl.policy.adaptive import AdaptivePolicy
    from aiocompl.runtime.actor import ProviderActor
    from aiocompl.types.request import Request


class Throttle:
    """Sets an endpoint's slots by how its exchanges end.

    The latency of an exchange begins where its slot is taken: what it waited in our own inbox says nothing of the
    endpoint. It ends with the answer, and for a stream with the headers. How long a stream goes on from there is up
    to the length of its answer and to its reader, while requests that the endpoint lets wait get no headers. (A server
    that sends headers before it has room is known by its refusals alone.) Streams and models are compared each with
    their own kind.

    Args:
        policy: How the limit behaves.
        loop: Where the time comes from.
    """

    def __init__(self, policy: AdaptivePolicy, loop: asyncio.AbstractEventLoop) -> None:
        self._limit = AdaptiveLimit(policy)
        self._loop = loop

    @property
    def limit(self) -> int:
        """Requests that may be in flight now."""
        return self._limit.limit

    def answered(self, request: Request, taken: float, actor: ProviderActor | None) -> None:
        """A request that got its slot at `taken` was answered."""
        now = self._loop.time()
        in_flight = self._in_flight(actor, holds=request.stream)
        self._limit.sample(now - taken, in_flight, now, (request.model, request.stream))
        self._apply(actor)

    def failed(
        self, request: Request, taken: float, error: AiocomplError, actor: ProviderActor | None
    ) -> None:
        """It was not; refusals for there being too many count, and giving up after a long time."""
        now = self._loop.time()
        if isinstance(error, APITimeoutError):
            in_flight = self._in_flight(actor, holds=False)
            self._limit.gave_up(now - taken, in_flight, now, (request.model, request.stream))
        elif isinstance(error, (RateLimitError, ServiceUnavailableError)) and error.retryable:
            self._limit.refused(now - taken, self._in_flight(actor, holds=False), now)
        self._apply(actor)

    def _in_flight(self, actor: ProviderActor | None, *, holds: bool) -> int:
        """Requests in flight with the one that ended just now: its slot is free already, unless it is a stream.

        Where somebody waited for that slot, it is taken again, and the number is the limit as it was.
        """
        in_flight = 0 if actor is None else actor.in_flight
        return in_flight if holds or in_flight >= self.limit else in_flight + 1

    def _apply(self, actor: ProviderActor | None) -> None:
        if actor is not None and actor.slots != self.limit:
            actor.resize(self.limit)

"""What happens on the way of a call, as frozen values with dotted names.

They hold who was asked, how long it took and what was used; never a key, a prompt or the text of an answer. Durations are
in seconds, costs in US dollars. What is not known is None, or empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs

if TYPE_CHECKING:
    from aiocompl.types.call import AttemptKind

Operation = Literal["chat", "embeddings", "rerank", "moderation", "models", "batch"]

Outcome = Literal["answered", "failed", "cancelled", "closed"]
"""How a call came out. Cancelled: by its caller, or as the loser of a race. Closed: a stream whose reader left early."""


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened, and to whom."""

    name: ClassVar[str] = "event"

    call: int | None = None
    """Tells the events of one call from all others in this process; None for what belongs to no single call."""
    provider: str = ""
    endpoint: str = ""
    """The base URL, without credentials."""
    model: str = ""
    """The model name as the provider knows it."""
    group: str | None = None
    """The model group that the call asked for, where it is one."""

    def fields(self) -> dict[str, Any]:
        """All that is known, by name; for logs."""
        return {
            field.name: value
            for field in attrs.fields(type(self))
            if (value := getattr(self, field.name)) not in (None, "", ())
        }


@attrs.frozen(kw_only=True)
class CallStarted(Event):
    """A call begins."""

    name: ClassVar[str] = "call.started"

    operation: Operation = "chat"
    stream: bool = False


@attrs.frozen(kw_only=True)
class CallFinished(Event):
    """A call is over, one way or another; one that streams, with its stream."""

    name: ClassVar[str] = "call.finished"

    operation: Operation = "chat"
    stream: bool = False
    outcome: Outcome
    elapsed: float
    attempts: int = 0
    error: str | None = None
    """The class of what was raised."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated: bool = False
    """The tokens are our estimate: a stream ended before the provider said."""
    cost: float | None = None


@attrs.frozen(kw_only=True)
class AttemptEvent(Event):
    """Something about one attempt of a call."""

    attempt: int
    """Counted from 1."""


@attrs.frozen(kw_only=True)
class AttemptStarted(AttemptEvent):
    """An endpoint is about to be asked."""

    name: ClassVar[str] = "attempt.started"

    kind: AttemptKind = "first"
    """Why: it is the call's first; the same model again; another model group; a second one beside the first; the rest of a
    stream that broke."""


@attrs.frozen(kw_only=True)
class AttemptFinished(AttemptEvent):
    """It answered; a stream: it opened."""

    name: ClassVar[str] = "attempt.finished"

    elapsed: float
    queued: float | None = None
    """Seconds spent in the actor's inbox."""
    stream: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None


@attrs.frozen(kw_only=True)
class AttemptFailed(AttemptEvent):
    """It did not answer, or not well."""

    name: ClassVar[str] = "attempt.failed"

    elapsed: float
    error: str
    """The class of the error."""
    status: int | None = None
    """The HTTP status, where there was one."""


@attrs.frozen(kw_only=True)
class AttemptCancelled(AttemptEvent):
    """Nobody waits for it any more: the caller has gone, or another attempt was faster."""

    name: ClassVar[str] = "attempt.cancelled"

    elapsed: float


@attrs.frozen(kw_only=True)
class AttemptRetried(AttemptEvent):
    """There will be another attempt, with this number."""

    name: ClassVar[str] = "attempt.retried"

    wait: float
    """Seconds until then."""
    why: str
    """The class of the error that it makes good."""


@attrs.frozen(kw_only=True)
class CallFellBack(Event):
    """The call goes on with another model group."""

    name: ClassVar[str] = "call.fell_back"

    from_group: str
    to_group: str
    why: str
    """The class of the error that the first group ended with."""


@attrs.frozen(kw_only=True)
class BreakerOpened(Event):
    """An endpoint has failed too often and is not asked for a while."""

    name: ClassVar[str] = "breaker.opened"

    error: str | None = None
    """The class of the last error."""
    times: int | None = None
    """How often it has opened."""
    wait: float | None = None
    """Seconds until it is half open."""


@attrs.frozen(kw_only=True)
class BreakerHalfOpened(Event):
    """One call is let through to see whether the endpoint answers again."""

    name: ClassVar[str] = "breaker.half_opened"


@attrs.frozen(kw_only=True)
class BreakerClosed(Event):
    """The endpoint answers again."""

    name: ClassVar[str] = "breaker.closed"


@attrs.frozen(kw_only=True)
class LimiterWaited(Event):
    """The call had to wait until a rate limit let it pass."""

    name: ClassVar[str] = "limiter.waited"

    waited: float


@attrs.frozen(kw_only=True)
class HedgeStarted(AttemptEvent):
    """A second attempt begins beside the first, with this number."""

    name: ClassVar[str] = "hedge.started"

    after: float
    """Seconds that the first one has been silent."""


@attrs.frozen(kw_only=True)
class HedgeWon(AttemptEvent):
    """The second attempt answered first."""

    name: ClassVar[str] = "hedge.won"


@attrs.frozen(kw_only=True)
class HedgeLost(AttemptEvent):
    """The first attempt was faster after all, or the second failed."""

    name: ClassVar[str] = "hedge.lost"


@attrs.frozen(kw_only=True)
class RaceFinished(Event):
    """A race is over."""

    name: ClassVar[str] = "race.finished"

    outcomes: tuple[tuple[str, str], ...]
    """Each contestant's model and what became of it, in the caller's order."""
    elapsed: float


@attrs.frozen(kw_only=True)
class StreamRecovered(Event):
    """A stream that broke goes on from elsewhere."""

    name: ClassVar[str] = "stream.recovered"

    mode: str
    """How: ``"resume"``, ``"restart"`` or ``"buffer"``; ``"failover"`` where nothing had been delivered yet."""
    why: str
    """The class of the error that broke it."""


@attrs.frozen(kw_only=True)
class StreamFinished(Event):
    """A stream has ended, be it whole, broken or left."""

    name: ClassVar[str] = "stream.finished"

    outcome: Outcome
    elapsed: float
    ttft: float | None = None
    """Seconds from the start of the call to the first token."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    estimated: bool = False
    """The tokens are our estimate: it ended before the provider said."""
    chunks: int | None = None
    cost: float | None = None


@attrs.frozen(kw_only=True)
class ActorRestarted(Event):
    """An actor crashed and was started again."""

    name: ClassVar[str] = "actor.restarted"

    error: str
    """The class of the bug."""
    restarts: int


@attrs.frozen(kw_only=True)
class EndpointDown(Event):
    """An actor crashed too often: its endpoint is given up."""

    name: ClassVar[str] = "endpoint.down"

    error: str
    restarts: int


@attrs.frozen(kw_only=True)
class CacheHit(Event):
    """The answer came out of the cache, or from an identical call on its way."""

    name: ClassVar[str] = "cache.hit"

    coalesced: bool = False


@attrs.frozen(kw_only=True)
class BudgetExceeded(Event):
    """A call was not made because the money is spent."""

    name: ClassVar[str] = "budget.exceeded"

    budget: float
    spent: float

"""What it takes to start the actor of an endpoint, and what there is to see of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from aiocompl.policy.retry import RetryBudget

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Sign
    from aiocompl.policy.adaptive import AdaptivePolicy
    from aiocompl.runtime.credentials import CredentialKeeper
    from aiocompl.telemetry.hooks import Hooks
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.transport import Transport

Overflow = Literal["raise", "wait"]
"""What a full inbox does with one more: refuse it at once, or let its caller wait."""

ChildState = Literal["running", "draining", "down", "closed"]


@attrs.frozen(kw_only=True)
class ChildSpec:
    """What it takes to start, and start again, the actor of one endpoint."""

    endpoint: Endpoint
    make_transport: Callable[[], Transport]
    sign: Sign | None = None
    """Signs each request right before it is sent."""
    make_keeper: Callable[[], CredentialKeeper] | None = None
    """Makes what fetches and keeps the credential, where the endpoint's is fetched."""
    slots: int = 1000
    """Requests in flight at once; where that is found, at first."""
    adaptive: AdaptivePolicy | None = None
    """How it is found."""
    inbox_size: int = 10_000
    """Requests that may wait for a slot."""
    overflow: Overflow = "raise"
    max_restarts: int = 3
    restart_period: float = 5.0
    retry_budget: RetryBudget = attrs.field(factory=RetryBudget)
    hooks: Hooks | None = None
    """Who is told of crashes, besides the log."""


@attrs.frozen(kw_only=True)
class ChildSnapshot:
    """One endpoint's state at an instant; times are in seconds."""

    endpoint: str
    """The base URL, without credentials."""
    provider: str
    state: ChildState
    queued: int
    in_flight: int
    slots: int
    """Requests that may be in flight: as many as was set, or as was found up to now."""
    restarts: int
    completed: int
    failed: int
    latency_p50: float | None
    """Median over the latest 512 replies (for streams: until the headers), or None before the first."""
    latency_p95: float | None
    last_error: str | None

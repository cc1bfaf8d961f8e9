"""A circuit breaker before a model at an endpoint, with its clock and its words."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from aiocompl import telemetry
from aiocompl.errors import AiocomplError, CircuitOpenError
from aiocompl.policy.breaker import Breaker

if TYPE_CHECKING:
    import asyncio

    from aiocompl.policy.breaker import BreakerPolicy, BreakerState
    from aiocompl.shared.base import SharedState
    from aiocompl.telemetry.hooks import Hooks
    from aiocompl.types.endpoint import Endpoint


class Gate:
    """Lets calls through to a model at an endpoint, or not. Each call that was let through leaves once, one way or another.

    Args:
        policy: When the breaker opens.
        endpoint: What is behind the gate.
        model: The model's name there.
        loop: Where the time comes from.
        hooks: Who is told of it besides the log.
        shared: Where its breaker is that of other processes too.
    """

    def __init__(
        self,
        policy: BreakerPolicy,
        endpoint: Endpoint,
        model: str,
        loop: asyncio.AbstractEventLoop,
        hooks: Hooks | None = None,
        shared: SharedState | None = None,
    ) -> None:
        self._hooks = hooks
        if shared is None:
            self._breaker = Breaker(policy)
        else:
            self._breaker = shared.breaker(_place(endpoint, model), policy, self._changed)
        self._endpoint = endpoint
        self._model = model
        self._loop = loop

    @property
    def state(self) -> BreakerState:
        """What the breaker is now."""
        return self._breaker.state(self._loop.time())

    @property
    def closed_for(self) -> float | None:
        """None where a call may pass now, else seconds until one may."""
        breaker = self._breaker
        return None if breaker.is_closed else breaker.closed_for(self._loop.time())

    def enter(self) -> None:
        """A call wants to pass.

        Raises:
            CircuitOpenError: The breaker is open; it says for how long.
        """
        if self._breaker.is_closed:
            return
        now = self._loop.time()
        probing = self._hooks is not None and self._breaker.state(now) == "half_open"
        wait = self._breaker.wait(now)
        if probing and wait is None:
            self._emit("BreakerHalfOpened")
        if wait is not None:
            endpoint = self._endpoint
            error = CircuitOpenError(
                f"{endpoint.base_url} has failed too often and is not asked for now: try again in {wait:.3g} s",
                provider=endpoint.provider,
                model=self._model,
            )
            error.retry_after = wait
            raise error

    def succeed(self, now: float) -> None:
        """A call has been answered."""
        if self._breaker.succeed(now):
            self._changed(opened=False)

    def fail(self, error: BaseException) -> None:
        """A call has come to nothing; what says nothing of the endpoint does not count."""
        if not isinstance(error, AiocomplError):
            self._breaker.release()
        elif self._breaker.fail(self._loop.time(), error):
            self._changed(opened=True, error=error)

    def _changed(self, opened: bool, error: AiocomplError | None = None) -> None:
        """Say so; what others' calls have opened is without an error here."""
        if not opened:
            self._tell("breaker.closed")
            self._emit("BreakerClosed")
            return
        times, name = self._breaker.opened, None if error is None else type(error).__name__
        self._tell("breaker.opened", error=None if error is None else str(error), times=times)
        self._emit("BreakerOpened", error=name, times=times, wait=self.closed_for)

    def _tell(self, event: str, **fields: object) -> None:
        endpoint = self._endpoint
        telemetry.warning(
            event, provider=endpoint.provider, endpoint=endpoint.base_url, model=self._model, **fields
        )

    def _emit(self, kind: str, **fields: Any) -> None:
        if self._hooks is not None:
            self._hooks.emit_about(kind, self._endpoint, model=self._model, **fields)


def _place(endpoint: Endpoint, model: str) -> str:
    """The same name in all processes for the same model at the same endpoint, from which no key can be read."""
    parts = (
        endpoint.provider,
        endpoint.base_url,
        endpoint.api_key,
        endpoint.organization,
        endpoint.project,
        model,
    )
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()

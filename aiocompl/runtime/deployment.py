"""A deployment as it runs: where it is, who serves it, and what watches over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.runtime.stream import CompletionStream

if TYPE_CHECKING:
    from aiocompl.codecs.base import Operation
    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.breaker import BreakerState
    from aiocompl.policy.load import Load
    from aiocompl.prices import Price
    from aiocompl.runtime.child import Child
    from aiocompl.runtime.gate import Gate
    from aiocompl.runtime.stream_limits import StreamLimits
    from aiocompl.types.call import AnswerT
    from aiocompl.types.request import Request


@attrs.frozen(kw_only=True)
class DeploymentSnapshot:
    """One deployment's state at an instant; times are in seconds."""

    group: str | None
    """The model group it belongs to; None where calls name the model itself."""
    id: str
    provider: str
    endpoint: str
    """The base URL, without credentials."""
    model: str
    """The model's name there."""
    in_flight: int | None
    """Calls that it has, waiting ones and open streams included; None where nobody counts them."""
    latency: float | None
    """Peak-sensitive moving average of the time to the reply (a stream: to its opening)."""
    breaker: BreakerState | None
    """None where there is no breaker."""


@attrs.define(eq=False)
class Deployment:
    """An endpoint and the name of a model there, with what counts, spares and bounds its calls."""

    route: OperationRoute[Any]
    child: Child
    gate: Gate | None = None
    """Its circuit breaker."""
    load: Load | None = None
    """What balancing looks at; None where nothing is balanced."""
    group: str | None = None
    id: str = ""
    price: Price | None = None
    """What a token costs there, where its configuration says so."""
    _kept: bool = attrs.field(init=False)  # whether anything watches over it

    def __attrs_post_init__(self) -> None:
        self._kept = self.gate is not None or self.load is not None

    async def ask(
        self,
        request: Request,
        route: OperationRoute[Operation[Any, AnswerT]],
        *,
        started: float,
        deadline: float,
        again: bool = False,
        limits: StreamLimits | None = None,
    ) -> AnswerT | CompletionStream:
        """Make one attempt; see `Child.ask`.

        Cancelled: the request is withdrawn or its HTTP exchange aborted, and awaited; nothing stays counted.

        Raises:
            CircuitOpenError: The breaker lets nothing pass.
            AiocomplError: Whatever went wrong.
        """
        child, kept = self.child, self._kept
        if kept:
            self._enter()
        begun = child.loop.time()
        try:
            answer = await child.ask(
                request,
                route.codec,
                started=started,
                deadline=deadline,
                again=again,
                rebind=route.rebind,
                limits=limits,
            )
        except BaseException as error:
            if kept:
                self._failed(error)
            raise
        if kept:
            self._answered(answer, child.loop.time() - begun)
        return answer

    def snapshot(self) -> DeploymentSnapshot:
        """The state at this instant."""
        endpoint, load = self.route.endpoint, self.load
        return DeploymentSnapshot(
            group=self.group,
            id=self.id,
            provider=endpoint.provider,
            endpoint=endpoint.base_url,
            model=self.route.model,
            in_flight=None if load is None else load.in_flight,
            latency=None if load is None else load.latency.value,
            breaker=None if self.gate is None else self.gate.state,
        )

    def _enter(self) -> None:
        if self.gate is not None:
            self.gate.enter()
        if self.load is not None:
            self.load.in_flight += 1
            self.load.requests.add(1.0, self.child.loop.time())

    def _answered(self, answer: Any, elapsed: float) -> None:
        if self.gate is not None:
            self.gate.succeed()
        if self.load is not None:
            self.load.latency.observe(elapsed, self.child.loop.time())
        if isinstance(answer, CompletionStream):
            answer.when_ended(self._stream_ended)
        elif self.load is not None:
            self.load.in_flight -= 1

    def _failed(self, error: BaseException) -> None:
        if self.gate is not None:
            self.gate.fail(error)
        if self.load is not None:
            self.load.in_flight -= 1

    def _stream_ended(self, error: Exception | None) -> None:
        if error is not None and self.gate is not None:
            self.gate.fail(error)
        if self.load is not None:
            self.load.in_flight -= 1

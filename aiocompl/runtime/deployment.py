"""A deployment as it runs: where it is, who serves it, and what watches over it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.errors import CircuitOpenError, WaitTooLongError
from aiocompl.policy.limits import NOTHING, ONE, used_cost
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Operation
    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.breaker import BreakerState
    from aiocompl.policy.limits import Cost
    from aiocompl.policy.load import Load
    from aiocompl.prices import Price
    from aiocompl.runtime.child import Child
    from aiocompl.runtime.gate import Gate
    from aiocompl.runtime.stream import Receipt
    from aiocompl.runtime.stream_limits import StreamLimits
    from aiocompl.runtime.turnstile import Pass, Turnstile, TurnstileSnapshot
    from aiocompl.types.call import AnswerT, CallInfo
    from aiocompl.types.completion import Usage
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
    limits: TurnstileSnapshot | None
    """None where there are no rate limits."""


@attrs.define(eq=False)
class Deployment:
    """An endpoint and the name of a model there, with what counts, spares and bounds its calls."""

    route: OperationRoute[Any]
    child: Child
    gate: Gate | None = None
    """Its circuit breaker."""
    load: Load | None = None
    """What balancing looks at; None where nothing is balanced."""
    turnstile: Turnstile | None = None
    """Its rate limits; None where it has none."""
    learns: bool = False
    """Whether its limits heed what the provider's headers say."""
    group: str | None = None
    id: str = ""
    price: Price | None = None
    """What a token costs there, where its configuration says so."""
    counts_tokens: bool = attrs.field(init=False)
    """Whether it matters how many tokens a call takes."""
    _kept: bool = attrs.field(init=False)  # whether anything watches over it

    def __attrs_post_init__(self) -> None:
        self._kept = self.gate is not None or self.load is not None or self.turnstile is not None
        load, turnstile = self.load, self.turnstile
        self.counts_tokens = (load is not None and load.tallied and load.tpm is not None) or (
            turnstile is not None and turnstile.counts_tokens
        )

    @property
    def closed_for(self) -> float | None:
        """None where its circuit breaker lets a call pass now, else seconds until it does."""
        return None if self.gate is None else self.gate.closed_for

    async def ask(
        self,
        request: Request,
        route: OperationRoute[Operation[Any, AnswerT]],
        *,
        started: float,
        deadline: float,
        again: bool = False,
        limits: StreamLimits | None = None,
        priority: int = 0,
        waited: Callable[[float], object] | None = None,
        cost: Cost = ONE,
    ) -> AnswerT | CompletionStream:
        """Make one attempt; see `Child.ask`.

        Cancelled: the request is withdrawn or its HTTP exchange aborted, and awaited; nothing stays counted.

        Args:
            request: What to ask.
            route: How to say it.
            started: When the call began, by `loop.time()`.
            deadline: When it must be over, by `loop.time()`.
            again: Whether the call has been here before.
            limits: How long a stream may keep its reader waiting.
            priority: Whose turn it is, where calls wait.
            cost: What it may take of the limits; its tokens need only be right where `counts_tokens`.
            waited: Told how many seconds a rate limit has let the call wait, where it has.

        Raises:
            WaitTooLongError: By its rate limits, its turn would come too late.
            CircuitOpenError: The breaker lets nothing pass.
            AiocomplError: Whatever went wrong.
        """
        child = self.child
        visit: Visit | None = None
        if self._kept:
            passed, turnstile = None, self.turnstile
            if turnstile is not None and (passed := turnstile.enter_nowait(cost)) is None:
                passed = await turnstile.enter(cost, priority=priority, deadline=deadline)
                if waited is not None:
                    waited(passed.waited)
            visit = self._begin(passed, cost)
        try:
            answer = await child.ask(
                request,
                route.codec,
                started=started,
                deadline=deadline,
                again=again,
                rebind=route.rebind,
                limits=limits,
                priority=priority,
            )
        except BaseException as error:
            if visit is not None:
                visit.fail(error)
            raise
        if visit is not None:
            visit.answered(answer)
        return answer

    def _begin(self, passed: Pass | None, cost: Cost) -> Visit:
        """Pass the breaker, now that the call has its turn. Not let in: nothing stays counted."""
        if self.gate is not None:
            try:
                self.gate.enter()
            except CircuitOpenError:
                if passed is not None:
                    passed.leave(NOTHING)
                raise
        return Visit(self, passed, cost, self.child.loop.time())

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
            limits=None if self.turnstile is None else self.turnstile.snapshot(),
        )


class Visit:
    """A call on its way at a deployment that is watched over. It ends once, however it ends."""

    __slots__ = ("_begun", "_cost", "_deployment", "_passed")

    def __init__(self, deployment: Deployment, passed: Pass | None, cost: Cost, begun: float) -> None:
        self._deployment = deployment
        self._passed = passed
        self._cost = cost
        self._begun = begun
        if (load := deployment.load) is not None:
            load.in_flight += 1
            if load.tallied:
                load.requests.add(1.0, begun)
                load.tokens.add(cost.tokens, begun)

    def answered(self, answer: Any) -> None:
        """It has been answered, or a stream has been opened, whose end is the visit's."""
        deployment, now = self._deployment, self._deployment.child.loop.time()
        if deployment.gate is not None:
            deployment.gate.succeed(now)
        if deployment.load is not None:
            deployment.load.latency.observe(now - self._begun, now)
        if isinstance(answer, CompletionStream):
            answer.when_ended(partial(self._stream_ended, answer.receipt, answer.call))
            return
        usage = answer.usage if isinstance(answer, ChatCompletion) else None
        self._leave(usage, answer.call)

    def fail(self, error: BaseException) -> None:
        """It came to nothing."""
        deployment = self._deployment
        if deployment.gate is not None:
            deployment.gate.fail(error)
        if deployment.load is not None:
            deployment.load.in_flight -= 1
        if self._passed is not None:
            if isinstance(error, WaitTooLongError):  # the inbox refused it: nothing was sent
                self._passed.leave(NOTHING)
            else:
                self._passed.leave(failed=True)

    def _stream_ended(self, receipt: Receipt, call: CallInfo, error: Exception | None) -> None:
        if error is not None and self._deployment.gate is not None:
            self._deployment.gate.fail(error)
        self._leave(receipt.spent()[0] if self._deployment.counts_tokens else None, call)

    def _leave(self, usage: Usage | None, call: CallInfo | None) -> None:
        load = self._deployment.load
        if load is not None:
            load.in_flight -= 1
            if usage is not None and load.tallied:
                more = usage.total_tokens - self._cost.tokens
                load.tokens.add(more, self._deployment.child.loop.time())
        if self._passed is not None:
            said = call.rate_limits if call is not None and self._deployment.learns else None
            self._passed.leave(None if usage is None else used_cost(usage), said)

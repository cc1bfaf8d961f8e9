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
    from collections.abc import Callable, Coroutine

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

    def ask(
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
    ) -> Coroutine[Any, Any, AnswerT | CompletionStream]:
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
        if not self._kept:
            return self.child.ask(
                request,
                route.codec,
                started=started,
                deadline=deadline,
                again=again,
                rebind=route.rebind,
                limits=limits,
                priority=priority,
            )
        return self._ask(
            request,
            route,
            started=started,
            deadline=deadline,
            again=again,
            limits=limits,
            priority=priority,
            waited=waited,
            cost=cost,
        )

    async def _ask(
        self,
        request: Request,
        route: OperationRoute[Operation[Any, AnswerT]],
        *,
        started: float,
        deadline: float,
        again: bool,
        limits: StreamLimits | None,
        priority: int,
        waited: Callable[[float], object] | None,
        cost: Cost,
    ) -> AnswerT | CompletionStream:
        """See `ask`: an attempt that is watched over."""
        child, turnstile, passed = self.child, self.turnstile, None
        begun = child.loop.time()
        if turnstile is not None and (passed := turnstile.enter_nowait(cost, begun)) is None:
            child.admit(again=again)
            with child.holding():
                passed = await turnstile.enter(cost, priority=priority, deadline=deadline)
            begun, again = child.loop.time(), True  # it has waited: it is let in while the child drains
            if waited is not None:
                waited(passed.waited)
        self._begin(passed, cost, begun)
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
            self._failed(error, passed)
            raise
        self._answered(answer, passed, cost, begun)
        return answer

    def _begin(self, passed: Pass | None, cost: Cost, now: float) -> None:
        """Pass the breaker, now that the call has its turn. Not let in: nothing stays counted."""
        if self.gate is not None:
            try:
                self.gate.enter()
            except CircuitOpenError:
                if passed is not None:
                    passed.leave(NOTHING)
                raise
        if (load := self.load) is not None:
            load.in_flight += 1
            if load.tallied:
                load.requests.add(1.0, now)
                load.tokens.add(cost.tokens, now)

    def _answered(self, answer: Any, passed: Pass | None, cost: Cost, begun: float) -> None:
        """A call has been answered, or a stream has been opened, whose end is the call's."""
        now = self.child.loop.time()
        if self.gate is not None:
            self.gate.succeed(now)
        if self.load is not None:
            self.load.latency.observe(now - begun, now)
        if isinstance(answer, ChatCompletion):
            self._leave(passed, cost, answer.usage, answer.call)
        elif isinstance(answer, CompletionStream):
            answer.when_ended(partial(self._stream_ended, passed, cost, answer.receipt, answer.call))
        else:
            self._leave(passed, cost, None, answer.call)

    def _failed(self, error: BaseException, passed: Pass | None) -> None:
        """A call came to nothing."""
        if self.gate is not None:
            self.gate.fail(error)
        if self.load is not None:
            self.load.in_flight -= 1
        if passed is not None:
            if isinstance(error, WaitTooLongError):  # the inbox refused it: nothing was sent
                passed.leave(NOTHING)
            else:
                passed.leave(failed=True)

    def _stream_ended(
        self, passed: Pass | None, cost: Cost, receipt: Receipt, call: CallInfo, error: Exception | None
    ) -> None:
        if error is not None and self.gate is not None:
            self.gate.fail(error)
        self._leave(passed, cost, receipt.spent()[0] if self.counts_tokens else None, call)

    def _leave(self, passed: Pass | None, cost: Cost, usage: Usage | None, call: CallInfo | None) -> None:
        """A call is over that was answered."""
        load = self.load
        if load is not None:
            load.in_flight -= 1
            if usage is not None and load.tallied:
                load.tokens.add(usage.total_tokens - cost.tokens, self.child.loop.time())
        if passed is not None:
            said = call.rate_limits if self.learns and call is not None else None
            passed.leave(
                used_cost(usage) if usage is not None and (self.counts_tokens or self.learns) else None, said
            )

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

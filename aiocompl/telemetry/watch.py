"""One object per call that is told of each step, and tells everybody who wants to know: the log, and the hooks."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import attrs

from aiocompl import telemetry
from aiocompl.errors import IncompleteStreamError
from aiocompl.prices import cost
from aiocompl.telemetry import events
from aiocompl.telemetry.attempt_watch import AttemptWatch, identity, usage_of
from aiocompl.telemetry.report import CallReport, Ending
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.request import (
    ChatRequest,
    EmbeddingRequest,
    ModelsRequest,
    ModerationRequest,
    RerankRequest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.telemetry.events import Event, Operation, Outcome
    from aiocompl.telemetry.hooks import Hooks, Observer
    from aiocompl.telemetry.outlet import Outlet
    from aiocompl.types.call import AttemptKind, CallInfo
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import Usage
    from aiocompl.types.request import Request

_numbers: Final = count(1)

_OPERATIONS: Final[Mapping[type, Operation]] = {
    ChatRequest: "chat",
    EmbeddingRequest: "embeddings",
    RerankRequest: "rerank",
    ModerationRequest: "moderation",
    ModelsRequest: "models",
}


class Receipt(Protocol):
    """What came of a stream; it does not keep the stream."""

    @property
    def finished(self) -> bool:
        """Whether the whole answer has come."""
        ...

    def spent(self) -> tuple[Usage, bool]:
        """The tokens used so far, and whether that is an estimate."""
        ...

    def chunks(self) -> list[ChatCompletionChunk]:
        """All that has come."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """An answer that is not over when the call returns."""

    call: CallInfo
    receipt: Receipt

    def when_ended(self, callback: Callable[[Exception | None], object], /) -> object:
        """Have it called at the end, with what broke the stream."""
        ...


@attrs.define(eq=False)
class CallWatch:
    """One call, as it happens. Whoever makes the call says each step, and in the end `finished` or `failed`."""

    request: Request
    route: OperationRoute[Any] | None
    """Who is asked, where that is known yet: first, then last."""
    started: float
    """When the call began, by `clock`."""
    clock: Callable[[], float]
    hooks: Hooks | None = None
    logger_fn: Callable[[dict[str, Any]], object] | None = None
    verbose: bool = False
    group: str | None = None
    """The model group that is asked for, where it is one."""
    attempts: int = attrs.field(default=0, init=False)
    """How many there have been."""
    observers: list[tuple[Observer, Outlet, bool]] = attrs.field(factory=list, init=False)
    """Tracing, and whoever else has an object for this call; and whether it wants the content."""
    undecided: list[tuple[AttemptWatch, Exception, float]] = attrs.field(factory=list, init=False)
    """Attempts that failed after so many seconds, before it is known what comes next."""
    _id: int = attrs.field(factory=partial(next, _numbers), init=False)
    _since: float = attrs.field(factory=time.time, init=False)  # noqa: TID251 - reports say when it began
    _sinks: list[Callable[[Event], object]] = attrs.field(factory=list, init=False)
    _over: bool = attrs.field(default=False, init=False)

    def begin(self) -> None:
        """The call begins, in the task that awaits it."""
        self.listen()
        hooks = self.hooks
        if hooks is None:
            self.tell(events.CallStarted, operation=self.operation, stream=self.request.stream)
            return
        self._sinks += [wanting.tell for wanting in hooks.events]
        if not self._sinks and not hooks.observers:
            return
        started = self._event(events.CallStarted, operation=self.operation, stream=self.request.stream)
        self._emit(started)
        for hook, outlet, content in hooks.observers:
            observer: Any = outlet.tell(hook.observe, started, self.request)
            if observer is not None:
                self.observers.append((observer, outlet, content))
                self._sinks.append(partial(outlet.tell, observer.on_event))

    def listen(self) -> None:
        """Have the log told, if it wants to know."""
        if telemetry.watched(verbose=self.verbose):
            self._sinks.append(self._log)

    @property
    def operation(self) -> Operation:
        """What is asked for."""
        return _OPERATIONS.get(type(self.request), "batch")

    def attempt_started(
        self,
        route: OperationRoute[Any] | None = None,
        request: Request | None = None,
        kind: AttemptKind = "first",
    ) -> AttemptWatch:
        """An attempt is about to be made, in this task.

        Args:
            route: Whom it asks, where that is not who was asked before.
            request: What it asks, where that is put in other words than the call's.
            kind: Why it is made.

        Raises:
            ValueError: Nobody has ever said whom it asks.
        """
        self.route = route = route or self.route
        if route is None:
            raise ValueError("an attempt asks somebody")
        self.attempts += 1
        return AttemptWatch(self, route, request or self.request, self.attempts, kind)

    def decided(self, wait: float | None) -> None:
        """What comes after the attempts that have failed: another one in so many seconds, or none."""
        if not self.undecided:
            return
        why = type(self.undecided[-1][1]).__name__
        self._settle(wait)
        if wait is not None:
            self.tell(events.AttemptRetried, attempt=self.attempts + 1, wait=wait, why=why)

    def fell_back(self, from_group: str, to_group: str, error: BaseException) -> None:
        """What comes after the attempts that have failed: one at another model group."""
        self._settle(0.0)
        self.tell(events.CallFellBack, from_group=from_group, to_group=to_group, why=type(error).__name__)

    def waited(self, seconds: float) -> None:
        """A rate limit let the call wait so long."""
        self.tell(events.LimiterWaited, waited=seconds)

    def hedged(self, after: float) -> None:
        """A second attempt is about to be made beside the first, which has been silent for so many seconds."""
        self.tell(events.HedgeStarted, attempt=self.attempts + 1, after=after)

    def hedge_ended(self, attempt: int, *, won: bool) -> None:
        """The second attempt, with this number, answered first, or did not."""
        self.tell(events.HedgeWon if won else events.HedgeLost, attempt=attempt)

    def recovered(self, mode: str, error: BaseException) -> None:
        """A stream that broke goes on from elsewhere."""
        self.tell(events.StreamRecovered, mode=mode, why=type(error).__name__)

    def cache_hit(self, *, coalesced: bool = False) -> None:
        """The answer comes out of the cache, or from an identical call on its way."""
        self.tell(events.CacheHit, coalesced=coalesced)

    def budget_exceeded(self, budget: float, spent: float, route: OperationRoute[Any] | None = None) -> None:
        """An attempt will not be made, there: the money is spent."""
        self.tell(events.BudgetExceeded, route, budget=budget, spent=spent)

    def finished(self, answer: Any) -> None:
        """The call goes back to its caller with an answer; where that is a stream, it is over when the stream is."""
        self._return()
        if self.request.stream and isinstance(answer, Streaming):
            answer.when_ended(partial(self._stream_ended, answer.call, answer.receipt))
            return
        elapsed = self.clock() - self.started
        call, usage = answer.call, usage_of(answer)
        spent = self._cost(call, usage)
        self._end(
            Ending(outcome="answered", elapsed=elapsed, call=call, answer=answer, usage=usage, cost=spent)
        )

    def failed(self, error: BaseException) -> None:
        """The call has come to nothing: it failed, or was cancelled."""
        self._return()
        outcome: Outcome = "failed" if isinstance(error, Exception) else "cancelled"
        self._end(Ending(outcome=outcome, elapsed=self.clock() - self.started, error=error))

    def tell(
        self, event: type[Event], where: OperationRoute[Any] | CallInfo | None = None, /, **fields: Any
    ) -> None:
        """Tell of a step; costs little where only the end is asked for."""
        if self._sinks:
            self._emit(self._event(event, where, **fields))

    def _settle(self, retry_in: float | None) -> None:
        undecided, self.undecided = self.undecided, []
        for attempt, error, elapsed in undecided:
            attempt.log_failure(error, elapsed, retry_in)

    def _return(self) -> None:
        self._settle(None)
        for observer, outlet, _ in self.observers:
            outlet.tell(observer.returned)

    def _stream_ended(self, call: CallInfo, receipt: Receipt, error: Exception | None) -> None:
        """The callback of a stream. It does not hold the stream, which may be dropped."""
        outcome: Outcome = "answered" if receipt.finished else "closed"
        usage, estimated = receipt.spent()
        ending = Ending(
            outcome=outcome if error is None else "failed",
            elapsed=self.clock() - self.started,
            call=call,
            whole=lambda: stream_chunk_builder(receipt.chunks()),
            error=error,
            usage=usage,
            estimated=estimated,
            cost=self._cost(call, usage),
        )
        ttft = call.first_token
        self.tell(events.StreamFinished, call, outcome=ending.outcome, ttft=ttft, **ending.spent())
        self._end(ending)

    def _end(self, ending: Ending) -> None:
        """Tell everybody how it came out; only the first time."""
        if self._over:
            return
        self._over = True
        error = ending.error
        self.tell(
            events.CallFinished,
            ending.call,
            operation=self.operation,
            stream=self.request.stream,
            outcome=ending.outcome,
            attempts=self.attempts,
            error=None if error is None else type(error).__name__,
            **ending.spent(),
        )
        if self.hooks is not None:
            self._report(self.hooks, ending)

    def _report(self, hooks: Hooks, ending: Ending) -> None:
        wanting = {"answered": hooks.successes, "failed": hooks.failures}.get(ending.outcome, ())
        if not wanting and not self.observers:
            return
        told: list[tuple[Callable[[CallReport], object], bool]] = [
            (each.tell, each.with_content) for each in wanting
        ]
        told += [(partial(outlet.tell, each.ended), content) for each, outlet, content in self.observers]
        report = self._report_of(ending)
        full = self._with_content(report, ending) if any(content for _, content in told) else report
        for tell, content in told:
            tell(full if content else report)

    def _report_of(self, ending: Ending) -> CallReport:
        start, call = datetime.fromtimestamp(self._since, UTC), ending.call
        return CallReport(
            call=self._id,
            operation=self.operation,
            outcome=ending.outcome,
            group=self.group,
            stream=self.request.stream,
            attempts=self.attempts,
            start=start,
            end=start + timedelta(seconds=ending.elapsed),
            elapsed=ending.elapsed,
            first_token=None if call is None else call.first_token,
            usage=ending.usage,
            estimated=ending.estimated,
            cost=ending.cost,
            request_id=None if call is None else call.request_id,
            response=ending.answer,
            error=ending.error,
            **self._identity(call),
        )

    def _with_content(self, report: CallReport, ending: Ending) -> CallReport:
        response, whole = ending.answer, ending.whole
        if whole is not None and ending.outcome == "answered":
            with suppress(IncompleteStreamError):  # it has been forgotten
                response = whole()
        asked = {**self.request.asked(), "params": dict(self.request.params)}
        return attrs.evolve(report, asked=asked, response=response)

    def _cost(self, call: CallInfo | None, usage: Usage | None) -> float | None:
        if self.hooks is None or call is None or usage is None:
            return None
        return cost(call.provider, call.model, usage, price=call.price)

    def _log(self, event: Event) -> None:
        telemetry.attempt(event.name, verbose=self.verbose, **event.fields())

    def _emit(self, event: Event) -> None:
        for sink in self._sinks:
            sink(event)

    def _event(
        self, event: type[Event], where: OperationRoute[Any] | CallInfo | None = None, /, **fields: Any
    ) -> Event:
        return event(call=self._id, group=self.group, **self._identity(where), **fields)

    def _identity(self, where: OperationRoute[Any] | CallInfo | None) -> dict[str, Any]:
        known = where or self.route
        return {"model": self.request.model} if known is None else identity(known)

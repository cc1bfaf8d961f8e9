"""The one loop that decides what happens after each attempt of a call, whatever is asked and whoever may answer."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import attrs

from aiocompl.errors import AiocomplError, AllModelsFailedError, BadRequestError, NotNeededError
from aiocompl.policy.fair_queue import as_priority
from aiocompl.policy.limits import ONE, estimated_cost
from aiocompl.policy.recovery import recovery_of
from aiocompl.policy.steps import FALL_BACK, RAISE, Situation, Step, next_step
from aiocompl.runtime.attempts import begin_watch, is_watched, open_book, open_hold
from aiocompl.runtime.hedging import Hedged, Rival
from aiocompl.runtime.opening import REFUSALS, Opened
from aiocompl.runtime.recovering import RecoveringStream
from aiocompl.runtime.stream import CompletionStream
from aiocompl.runtime.stream_limits import stream_limits
from aiocompl.runtime.tasks import without_traceback
from aiocompl.types.call import Attempt, numbered
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.prefill import Prefilled
    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.limits import Cost
    from aiocompl.runtime.attempts import Book
    from aiocompl.runtime.plan import Plan, Prepared
    from aiocompl.runtime.rules import Rules
    from aiocompl.runtime.stream import Receipt
    from aiocompl.runtime.stream_limits import StreamLimits
    from aiocompl.telemetry.watch import CallWatch
    from aiocompl.types.call import AttemptKind, CallInfo
    from aiocompl.types.request import Request


@attrs.define(eq=False)
class Errand:
    """One call on its way through its attempts; instants are by `loop.time()`."""

    plan: Plan
    """Where they may go."""
    rules: Rules
    """What goes for all calls."""
    options: Mapping[str, Any]
    """The call's own options."""
    started: float
    """When the call began."""
    deadline: float
    """When it must be over."""
    again: bool = False
    """Whether the call has asked before: such a call goes on while the child drains."""
    failed: tuple[Attempt, ...] = ()
    """The attempts so far, all of which failed."""
    _tries: int = attrs.field(default=0, init=False)  # attempts in the model group whose turn it is
    _groups: int = attrs.field(default=1, init=False)  # model groups asked
    _prepared: Prepared[Any] | None = attrs.field(default=None, init=False)  # what the attempt under way asks
    _begun: float = attrs.field(default=0.0, init=False)  # when it began
    _kind: AttemptKind = attrs.field(default="first", init=False)  # why it is made
    _watches: bool = attrs.field(default=False, init=False)  # whether somebody may want to watch
    _watch: CallWatch | None = attrs.field(default=None, init=False)
    _before: tuple[Attempt, ...] = attrs.field(default=(), init=False)  # failed until its stream broke
    _cost: Cost | None = attrs.field(default=None, init=False)
    _broken_by: AiocomplError | None = attrs.field(default=None, init=False)  # what ended its stream
    _prefill: str = attrs.field(default="", init=False)  # the beginning of the answer to go on from
    _prefilled: Prefilled | None = attrs.field(default=None, init=False)  # what of it was given to the model

    def run(self) -> Coroutine[Any, Any, Any]:
        """Ask until there is an answer, an error that is final, or no time.

        Cancelled: the request is withdrawn, or its HTTP exchange aborted, before this returns.

        Raises:
            AllModelsFailedError: Fallbacks were asked too, and nobody answered; it holds each cause.
            AiocomplError: The error of the last attempt.
        """
        self._begun = self.started
        if self.plan.is_open or self.rules.hooks is not None or is_watched(self.options):
            return self._watched_answer()
        return self._answer()  # nothing more than is needed stands between a plain call and its answer

    async def _watched_answer(self) -> Any:
        self._watches = True
        try:
            answer = await self._answer()
        except BaseException as error:
            if self._watch is None and not isinstance(error, BadRequestError):  # nobody could be asked
                self._begin_watch(ChatRequest(self.plan.model, ()), None, self.options)
            if self._watch is not None:
                self._watch.failed(error)
            raise
        if self._watch is not None:
            self._watch.finished(answer)
        return answer

    def _begin_watch(
        self, request: Request, route: OperationRoute[Any] | None, options: Mapping[str, Any]
    ) -> None:
        self._watch = begin_watch(
            request,
            route,
            options,
            started=self.started,
            clock=asyncio.get_running_loop().time,
            hooks=self.rules.hooks,
            group=self.plan.group,
        )

    async def reopen(self, error: AiocomplError, text: str, *, prefill: bool) -> Opened:
        """Ask for the rest of an answer whose stream broke; see `OpenNext`."""
        clock = asyncio.get_running_loop().time
        if error is not self._broken_by:
            wait = self._after(error, clock())
            self._broken_by = error
            if wait is None:
                raise (self._all_failed(error) if self._groups > 1 else error)
            await self._rest(wait)
            if self._watch is not None:
                self._watch.recovered(recovery_of(self.options), error)
            self._before, self.failed = self._before + self.failed, ()
        self.again, self._begun = True, clock()
        self._prefill, self._prefilled = text if prefill else "", None
        stream: CompletionStream = await self._answer()
        begun = self._prefilled
        if begun is None:
            return Opened(stream=stream)
        return Opened(stream=stream, prefilled=begun.text, may_echo=begun.may_echo)

    def _recoverable(self, stream: CompletionStream) -> CompletionStream:
        """It goes on elsewhere when it breaks, where there is an elsewhere or the call asks for it."""
        if self._broken_by is not None or not (self.plan.is_open or "stream_recovery" in self.options):
            return stream
        request = cast("ChatRequest", cast("Prepared[Any]", self._prepared).request)
        recovery = recovery_of(self.options)
        return RecoveringStream(
            stream, recovery, self.reopen, deadline=self.deadline, answer_type=request.answer_type
        )

    async def _answer(self) -> Any:
        clock = asyncio.get_running_loop().time
        while True:
            self._prepared, self._kind = None, self._next_kind
            try:
                prepared = self._choose()
                if prepared.options and (hedge := prepared.options.get("hedge")) is not None:
                    answer = await self._hedge(prepared, hedge)
                elif self._watch is None and self.rules.accounts is None:
                    answer = await self._exchange(prepared, prepared.request)
                else:
                    answer = await self._ask(prepared)
            except AiocomplError as error:
                wait = self._after(error, clock())
                if wait is None:
                    if self._groups > 1 and not self._refuses_prefill(error):
                        raise self._all_failed(error) from error
                    error.attempts = self.failed
                    raise
            else:
                return self._answered(answer)
            await self._rest(wait)
            self._begun = clock()

    async def _rest(self, wait: float) -> None:
        """Wait before another attempt, with no slot held."""
        prepared = self._prepared
        if wait and prepared is not None:
            await prepared.deployment.child.rest(wait)

    def _choose(self) -> Prepared[Any]:
        prepared = self._prepared = self.plan.choose()
        if self._watches and self._watch is None:
            self._begin_watch(prepared.request, prepared.route, prepared.options)
        if self._prefill:
            prepared = self._prepared = self._with_prefill(prepared)
        return prepared

    def _with_prefill(self, prepared: Prepared[Any]) -> Prepared[Any]:
        """The same, with the beginning of the answer to go on from, where the model takes that."""
        from aiocompl.codecs.prefill import prefilled  # noqa: PLC0415 - few streams break

        request, codec = cast("ChatRequest", prepared.request), cast("Codec", prepared.route.codec)
        self._prefilled = prefilled(request, self._prefill, codec)
        if self._prefilled is None:
            return prepared
        return attrs.evolve(prepared, request=self._prefilled.request)

    def _refuses_prefill(self, error: AiocomplError) -> bool:
        """Whether the beginning of an answer may be what is refused: then it is asked for without."""
        return self._prefilled is not None and isinstance(error, REFUSALS)

    async def _ask(self, prepared: Prepared[Any], kind: AttemptKind | None = None) -> Any:
        """Make one attempt; `kind` is for those that are not alone."""
        watch, accounts = self._watch, self.rules.accounts
        book: Book
        if watch is not None:
            book = self._open_book(prepared, kind or self._kind, watch)
        elif accounts is not None:
            cost = self._cost_of(prepared.request)
            book = open_hold(prepared, kind or self._kind, self.plan.group, accounts, cost)
        else:
            return await self._exchange(prepared, prepared.request)
        try:
            if accounts is not None and accounts.is_shared:
                await book.confirm()
            answer = await self._exchange(prepared, book.dressed(prepared.request))
        except BaseException as error:
            book.fail(error)
            raise
        book.answered(answer)
        return answer

    def _open_book(self, prepared: Prepared[Any], kind: AttemptKind, watch: CallWatch) -> Book:
        accounts = self.rules.accounts
        cost = ONE if accounts is None else self._cost_of(prepared.request)
        return open_book(prepared, kind, self.plan.group, watch, accounts, cost)

    def _exchange(self, prepared: Prepared[Any], request: Request) -> Coroutine[Any, Any, Any]:
        deadline = self.deadline
        limits: StreamLimits | None = None
        priority = 0
        if options := prepared.options:
            if request.stream:
                limits = stream_limits(options)
            if "priority" in options:
                priority = as_priority(options["priority"])
        if prepared.timeout is not None:
            deadline = min(deadline, prepared.deployment.child.loop.time() + prepared.timeout)
        return prepared.deployment.ask(
            request,
            prepared.route,
            started=self.started,
            deadline=deadline,
            again=self.again or bool(self.failed),
            limits=limits,
            priority=priority,
            waited=None if self._watch is None else self._watch.waited,
            cost=self._cost_of(request) if prepared.deployment.counts_tokens else ONE,
        )

    def _cost_of(self, request: Request) -> Cost:
        """What each attempt may take: about the same wherever it goes."""
        if self._cost is None:
            self._cost = estimated_cost(request)
        return self._cost

    async def _hedge(self, first: Prepared[Any], hedge: object) -> Any:
        """Make an attempt, and a second one if it takes long."""
        hedges, clock, watch = self.rules.hedges, first.deployment.child.loop.time, self._watch
        delay, digest, begun = hedges.delay(hedge, first), hedges.digest(first), clock()
        hedges.purse.earn()

        def second() -> Prepared[Any] | None:
            other = hedges.second(self.plan, first)
            if other is not None and watch is not None:
                watch.hedged(clock() - begun)
            return other

        hedged = Hedged(self._ask, first, self._kind, second)
        try:
            answer, rival = await hedged.run(delay)
        except AiocomplError:
            self._adopt(hedged.failures.pop()[0])
            raise
        finally:
            for other, error in hedged.failures:
                if not isinstance(error, NotNeededError):
                    self.plan.fail(other.prepared.deployment, error)
                self._take_down(other, error, clock())
        self._adopt(rival)
        digest.observe(clock() - begun)
        if hedged.asked_second and watch is not None:
            watch.hedge_ended(watch.attempts, won=rival.kind == "hedge")
        return answer

    def _adopt(self, rival: Rival) -> None:
        """It is this attempt that has ended, of two."""
        self._prepared, self._kind, self._begun = rival.prepared, rival.kind, rival.begun

    def _answered(self, answer: Any) -> Any:
        call, prepared = answer.call, cast("Prepared[Any]", self._prepared)
        if call is not None:
            if self._kind != "first":
                call.kind = self._kind
            if self.failed:
                call.failed = self.failed
            if prepared.dropped:
                call.dropped_params = prepared.dropped
            call.group = self.plan.group
            call.price = prepared.deployment.price
            if isinstance(answer, ChatCompletion):
                call.usage = answer.usage
            elif isinstance(answer, CompletionStream):
                answer.when_ended(partial(_note_usage, call, answer.receipt))
                return self._recoverable(answer)
        return answer

    @property
    def _next_kind(self) -> AttemptKind:
        """Why another attempt is made."""
        if self._broken_by is not None:
            return "recovery"
        if not self.failed:
            return "first"
        return "retry" if self._tries else "fallback"

    def _after(self, error: AiocomplError, now: float) -> float | None:
        """Decide what comes after an attempt that failed, and take it down: seconds to wait, or None for the end."""
        prepared = self._prepared
        if prepared is not None:
            self.plan.fail(prepared.deployment, error)
        before = self.plan.model
        self._tries += 1
        step = self._step(error, now)
        if self._watch is not None and step is not FALL_BACK:
            self._watch.decided(None if step is RAISE else step.wait)
        if prepared is not None and (step is not RAISE or self._groups > 1):
            self._take_down(Rival(prepared, self._kind, self._begun), error, now)
        if step is RAISE:
            return None
        if step is FALL_BACK:
            self.plan.fall_back(error)
            self._tries, self._groups = 0, self._groups + 1
            if self._watch is not None:
                self._watch.fell_back(before, self.plan.model, error)
        return step.wait

    def _step(self, error: AiocomplError, now: float) -> Step:
        plan, prepared = self.plan, self._prepared
        situation = Situation(
            attempt=self._tries,
            elsewhere=plan.has_elsewhere(),
            fallbacks=plan.has_fallback(error),
            now=now,
            deadline=self.deadline,
        )
        step = next_step(error, situation, plan.policy, self.rules.rng)
        if step.kind == "again" and (prepared is None or not prepared.deployment.child.grants_retry()):
            return FALL_BACK if situation.fallbacks else RAISE
        return step

    def _take_down(self, rival: Rival, error: AiocomplError, now: float) -> None:
        """Keep a record of an attempt that failed, or came too late."""
        route, deployment = rival.prepared.route, rival.prepared.deployment
        attempt = Attempt(
            number=len(self.failed) + 1,
            provider=route.endpoint.provider,
            endpoint=route.endpoint.base_url,
            model=route.model,
            error=without_traceback(error),
            elapsed=now - rival.begun,
            kind=rival.kind,
            group=self.plan.group,
            price=deployment.price,
        )
        self.failed += (attempt,)

    def _all_failed(self, error: AiocomplError) -> AllModelsFailedError:
        """How it ended where several model groups were asked."""
        attempts = numbered(*self._before, *self.failed)
        causes = [
            attempt.error
            for attempt in attempts
            if attempt.error is not None and not isinstance(attempt.error, NotNeededError)
        ]
        if not causes or causes[-1] is not error:  # nobody could be asked in the end
            causes.append(error)
        failure = AllModelsFailedError(
            f"none of the {self._groups} models that were asked one after another gave an answer", causes
        )
        failure.attempts = attempts
        return failure


def _note_usage(call: CallInfo, receipt: Receipt, _: Exception | None) -> None:
    call.usage, call.estimated = receipt.spent()

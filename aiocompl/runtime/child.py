"""A supervised actor: the inbox, the actor that happens to serve it, and the rule for starting another."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aiocompl import telemetry
from aiocompl.errors import (
    AiocomplError,
    EndpointDownError,
    InboxFullError,
    SupervisorClosedError,
)
from aiocompl.policy.restart import RestartIntensity
from aiocompl.policy.retry import RetryPurse
from aiocompl.runtime.actor import ActorCrashedError, Envelope, ProviderActor
from aiocompl.runtime.child_values import ChildSnapshot
from aiocompl.runtime.deadlines import Deadlines
from aiocompl.runtime.inbox import Inbox
from aiocompl.runtime.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.codecs.base import Operation, Rebind
    from aiocompl.runtime.child_values import ChildSpec, ChildState
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.runtime.stream_limits import StreamLimits
    from aiocompl.runtime.throttle import Throttle
    from aiocompl.types.call import AnswerT
    from aiocompl.types.request import Request

_LATENCIES = 512


class Child:
    """Keeps one endpoint served: starts its actor, restarts it after a crash, gives up beyond the intensity.

    Args:
        spec: What to start.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.state: ChildState = "running"
        self.loop = asyncio.get_running_loop()
        # Until the first actor runs, its slots are room in the inbox.
        self._inbox: Inbox[Envelope[Any]] = Inbox(spec.inbox_size + spec.slots)
        self._pace = Pace(self._inbox, spec.endpoint)
        self._restarts = RestartIntensity(spec.max_restarts, spec.restart_period)
        self._purse = RetryPurse(spec.retry_budget)
        self._throttle = _throttle_of(spec, self.loop)
        self._actor: ProviderActor | None = None
        self._deadlines = Deadlines(self.loop)
        self._pending = 0
        self._idle: asyncio.Event | None = None
        self._resting: set[asyncio.Future[None]] = set()
        self._closing = False
        self._completed = 0
        self._failed = 0
        self._latencies: list[float] = []
        self._last_error: str | None = None
        self._task = self.loop.create_task(self._serve(), name=f"aiocompl {spec.endpoint.base_url}")

    async def ask(
        self,
        request: Request,
        codec: Operation[Any, AnswerT],
        *,
        started: float,
        deadline: float,
        again: bool = False,
        rebind: Rebind | None = None,
        limits: StreamLimits | None = None,
        priority: int = 0,
    ) -> AnswerT | CompletionStream:
        """Put a request into the inbox and wait for its reply.

        Cancelled: the request is withdrawn or its HTTP exchange aborted, and awaited; nothing is left behind.

        Args:
            request: What to ask.
            codec: How to say it.
            started: When the call began, by `loop.time()`.
            deadline: When it must be over, by `loop.time()`.
            again: Whether the call has been here before: such a call is let in while the child drains.
            rebind: Makes the codec that has the credential, where that is fetched.
            limits: How long a stream may keep its reader waiting.
            priority: Whose turn it is, where calls wait: the lower, the sooner.

        Raises:
            AiocomplError: Whatever went wrong.
        """
        self.admit(again=again)
        loop = self.loop
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a call must be awaited inside a task")
        envelope = Envelope(request, codec, started, deadline, task, loop.time(), rebind, priority=priority)
        if limits is not None:
            envelope.limits = limits
            if limits.first_token is not None:
                envelope.answer_by = deadline = min(deadline, envelope.asked + limits.first_token)
        cancelling = task.cancelling()
        self._deadlines.add(deadline, envelope)
        self._pending += 1
        try:
            actor = self._actor
            if actor is None or not actor.try_take(envelope):
                actor = await self._queue(envelope, deadline)
            envelope.actor = None
            answer = await actor.perform(envelope)
        except BaseException as error:
            self._fail(envelope, error, task, cancelling)
            raise
        finally:
            del task  # a cancelled task holds its cancellation, whose traceback holds this frame
            envelope.end()
            self._deadlines.forget(envelope)
            self._pending -= 1
            if self._idle is not None:
                self.loop.call_soon(self._settle_idle)  # not at once: the call may go on to `rest`
        elapsed = loop.time() - envelope.asked
        self._count(elapsed, envelope.taken - envelope.asked)
        if self._throttle is not None:
            self._throttle.answered(request, envelope.taken, self._actor)
        if answer.call is not None:
            answer.call.answered = elapsed
        return answer

    @contextmanager
    def holding(self) -> Iterator[None]:
        """A call waits elsewhere for its turn here: draining waits for it as for one that runs."""
        self._pending += 1
        try:
            yield
        finally:
            self._pending -= 1
            if self._idle is not None:
                self.loop.call_soon(self._settle_idle)  # not at once: it goes on to `ask`

    def admit(self, *, again: bool) -> None:
        """Let a call in, or not: while the child drains, only one that has been here before.

        Raises:
            AiocomplError: It is not let in.
        """
        if self.state != "running" and not (again and self.state == "draining"):
            raise self._refusal()

    def grants_retry(self) -> bool:
        """Whether one more retry may be made here: an outage is not to be multiplied. It is counted if so."""
        return self._purse.spend(calls=self._completed + self._failed, now=self.loop.time())

    async def rest(self, seconds: float) -> None:
        """Wait before another attempt. A call that rests is one that runs: draining waits for it, closing ends it.

        Raises:
            AiocomplError: There will be no other attempt: the child was closed, or is down.
        """
        turn: asyncio.Future[None] = self.loop.create_future()
        alarm = self.loop.call_later(seconds, _wake, turn)
        self._resting.add(turn)
        try:
            with self.holding():
                await turn
        finally:
            alarm.cancel()
            self._resting.discard(turn)

    def start_drain(self) -> None:
        """Take no new requests."""
        if self.state == "running":
            self.state = "draining"

    async def drain(self) -> None:
        """Take no new requests and wait until all there are have been answered and all streams have ended.

        Cancelled: no new requests are taken.
        """
        self.start_drain()
        if self._idle is None:
            self._idle = asyncio.Event()
        self._settle_idle()
        await self._idle.wait()

    def start_close(self) -> None:
        """Cancel what runs. Idempotent: what is closing already goes on closing in good order."""
        if not self._closing:
            self._closing = True
            self.state = "closed"
            self._task.cancel()

    async def aclose(self) -> None:
        """Cancel what runs, refuse what waits, close the transport. Idempotent.

        Cancelled: it closes all the same, but nobody waits for it.
        """
        self.start_close()
        await asyncio.wait([self._task])
        self._end()

    def snapshot(self) -> ChildSnapshot:
        """The state at this instant."""
        ordered = sorted(self._latencies)
        count = len(ordered)
        return ChildSnapshot(
            endpoint=self.spec.endpoint.base_url,
            provider=self.spec.endpoint.provider,
            state=self.state,
            queued=len(self._inbox),
            in_flight=self._actor.in_flight if self._actor else 0,
            slots=self._slots,
            restarts=self._restarts.total,
            completed=self._completed,
            failed=self._failed,
            latency_p50=ordered[count // 2] if count else None,
            latency_p95=ordered[min(count - 1, count * 95 // 100)] if count else None,
            last_error=self._last_error,
        )

    @property
    def _slots(self) -> int:
        return self.spec.slots if self._throttle is None else self._throttle.limit

    async def _serve(self) -> None:
        """Run one actor after another. Ends when cancelled, or when the restart intensity is exceeded."""
        spec = self.spec
        try:
            while True:
                try:
                    self._actor = ProviderActor(
                        spec.endpoint,
                        self._inbox,
                        spec.make_transport(),
                        self._slots,
                        self._deadlines,
                        spec.sign,
                        self._settle_idle,
                        spec.make_keeper() if spec.make_keeper is not None else None,
                    )
                    self._inbox.resize(spec.inbox_size)
                    await self._actor.run()
                except ActorCrashedError as crash:
                    cause = crash.__cause__ or crash
                except Exception as error:  # noqa: BLE001 - no transport could be made: that is a crash too
                    cause = error
                if not self._may_restart(cause):
                    return
        finally:
            if self.state != "down":
                self.state = "closed"
            self._end()

    def _end(self) -> None:
        """Nothing is served any more: refuse what waits."""
        self._actor = None
        self._refuse_all()
        self._deadlines.close()
        self._settle_idle()

    def _may_restart(self, cause: BaseException) -> bool:
        self._last_error = repr(cause)
        fields = {"provider": self.spec.endpoint.provider, "endpoint": self.spec.endpoint.base_url}
        if self._restarts.grant(self.loop.time()):
            self._emit("ActorRestarted", cause)
            telemetry.warning("actor.restarted", error=repr(cause), restarts=self._restarts.total, **fields)
            return True
        self.state = "down"
        self._emit("EndpointDown", cause)
        telemetry.warning("endpoint.down", error=repr(cause), restarts=self._restarts.total, **fields)
        return False

    def _emit(self, kind: str, cause: BaseException) -> None:
        if self.spec.hooks is not None:
            fields = {"error": type(cause).__name__, "restarts": self._restarts.total}
            self.spec.hooks.emit_about(kind, self.spec.endpoint, **fields)

    async def _queue(self, envelope: Envelope[Any], deadline: float) -> ProviderActor:
        """Wait in the inbox for an actor to take the envelope; a full inbox refuses it, or has it wait for room."""
        self._pace.join(envelope, deadline)
        if not self._inbox.offer(envelope, envelope.priority):
            if self.spec.overflow == "raise":
                raise InboxFullError(
                    f"{len(self._inbox)} requests wait already (inbox_size={self.spec.inbox_size}): "
                    "slow down, or set overflow='wait' or a larger inbox_size",
                    provider=self.spec.endpoint.provider,
                )
            await self._inbox.put(envelope, envelope.priority)
            if self.state in ("down", "closed"):  # nobody serves the inbox any more
                raise self._refusal()
        if envelope.actor is None:
            await envelope.wait_turn()
        actor = envelope.actor
        assert actor is not None  # noqa: S101 - who ends the wait has set it
        self._pace.turn(envelope, deadline)
        return actor

    def _fail(
        self, envelope: Envelope[Any], error: BaseException, task: asyncio.Task[Any], cancelling: int
    ) -> None:
        """Leave nothing behind of an envelope that came to nothing, and raise why it was aborted, if it was.

        An abort reaches the caller as a cancellation of its task. It is taken back here, unless somebody else has
        cancelled the task as well: then theirs goes first.
        """
        if not self._inbox.withdraw(envelope) and envelope.actor is not None:
            envelope.actor.release(envelope)  # taken, and given up before the exchange began
        elif envelope.taken >= 0:
            self._pace.aborted(self.loop.time() - envelope.taken)
        verdict = envelope.verdict
        alone = verdict is not None and task.uncancel() <= cancelling
        if verdict is not None and alone and isinstance(error, asyncio.CancelledError):
            verdict.provider = verdict.provider or self.spec.endpoint.provider
            self._note(verdict, envelope)
            raise verdict from None
        self._note(error, envelope)

    def _note(self, error: BaseException, envelope: Envelope[Any]) -> None:
        if isinstance(error, AiocomplError):
            self._failed += 1
            self._last_error = str(error)
            if self._throttle is not None and envelope.taken >= 0:
                self._throttle.failed(envelope.request, envelope.taken, error, self._actor)

    def _count(self, seconds: float, queued: float) -> None:
        self._pace.took(seconds - queued)
        index = self._completed % _LATENCIES
        self._completed += 1
        if len(self._latencies) < _LATENCIES:
            self._latencies.append(seconds)
        else:
            self._latencies[index] = seconds

    def _is_idle(self) -> bool:
        return not self._pending and not (self._actor is not None and self._actor.in_flight)

    def _settle_idle(self) -> None:
        if self._idle is not None and self._is_idle():
            self._idle.set()

    def _refuse_all(self) -> None:
        while (envelope := self._inbox.pop()) is not None:
            envelope.abort(self._refusal())
        for turn in self._resting:
            if not turn.done():
                turn.set_exception(self._refusal())

    def _refusal(self) -> AiocomplError:
        endpoint = self.spec.endpoint
        if self.state == "down":
            return EndpointDownError(
                f"{endpoint.base_url} is down: its actor crashed more than {self.spec.max_restarts} times in "
                f"{self.spec.restart_period:g} s (last: {self._last_error})",
                provider=endpoint.provider,
            )
        return SupervisorClosedError("the supervisor takes no new requests", provider=endpoint.provider)


def _throttle_of(spec: ChildSpec, loop: asyncio.AbstractEventLoop) -> Throttle | None:
    if spec.adaptive is None:
        return None
    from aiocompl.runtime.throttle import Throttle  # noqa: PLC0415 - loads with the first that wants one

    return Throttle(spec.adaptive, loop)


def _wake(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)

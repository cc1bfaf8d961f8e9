"""The line before a deployment that has limits: a call waits for its turn there, or is refused if that comes too late."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Protocol

import attrs

from aiocompl.errors import AiocomplError, APITimeoutError, SupervisorClosedError, WaitTooLongError
from aiocompl.policy.fair_queue import FairQueue
from aiocompl.policy.limits import NOTHING, ONE, Cost
from aiocompl.policy.shedding import Shedder
from aiocompl.runtime.deadlines import Deadlines

if TYPE_CHECKING:
    from aiocompl.policy.limits import Limiter, SharedLimits
    from aiocompl.rate_limits import RateLimits


@attrs.frozen(kw_only=True)
class TurnstileSnapshot:
    """A turnstile's state at an instant."""

    waiting: int
    in_flight: int
    max_parallel: int | None
    refused: int
    """Calls that were refused because their turn would have come, or came, too late."""
    rpm: float | None
    """The limits in force, be they configured or learnt."""
    tpm: float | None


class Pass:
    """A call's right to be sent. Whoever has it leaves, once, whatever comes of the call."""

    __slots__ = ("_over", "_turnstile", "at", "cost", "taken", "waited")

    def __init__(self, turnstile: _Exit, cost: Cost, at: float, waited: float, taken: Cost | None) -> None:
        self._turnstile = turnstile
        self._over = False
        self.cost = cost
        """What was reserved for the call."""
        self.at = at
        """When the turn came, by `loop.time()`."""
        self.waited = waited
        """Seconds in line."""
        self.taken = taken

    def leave(
        self, used: Cost | None = None, said: RateLimits | None = None, *, failed: bool = False
    ) -> None:
        """The call is over: the next may come. Idempotent.

        Args:
            used: What the call took in fact; `NOTHING` if it was never sent. None where nobody knows: what was reserved
                counts as used.
            said: What the answer's headers say of the provider's limits; heeded where the policy has `learn=True`.
            failed: Whether it came to nothing, which says little of how long a call takes.
        """
        if not self._over:
            self._over = True
            self._turnstile.left(self, used, said, failed=failed)


class _Exit(Protocol):
    def left(self, passed: Pass, used: Cost | None, said: RateLimits | None, *, failed: bool) -> None: ...


@attrs.define(eq=False)
class _Waiter:
    """A call in line."""

    cost: Cost
    since: float
    deadline: float
    turn: asyncio.Future[Pass]

    @property
    def over(self) -> bool:
        """Whether its wait has ended."""
        return self.turn.done()

    def expire(self) -> None:
        """The deadline has passed."""
        self.fail(
            APITimeoutError(
                f"no answer within the {self.deadline - self.since:g} s that were left (waiting for a rate limit)"
            )
        )

    def fail(self, error: Exception) -> None:
        """End the wait with an error, if it has not ended."""
        if not self.turn.done():
            self.turn.set_exception(error)


class Turnstile:
    """Lets calls pass to one deployment, as its limits allow: so many at once, so much in a minute.

    Who has to wait stands in line: first come first served within a priority, each priority with its share. Only the
    head of the line asks the limits, and there is one timer for all.

    Args:
        limits: What passes in a minute; None for no limit.
        max_parallel: Calls in flight at once; None for no limit.
        loop: Where the time comes from.
        shared: Limits that are asked instead of `limits`, where other processes take from them too.
        provider: Named in errors.
        model: Named in errors.
    """

    def __init__(
        self,
        limits: Limiter | None,
        max_parallel: int | None,
        loop: asyncio.AbstractEventLoop,
        *,
        shared: SharedLimits | None = None,
        provider: str | None = None,
        model: str | None = None,
    ) -> None:
        self._limits = limits
        self._shared = shared
        self._loop = loop
        self._where = (provider, model)
        self._most = inf if max_parallel is None else max_parallel
        self._in_flight = 0
        self._line: FairQueue[_Waiter] = FairQueue()
        self._queued = NOTHING  # what all those in line cost
        self._shedder = Shedder()
        self._deadlines = Deadlines(loop)
        self._alarm: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._refused = 0
        self._closed = False

    @property
    def counts_tokens(self) -> bool:
        """Whether a call's tokens matter, so that they are worth estimating."""
        return self._shared is not None or (self._limits is not None and self._limits.counts_tokens)

    @property
    def has_line(self) -> bool:
        """Whether a call that came now would have to wait; where limits are shared, only who waits here is known."""
        if self._line or self._in_flight >= self._most:
            return True
        return self._limits is not None and self._limits.is_exhausted(self._loop.time())

    def snapshot(self) -> TurnstileSnapshot:
        """The state at this instant."""
        limits = self._limits
        return TurnstileSnapshot(
            waiting=len(self._line),
            in_flight=self._in_flight,
            max_parallel=None if self._most == inf else int(self._most),
            refused=self._refused,
            rpm=None if limits is None else limits.limit("requests"),
            tpm=None if limits is None else limits.limit("tokens"),
        )

    def enter_nowait(self, cost: Cost = ONE) -> Pass | None:
        """Pass at once, if nobody waits and the limits allow it; else None."""
        if self._line or self._in_flight >= self._most or self._shared is not None or self._closed:
            return None
        now = self._loop.time()
        if self._limits is not None and self._limits.take(cost, now) > 0:
            return None
        return self._admit(cost, now, now)

    async def enter(self, cost: Cost = ONE, *, priority: int = 0, deadline: float = inf) -> Pass:
        """Pass as soon as the limits allow it and nobody is before us.

        Cancelled: nothing is reserved, and the next in line has our place.

        Args:
            cost: What to reserve.
            priority: The lower, the sooner.
            deadline: When the call must be over, by `loop.time()`.

        Raises:
            WaitTooLongError: By what is known our turn comes too late; at once where that is known at once.
            APITimeoutError: The deadline has passed.
            SupervisorClosedError: The turnstile was closed.
        """
        if (at_once := self.enter_nowait(cost)) is not None:
            return at_once
        now = self._loop.time()
        self._check(cost, priority, deadline, now)
        waiter = _Waiter(cost, now, deadline, self._loop.create_future())
        self._join(waiter, priority)
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            self._give_up(waiter)
            raise
        finally:
            if deadline < inf:
                self._deadlines.forget(waiter)
            if self._line.withdraw(waiter):  # cancelled, or expired
                self._forget(waiter)
                self._serve()

    async def aclose(self) -> None:
        """Refuse whoever waits or comes. Passes that are out stay good. Idempotent.

        Cancelled: it is closed all the same.
        """
        self._closed = True
        self._disarm()
        while (waiter := self._line.pop()) is not None:
            waiter.fail(self._closing())
        self._deadlines.close()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def left(self, passed: Pass, used: Cost | None, said: RateLimits | None, *, failed: bool) -> None:
        """A call is over; see `Pass.leave`."""
        now = self._loop.time()
        self._in_flight -= 1
        if used is not None:
            self._settle(passed.cost, used, now, passed.at)
        if failed:
            self._shedder.aborted(now - passed.at)
        elif used is None or used.requests > 0:
            self._shedder.took(now - passed.at)
        if said is not None and passed.taken is not None and self._limits is not None:
            self._limits.learn(said, now, passed.taken)
        if self._line and (self._shared is None or self._alarm is None):
            self._serve()

    def _check(self, cost: Cost, priority: int, deadline: float, now: float) -> None:
        """Refuse a call whose turn would come too late.

        Raises:
            WaitTooLongError: It would.
            SupervisorClosedError: There are no turns any more.
        """
        if self._closed:
            raise self._closing()
        ahead = self._line.ahead(priority)
        least = 0.0
        if self._limits is not None:
            share = self._queued.times(ahead / len(self._line)) if ahead else NOTHING
            least = self._limits.wait(cost, now, share)
        slots = self._most if self._in_flight >= self._most else inf
        wait = self._shedder.refused(now=now, deadline=deadline, ahead=ahead, slots=slots, least=least)
        if wait is not None:
            raise self._too_long(wait, f"its turn would come in {wait:.3g} s", deadline - now)

    def _join(self, waiter: _Waiter, priority: int) -> None:
        if not self._line:
            self._shedder.began(waiter.since)
        self._line.put(waiter, priority)
        self._queued = self._queued.plus(waiter.cost)
        if waiter.deadline < inf:
            self._deadlines.add(waiter.deadline, waiter)
        if self._line.peek() is waiter:
            self._serve()

    def _give_up(self, waiter: _Waiter) -> None:
        """Cancelled: a turn that came in the same moment goes back."""
        turn = waiter.turn
        if not turn.cancelled() and turn.exception() is None:
            turn.result().leave(NOTHING)

    def _serve(self) -> None:
        """Let pass whoever may; for the first that may not yet, set the alarm."""
        self._disarm()
        if self._shared is not None:
            if self._asking is None and self._line:
                self._asking = self._loop.create_task(self._ask_shared(self._shared))
            return
        while (waiter := self._next()) is not None:
            now = self._loop.time()
            wait = 0.0 if self._limits is None else self._limits.take(waiter.cost, now)
            if wait <= 0:
                self._call(waiter, now, now)
            elif not self._await(waiter, now, wait):
                return

    async def _ask_shared(self, shared: SharedLimits) -> None:
        """The same as `_serve`, where the answers take a while; only one head of the line asks at a time."""
        try:
            while (waiter := self._next()) is not None:
                asked, cost = self._loop.time(), waiter.cost
                try:
                    wait = await shared.take(cost, asked)
                except Exception as bug:  # noqa: BLE001 - whoever waits must not do so for ever
                    self._drop(waiter)
                    waiter.fail(bug)
                    continue
                now = self._loop.time()
                if wait <= 0:
                    self._hand_over(cost, asked, now)
                elif self._line.peek() is waiter and not self._await(waiter, now, wait):
                    return
        finally:
            self._asking = None

    def _hand_over(self, cost: Cost, at: float, now: float) -> None:
        """Give what was taken for one who was the head of the line to the one who is now; else back."""
        waiter = self._next()
        if waiter is None:
            self._settle(cost, NOTHING, now, at)
            return
        if waiter.cost != cost:
            self._settle(cost, waiter.cost, now, at)
        self._call(waiter, at, now)

    def _next(self) -> _Waiter | None:
        """The head of the line, if there is a slot for it; who has too little time left is refused."""
        if self._in_flight >= self._most:
            return None
        while (waiter := self._line.peek()) is not None:
            if waiter.over:  # cancelled just now: its task has not run yet
                self._drop(waiter)
                continue
            now = self._loop.time()
            if not self._shedder.is_late(now=now, deadline=waiter.deadline, started=waiter.since):
                return waiter
            left = waiter.deadline - now
            wait = len(self._line) * self._shedder.per_turn
            self._drop(waiter)
            waiter.fail(
                self._too_long(
                    wait, f"its turn came too late, as a call takes {self._shedder.mean:.3g} s", left
                )
            )
        return None

    def _await(self, waiter: _Waiter, now: float, wait: float) -> bool:
        """Set the alarm for the head of the line; True if it was refused instead, since that is too late for it."""
        if now + wait < waiter.deadline:
            self._alarm = self._loop.call_at(now + wait, self._serve)
            return False
        self._drop(waiter)
        waiter.fail(self._too_long(wait, f"its turn would come in {wait:.3g} s", waiter.deadline - now))
        return True

    def _call(self, waiter: _Waiter, at: float, now: float) -> None:
        """The turn of the head of the line has come."""
        self._line.pop()
        self._forget(waiter)
        self._shedder.turn(now)
        waiter.turn.set_result(self._admit(waiter.cost, at, waiter.since))

    def _drop(self, waiter: _Waiter) -> None:
        self._line.withdraw(waiter)
        self._forget(waiter)

    def _forget(self, waiter: _Waiter) -> None:
        self._queued = self._queued.plus(waiter.cost.times(-1.0)) if self._line else NOTHING

    def _admit(self, cost: Cost, at: float, since: float) -> Pass:
        self._in_flight += 1
        limits = self._limits
        taken = limits.taken if limits is not None and limits.policy.learn else None
        return Pass(self, cost, at, at - since, taken)

    def _settle(self, reserved: Cost, used: Cost, now: float, at: float) -> None:
        if self._shared is not None:
            self._shared.settle(reserved, used, now, at)
        elif self._limits is not None:
            self._limits.settle(reserved, used, now, at)

    def _disarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _too_long(self, wait: float, why: str, left: float) -> AiocomplError:
        self._refused += 1
        provider, model = self._where
        return WaitTooLongError(
            f"the deployment's limits keep calls waiting: {why}, and {left:.3g} s are left; "
            "try again later, elsewhere, or with a longer timeout",
            provider=provider,
            model=model,
            retry_after=wait,
        )

    def _closing(self) -> AiocomplError:
        provider, model = self._where
        return SupervisorClosedError("the supervisor takes no new requests", provider=provider, model=model)

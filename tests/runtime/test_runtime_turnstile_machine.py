"""For any mix of calls, priorities, costs, deadlines and cancellations: what must hold before a deployment, holds."""

from __future__ import annotations

import asyncio
from math import inf

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from virtual_clock import VirtualClock

from aiocompl._compat import override
from aiocompl.errors import AiocomplError
from aiocompl.policy.limits import NOTHING, Cost, Limiter, RateLimitPolicy
from aiocompl.runtime.turnstile import Turnstile
from aiocompl.testing import settle


@attrs.define(eq=False)
class Caller:
    number: int
    priority: int
    spiteful: bool
    """Cancels all who came after it, just when it has made room."""
    outcomes: list[str] = attrs.field(factory=list)
    passed: float | None = None
    used: Cost = NOTHING


class TurnstileMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualClock()
        self.callers: list[Caller] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.order: list[Caller] = []  # as they passed
        self.running = 0

    @initialize(
        parallel=st.none() | st.integers(1, 4),
        rpm=st.none() | st.integers(1, 20),
        tpm=st.none() | st.integers(50, 500),
        burst=st.none() | st.integers(1, 5),
        start=st.sampled_from([0.0, 1e6 + 0.1]),
    )
    def open(
        self, parallel: int | None, rpm: int | None, tpm: int | None, burst: int | None, start: float
    ) -> None:
        self.parallel, self.rpm, self.tpm = parallel or inf, rpm or inf, tpm or inf
        self.loop.selector.now = start
        policy = RateLimitPolicy(rpm=rpm, tpm=tpm, burst=burst)
        self.turnstile = Turnstile(Limiter(policy), parallel, self.loop)

    async def call(self, caller: Caller, cost: Cost, takes: float, wait: float, *, known: bool) -> None:
        deadline = self.loop.time() + wait
        try:
            passed = await self.turnstile.enter(cost, priority=caller.priority, deadline=deadline)
        except AiocomplError:
            caller.outcomes.append("refused")
            return
        except asyncio.CancelledError:
            caller.outcomes.append("cancelled in line")
            raise
        caller.outcomes.append("passed")
        caller.passed, caller.used = passed.at, cost
        self.order.append(caller)
        self.running += 1
        try:
            await asyncio.sleep(takes)
        finally:
            self.running -= 1
            if known:
                caller.used = Cost(1, cost.input_tokens, cost.output_tokens // 2)
            passed.leave(caller.used if known else None)
            if caller.spiteful:
                for task in self.tasks[caller.number + 1 :]:
                    task.cancel()

    @rule(
        priority=st.sampled_from([-2, 0, 0, 0, 3]),
        prompt=st.sampled_from([0, 3, 40, 200]),
        answer=st.sampled_from([0, 4, 50, 200]),
        takes=st.sampled_from([0.0, 1.0, 30.0]),
        wait=st.sampled_from([5.0, 100.0, inf, inf]),
        known=st.booleans(),
        spiteful=st.booleans(),
    )
    def arrive(
        self,
        priority: int,
        prompt: int,
        answer: int,
        takes: float,
        wait: float,
        *,
        known: bool,
        spiteful: bool,
    ) -> None:
        caller = Caller(len(self.callers), priority, spiteful=spiteful)
        self.callers.append(caller)
        call = self.call(caller, Cost(1, prompt, answer), takes, wait, known=known)
        self.tasks.append(self.loop.create_task(call))

    @rule(data=st.data())
    @precondition(lambda self: self.tasks)
    def cancel(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.tasks)).cancel()

    @rule()
    def turn(self) -> None:
        self.loop.run_until_complete(asyncio.sleep(0))

    @rule()
    def let_it_settle(self) -> None:
        self.loop.run_until_complete(settle())

    @rule(seconds=st.sampled_from([0.01, 1.0, 3.3, 20.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @invariant()
    @precondition(lambda self: hasattr(self, "turnstile"))
    def no_more_at_once_than_may_be(self) -> None:
        found = self.turnstile.snapshot()
        assert self.running <= found.in_flight <= self.parallel

    @invariant()
    @precondition(lambda self: hasattr(self, "turnstile"))
    def no_more_in_any_minute_than_may_be(self) -> None:
        passed = [(caller.passed, caller.used) for caller in self.order]
        for start, _ in passed:
            assert start is not None
            window = [used for at, used in passed if at is not None and start <= at < start + 60]
            assert len(window) <= self.rpm
            tokens = [used.tokens for used in window if used.tokens]
            assert sum(tokens) <= self.tpm or len(tokens) == 1

    @invariant()
    def first_come_first_served_within_a_priority(self) -> None:
        for priority in (-2, 0, 3):
            numbers = [caller.number for caller in self.order if caller.priority == priority]
            assert numbers == sorted(numbers)

    @override
    def teardown(self) -> None:
        if self.tasks:
            self.loop.run_until_complete(asyncio.wait(self.tasks))
            for task in self.tasks:
                assert task.cancelled() or task.exception() is None
        for caller, task in zip(self.callers, self.tasks, strict=True):
            unseen = task.cancelled() and not caller.outcomes  # before its first step
            assert unseen or len(caller.outcomes) == 1, "everybody gets one outcome"
        if hasattr(self, "turnstile"):
            self.no_more_at_once_than_may_be()
            self.no_more_in_any_minute_than_may_be()
            self.first_come_first_served_within_a_priority()
            found = self.turnstile.snapshot()
            assert (found.waiting, found.in_flight) == (0, 0), "nobody is left"
            self.loop.run_until_complete(self.turnstile.aclose())
        self.loop.close()


TurnstileMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestTurnstileMachine = TurnstileMachine.TestCase

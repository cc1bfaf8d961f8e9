"""The line before a deployment with limits."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import outcome

from aiocompl.errors import APITimeoutError, SupervisorClosedError, WaitTooLongError
from aiocompl.policy.limits import NOTHING, Cost, Limiter, RateLimitPolicy
from aiocompl.rate_limits import RateLimit, RateLimits
from aiocompl.runtime.turnstile import Pass, Turnstile
from aiocompl.testing import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.looptime
ONE = Cost()


class Line:
    """A turnstile, and who has come through it when."""

    def __init__(self, *, parallel: int | None = None, **policy: Any) -> None:
        loop = asyncio.get_running_loop()
        self.limiter = Limiter(RateLimitPolicy(**policy)) if policy else None
        self.turnstile = Turnstile(self.limiter, parallel, loop, provider="p", model="m")
        self.now = loop.time
        self.passed: list[tuple[str, float]] = []

    async def call(
        self,
        name: str,
        cost: Cost = ONE,
        *,
        takes: float = 0.0,
        timeout: float = inf,  # noqa: ASYNC109 - the call's own
        priority: int = 0,
    ) -> Pass:
        passed = await self.turnstile.enter(cost, priority=priority, deadline=self.now() + timeout)
        self.passed.append((name, round(self.now(), 2)))
        try:
            if takes:
                await asyncio.sleep(takes)
        finally:
            passed.leave(cost)
        return passed

    def begin(self, name: str, cost: Cost = ONE, **how: Any) -> asyncio.Task[Pass]:
        return asyncio.create_task(self.call(name, cost, **how))

    @property
    def order(self) -> str:
        return "".join(name for name, _ in self.passed)


@pytest.fixture
async def no_tasks() -> AsyncIterator[None]:
    yield
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nobody_waits_where_there_is_room() -> None:
    line = Line(parallel=2, rpm=60, burst=10)
    one, two = line.turnstile.enter_nowait(), await line.turnstile.enter(ONE)
    assert one is not None
    assert line.turnstile.enter_nowait() is None
    assert line.turnstile.snapshot().in_flight == 2
    one.leave()
    one.leave()
    assert line.turnstile.snapshot().in_flight == 1
    assert (two.at, two.waited, two.cost) == (0.0, 0.0, ONE)
    assert line.turnstile.enter_nowait() is not None


async def test_a_minute_that_is_used_up_keeps_callers_waiting() -> None:
    line = Line(rpm=60, burst=1)
    await asyncio.gather(*(line.begin(str(number)) for number in range(5)))
    assert line.order == "01234"
    assert [at for _, at in line.passed] == pytest.approx([0, 1, 2, 3, 4], abs=0.01)


async def test_no_more_at_once_than_may_be() -> None:
    line = Line(parallel=2)
    await asyncio.gather(*(line.begin(str(number), takes=10) for number in range(6)))
    assert [at for _, at in line.passed] == [0, 0, 10, 10, 20, 20]


async def test_no_limit_at_all() -> None:
    line = Line()
    await asyncio.gather(*(line.begin(str(number), takes=10) for number in range(100)))
    assert line.now() == 10
    assert not line.turnstile.counts_tokens
    assert not Line(rpm=1).turnstile.counts_tokens
    assert Line(tpm=1).turnstile.counts_tokens


async def test_by_priority_and_in_order_within_one() -> None:
    line = Line(rpm=60, burst=1)
    tasks = [line.begin(name, priority=0) for name in "xab"]
    await settle()
    tasks += [line.begin(name, priority=2) for name in "lm"]
    await settle()
    tasks += [line.begin(name, priority=-2) for name in "hi"]
    await asyncio.gather(*tasks)
    assert line.order.replace("x", "", 1)[0] == "h"
    assert [line.order.index(one) < line.order.index(other) for one, other in ("ab", "lm", "hi", "im")] == [
        True
    ] * 4


async def test_the_head_of_the_line_changes_while_its_alarm_is_set() -> None:
    line = Line(tpm=1000)
    await line.call("a", Cost(1, 900))
    big = line.begin("b", Cost(1, 900))
    await settle()
    small = line.begin("s", Cost(1, 10), priority=-2)
    await asyncio.gather(big, small)
    assert line.order == "asb"
    assert line.passed[1][1] < 60 <= line.passed[2][1]


async def test_tokens_that_were_not_used_are_for_the_next() -> None:
    line = Line(tpm=1000)
    first = await line.turnstile.enter(Cost(1, 100, 800))
    task = line.begin("b", Cost(1, 500))
    await asyncio.sleep(10)
    assert not line.passed
    first.leave(Cost(1, 100, 10))
    await task
    assert line.passed == [("b", 10)]


async def test_a_call_that_was_never_sent_takes_nothing() -> None:
    line = Line(rpm=1)
    (await line.turnstile.enter(ONE)).leave(NOTHING)
    assert line.turnstile.enter_nowait() is not None


async def test_refused_at_once_where_the_limit_lets_it_pass_too_late() -> None:
    line = Line(rpm=60, burst=1)
    tasks = [line.begin(str(number)) for number in range(10)]
    await settle()
    with pytest.raises(WaitTooLongError, match="its turn would come in 10 s, and 5 s are left") as caught:
        await line.call("late", timeout=5)
    assert line.now() == 0
    assert caught.value.retry_after == pytest.approx(10, abs=0.01)
    assert (caught.value.provider, caught.value.model) == ("p", "m")
    assert line.turnstile.snapshot().refused == 1
    await line.call("soon", timeout=5, priority=-2)
    await asyncio.gather(*tasks)


async def test_refused_at_once_where_the_slots_are_kept_too_long() -> None:
    line = Line(parallel=1)
    await line.call("a", takes=10)
    task = line.begin("b", takes=10)
    await settle()
    with pytest.raises(WaitTooLongError, match="its turn would come in 10 s"):
        await line.call("late", timeout=15)
    await asyncio.gather(task, line.begin("c", takes=10, timeout=31))
    assert line.order == "abc"


async def test_a_turn_that_comes_too_late_is_for_the_next() -> None:
    line = Line(parallel=1)
    await line.call("a", takes=2)
    first = line.begin("b", takes=7)
    await settle()
    second, third = line.begin("c", timeout=8), line.begin("d", timeout=100)
    with pytest.raises(WaitTooLongError, match=r"a call takes .* s, and 1 s are left"):
        await second
    await asyncio.gather(first, third)
    assert line.passed == [("a", 0), ("b", 2), ("d", 9)]


async def test_who_turns_out_to_be_too_late_is_refused_as_soon_as_that_is_known() -> None:
    line = Line(tpm=1000)
    first = await line.turnstile.enter(Cost(1, 500))
    waits = line.begin("b", Cost(1, 400), timeout=40)
    await asyncio.sleep(1)
    first.leave(Cost(1, 1000))
    with pytest.raises(WaitTooLongError, match=r"its turn would come in [0-9.]+ s, and 39 s are left"):
        await waits
    assert line.now() == 1


async def test_a_deadline_that_passes_in_line() -> None:
    line = Line(parallel=1)
    task = line.begin("a", takes=30)
    await settle()
    with pytest.raises(APITimeoutError, match="no answer within the 5 s that were left"):
        await line.call("b", timeout=5)
    assert line.now() == 5
    await task
    assert line.turnstile.snapshot().waiting == 0


async def test_a_deadline_that_does_not_pass() -> None:
    line = Line(parallel=1)
    task = line.begin("a", takes=3)
    await settle()
    await line.call("b", timeout=50)
    await asyncio.sleep(100)
    assert task.done()
    assert line.order == "ab"


@pytest.mark.parametrize("timeout", [50.0, inf])
async def test_cancelled_in_line(timeout: float) -> None:  # noqa: ASYNC109 - the calls' own
    line = Line(rpm=60, burst=1)
    await line.call("a")
    tasks = [line.begin(name, timeout=timeout) for name in "bcd"]
    await asyncio.sleep(0.5)
    tasks[0].cancel()
    await asyncio.wait(tasks)
    assert line.passed == [("a", 0), ("c", 1), ("d", 2)]
    assert line.turnstile.snapshot().in_flight == line.turnstile.snapshot().waiting == 0


async def test_cancelled_in_the_moment_in_which_the_turn_comes() -> None:
    line = Line(parallel=1, rpm=60)
    first = await line.turnstile.enter(ONE)
    tasks = [line.begin(name) for name in "bc"]
    await settle()
    first.leave()
    tasks[0].cancel()
    await settle()
    assert tasks[0].cancelled()
    assert line.order == "c"


async def test_cancelled_before_the_turn_comes_in_the_same_moment() -> None:
    line = Line(parallel=1)
    first = await line.turnstile.enter(ONE)
    tasks = [line.begin(name) for name in "bc"]
    await settle()
    tasks[0].cancel()
    first.leave()
    await settle()
    assert line.order == "c"


async def test_cancelled_and_refused_in_the_same_moment() -> None:
    line = Line(parallel=1)
    await line.turnstile.enter(ONE)
    task = line.begin("b")
    await settle()
    task.cancel()
    await line.turnstile.aclose()
    assert isinstance(await outcome(task), asyncio.CancelledError)


async def test_refused_and_cancelled_in_the_same_moment() -> None:
    line = Line(parallel=1)
    await line.turnstile.enter(ONE)
    task = line.begin("b")
    await settle()
    closing = asyncio.create_task(line.turnstile.aclose())
    await asyncio.sleep(0)
    task.cancel()
    await closing
    assert isinstance(await outcome(task), (asyncio.CancelledError, SupervisorClosedError))


async def test_limits_that_are_learnt() -> None:
    line = Line(learn=True)
    first = await line.turnstile.enter(ONE)
    second = await line.turnstile.enter(ONE)
    first.leave(ONE, RateLimits(requests=RateLimit(limit=60, remaining=1, reset=59.0)))
    assert line.turnstile.snapshot().rpm == 60
    await line.call("c")
    assert line.now() == pytest.approx(1, abs=0.1), "`second` is not in what was left"
    second.leave()


async def test_headers_are_not_heeded_unless_asked_for() -> None:
    line = Line(rpm=60)
    (await line.turnstile.enter(ONE)).leave(ONE, RateLimits(requests=RateLimit(remaining=0, reset=60.0)))
    assert line.turnstile.enter_nowait() is not None
    bare = Line(parallel=5)
    (await bare.turnstile.enter(ONE)).leave(ONE, RateLimits(requests=RateLimit(remaining=0, reset=60.0)))
    assert bare.turnstile.enter_nowait() is not None


async def test_whether_one_would_have_to_wait() -> None:
    line, now = Line(rpm=60, burst=1), asyncio.get_running_loop().time()
    assert not line.turnstile.has_line(now)
    await line.turnstile.enter(ONE)
    assert line.turnstile.has_line(now)
    bare = Line(parallel=1)
    assert not bare.turnstile.has_line(now)
    await bare.turnstile.enter(ONE)
    assert bare.turnstile.has_line(now)


async def test_the_snapshot() -> None:
    line = Line(parallel=1, rpm=60, tpm=1000)
    first = await line.turnstile.enter(ONE)
    task = line.begin("b")
    await settle()
    found = line.turnstile.snapshot()
    assert (found.waiting, found.in_flight, found.max_parallel, found.refused) == (1, 1, 1, 0)
    assert (found.rpm, found.tpm) == (60, 1000)
    assert line.turnstile.has_line(asyncio.get_running_loop().time())
    first.leave()
    await task
    bare = Line().turnstile.snapshot()
    assert (bare.max_parallel, bare.rpm, bare.tpm) == (None, None, None)


@pytest.mark.usefixtures("no_tasks")
async def test_closing() -> None:
    line = Line(rpm=1)
    passed = await line.turnstile.enter(ONE)
    task = line.begin("b", timeout=100)
    await settle()
    await line.turnstile.aclose()
    await line.turnstile.aclose()
    assert isinstance(await outcome(task), SupervisorClosedError)
    passed.leave()
    with pytest.raises(SupervisorClosedError):
        await line.turnstile.enter(ONE)
    assert line.turnstile.enter_nowait() is None


async def test_a_call_of_which_nobody_knows_what_it_took_keeps_what_was_reserved() -> None:
    line = Line(rpm=1)
    (await line.turnstile.enter(ONE)).leave()
    assert line.turnstile.enter_nowait() is None


async def test_calls_that_failed_early_do_not_make_a_turn_look_short() -> None:
    line = Line(parallel=1)
    await line.call("a", takes=10)
    for _ in range(50):
        (await line.turnstile.enter()).leave(failed=True)
    task = line.begin("b", takes=10)
    await settle()
    with pytest.raises(WaitTooLongError, match="its turn would come in 10 s"):
        await line.call("late", timeout=15)
    await task

"""A turnstile whose limits other processes share: asking them takes a while, and only one head of the line asks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from runtime_kit import outcome

from aiocompl.errors import SupervisorClosedError, WaitTooLongError
from aiocompl.policy.limits import NOTHING, Cost, Limiter, RateLimitPolicy
from aiocompl.runtime.turnstile import Pass, Turnstile
from aiocompl.testing import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks")]
ONE = Cost()


@attrs.define(eq=False)
class Distant:
    """Limits that answer after some seconds."""

    limiter: Limiter
    delay: float = 0.25
    asked: int = 0
    asking: int = 0
    settled: list[tuple[Cost, Cost]] = attrs.field(factory=list)
    bug: Exception | None = None

    async def take(self, cost: Cost, now: float) -> float:
        assert not self.asking, "only one asks at a time"
        self.asked += 1
        self.asking += 1
        try:
            await asyncio.sleep(self.delay)
            if self.bug is not None:
                raise self.bug
            return self.limiter.take(cost, now + self.delay)
        finally:
            self.asking -= 1

    def settle(self, reserved: Cost, used: Cost, now: float, at: float) -> None:
        self.settled.append((reserved, used))
        self.limiter.settle(reserved, used, now, at + self.delay)


class Shop:
    def __init__(self, parallel: int | None = None, **policy: Any) -> None:
        self.distant = Distant(Limiter(RateLimitPolicy(**policy)))
        self.loop = asyncio.get_running_loop()
        self.turnstile = Turnstile(None, parallel, self.loop, shared=self.distant)
        self.passed: list[tuple[str, float]] = []

    async def call(self, name: str, cost: Cost = ONE, *, priority: int = 0, wait: float = 600.0) -> Pass:
        passed = await self.turnstile.enter(cost, priority=priority, deadline=self.loop.time() + wait)
        self.passed.append((name, round(self.loop.time(), 2)))
        return passed

    def begin(
        self, name: str, cost: Cost = ONE, *, priority: int = 0, wait: float = 600.0
    ) -> asyncio.Task[Pass]:
        return asyncio.create_task(self.call(name, cost, priority=priority, wait=wait))


@pytest.fixture
async def no_tasks() -> AsyncIterator[None]:
    yield
    await settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_everybody_asks_and_nobody_passes_at_once() -> None:
    shop = Shop(rpm=60, burst=10)
    assert shop.turnstile.enter_nowait() is None
    assert shop.turnstile.counts_tokens
    await asyncio.gather(*(shop.begin(name) for name in "abc"))
    assert shop.passed == [("a", 0.25), ("b", 0.5), ("c", 0.75)]
    assert shop.distant.asked == 3


async def test_who_may_not_yet_asks_again_when_told() -> None:
    shop = Shop(rpm=60, burst=1)
    await asyncio.gather(*(shop.begin(name) for name in "abc"))
    assert [at for _, at in shop.passed] == [0.25, pytest.approx(1.5, abs=0.1), pytest.approx(2.5, abs=0.3)]
    assert shop.distant.asked <= 6


async def test_slots_are_ours_alone() -> None:
    shop = Shop(parallel=1, rpm=600)
    first = await shop.call("a")
    task = shop.begin("b")
    await asyncio.sleep(5)
    assert shop.distant.asked == 1, "without a slot there is nothing to ask"
    first.leave(ONE)
    await task
    assert shop.passed[-1] == ("b", 5.5)


async def test_what_was_taken_for_one_who_has_gone_is_for_the_next() -> None:
    shop = Shop(rpm=60)
    task, other = shop.begin("a", Cost(1, 5)), shop.begin("b", Cost(1, 7))
    await asyncio.sleep(0.1)
    task.cancel()
    await other
    assert shop.passed == [("b", 0.25)]
    assert shop.distant.settled == [(Cost(1, 5), Cost(1, 7))]


async def test_or_goes_back() -> None:
    shop = Shop(rpm=1)
    task = shop.begin("a")
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.sleep(1)
    assert shop.distant.settled == [(ONE, NOTHING)]
    await shop.call("b")
    assert shop.passed == [("b", 1.35)]


async def test_the_head_changes_while_somebody_asks() -> None:
    shop = Shop(rpm=60)
    tasks = [shop.begin("a")]
    await asyncio.sleep(0.1)
    tasks.append(shop.begin("h", priority=-2))
    await asyncio.gather(*tasks)
    assert [name for name, _ in shop.passed] == ["h", "a"]


async def test_the_one_who_was_told_to_wait_is_not_the_head_any_more() -> None:
    shop = Shop(tpm=1000)
    (await shop.call("a", Cost(1, 900))).leave()
    tasks = [shop.begin("big", Cost(1, 900))]
    await asyncio.sleep(0.1)
    tasks.append(shop.begin("small", Cost(1, 10), priority=-2))
    await asyncio.gather(*tasks)
    assert [name for name, _ in shop.passed] == ["a", "small", "big"]


async def test_one_who_comes_to_the_head_while_the_alarm_is_set_asks_at_once() -> None:
    shop = Shop(tpm=1000)
    await shop.call("a", Cost(1, 900))
    task = shop.begin("big", Cost(1, 900))
    await asyncio.sleep(5)
    await shop.call("small", Cost(1, 10), priority=-2)
    assert shop.passed[-1][1] < 60
    await task


async def test_a_call_that_is_over_does_not_hurry_those_who_wait_for_their_alarm() -> None:
    shop = Shop(rpm=1)
    first = await shop.call("a")
    task = shop.begin("b")
    await asyncio.sleep(5)
    first.leave(ONE)
    await task
    assert shop.distant.asked == 3
    assert shop.passed[-1][1] == pytest.approx(60.5, abs=0.1)


async def test_too_late() -> None:
    shop = Shop(rpm=1)
    await shop.call("a")
    with pytest.raises(WaitTooLongError, match="its turn would come in"):
        await shop.call("b", wait=30)
    assert shop.loop.time() == 0.5


async def test_a_bug_in_the_limits_is_the_head_s_error() -> None:
    shop = Shop(rpm=60)
    shop.distant.bug = ZeroDivisionError("a bug")
    tasks = [shop.begin(name) for name in "ab"]
    assert [type(await outcome(task)) for task in tasks] == [ZeroDivisionError] * 2


async def test_closed_while_somebody_asks() -> None:
    shop = Shop(rpm=60)
    task = shop.begin("a")
    await asyncio.sleep(0.1)
    await shop.turnstile.aclose()
    assert isinstance(await outcome(task), SupervisorClosedError)
    assert shop.loop.time() == 0.1

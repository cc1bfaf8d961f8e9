"""Budgets that several states share at a real Redis."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from shared_kit import delivered, states, until

from aiocompl.policy.budget import Budget

if TYPE_CHECKING:
    from redis_server import RedisServer

pytestmark = pytest.mark.real_time

BUDGETS = {None: Budget(10.0), "mine": Budget(4.0, "1h")}


async def test_what_one_spends_or_holds_is_gone_for_the_other(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = one.budgets(BUDGETS), two.budgets(BUDGETS)
        assert await first.hold("mine", 3.0) is None
        excess = await second.hold("mine", 2.0)
        assert excess is not None
        assert (excess.name, excess.budget.held, excess.budget.left) == ("mine", 3.0, 1.0)
        first.settle("mine", held=3.0, spent=1.0)
        await delivered(one)
        assert await second.hold("mine", 3.0) is None
        assert await second.hold(None, 5.0) is None
        excess = await first.hold(None, 2.0)
        assert excess is not None
        assert excess.name is None


async def test_how_they_stand(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, _):
        budgets = one.budgets(BUDGETS)
        assert budgets.snapshot()["mine"].resets_in is None
        await budgets.hold("mine", 1.0)
        budgets.settle("mine", held=1.0, spent=0.5)
        assert budgets.snapshot()["mine"].spent == 0.5, "even before Redis knows"
        await delivered(one)
        mine, all_calls = budgets.snapshot()["mine"], budgets.snapshot()[None]
        assert (mine.spent, mine.held, all_calls.spent, all_calls.resets_in) == (0.5, 0.0, 0.5, None)
        assert mine.resets_in is not None
        assert 3590 < mine.resets_in <= 3600
        assert budgets.names == ["mine"]
        assert "mine" in budgets
        assert "yours" not in budgets


async def test_a_budget_that_there_is_not(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, _):
        budgets = one.budgets({"mine": Budget(1.0)})
        assert await budgets.hold(None, 100.0) is None
        budgets.settle(None, held=100.0, spent=100.0)
        assert not one._link._letters


async def test_other_budgets_from_now_on(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, _):
        budgets = one.budgets(BUDGETS)
        budgets.settle("mine", held=0, spent=3.0)
        budgets.reload({"mine": Budget(3.5, "1h"), "yours": Budget(1.0)})
        assert await budgets.hold("mine", 1.0) is not None
        assert await budgets.hold("yours", 1.0) is None
        assert budgets.names == ["mine", "yours"]


async def test_cancelled_nothing_stays_held(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = one.budgets(BUDGETS), two.budgets(BUDGETS)
        holding = asyncio.create_task(first.hold("mine", 4.0))
        await asyncio.sleep(0)
        holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holding
        await delivered(one)
        assert await second.hold("mine", 4.0) is None
        refused = asyncio.create_task(first.hold("mine", 4.0))
        await asyncio.sleep(0)
        refused.cancel()
        await delivered(one)
        assert first.snapshot()["mine"].held == 4.0


async def test_what_the_dead_held_is_free(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = one.budgets(BUDGETS), two.budgets(BUDGETS)
        assert await first.hold("mine", 4.0) is None
        await first._link._client.zrem(first._link.members, first._link.process)
        assert await second.hold("mine", 4.0) is None


async def test_alone_each_has_a_share_of_what_is_left(redis_server: RedisServer) -> None:
    async with states(redis_server) as (one, two):
        first, second = one.budgets(BUDGETS), two.budgets(BUDGETS)
        assert await first.hold("mine", 1.0) is None
        first.settle("mine", held=0.0, spent=1.0)
        await delivered(one)
        assert await second.hold("mine", 0.0) is None  # and has heard of the others
        await asyncio.to_thread(redis_server.stop)
        assert await second.hold("mine", 1.5) is not None, "4, less 1 spent and 1 held, among two"
        assert await second.hold("mine", 1.0) is None
        assert await second.hold("mine", 0.1) is not None
        second.settle("mine", held=1.0, spent=0.25)
        assert await second.hold("mine", 0.75) is None
        assert await first.hold("mine", 1.0) is None
        assert await first.hold("mine", 0.1) is not None


async def test_cancelled_while_redis_is_lost(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        budgets = one.budgets(BUDGETS)
        await asyncio.to_thread(redis_server.stop)
        holding = asyncio.create_task(budgets.hold("mine", 4.0))
        await asyncio.sleep(0)
        holding.cancel()
        await until(lambda: one.lost)
        await asyncio.wait([holding])
        held = 0 if holding.cancelled() else 4  # it may have been known before that Redis is lost
        assert budgets.snapshot()["mine"].held == held


async def test_alone_without_room(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        budgets = one.budgets({"mine": Budget(1.0)})
        budgets.settle("mine", held=0.0, spent=3.0)
        await delivered(one)
        await asyncio.to_thread(redis_server.stop)
        assert await budgets.hold("mine", 0.0) is not None
        assert await budgets.hold("mine", 0.0) is not None


async def test_redis_is_told_what_was_spent_without_it_and_before(redis_server: RedisServer) -> None:
    async with states(redis_server) as (one, two):
        first, second = one.budgets(BUDGETS), two.budgets(BUDGETS)
        assert await first.hold("mine", 1.0) is None
        first.settle("mine", held=0.0, spent=1.0)
        await delivered(one)
        await asyncio.to_thread(redis_server.stop)
        await until(lambda: one.lost and two.lost)
        first.settle("mine", held=0.5, spent=0.5)
        assert first.snapshot()["mine"].spent == 1.5
        await asyncio.to_thread(redis_server.start)
        await until(lambda: not one.lost and not two.lost)
        await delivered(one, two)
        excess = await second.hold("mine", 100.0)
        assert excess is not None
        assert (excess.budget.spent, excess.budget.held) == (1.5, 0.5)
        assert first._accounts["mine"].untold == 0


async def test_a_period_ends_alone_too(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        budgets = one.budgets({"mine": Budget(1.0, 0.3)})
        budgets.settle("mine", held=0.0, spent=1.0)
        await delivered(one)
        assert await budgets.hold("mine", 0.5) is not None
        await asyncio.to_thread(redis_server.stop)
        await until(lambda: budgets.snapshot()["mine"].spent == 0)
        assert await budgets.hold("mine", 0.5) is None

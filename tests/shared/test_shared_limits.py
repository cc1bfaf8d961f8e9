"""Limits that several states share at a real Redis, and what becomes of them when it is lost."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any

import pytest
from shared_kit import ONE, RPM, delivered, states, taken, until

from aiocompl.policy.limits import NOTHING, Cost, RateLimitPolicy
from aiocompl.shared.limits import share_of

if TYPE_CHECKING:
    from redis_server import RedisServer

pytestmark = pytest.mark.real_time

TOKENS = RateLimitPolicy(tpm=1000)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_what_one_takes_is_gone_for_the_other(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = one.limits("d", RPM), two.limits("d", RPM)
        assert await taken(first, 6) == 6
        assert await taken(second, 100) == 4
        assert 0 < await second.take(ONE, now()) < 2
        assert await taken(one.limits("another", RPM)) == 10


async def test_what_is_given_back_may_pass_elsewhere(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = one.limits("d", TOKENS), two.limits("d", TOKENS)
        asked = now()
        assert await first.take(Cost(1, 600, 400), asked) == 0
        assert await second.take(Cost(1, 600), now()) > 30
        first.settle(Cost(1, 600, 400), Cost(1, 100), now(), asked)
        await delivered(one)
        assert await second.take(Cost(1, 600), now()) < 7


async def test_what_was_used_beyond_the_estimate_is_charged(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = one.limits("d", TOKENS), two.limits("d", TOKENS)
        asked = now()
        assert await first.take(Cost(1, 10), asked) == 0
        first.settle(Cost(1, 10), Cost(1, 10, 900), now(), asked)
        await delivered(one)
        assert await second.take(Cost(1, 1), now()) > 30


@pytest.mark.parametrize(
    ("used", "charged"), [(Cost(1, 60, 900), True), (Cost(1, 10), False), (Cost(1, 60), False)]
)
async def test_what_was_taken_long_ago_cannot_be_given_back(
    one_redis: RedisServer, used: Cost, *, charged: bool
) -> None:
    async with states(one_redis) as (one, _):
        limits = one.limits("d", TOKENS)
        limits.settle(Cost(1, 60), used, now(), now() - 100)
        assert len(one._link._letters) == charged


async def test_instants_are_forgotten_after_a_minute(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, _):
        limits = one.limits("d", RPM)
        for asked in (now() - 90, now() - 70, now() - 30, now()):
            await limits.take(ONE, asked)
        assert len(limits._taken) == 2


async def test_a_lost_redis_leaves_a_share_and_costs_nothing(redis_server: RedisServer) -> None:
    async with states(redis_server, 3) as (one, two, three):
        policy = RateLimitPolicy(rpm=60, burst=9)
        limits = [state.limits("d", policy) for state in (one, two, three)]
        assert await taken(limits[0], 3) == 3
        await asyncio.to_thread(redis_server.stop)
        assert [await taken(each) for each in limits] == [1, 1, 1], "nothing is saved up"
        assert [state.lost for state in (one, two, three)] == [True] * 3
        begun = now()
        assert await limits[0].take(ONE, begun) == pytest.approx(60 / 18, abs=0.3), (
            "20 a minute, 3 of them at once"
        )
        settled_at = now()
        limits[0].settle(ONE, NOTHING, settled_at, begun)


async def test_it_rejoins_and_has_nothing_saved_up(redis_server: RedisServer) -> None:
    async with states(redis_server) as (one, two):
        limits = [state.limits("d", RPM) for state in (one, two)]
        assert await taken(limits[0], 3) == 3
        await asyncio.to_thread(redis_server.stop)
        for each in limits:
            await each.take(ONE, now())
        await asyncio.to_thread(redis_server.start)
        await until(lambda: not one.lost and not two.lost)
        assert await taken(limits[0]) == 1
        assert await taken(limits[1]) == 0
        await until(lambda: one.processes == 2)


async def test_a_process_more_makes_the_share_smaller(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        limits = one.limits("d", RateLimitPolicy(rpm=60, burst=1))
        await asyncio.to_thread(redis_server.stop)
        assert await limits.take(ONE, now()) == 0
        assert await limits.take(ONE, now()) == pytest.approx(1, abs=0.2)
        one._link.processes = 4
        assert await limits.take(ONE, now()) == 0
        assert await limits.take(ONE, now()) == pytest.approx(4, abs=0.2)


async def test_what_is_settled_alone(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        limits = one.limits("d", TOKENS)
        asked = now()
        assert await limits.take(Cost(1, 10), asked) == 0
        await asyncio.to_thread(redis_server.stop)
        begun = now()
        assert await limits.take(Cost(1, 500, 400), begun) == 0
        limits.settle(Cost(1, 10), Cost(1, 900), now(), asked)  # Redis', which is not there
        assert await limits.take(Cost(1, 400), now()) > 40
        limits.settle(Cost(1, 500, 400), NOTHING, now(), begun)
        assert await limits.take(Cost(1, 400), now()) == 0


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"rpm": 60, "burst": 10, "learn": True}, {"rpm": 20, "burst": 10 / 3}),
        ({"tpm": 3, "input_tpm": 6, "output_tpm": 9}, {"tpm": 1, "input_tpm": 2, "output_tpm": 3}),
        ({}, {}),
    ],
)
def test_shares(policy: dict[str, Any], expected: dict[str, Any]) -> None:
    assert share_of(RateLimitPolicy(**policy), 3) == RateLimitPolicy(**expected)


async def test_a_cancelled_decision_leaves_nothing_behind(redis_server: RedisServer) -> None:
    async with states(redis_server, 1, timeout=30.0) as (one,):
        limits = one.limits("d", RPM)
        await asyncio.to_thread(redis_server.freeze)
        asking = asyncio.create_task(limits.take(ONE, now()))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.to_thread(redis_server.thaw)
        assert await limits.take(ONE, now()) < inf
        assert not one.lost

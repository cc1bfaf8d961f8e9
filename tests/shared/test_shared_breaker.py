"""A breaker that several states share at a real Redis."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs
import pytest
from shared_kit import BREAKER, Watched, delivered, states, until

from aiocompl.errors import AuthenticationError, BadRequestError, RateLimitError, ServiceUnavailableError

if TYPE_CHECKING:
    from redis_server import RedisServer

    from aiocompl.shared import RedisState

pytestmark = pytest.mark.real_time

DOWN = ServiceUnavailableError("down")
LONG = attrs.evolve(BREAKER, cooldown=30.0)


async def opened(*states_: RedisState, policy: object = BREAKER) -> list[Watched]:
    """The breaker of each state, opened by failures at the first."""
    each = [Watched(state, policy=policy) for state in states_]  # type: ignore[arg-type]
    for _ in range(3):
        each[0].breaker.fail(each[0].now, DOWN)
    await until(lambda: all(one.news == [True] for one in each))
    return each


async def half_open(*watched: Watched) -> None:
    await until(lambda: all(one.state == "half_open" for one in watched))


async def test_opened_by_one_it_is_open_for_all(one_redis: RedisServer) -> None:
    async with states(one_redis, 3) as all_of_them:
        one, two, three = await opened(*all_of_them, policy=LONG)
        assert [each.passes() for each in (one, two, three)] == [False] * 3
        assert two.breaker.opened == 1
        wait = two.breaker.wait(two.now)
        assert wait is not None
        assert 25 < wait <= 30


async def test_failures_here_and_there_count_together(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = Watched(one, policy=LONG), Watched(two, policy=LONG)
        for each in (first, second, first):
            each.breaker.fail(each.now, DOWN)
            await delivered(one, two)
        await until(lambda: (first.news, second.news) == ([True], [True]))


async def test_successes_elsewhere_count_too(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        first, second = Watched(one), Watched(two)
        for each in (first, first, second, first, first):
            each.breaker.fail(each.now, DOWN) if each is first else each.breaker.succeed(each.now)
            await delivered(one, two)
        assert first.state == "closed"


async def test_many_successes_are_one_letter(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, _):
        watched = Watched(one)
        await delivered(one)
        for _ in range(100):
            watched.breaker.succeed(watched.now)
        assert watched.breaker._events == ["s100"]
        assert len(one._link._letters) == 1
        await delivered(one)
        assert watched.breaker._events == []


async def test_one_probe_over_all_and_its_success_closes_it_for_all(one_redis: RedisServer) -> None:
    async with states(one_redis, 3) as all_of_them:
        one, two, three = await opened(*all_of_them)
        await half_open(one, two, three)
        assert not two.passes()
        assert not three.passes()
        assert one.passes(), "who has opened it may send the probe"
        await asyncio.sleep(0.2)
        assert not any(each.passes() for each in (one, two, three))
        one.breaker.succeed(one.now)
        await until(lambda: all(each.news == [True, False] for each in (one, two, three)))
        assert all(each.passes() for each in (one, two, three))


async def test_a_probe_that_fails_opens_it_for_longer(one_redis: RedisServer) -> None:
    async with states(one_redis) as all_of_them:
        one, two = await opened(*all_of_them)
        await half_open(one, two)
        assert one.passes()
        one.breaker.fail(one.now, AuthenticationError("no"))
        await until(lambda: (one.news, two.news) == ([True, True], [True, True]))
        wait = two.breaker.closed_for(two.now)
        assert wait is not None
        assert 55 < wait <= 60


@pytest.mark.parametrize("error", [DOWN, RateLimitError("slow", retry_after=0.01)])
async def test_what_was_on_its_way_does_not_count(one_redis: RedisServer, error: Exception) -> None:
    async with states(one_redis) as all_of_them:
        one, two = await opened(*all_of_them, policy=LONG)
        assert not two.breaker.fail(two.now, error)  # type: ignore[arg-type]
        await delivered(*all_of_them)
        assert one.breaker.opened == two.breaker.opened == 1


async def test_a_probe_that_says_nothing_makes_room_for_another(one_redis: RedisServer) -> None:
    async with states(one_redis) as all_of_them:
        one, two = await opened(*all_of_them)
        await half_open(one, two)
        for _ in range(2):
            assert one.passes()
            one.breaker.release()
        assert one.passes()
        assert not one.breaker.fail(one.now, BadRequestError("your mistake"))
        assert one.passes()


async def test_who_has_no_call_leaves_the_probe_to_others(one_redis: RedisServer) -> None:
    async with states(one_redis) as all_of_them:
        one, two = await opened(*all_of_them)
        await half_open(one, two)
        assert two.breaker.wait(two.now) == 0.05
        await until(two.passes)
        assert not one.passes()
        two.breaker.succeed(two.now)
        await until(lambda: one.news == two.news == [True, False])


async def test_who_is_only_looked_at_gets_the_probe_too(one_redis: RedisServer) -> None:
    """Balancing asks `closed_for`, and goes elsewhere where it says something."""
    async with states(one_redis) as all_of_them:
        _, two = await opened(*all_of_them)
        assert two.breaker.closed_for(two.now) is not None
        await until(lambda: two.breaker.closed_for(two.now) is None)
        assert two.state == "half_open"


async def test_the_probe_of_one_that_died_is_anothers(one_redis: RedisServer) -> None:
    async with states(one_redis) as all_of_them:
        one, two = await opened(*all_of_them)
        await half_open(one, two)
        assert one.passes()
        heart = all_of_them[0]._link._heart
        assert heart is not None
        heart.cancel()
        assert not two.passes()
        two.breaker.link.patience = "0.2"
        await until(two.passes)


async def test_alone_it_goes_on_from_what_is_known(redis_server: RedisServer) -> None:
    async with states(redis_server) as (one, two):
        first, second = await opened(one, two, policy=LONG)
        other = Watched(one, "other")
        await asyncio.to_thread(redis_server.stop)
        await until(lambda: one.lost and two.lost)
        assert not first.passes()
        assert not second.passes()
        assert [other.breaker.fail(other.now, DOWN) for _ in range(3)] == [False, False, True]
        await half_open(other)
        assert [other.passes(), other.passes()] == [True, False]
        assert other.breaker.succeed(other.now)
        other.breaker.release()
        assert other.news == [], "who has been told at once need not be told again"


async def test_redis_has_forgotten_and_is_told(redis_server: RedisServer) -> None:
    async with states(redis_server) as (one, two):
        first, _ = await opened(one, two, policy=LONG)
        await asyncio.to_thread(redis_server.stop)
        await until(lambda: one.lost and two.lost)
        await asyncio.to_thread(redis_server.start)
        await until(lambda: not one.lost and not two.lost)
        third = Watched(one, policy=LONG)
        await until(lambda: third.news == [True])
        assert first.news == [True], "it has never been anything else"
        wait = third.breaker.closed_for(third.now)
        assert wait is not None
        assert wait > 15


async def test_what_could_not_be_told_is_forgotten(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        watched = Watched(one)
        await delivered(one)
        await asyncio.to_thread(redis_server.stop)
        watched.breaker.fail(watched.now, DOWN)
        watched.breaker.fail(watched.now, DOWN)
        await until(lambda: one.lost)
        await delivered(one)
        assert (watched.breaker._events, watched.breaker._posted) == ([], False)
        assert watched.passes()

"""The link itself: how it finds out that Redis is lost, what is said of it, and what is left at the end."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from shared_kit import ONE, RPM, states, taken, until
from structlog.testing import capture_logs

from aiocompl.errors import MissingExtraError
from aiocompl.shared import RedisState
from aiocompl.shared.link import letter
from aiocompl.shared.scripts import Script

if TYPE_CHECKING:
    from redis_server import RedisServer

pytestmark = pytest.mark.real_time

BAD = Script("return redis.call('NO SUCH COMMAND')")
SLOW = Script(
    "local until = redis.call('TIME')[1] + 1; while redis.call('TIME')[1] + 0 < until do end; return 1"
)


def now() -> float:
    return asyncio.get_running_loop().time()


def told(events: list[Any]) -> list[str]:
    return [event["event"] for event in events if event["event"].startswith("shared.")]


@pytest.mark.parametrize("how", ["stop", "freeze"])
async def test_loss_and_return_are_each_said_once(redis_server: RedisServer, how: str) -> None:
    async with states(redis_server, 1) as (one,):
        limits = one.limits("d", RPM)
        with capture_logs() as events:
            await asyncio.to_thread(getattr(redis_server, how))
            await asyncio.gather(*[limits.take(ONE, now()) for _ in range(20)])
            assert one.lost
            await taken(limits)
            await asyncio.to_thread(redis_server.start if how == "stop" else redis_server.thaw)
            await until(lambda: not one.lost)
            await taken(limits)
        assert told(events) == ["shared.lost", "shared.rejoined"]
        assert events[0]["processes"] == 1


async def test_the_pulse_finds_out_by_itself(redis_server: RedisServer) -> None:
    async with states(redis_server) as (one, two):
        await asyncio.to_thread(redis_server.stop)
        await until(lambda: one.lost and two.lost)
        await until(lambda: one._link._backoff > 2.0)
        await asyncio.to_thread(redis_server.start)


async def test_a_redis_that_never_was(redis_server: RedisServer) -> None:
    await asyncio.to_thread(redis_server.stop)
    state = RedisState(redis_server.url, processes=2)
    limits = state.limits("d", RPM)
    assert not state.lost
    assert await limits.take(ONE, now()) == 0
    assert state.lost
    assert await limits.take(ONE, now()) == pytest.approx(60 / 26, abs=0.3)
    await state.aclose()


async def test_one_that_comes_back_forgets_the_scripts(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        limits = one.limits("d", RPM)
        await limits.take(ONE, now())
        client = Redis.from_url(redis_server.url)
        await client.script_flush()
        await client.aclose()
        assert await limits.take(ONE, now()) == 0
        assert not one.lost


@pytest.mark.parametrize("way", ["ask", "post", "known"])
async def test_what_redis_refuses_is_a_loss_too(one_redis: RedisServer, way: str) -> None:
    async with states(one_redis, 1) as (one,):
        link, failed = one._link, list[str]()
        if way == "ask":
            assert await link.ask(BAD, (), ()) is None
        else:
            if way == "known":
                await link.ask(BAD, (), ())
                await until(lambda: not one.lost)
            for each in ("first", "second"):
                link.post(letter(BAD, (), (), failed=partial(failed.append, each)))
            await until(lambda: len(failed) == 2)
        assert one.lost
        link.post(letter(BAD, (), (), failed=partial(failed.append, "third")))
        assert failed[-1] == "third"


async def test_letters_in_the_queue_fail_with_the_link(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        failed = list[int]()
        await asyncio.to_thread(redis_server.freeze)
        for number in range(600):
            one._link.post(letter(BAD, (), (), failed=partial(failed.append, number)))
        await until(lambda: len(failed) == 600)
        assert sorted(failed) == list(range(600))
        await asyncio.to_thread(redis_server.thaw)


async def test_a_slow_redis_counts_as_lost(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        assert await one._link.ask(SLOW, (), ()) is None
        assert one.lost
        await until(lambda: not one.lost)


async def test_who_leaves_is_not_counted_any_more(one_redis: RedisServer) -> None:
    async with states(one_redis, 3) as (one, two, three):
        await three.aclose()
        await three.aclose()
        await until(lambda: (one.processes, two.processes) == (2, 2))
        assert three.lost
        assert await taken(three.limits("d", RPM), 5) == 1, "nobody is asked any more"


async def test_who_dies_is_not_counted_any_more(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, two):
        assert (one._link.patience, RedisState("redis://x", pulse=7)._link.patience) == ("5", "35")
        one._link.patience = two._link.patience = "0.2"
        heart = two._link._heart
        assert heart is not None
        heart.cancel()
        await until(lambda: one.processes == 1)


async def test_what_is_posted_arrives_before_the_end(one_redis: RedisServer) -> None:
    async with states(one_redis) as (one, _):
        link, answers = one._link, list[Any]()
        link.post(letter(Script("return ARGV[1]"), (), ("hello",), answers.append))
        await one.aclose()
        assert answers == [b"hello"]


@pytest.mark.parametrize("how", ["stop", "freeze"])
async def test_it_closes_without_redis(redis_server: RedisServer, how: str) -> None:
    async with states(redis_server):
        await asyncio.to_thread(getattr(redis_server, how))
    redis_server.thaw() if how == "freeze" else None


async def test_a_close_that_is_cancelled_goes_on(redis_server: RedisServer) -> None:
    async with states(redis_server, 1) as (one,):
        await asyncio.to_thread(redis_server.freeze)
        closing = asyncio.create_task(one.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await one.aclose()
        await asyncio.to_thread(redis_server.thaw)


async def test_one_that_was_never_used_closes() -> None:
    state = RedisState("redis://127.0.0.1:1")
    await state.aclose()
    assert state.lost


@pytest.mark.parametrize("settings", [{"timeout": 0}, {"pulse": 0}, {"processes": 0}, {"slack": -1}])
def test_numbers_are_positive(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        RedisState("redis://x", **settings)


def test_an_url_must_be_one() -> None:
    with pytest.raises(ValueError, match="schemes"):
        RedisState("http://x")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[redis\]'"):
        RedisState("redis://x")


def test_names_load_at_first_use() -> None:
    import aiocompl.shared  # noqa: PLC0415 - what is tested

    assert aiocompl.shared.SharedState.__name__ == "SharedState"
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = aiocompl.shared.Nothing

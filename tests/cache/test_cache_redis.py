"""A real Redis: what it keeps, and what is left of a call when it is away."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cache_kit import Upstream, info, written
from structlog.testing import capture_logs

from aiocompl.cache.layer import CacheLayer
from aiocompl.cache.redis import RedisCache
from aiocompl.errors import MissingExtraError
from aiocompl.policy.cache_controls import DEFAULT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from redis_server import RedisServer

pytestmark = pytest.mark.real_time


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    cache = RedisCache(redis_server.url, timeout=0.2)
    yield cache
    await cache.aclose()


async def test_it_keeps(cache: RedisCache, redis_server: RedisServer) -> None:
    assert await cache.get("a") is None
    await cache.set("a", b"\x00\xff")
    await cache.set("a", b"1")
    assert await cache.get("a") == b"1"
    other = RedisCache(redis_server.url)
    assert await other.get("a") == b"1"
    elsewhere = RedisCache(redis_server.url, prefix="other:")
    assert await elsewhere.get("a") is None
    await other.aclose()
    await elsewhere.aclose()


async def test_each_entry_has_its_end(cache: RedisCache, redis_server: RedisServer) -> None:
    await cache.set("usual", b"1")
    await cache.set("short", b"1", 5)
    await cache.set("shortest", b"1", 1e-9)
    client = cache._client()
    assert 3_500_000 < await client.pttl("aiocompl:cache:usual") <= 3_600_000
    assert 4_000 < await client.pttl("aiocompl:cache:short") <= 5_000
    endless = RedisCache(redis_server.url, ttl=None)
    await endless.set("usual", b"1")
    assert await client.pttl("aiocompl:cache:usual") == -1
    await endless.aclose()


async def test_more_calls_than_connections(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url, max_connections=2, timeout=5)
    await asyncio.gather(*(cache.set(str(number), b"%d" % number) for number in range(50)))
    assert [await cache.get(str(number)) for number in range(50)] == [b"%d" % number for number in range(50)]
    assert len(await cache._client().client_list()) <= 2
    await cache.aclose()


async def test_one_that_was_closed_connects_again(cache: RedisCache) -> None:
    await cache.set("a", b"1")
    await cache.aclose()
    await cache.aclose()
    assert await cache.get("a") == b"1"


async def test_a_cancelled_caller_leaves_the_cache_as_good_as_before(
    cache: RedisCache, redis_server: RedisServer
) -> None:
    await cache.set("a", b"1")
    await cache.set("b", b"2")
    redis_server.freeze()
    reading = asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    redis_server.thaw()
    assert await cache.get("b") == b"2"  # and not the answer to the question before


def test_each_loop_has_connections_of_its_own(redis_server: RedisServer) -> None:
    cache = RedisCache(redis_server.url)

    async def again(expected: bytes | None) -> None:
        assert await cache.get("a") == expected
        await cache.set("a", b"1")
        await cache.aclose()

    asyncio.run(again(None))
    asyncio.run(again(b"1"))
    assert not cache._clients


def test_a_loop_that_is_gone_is_forgotten() -> None:
    cache = RedisCache("redis://127.0.0.1:1/0")

    async def client() -> Any:
        return cache._client()

    first = asyncio.run(client())
    assert asyncio.run(client()) is not first
    assert len(cache._clients) == 1


@pytest.mark.parametrize("way", ["stopped", "frozen"])
async def test_calls_go_on_without_it(redis_server: RedisServer, way: str) -> None:
    redis_server.freeze() if way == "frozen" else redis_server.stop()
    cache = RedisCache(redis_server.url, timeout=0.05)
    layer, upstream = CacheLayer(cache), Upstream(takes=0)
    with capture_logs() as logs:
        for _ in range(3):
            answer = await layer.answer("k", DEFAULT, upstream.ask)
            assert not info(answer).cached
            await written(layer)
        await layer.aclose()
    assert upstream.asked == 3
    assert [entry["event"] for entry in logs] == ["cache.failed"]
    if way == "frozen":
        redis_server.thaw()


async def test_it_is_used_again_when_it_is_back(redis_server: RedisServer, monkeypatch: Any) -> None:
    monkeypatch.setattr("aiocompl.cache.keeper._PAUSE", 0.0)
    layer, upstream = CacheLayer(RedisCache(redis_server.url, timeout=1)), Upstream(takes=0)
    with capture_logs() as logs:
        for step in (None, redis_server.stop, redis_server.start):
            if step is not None:
                step()
            await layer.answer("k", DEFAULT, upstream.ask)
            await written(layer)
        await layer.answer("k", DEFAULT, upstream.ask)
        await layer.aclose()
    assert [entry["event"] for entry in logs] == ["cache.failed", "cache.recovered"]
    assert upstream.asked == 3


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"ttl": 0}])
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        RedisCache("redis://localhost", **wrong)


def test_a_url_that_is_none() -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisCache("localhost:6379")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[redis\]'"):
        RedisCache("redis://localhost")

"""A cache that goes wrong costs a line in the log, never a call."""

from __future__ import annotations

import asyncio

import pytest
from cache_kit import Faulty, Upstream, info, text_of, whole, written
from structlog.testing import capture_logs

from aiocompl.cache import keeper as module
from aiocompl.cache.entry import pack
from aiocompl.cache.keeper import Keeper
from aiocompl.cache.layer import CacheLayer
from aiocompl.policy.cache_controls import DEFAULT

pytestmark = pytest.mark.looptime

DATA = pack(whole(), 0)


@pytest.fixture
def cache() -> Faulty:
    return Faulty()


@pytest.fixture
def keeper(cache: Faulty) -> Keeper:
    return Keeper(cache)


async def test_what_is_on_its_way_can_be_read(cache: Faulty, keeper: Keeper) -> None:
    cache.delay = 0.5
    keeper.keep("k", DATA, None)
    assert await keeper.find("k") is not None
    assert cache.calls == 0
    await asyncio.sleep(0.6)
    assert not keeper._writing
    assert await keeper.find("k") is not None
    assert cache.calls == 2
    await keeper.aclose()


async def test_the_later_of_two_that_are_on_their_way(cache: Faulty, keeper: Keeper) -> None:
    cache.delay = 0.5
    keeper.keep("k", DATA, None)
    await asyncio.sleep(0.2)
    keeper.keep("k", later := pack(whole("later"), 0), None)
    await asyncio.sleep(0.35)
    assert keeper._writing == {"k": later}
    await keeper.aclose()
    assert await cache.get("k") == later


async def test_one_line_for_an_outage(cache: Faulty, keeper: Keeper, looptime: float) -> None:
    cache.error = ConnectionError("redis://user:secret@host")
    with capture_logs() as logs:
        for _ in range(30):
            assert await keeper.find("k") is None
            await asyncio.sleep(0.1)
        assert cache.calls == 3  # one a second
        cache.error = None
        await asyncio.sleep(1)
        await keeper.find("k")
        cache.error = OSError(28, "disk full")
        keeper.keep("k", DATA, None)
        await asyncio.sleep(0)
        await keeper.aclose()
    assert [(entry["event"], entry.get("error")) for entry in logs] == [
        ("cache.failed", "ConnectionError"),
        ("cache.recovered", None),
        ("cache.failed", "OSError"),
        ("cache.failed", "OSError"),  # that of closing
    ]
    assert "secret" not in str(logs)


async def test_one_that_takes_its_time_is_not_waited_for(
    cache: Faulty, keeper: Keeper, looptime: float
) -> None:
    cache.delay = 100
    with capture_logs() as logs:
        assert await keeper.find("k") is None
        assert looptime == 1
        assert await keeper.find("k") is None
        assert looptime == 1
        await keeper.aclose()
        assert looptime == 2
    assert [entry["event"] for entry in logs] == ["cache.failed", "cache.failed"]


async def test_a_call_waits_for_it_no_longer_than_it_may_take(
    cache: Faulty, keeper: Keeper, looptime: float
) -> None:
    cache.delay = 100
    with capture_logs() as logs:
        assert await keeper.find("k", asyncio.get_running_loop().time() + 0.5) is None
    assert looptime == 0.5
    assert logs == []
    cache.delay = 0
    keeper.keep("k", DATA, None)
    await asyncio.sleep(0)
    assert await keeper.find("k") is not None  # it is not taken for one that is away
    await keeper.aclose()


async def test_what_cannot_be_read_is_asked_again(cache: Faulty) -> None:
    layer, upstream = CacheLayer(cache), Upstream()
    await cache.set("k", b"rubbish")
    with capture_logs() as logs:
        assert not info(await layer.answer("k", DEFAULT, upstream.ask)).cached
        await written(layer)
        assert info(await layer.answer("k", DEFAULT, upstream.ask)).cached
    assert [(entry["event"], entry["key"]) for entry in logs] == [("cache.unreadable", "k")]
    await layer.aclose()


async def test_what_cannot_be_written_as_json_is_given_and_not_kept(cache: Faulty) -> None:
    answer = whole(odd={"a": object()})

    async def ask() -> object:
        return answer

    layer = CacheLayer(cache)
    with capture_logs() as logs:
        assert await layer.answer("k", DEFAULT, ask) is answer  # type: ignore[arg-type]
    assert [(entry["event"], entry["operation"]) for entry in logs] == [("cache.failed", "pack")]
    assert layer.statistics().kept == 0
    await layer.aclose()


async def test_more_on_its_way_than_is_good(
    cache: Faulty, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_WRITING", 2)
    cache.delay = 0.5
    for number in range(3):
        keeper.keep(str(number), DATA, None)
    await keeper.aclose()
    assert len(cache) == 2


async def test_closing_writes_what_is_on_its_way(cache: Faulty, keeper: Keeper, looptime: float) -> None:
    cache.delay = 0.5
    keeper.keep("k", DATA, None)
    await keeper.aclose()
    assert looptime == 1
    assert await cache.get("k") == DATA
    await keeper.aclose()
    assert cache.closed == 2


async def test_closing_is_cancelled(cache: Faulty, keeper: Keeper) -> None:
    cache.delay = 0.5
    keeper.keep("k", DATA, None)
    closing = asyncio.create_task(keeper.aclose())
    await asyncio.sleep(0.1)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not keeper._tasks
    assert not keeper._writing
    assert len(cache) == 0


async def test_a_caller_is_cancelled_while_it_looks(cache: Faulty) -> None:
    cache.delay = 0.5
    layer, upstream = CacheLayer(cache, coalesce=True), Upstream()
    call = asyncio.create_task(layer.answer("k", DEFAULT, upstream.ask))
    await asyncio.sleep(0.1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert upstream.asked == 0
    assert text_of(await layer.answer("k", DEFAULT, upstream.ask)) == text_of(whole())
    await layer.aclose()

"""The real diskcache, in a folder of the test's own."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import diskcache
import pytest
from blockbuster import blockbuster_ctx

from aiocompl._compat import override
from aiocompl.cache.disk import DiskCache
from aiocompl.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.real_time


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[DiskCache]:
    cache = DiskCache(tmp_path / "kept")
    with blockbuster_ctx():
        yield cache
        await cache.aclose()


async def test_it_keeps(cache: DiskCache) -> None:
    assert await cache.get("a") is None
    await cache.set("a", b"1")
    await cache.set("big", bytes(100_000))
    await cache.set("a", b"2")
    assert await cache.get("a") == b"2"
    assert await cache.get("big") == bytes(100_000)


async def test_it_keeps_over_a_restart(cache: DiskCache, tmp_path: Path) -> None:
    await cache.set("a", b"1")
    await cache.aclose()
    await cache.aclose()
    other = DiskCache(tmp_path / "kept")
    assert await other.get("a") == b"1"
    await other.aclose()
    assert await cache.get("a") == b"1"  # and one that was closed opens again


async def test_each_entry_has_its_end(cache: DiskCache, tmp_path: Path) -> None:
    await cache.set("a", b"1", 1e-9)
    assert await cache.get("a") is None
    brief = DiskCache(tmp_path / "brief", ttl=1e-9)
    await brief.set("a", b"1")
    await brief.set("b", b"1", 1000)
    assert (await brief.get("a"), await brief.get("b")) == (None, b"1")
    await brief.aclose()


async def test_many_at_once(cache: DiskCache) -> None:
    await asyncio.gather(*(cache.set(str(number), b"%d" % number) for number in range(50)))
    assert await asyncio.gather(*(cache.get(str(number)) for number in range(50))) == [
        b"%d" % number for number in range(50)
    ]


async def test_it_is_bounded(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path / "small", max_bytes=2_000_000)
    for number in range(40):
        await cache.set(str(number), bytes(100_000))
        await cache.get("0")
    kept = [number for number in range(40) if await cache.get(str(number)) is not None]
    assert (kept[0], kept[-1]) == (0, 39)  # the most recently used
    assert len(kept) <= 20
    await cache.aclose()


class Trap:
    sprung = False

    @override
    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Trap, "sprung", True)


async def test_nothing_is_unpickled(tmp_path: Path) -> None:
    with diskcache.Cache(tmp_path / "kept") as foreign:
        foreign.set("a", Trap())
        foreign.set("b", "text")
    cache = DiskCache(tmp_path / "kept")
    assert (await cache.get("a"), await cache.get("b")) == (None, None)
    assert not Trap.sprung
    await cache.aclose()


async def test_a_cancelled_caller_leaves_the_cache_as_good_as_before(cache: DiskCache) -> None:
    reading = asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await cache.set("a", b"1")
    assert await cache.get("a") == b"1"


async def test_closing_what_was_never_opened(tmp_path: Path) -> None:
    await DiskCache(tmp_path / "never").aclose()
    assert not (tmp_path / "never").exists()


async def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = DiskCache(tmp_path / "file" / "folder")
    with pytest.raises(OSError, match="folder"):
        await cache.get("a")
    await cache.aclose()


@pytest.mark.parametrize("wrong", [{"max_bytes": 0}, {"ttl": 0}])
def test_settings_that_make_no_sense(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        DiskCache(tmp_path, **wrong)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diskcache", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[disk-cache\]'"):
        DiskCache(tmp_path)

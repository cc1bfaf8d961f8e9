from __future__ import annotations

import asyncio
from collections import OrderedDict
from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.cache.memory import ENTRY_BYTES, MemoryCache, Shelf

KEYS = st.sampled_from("abcdef")
STEPS = st.one_of(
    st.tuples(st.just("put"), KEYS, st.integers(0, 2000), st.sampled_from([1.0, 5.0, inf])),
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("drop"), KEYS),
    st.tuples(st.just("pass"), st.sampled_from([0.5, 1.0, 4.0])),
)


class Model:
    """The same, as plainly as can be: oldest use first."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.now = 0.0
        self.kept: OrderedDict[str, tuple[bytes, float]] = OrderedDict()

    def size(self) -> int:
        return sum(len(key) + len(value) + ENTRY_BYTES for key, (value, _) in self.kept.items())

    def get(self, key: str) -> bytes | None:
        if key not in self.kept:
            return None
        value, end = self.kept.pop(key)
        if self.now >= end:
            return None
        self.kept[key] = (value, end)
        return value

    def put(self, key: str, value: bytes, end: float) -> None:
        self.kept.pop(key, None)
        self.kept[key] = (value, end)
        if len(key) + len(value) + ENTRY_BYTES > self.room:
            del self.kept[key]
        while self.size() > self.room:
            self.kept.popitem(last=False)


@given(st.integers(1, 4000), st.lists(STEPS, max_size=40))
def test_against_a_model(room: int, steps: list[tuple[Any, ...]]) -> None:
    shelf, model = Shelf(room), Model(room)
    for step in steps:
        match step:
            case "put", key, size, lasts:
                value = bytes(size)
                shelf.put(key, value, model.now + lasts)
                model.put(key, value, model.now + lasts)
            case "get", key:
                assert shelf.get(key, model.now) == model.get(key)
            case "drop", key:
                shelf.drop(key)
                model.kept.pop(key, None)
            case _:
                model.now += step[1]
        assert shelf.nbytes == model.size() <= room
        assert list(shelf._entries) == list(model.kept)


def test_what_is_larger_than_the_shelf_is_not_kept() -> None:
    shelf = Shelf(1000)
    shelf.put("a", b"1", inf)
    shelf.put("b", b"1", inf)
    shelf.put("a", bytes(1000), inf)
    assert list(shelf._entries) == ["b"]


def test_the_least_recently_used_go_first() -> None:
    shelf = Shelf(3 * (ENTRY_BYTES + 2))
    for key in "abc":
        shelf.put(key, b"1", inf)
    assert shelf.get("a", 0) == b"1"
    shelf.put("d", bytes(ENTRY_BYTES), inf)
    assert list(shelf._entries) == ["a", "d"]


@pytest.mark.looptime
async def test_it_keeps_for_its_time_or_the_calls() -> None:
    cache = MemoryCache(ttl=10)
    await cache.set("short", b"a", 1)
    await cache.set("usual", b"b")
    await asyncio.sleep(0.9)
    assert await cache.get("short") == b"a"
    await asyncio.sleep(0.1)
    assert await cache.get("short") is None
    await asyncio.sleep(8.9)
    assert await cache.get("usual") == b"b"
    await asyncio.sleep(0.1)
    assert len(cache) == 1
    assert await cache.get("usual") is None
    assert (len(cache), cache.nbytes) == (0, 0)


@pytest.mark.looptime
async def test_without_an_end() -> None:
    cache = MemoryCache(ttl=None)
    await cache.set("a", b"1")
    await asyncio.sleep(100_000)
    assert await cache.get("a") == b"1"
    await cache.aclose()
    assert await cache.get("a") == b"1"


@pytest.mark.parametrize("wrong", [{"max_bytes": 0}, {"ttl": 0}, {"ttl": -1.0}])
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        MemoryCache(**wrong)

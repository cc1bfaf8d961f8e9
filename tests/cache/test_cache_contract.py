from __future__ import annotations

import inspect

import pytest

from aiocompl.cache.base import Cache
from aiocompl.cache.disk import DiskCache
from aiocompl.cache.memory import MemoryCache
from aiocompl.cache.redis import RedisCache


@pytest.mark.parametrize("kind", [MemoryCache, DiskCache, RedisCache])
def test_each_cache_takes_what_the_contract_says(kind: type[Cache]) -> None:
    for name in ("get", "set", "aclose"):
        promised, given = (inspect.signature(getattr(owner, name)) for owner in (Cache, kind))
        assert list(promised.parameters) == list(given.parameters)

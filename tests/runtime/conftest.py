from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from blockbuster import blockbuster_ctx
from redis_server import redis_server  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
async def no_tasks_left() -> AsyncIterator[None]:
    """No task of ours outlives its test."""
    yield
    for _ in range(10):
        await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("aiocompl ")]


@pytest.fixture
def no_blocking() -> Iterator[None]:
    """A call that blocks the loop fails the test."""
    with blockbuster_ctx():
        yield

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import structlog
from telemetry_kit import Line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(autouse=True)
def _structlog_as_it_comes() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """A watched line to a scripted provider; nothing of ours outlives its test."""
    made = Line()
    async with made:
        yield made
    for _ in range(10):
        await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("aiocompl ")]

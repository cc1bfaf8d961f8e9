"""pytest fixtures, there in every suite on a machine where aiocompl is installed; so nothing is imported early."""

from __future__ import annotations

from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.script import Script
    from aiocompl.testing.simulator import Simulator

if TYPE_CHECKING or find_spec("pytest_asyncio") is None:
    _fixture = pytest.fixture  # anyio's plugin runs async fixtures that are written so
else:
    from pytest_asyncio import fixture as _fixture


class SimulatorFactory(Protocol):
    """Starts simulators that are closed at the end of the test."""

    async def __call__(self, script: Script = None, **settings: Any) -> Simulator:
        """Start one; see `Simulator` for the settings."""
        ...


@_fixture
async def simulator_factory() -> AsyncIterator[SimulatorFactory]:
    """Start as many simulated providers as the test wants, each by awaiting a call of this."""
    from aiocompl.testing.simulator import Simulator  # noqa: PLC0415 - loads aiohttp

    async with AsyncExitStack() as stack:

        async def make(script: Script = None, **settings: Any) -> Simulator:
            return await stack.enter_async_context(Simulator(script, **settings))

        yield make


@_fixture
async def simulator(simulator_factory: SimulatorFactory) -> Simulator:
    """A simulated provider that answers plainly until the test assigns ``simulator.script``."""
    return await simulator_factory()

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from replay_run import ReplayRun


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(ReplayRun(config, Path(__file__).parent / "replay"))


# How long an example takes is no finding: it says how busy the machine is.
settings.register_profile("aiocompl", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aiocompl")


@pytest.fixture(scope="session", autouse=True)
def _no_implicit_loop() -> None:
    """looptime asks for the current loop in tests without one too, and asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)

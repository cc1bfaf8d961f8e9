from __future__ import annotations

import asyncio

import pytest


@pytest.fixture(scope="session", autouse=True)
def _no_implicit_loop() -> None:
    """looptime asks for the current loop in tests without one too, and asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest
from bare_client import Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(scope="session", autouse=True)
def _no_implicit_loop() -> None:
    """looptime asks for the current loop in tests without one too, and asyncio would make one that nobody closes."""
    asyncio.set_event_loop(None)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session)


@pytest.fixture
def certificate() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for 127.0.0.1, and a client's that trusts it."""
    trustme = pytest.importorskip("trustme", reason="trustme makes the certificate")
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return server, trusting

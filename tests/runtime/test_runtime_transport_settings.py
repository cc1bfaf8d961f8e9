"""The transport's settings, its caches, and how foreign exceptions leave it."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from runtime_kit import MESSAGES

from aiocompl import Supervisor
from aiocompl.errors import APIConnectionError, APIError, APITimeoutError, BadRequestError
from aiocompl.runtime import transport as transport_module
from aiocompl.runtime.transport import AiohttpTransport, TransportSettings, map_exception
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from aiocompl.testing import Simulator

pytestmark = [pytest.mark.usefixtures("no_tasks_left")]


async def ask(supervisor: Supervisor, base: str, **more: Any) -> Any:
    return await supervisor.acompletion("m", MESSAGES, api_base=base, **more)


async def test_settings_reach_the_connector() -> None:
    settings = TransportSettings(keepalive_timeout=3, max_connections=7, dns_cache_ttl=11, connect_timeout=5)
    transport = AiohttpTransport("test", settings)
    session = transport._new_session()
    connector: Any = session.connector
    assert (connector.limit, connector._keepalive_timeout, connector._cached_hosts._ttl) == (7, 3, 11)
    assert (session.timeout.sock_connect, session.timeout.total) == (5, None)
    fresh = transport._new_session(force_close=True)
    await asyncio.gather(session.close(), fresh.close())
    uncached = AiohttpTransport("test", TransportSettings(dns_cache_ttl=0))._new_session()
    assert not uncached.connector.use_dns_cache  # type: ignore[union-attr] # it has one
    await uncached.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_server_on_this_machine_is_connected_at_once(host: str) -> None:
    family = transport_module._LOCAL[host]
    with socket.socket(family) as server:
        try:
            server.bind((host, 0))
        except OSError as error:
            pytest.skip(f"no {host} here: {error}")
        address = server.getsockname()[:2]
        assert transport_module._connect_at_once(family, address) is None  # nobody listens yet
        server.listen()
        connected = transport_module._connect_at_once(family, address)
        assert connected is not None
        with connected:
            assert connected.getpeername()[:2] == address
            assert connected.gettimeout() == 0


def test_where_there_can_be_no_socket_there_is_none() -> None:
    unknown: Any = 12345
    assert transport_module._connect_at_once(unknown, ("127.0.0.1", 9)) is None


async def test_max_connections(simulator: Simulator) -> None:
    async with Supervisor(transport=TransportSettings(max_connections=2)) as supervisor:
        await asyncio.gather(*(ask(supervisor, simulator.base_url) for _ in range(20)))
    assert simulator.max_in_flight <= 2
    assert {record.connection for record in simulator.requests} == {1, 2}


async def test_prepared_urls_do_not_fill_the_memory(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_module, "_MAX_PREPARED", 3)
    async with Supervisor(num_retries=0) as supervisor:
        for number in range(8):
            await ask(supervisor, simulator.base_url, extra_query={"n": str(number)})
        actor: Any = next(iter(supervisor._children.values()))._actor
        assert len(actor._transport._prepared) <= 3


async def test_nothing_is_opened_after_closing() -> None:
    transport = AiohttpTransport("test")
    await transport.aclose()
    await transport.aclose()
    with pytest.raises(APIConnectionError, match="the transport is closed"):
        await transport.open(HTTPRequest("http://127.0.0.1:1/", {}))


@pytest.mark.parametrize(
    ("error", "expected", "match"),
    [
        (aiohttp.InvalidURL("http://a"), BadRequestError, "not a URL"),
        (TimeoutError(), APITimeoutError, "no connection to host in time"),
        (aiohttp.ServerDisconnectedError(), APIConnectionError, "before the answer"),
        (aiohttp.ClientPayloadError(), APIConnectionError, "within the answer"),
        (OSError("odd"), APIConnectionError, "broke before the answer: odd"),
    ],
)
def test_exceptions_in_our_words(error: Exception, expected: type[APIError], match: str) -> None:
    mapped = map_exception(error, provider="test", url="http://host/v1")
    assert type(mapped) is expected
    assert match in str(mapped)

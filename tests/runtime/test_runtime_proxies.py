"""Proxies and TLS, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from runtime_kit import MESSAGES

from aiocompl import Supervisor
from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
)
from aiocompl.runtime.transport import TransportSettings
from aiocompl.testing import Simulator, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.usefixtures("no_tasks_left")]

Handler = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]"


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor(num_retries=0) as made:
        yield made


async def ask(supervisor: Supervisor, base: str, **more: Any) -> Any:
    return await supervisor.acompletion("m", MESSAGES, api_base=base, **more)


async def read(supervisor: Supervisor, base: str, **more: Any) -> Any:
    return await (await supervisor.acompletion("m", MESSAGES, api_base=base, stream=True, **more)).response()


@pytest.fixture
def certificates() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for 127.0.0.1, and a client's that trusts it."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return server, trusting


async def test_custom_certificates(certificates: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = certificates
    async with Simulator(ssl=server) as simulator:
        for trust in (trusting, False):
            async with Supervisor(transport=TransportSettings(ssl=trust)) as supervisor:
                assert (await ask(supervisor, simulator.base_url)).choices
                assert (await read(supervisor, simulator.base_url)).choices


async def test_a_stalled_stream_over_tls(certificates: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = certificates
    settings = TransportSettings(ssl=trusting)
    async with (
        Simulator(faults.Stall(after_events=2), ssl=server) as simulator,
        Supervisor(num_retries=0, transport=settings) as supervisor,
    ):
        with pytest.raises(APITimeoutError):
            await read(supervisor, simulator.base_url, timeout=0.2)
        await simulator.requests[0].wait_client_gone()
        async with await supervisor.acompletion(
            "m", MESSAGES, api_base=simulator.base_url, stream=True
        ) as stream:
            await anext(stream)
        await simulator.requests[1].wait_client_gone()


async def test_a_certificate_nobody_trusts(
    supervisor: Supervisor, certificates: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # the server's view of the failed handshake
    async with Simulator(ssl=certificates[0]) as simulator:
        with pytest.raises(APIConnectionError, match=r"no secure connection to 127\.0\.0\.1.*certificate"):
            await ask(supervisor, simulator.base_url)
        assert simulator.requests == []


async def test_plain_http_where_tls_is_spoken(supervisor: Supervisor, simulator: Simulator) -> None:
    with pytest.raises(APIConnectionError, match="no secure connection"):
        await ask(supervisor, simulator.base_url.replace("http://", "https://"))


@asynccontextmanager
async def proxy(target: str, *, refuse: bool = False) -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy that leads everything to one server, whatever it is asked for; yields its URL and the request lines."""
    host, _, port = target.partition("://")[2].partition("/")[0].partition(":")
    lines: list[str] = []
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        pumps.add(task)
        head = await reader.readuntil(b"\r\n\r\n")
        lines.append(head.decode())
        if refuse:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        if head.startswith(b"CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            method, url, rest = head.split(b" ", 2)
            path = b"/" + url.split(b"/", 3)[3]
            up_writer.write(b" ".join((method, path, rest)))
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines
    finally:
        server.close()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


@pytest.fixture
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("_no_proxies")
async def test_proxy_from_the_environment(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(simulator.url) as (url, lines):
        monkeypatch.setenv("HTTP_PROXY", url.replace("http://", "http://me:pw@"))
        async with Supervisor() as supervisor:
            await ask(supervisor, "http://far.example/v1")
        assert lines[0].startswith("POST http://far.example/v1/chat/completions")
        assert "proxy-authorization: basic" in lines[0].lower()
        monkeypatch.setenv("HTTP_PROXY", url.removeprefix("http://"))
        async with Supervisor() as supervisor:
            await ask(supervisor, "http://far.example/v1")
        assert len(lines) == 2


@pytest.mark.usefixtures("_no_proxies")
async def test_proxies_not_taken(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(simulator.url) as (url, lines):
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("NO_PROXY", "far.invalid")
        async with Supervisor(num_retries=0) as supervisor:
            await ask(supervisor, simulator.base_url)  # loopback
            with pytest.raises(APIConnectionError, match="cannot be resolved"):
                await ask(supervisor, "http://far.invalid/v1")
        async with Supervisor(num_retries=0, transport=TransportSettings(trust_env=False)) as supervisor:
            with pytest.raises(APIConnectionError, match="cannot be resolved"):
                await ask(supervisor, "http://other.invalid/v1")
        assert lines == []


@pytest.mark.usefixtures("_no_proxies")
async def test_proxy_of_the_settings_and_tls(certificates: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = certificates
    trusting.check_hostname = False
    async with Simulator(ssl=server) as simulator, proxy(simulator.url) as (url, lines):
        async with Supervisor(transport=TransportSettings(proxy=url, ssl=trusting)) as supervisor:
            await ask(supervisor, "https://far.example/v1")
            await read(supervisor, "https://far.example/v1")
        assert lines[0].startswith("CONNECT far.example:443")
        assert len(lines) == 1


@pytest.mark.usefixtures("_no_proxies")
async def test_proxies_that_fail(simulator: Simulator) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        settings = TransportSettings(proxy=f"http://me:pw@127.0.0.1:{bound.getsockname()[1]}")
        async with Supervisor(num_retries=0, transport=settings) as supervisor:
            with pytest.raises(
                APIConnectionError, match=r"the proxy gave no connection to far\.example"
            ) as raised:
                await ask(supervisor, "https://far.example/v1")
            assert "pw" not in str(raised.value)
    async with (
        proxy(simulator.url, refuse=True) as (url, _),
        Supervisor(num_retries=0, transport=TransportSettings(proxy=url)) as supervisor,
    ):
        with pytest.raises(APIConnectionError, match="the proxy gave no connection"):
            await ask(supervisor, "https://far.example/v1")
    assert "pw" not in repr(settings)

"""The transport of local models: makes sure that the server runs, then is any other transport to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aiocompl._compat import override
from aiocompl.codecs.routing import LOCAL_BASE
from aiocompl.errors import APIConnectionError
from aiocompl.local.requests import adapt
from aiocompl.local.server import LocalServer
from aiocompl.runtime.transport import AiohttpTransport
from aiocompl.wire.transport import OpenResponse, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.runtime.transport import TransportSettings
    from aiocompl.wire.messages import HTTPRequest


def local_transport(
    model: str, settings: TransportSettings | None = None, headers: Mapping[str, str] | None = None
) -> LocalTransport:
    """Make the transport of a local model over aiohttp. Whoever makes it closes it; the server starts at first use.

    Args:
        model: What stands after ``local/``: see `aiocompl.local.weights.locate`.
        settings: How connections to the server are made.
        headers: Sent with every request.
    """

    def connect(_base_url: str) -> Transport:
        """Make a new one, for its connections: the base URL stands in each request."""
        return AiohttpTransport("local", settings, headers)

    return LocalTransport(server=LocalServer(model=model), connect=connect)


@attrs.define(eq=False, kw_only=True)
class LocalTransport(Transport):
    """Sends requests to the server of one local model, which it starts at first use and after a crash.

    Owns the server and the transport that it makes; `aclose` closes both.
    """

    server: LocalServer
    """The model's server."""

    connect: Callable[[str], Transport] = attrs.field(repr=False)
    """Makes the transport to a base URL; called again after a restart, which changes the port."""

    _inner: Transport | None = attrs.field(default=None, init=False)
    _base_url: str = attrs.field(default="", init=False)
    _urls: dict[str, str] = attrs.field(factory=dict, init=False, repr=False)

    @override
    async def open(self, request: HTTPRequest) -> OpenResponse:
        """Send the request and wait for the headers of its answer, whatever their status.

        `request.url` begins with `aiocompl.codecs.routing.LOCAL_BASE`, which the real base replaces.

        Cancelled: the connection is closed, and a start of the server that nobody else waits for is undone.

        Raises:
            APIConnectionError: The server crashed. The next call starts it again.
            LocalModelError: The server cannot be started; see `LocalServer.start`.
            MissingExtraError: xllamacpp is not installed.
        """
        inner = await self._connected()
        local = attrs.evolve(request, url=self._real_url(request.url), body=adapt(request.body))
        try:
            response = await inner.open(local)
        except APIConnectionError:
            self.server.suspect()
            raise
        return _Watched(inner=response, server=self.server)

    @override
    async def aclose(self) -> None:
        """Close the connections, then the server. Idempotent. Cancelled: the server is killed at once."""
        inner, self._inner = self._inner, None
        try:
            if inner is not None:
                await inner.aclose()
        finally:
            await self.server.aclose()

    async def _connected(self) -> Transport:
        """The transport to the server that runs now; the one to a server that crashed is closed."""
        base_url = await self.server.start()
        if self._inner is not None and base_url == self._base_url:
            return self._inner
        old, self._inner = self._inner, self.connect(base_url)
        inner, self._base_url = self._inner, base_url
        self._urls.clear()
        if old is not None:
            await old.aclose()
        return inner

    def _real_url(self, url: str) -> str:
        """The same object for the same URL, as transports like it."""
        if (real := self._urls.get(url)) is None:
            real = self._urls[url] = url.replace(LOCAL_BASE, self._base_url, 1)
        return real


@attrs.define(eq=False, kw_only=True)
class _Watched(OpenResponse):
    """A response that tells the server's keeper when its connection breaks."""

    inner: OpenResponse
    server: LocalServer

    @property
    @override
    def status(self) -> int:
        return self.inner.status

    @property
    @override
    def headers(self) -> Mapping[str, str]:
        return self.inner.headers

    @override
    async def read(self) -> bytes:
        try:
            return await self.inner.read()
        except APIConnectionError:
            self.server.suspect()
            raise

    @override
    async def read_slice(self) -> bytes:
        try:
            return await self.inner.read_slice()
        except APIConnectionError:
            self.server.suspect()
            raise

    @override
    def close(self) -> None:
        self.inner.close()

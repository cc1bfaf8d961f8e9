"""The pooled aiohttp session that an actor owns: the only place where requests meet the network.

aiohttp's exceptions are mapped here and never leave. URL and header objects are prepared once per endpoint.
"""

from __future__ import annotations

import asyncio
import errno
import io
import socket
import urllib.request
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

import aiohttp
import attrs
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from aiocompl._compat import override
from aiocompl.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    BadRequestError,
    ResponseTooLargeError,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from aiocompl.wire.messages import HTTPRequest

MIB: Final = 1024 * 1024


@attrs.frozen(kw_only=True)
class TransportSettings:
    """How connections are made; times are in seconds."""

    connect_timeout: float | None = 30.0
    """For one TCP and TLS handshake; the call's deadline bounds it too."""

    keepalive_timeout: float = 15.0
    """How long an idle connection is kept for the next request. After a burst of a thousand calls a thousand of them
    lie idle. aiohttp's own default."""

    max_connections: int = 0
    """Connections open at once; 0 for as many as the actor has slots."""

    dns_cache_ttl: int = 60
    """How long a host's addresses are kept; 0 asks anew for each connection."""

    max_response_bytes: int = 64 * MIB
    """The largest answer taken, after decompression; bounds each slice of a stream, not the stream."""

    trust_env: bool = True
    """Take the proxy from ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``; loopback addresses never use one."""

    proxy: str | None = attrs.field(default=None, repr=False)
    """The proxy's URL, before whatever the environment says. May hold user and password."""

    ssl: ssl.SSLContext | bool = True
    """Certificates to trust and to show; False verifies nothing."""


_MAX_PREPARED: Final = 1024
_ERROR: Final = 400
_BROKEN: Final = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientConnectionResetError)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_LOCAL: Final = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
_CONNECTED: Final = (0, errno.EISCONN)


class _Connector(aiohttp.TCPConnector):
    """A connector that tells when a connection is fresh: a stale one may be asked once more, a fresh one not.

    A server on this machine accepts within the system call, so nothing is looked up, raced or waited for then.
    """

    openers: WeakSet[asyncio.Task[Any]]
    """Tasks whose latest request opened its connection itself, rather than taking one that had served before."""

    @override
    async def _create_connection(self, req: aiohttp.ClientRequest, *args: Any, **options: Any) -> Any:
        if (task := asyncio.current_task()) is not None:
            self.openers.add(task)
        family = None if req.is_ssl() or req.proxy else _LOCAL.get(req.host)
        if family is not None and (connected := _connect_at_once(family, (req.host, req.port))) is not None:
            _, protocol = await self._loop.create_connection(self._factory, sock=connected)
            return protocol
        return await super()._create_connection(req, *args, **options)


def _connect_at_once(family: socket.AddressFamily, address: tuple[str, int | None]) -> socket.socket | None:
    """A socket that is connected, or None where that would take waiting, or fails: aiohttp knows what to do then."""
    try:
        connected = socket.socket(family)
    except OSError:
        return None
    connected.setblocking(False)
    connected.connect_ex(address)  # says that it goes on, even where it is done
    if connected.connect_ex(address) in _CONNECTED:
        return connected
    connected.close()
    return None


class _NoCookies(aiohttp.DummyCookieJar):
    """No cookies, and not even a new empty collection of them for each request."""

    _none: Final[SimpleCookie] = SimpleCookie()

    @override
    def filter_cookies(self, request_url: URL) -> SimpleCookie:
        return self._none


class AiohttpTransport:
    """Sends the requests of one endpoint. See `Transport` for the contract.

    Whoever makes it closes it. The session is made at the first request, on the loop that is then running.

    Args:
        provider: Named in errors.
        settings: How connections are made.
        headers: Sent with every request. Requests that carry this very object have nothing to add to it.
    """

    def __init__(
        self,
        provider: str,
        settings: TransportSettings | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._provider = provider
        self._headers = headers
        self._settings = settings or TransportSettings()
        self._session: aiohttp.ClientSession | None = None
        self._fresh: aiohttp.ClientSession | None = None
        self._openers: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._prepared: dict[str, tuple[URL, str | None]] = {}
        self._closed = False

    async def open(self, request: HTTPRequest) -> AiohttpResponse:
        """Send the request and wait for the headers of its answer; see `Transport`.

        A reused connection that dies before any byte of the answer is asked once more on a fresh one: servers and
        load balancers close idle connections without a word, and that is no failure of the provider.
        """
        session = self._session
        if session is None:
            session = self._session = self._new_session()
        if self._openers:
            self._openers.discard(_this_task())
        try:
            try:
                url, proxy = self._prepared.get(request.url) or self._prepare(request.url)
                response = await session.request(
                    request.method,
                    url,
                    data=_payload(request.body),
                    headers=None if request.headers is self._headers else request.headers,
                    allow_redirects=False,
                    proxy=proxy,
                )
            except _BROKEN as error:
                if _this_task() in self._openers or not _is_stale(error):
                    raise
                response = await self._ask_again(request)
        except (aiohttp.ClientError, OSError) as error:
            raise map_exception(error, provider=self._provider, url=request.url) from error
        except ValueError as error:  # from nothing but what the caller gave; the text might show a secret
            raise BadRequestError(
                "the request cannot be sent: its URL, API key or a header holds what HTTP has no place for",
                provider=self._provider,
            ) from error
        return AiohttpResponse(response, self._provider, self._settings.max_response_bytes)

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        self._closed = True
        sessions = [self._session, self._fresh]
        self._session = self._fresh = None
        for session in sessions:
            if session is not None:
                await session.close()

    async def _ask_again(self, request: HTTPRequest) -> aiohttp.ClientResponse:
        """Send the request on a connection that has never served another."""
        if self._fresh is None:
            self._fresh = self._new_session(force_close=True)
        url, proxy = self._prepare(request.url)
        return await self._fresh.request(
            request.method,
            url,
            data=_payload(request.body),
            headers=request.headers,
            allow_redirects=False,
            proxy=proxy,
        )

    def _prepare(self, url: str) -> tuple[URL, str | None]:
        """Parse a URL and find its proxy, once; calls with URLs of their own do not fill the memory."""
        parsed = _parse_url(url)
        if parsed is None or parsed.scheme not in {"http", "https"} or not parsed.host:
            raise BadRequestError(
                f"api_base must be a URL such as 'https://host/v1', not {url!r}", provider=self._provider
            )
        if len(self._prepared) >= _MAX_PREPARED:
            self._prepared.clear()
        prepared = self._prepared[url] = (parsed, self._proxy_for(parsed))
        return prepared

    def _proxy_for(self, url: URL) -> str | None:
        settings = self._settings
        if settings.proxy is not None or not settings.trust_env or url.host in _LOOPBACK:
            return settings.proxy
        if urllib.request.proxy_bypass(url.host or ""):
            return None
        proxy = urllib.request.getproxies().get(url.scheme)
        return f"http://{proxy}" if proxy and "://" not in proxy else proxy

    def _new_session(self, *, force_close: bool = False) -> aiohttp.ClientSession:
        if self._closed:
            raise APIConnectionError("the transport is closed", provider=self._provider)
        return aiohttp.ClientSession(
            connector=self._new_connector(force_close=force_close),
            headers=self._headers,
            cookie_jar=_NoCookies(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_timeout),
        )

    def _new_connector(self, *, force_close: bool) -> _Connector:
        settings = self._settings
        connector = _Connector(
            limit=settings.max_connections,
            force_close=force_close,
            ttl_dns_cache=settings.dns_cache_ttl or None,
            use_dns_cache=settings.dns_cache_ttl > 0,
            ssl=settings.ssl,
            keepalive_timeout=None if force_close else settings.keepalive_timeout,
        )
        connector.openers = self._openers
        return connector


class AiohttpResponse:
    """An open response. See `OpenResponse` for the contract."""

    __slots__ = ("_max", "_provider", "_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, provider: str, max_bytes: int) -> None:
        self._response = response
        self._provider = provider
        self._max = max_bytes
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        """Read the rest of the body; see `OpenResponse`. Whatever goes wrong, the connection is closed."""
        response = self._response
        if (content := response.content).is_eof() and content.exception() is None:
            return self._bounded(content.read_nowait())  # all there; the connection is back in the pool
        try:
            length = response.content_length
            if length is not None and length <= self._max and "content-encoding" not in self.headers:
                return await response.read()
            return await self._read_bounded()
        except (aiohttp.ClientError, OSError) as error:
            if self.status >= _ERROR and isinstance(error.__cause__, ContentEncodingError):
                return b""  # its status says what is wrong, if not its body
            raise map_exception(error, provider=self._provider, url=str(response.url)) from error
        finally:
            response.close()  # after the end of the body the connection is back in the pool already

    async def read_slice(self) -> bytes:
        """Wait for more of the body; see `OpenResponse`."""
        try:
            data = await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise map_exception(error, provider=self._provider, url=str(self._response.url)) from error
        return self._bounded(data)

    def close(self) -> None:
        """Give the connection back where the body is read to its end, else close it. Idempotent."""
        self._response.close()

    async def _read_bounded(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := await self._response.content.readany():
            size += len(part)
            if size > self._max:
                raise self._too_large()
            parts.append(part)
        return b"".join(parts)

    def _bounded(self, data: bytes) -> bytes:
        if len(data) > self._max:
            raise self._too_large()
        return data

    def _too_large(self) -> APIError:
        return ResponseTooLargeError(
            f"the answer is larger than max_response_bytes={self._max}", provider=self._provider
        )


def _payload(body: bytes) -> bytes | io.BytesIO | None:
    """A body as aiohttp takes it without a warning: a large one in pieces, between which others get their turn.

    None where it is empty: a GET says nothing about a body then.
    """
    return (body or None) if len(body) <= MIB else io.BytesIO(body)


def _is_stale(error: Exception) -> bool:
    """Whether a reused connection was dead before any byte of an answer came."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return isinstance(error.message, str)  # else it holds the headers that did come
    return not isinstance(error, aiohttp.ClientConnectorError)


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - nothing is awaited outside of one
    return task


def _parse_url(url: str) -> URL | None:
    try:
        # What is percent-encoded already stays as it is: signatures are made over it.
        return URL(url, encoded="%" in url)
    except ValueError:
        return None


def map_exception(error: Exception, *, provider: str, url: str) -> APIError:
    """Put the exceptions of aiohttp and the system in our words; `raise ... from` keeps theirs as the cause."""
    host = URL(url).host
    if isinstance(error, (TimeoutError, aiohttp.ServerTimeoutError)):
        return APITimeoutError(f"no connection to {host} in time", provider=provider)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return APIConnectionError(
            f"the host name {host} cannot be resolved: check api_base", provider=provider
        )
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        return APIConnectionError(f"no secure connection to {host}: {error}", provider=provider)
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return APIConnectionError(f"the proxy gave no connection to {host}", provider=provider)
    if isinstance(error, aiohttp.ClientConnectorError):
        return APIConnectionError(
            f"no connection to {host}: {error.os_error}; is the server up, and the address right?",
            provider=provider,
        )
    if isinstance(error, aiohttp.InvalidURL):
        return BadRequestError(f"not a URL that can be asked: {url!r}", provider=provider)
    if isinstance(error, aiohttp.ClientResponseError) or isinstance(error.__cause__, ContentEncodingError):
        return APIResponseValidationError(f"{host} sent what is no valid HTTP: {error}", provider=provider)
    if isinstance(error, aiohttp.ClientPayloadError):
        return APIConnectionError(f"{host} closed the connection within the answer", provider=provider)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return APIConnectionError(f"{host} closed the connection before the answer", provider=provider)
    return APIConnectionError(f"the connection to {host} broke before the answer: {error}", provider=provider)

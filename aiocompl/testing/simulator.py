"""A provider on loopback: answers as it is told, goes wrong as it is told, and reports what it saw."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeAlias

import orjson
from aiohttp import web

from aiocompl._compat import override
from aiocompl.testing.asked import Received
from aiocompl.testing.dialects.choice import Choice
from aiocompl.testing.dialects.replicate import ReplicateDialect
from aiocompl.testing.latency import Latency
from aiocompl.testing.planner import Planner
from aiocompl.testing.player import play, reset
from aiocompl.testing.record import RequestRecord

if TYPE_CHECKING:
    import ssl as ssl_module
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType

    from aiohttp.web_protocol import RequestHandler

    from aiocompl.testing.dialects.base import Dialect
    from aiocompl.testing.dialects.replicate import Prediction
    from aiocompl.testing.script import Script


class Simulator:
    """Every provider on one port, on the running loop: the path of a request says in which dialect it is.

    Use it as an async context manager, or call `start` and `aclose`. ``GET /_seen`` gives what it saw as JSON.

    Args:
        script: What happens to each request; None answers each plainly ("You said: ..."). See `Script`.
        dialect: The wire format whose address `base_url` is, and which has the paths that no other knows. By name:
            "anthropic", "azure", "bedrock", "cloudflare", "cohere", "cohere_v1", "databricks", "feature_extraction",
            "gemini", "groq", "huggingface", "mistral", "ollama", "openai", "replicate", "responses", "sagemaker",
            "tgi", "vertex", "vertex_openai", "watsonx". An object of your own is the only dialect spoken.
        latency: How long answers take where the script says nothing about it.
        seed: Fixes what is drawn at random; the n-th request of two simulators with one seed gets the same.
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
        host: Where to listen.
        port: Where to listen; 0 for any that is free.
        ssl: Serve HTTPS with this context.
        keepalive_timeout: Seconds after which an idle connection is closed.
        keep_requests: How many of the last requests are kept at least; None keeps all.
    """

    def __init__(
        self,
        script: Script = None,
        *,
        dialect: str | Dialect = "openai",
        latency: Latency | None = None,
        seed: int = 0,
        api_key: str | None = None,
        models: Sequence[str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl: ssl_module.SSLContext | None = None,
        keepalive_timeout: float = 75.0,
        keep_requests: int | None = None,
    ) -> None:
        choice = Choice(dialect, api_key=api_key, models=models)
        self.requests: list[RequestRecord] = []
        """What came, in order; a request is there as soon as its body is."""
        self.max_in_flight = 0
        """The most requests that were being answered at once."""
        self._choice = choice
        self._dialect = choice.main
        self._script = script
        self._planner = Planner(choice.of, script, latency or Latency(), seed)
        self._address = (host, port)
        self._ssl = ssl
        self._keepalive_timeout = keepalive_timeout
        self._keep_requests = keep_requests
        self._count = 0
        self._connections = _Connections(self._changed)
        self._handlers: set[asyncio.Task[object]] = set()
        self._news = asyncio.Event()
        self._closing = False
        self._script_error: Exception | None = None
        self._server: _Server | None = None
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._closing = False
        self._server = _Server(self._handle, self._connections, self._keepalive_timeout)
        host, port = self._address
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._server, host, port, ssl=self._ssl, backlog=1024)
        self._address = (host, self._listener.sockets[0].getsockname()[1])

    async def aclose(self) -> None:
        """Stop listening and break off what is still being answered. Idempotent; `start` begins again, on the same port.

        Raises:
            Exception: Whatever the script raised, so that its bug is not taken for a fault of the provider.
        """
        listener, self._listener = self._listener, None
        server, self._server = self._server, None
        if listener is None or server is None:
            return
        self._closing = True
        listener.close()
        await asyncio.sleep(0)  # connections that were accepted just now show up
        for transport in self._connections.transports():
            transport.abort()  # close() would wait for a TLS client's goodbye
        if self._handlers:
            await asyncio.wait(tuple(self._handlers))
        server.pre_shutdown()
        await server.shutdown(1.0)
        await self.wait_until(lambda: not self._connections.numbers)
        error, self._script_error = self._script_error, None
        if error is not None:
            raise error

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def url(self) -> str:
        """The address without the dialect's path: ``"http://127.0.0.1:40001"``.

        Raises:
            RuntimeError: It is not started.
        """
        if self._listener is None:
            raise RuntimeError("the simulator is not started: use it in `async with`")
        host, port = self._address
        host = f"[{host}]" if ":" in host else host
        return f"{'https' if self._ssl else 'http'}://{host}:{port}"

    @property
    def base_url(self) -> str:
        """The address that a client is given as `api_base`: ``"http://127.0.0.1:40001/v1"``; ours takes it for any provider.

        The other providers' own clients mostly want `url`.
        """
        return self.url + self._dialect.base_path

    @property
    def open_connections(self) -> int:
        """How many connections clients hold open."""
        return len(self._connections.numbers)

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return len(self._handlers)

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """The predictions that Replicate's dialect has made, as they stand now, the oldest first."""
        now = asyncio.get_running_loop().time()
        made = (dialect for dialect in self._choice.made() if isinstance(dialect, ReplicateDialect))
        return tuple(prediction for dialect in made for prediction in dialect.predictions(now))

    @property
    def script(self) -> Script:
        """What happens to each request; assign another, and it holds from the next request on."""
        return self._script

    @script.setter
    def script(self, script: Script) -> None:
        self._script = script
        self._planner.set_script(script)

    def drop_connections(self, *, abruptly: bool = False) -> None:
        """Close all connections, idle ones too, in good order or with RST (`abruptly`); go on listening."""
        for transport in self._connections.transports():
            if abruptly:
                reset(transport)
            else:
                transport.close()

    async def wait_requests(self, count: int) -> RequestRecord:
        """Wait until so many requests have come in all, and return the last of them. Cancelled: nothing is left."""
        await self.wait_until(lambda: self._count >= count)
        return next(record for record in reversed(self.requests) if record.number <= count)

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until something about requests and connections holds. Cancelled: nothing is left.

        ::

            await simulator.wait_until(lambda: simulator.open_connections == 0)
        """
        while not condition():
            self._news.clear()
            await self._news.wait()

    def _changed(self) -> None:
        self._news.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        if request.path == "/_seen":
            seen = [record.summary() for record in self.requests]
            return web.Response(body=orjson.dumps(seen), content_type="application/json")
        task = asyncio.current_task()
        if task is None or request.transport is None:
            raise ConnectionResetError("the client is gone")
        record = self._record(request, body)
        self._handlers.add(task)
        self.max_in_flight = max(self.max_in_flight, len(self._handlers))
        self._changed()
        try:
            return await self._answer(request, record)
        except (asyncio.CancelledError, ConnectionError) as error:
            now = asyncio.get_running_loop().time()
            record.finish("simulator_closed" if self._closing else "client_gone", now)
            if isinstance(error, ConnectionError):  # which aiohttp would log as a fault of ours
                raise asyncio.CancelledError from error
            raise
        finally:
            self._handlers.discard(task)
            self._changed()

    async def _answer(self, request: web.BaseRequest, record: RequestRecord) -> web.StreamResponse:
        received = Received(
            number=record.number,
            method=record.method,
            path=record.path,
            query=request.query_string,
            headers=record.headers,
            body=record.raw_body,
            origin=self.url,
            now=record.started,
        )
        try:
            asked, delivery = self._planner.plan(received)
        except Exception as error:
            self._script_error = self._script_error or error
            record.finish("broken", asyncio.get_running_loop().time())
            raise
        if asked is not None:
            record.model = asked.model
            record.stream = asked.stream
        record.events_planned = sum(part.events for part in delivery.slices)
        return await play(delivery, request, record)

    def _record(self, request: web.BaseRequest, body: bytes) -> RequestRecord:
        self._count += 1
        record = RequestRecord(
            number=self._count,
            connection=self._connections.numbers.get(request.protocol, 0),
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            raw_body=body,
            started=asyncio.get_running_loop().time(),
        )
        self.requests.append(record)
        keep = self._keep_requests
        if keep is not None and len(self.requests) > 2 * keep:
            del self.requests[:-keep]
        return record


_Handle: TypeAlias = "Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]"


class _Connections:
    """The connections that are open, numbered in the order in which they came."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.numbers: dict[RequestHandler, int] = {}
        self._count = 0
        self._changed = changed

    def add(self, handler: RequestHandler) -> None:
        self._count += 1
        self.numbers[handler] = self._count
        self._changed()

    def remove(self, handler: RequestHandler) -> None:
        self.numbers.pop(handler, None)
        self._changed()

    def transports(self) -> list[asyncio.Transport]:
        return [handler.transport for handler in self.numbers if handler.transport is not None]


class _Server(web.Server):
    """aiohttp's server, which cancels the handler of a lost connection and tells about connections."""

    def __init__(self, handle: _Handle, connections: _Connections, keepalive_timeout: float) -> None:
        super().__init__(
            handle, handler_cancellation=True, access_log=None, keepalive_timeout=keepalive_timeout
        )
        self._numbered = connections

    @override
    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._numbered.add(handler)

    @override
    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._numbered.remove(handler)

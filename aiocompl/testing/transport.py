"""A transport without sockets: plays deliveries in whatever time the loop keeps, and records what was done with it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal, Self, TypeAlias
from urllib.parse import unquote, urlsplit

import attrs

from aiocompl.errors import APIConnectionError
from aiocompl.testing.asked import Received
from aiocompl.testing.delivery import Delivery
from aiocompl.testing.dialects.choice import Choice
from aiocompl.testing.latency import Latency
from aiocompl.testing.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiocompl.testing.script import Script
    from aiocompl.wire.messages import HTTPRequest

TransportOutcome = Literal["opening", "open", "read", "closed", "cancelled", "failed"]
"""How far an exchange got:

- opening: waiting for the headers.
- open: the headers are there, the body is not read to its end.
- read: the body was read to its end; a connection would go back to the pool.
- closed: closed before its end; a connection would be closed.
- cancelled: the wait for the headers was cancelled.
- failed: an exception was raised in it.
"""

Step: TypeAlias = "Delivery | BaseException"
"""What one request gets; an exception is raised at once instead of headers."""


@attrs.define(eq=False, kw_only=True)
class TransportRecord:
    """One exchange. Times are `loop.time()`, in seconds."""

    number: int
    """The first is 1."""

    request: HTTPRequest
    opened: float
    """When the request was sent."""

    ended: float | None = None
    outcome: TransportOutcome = "opening"
    slices_read: int = 0
    read_cancelled: bool = False
    """Whether a read of the body was cancelled."""

    def end(self, outcome: TransportOutcome) -> None:
        """Note how it ended; only the first time counts."""
        if self.ended is None:
            self.outcome = outcome
            self.ended = asyncio.get_running_loop().time()


class ScriptedTransport:
    """Plays a script instead of sending; see `Transport` for the contract it keeps.

    Args:
        script: What each request gets: one delivery for all, deliveries and exceptions in turn (one request more is
            an AssertionError), or a function of the request.
    """

    def __init__(self, script: Step | Iterable[Step] | Callable[[HTTPRequest], Step]) -> None:
        self.records: list[TransportRecord] = []
        """Every exchange, in the order in which they were opened."""
        self.max_in_flight = 0
        """The most exchanges that were open at once."""
        self.closed = False
        """Whether `aclose` was called."""
        self._step = _as_function(script)

    @classmethod
    def simulating(
        cls, script: Script = None, *, dialect: str = "openai", latency: Latency | None = None, seed: int = 0
    ) -> Self:
        """Answer as a `Simulator` with the same arguments would."""
        planner = Planner(Choice(dialect).of, script, latency or Latency(), seed)
        numbers = iter(range(1, 2**62))

        def step(request: HTTPRequest) -> Delivery:
            url = urlsplit(request.url)
            received = Received(
                number=next(numbers),
                method=request.method,
                path=unquote(url.path),
                query=url.query,
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.body,
                origin=f"{url.scheme}://{url.netloc}",
                now=asyncio.get_running_loop().time(),
            )
            return planner.plan(received).delivery

        return cls(step)

    @property
    def in_flight(self) -> int:
        """How many exchanges are neither read to their end, nor closed, nor failed."""
        return sum(record.ended is None for record in self.records)

    async def open(self, request: HTTPRequest) -> ScriptedResponse:
        """Wait for the headers as the script says; see `Transport`."""
        if self.closed:
            raise AssertionError("open() after aclose()")
        record = TransportRecord(
            number=len(self.records) + 1, request=request, opened=asyncio.get_running_loop().time()
        )
        self.records.append(record)
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            delivery = self._delivery(request)
            await _wait(delivery.delay)
            if not delivery.opened:
                await _end(delivery)
        except asyncio.CancelledError:
            record.end("cancelled")
            raise
        except BaseException:
            record.end("failed")
            raise
        record.outcome = "open"
        return ScriptedResponse(delivery, record)

    async def aclose(self) -> None:
        """Note that it was closed. Idempotent."""
        self.closed = True

    def _delivery(self, request: HTTPRequest) -> Delivery:
        step = self._step(request)
        if isinstance(step, BaseException):
            raise step
        return step


class ScriptedResponse:
    """A response of a `ScriptedTransport`; see `OpenResponse` for the contract it keeps."""

    def __init__(self, delivery: Delivery, record: TransportRecord) -> None:
        self._delivery = delivery
        self._record = record
        self._headers = {name.lower(): value for name, value in delivery.headers.items()}
        self._due: float | None = None  # when the next slice comes, once it is waited for
        self._waiting: asyncio.Future[None] | None = None

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._delivery.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, in lower case."""
        return self._headers

    async def read(self) -> bytes:
        """Wait for the rest of the body."""
        slices = []
        while data := await self.read_slice():
            slices.append(data)
        return b"".join(slices)

    async def read_slice(self) -> bytes:
        """Wait for the next slice; empty at the end. A read that was cancelled can be repeated, nothing is lost."""
        record = self._record
        if record.outcome == "read":
            return b""
        if record.ended is not None:
            raise AssertionError("read after close()")
        try:
            return await self._next_slice()
        except asyncio.CancelledError:
            record.read_cancelled = True
            raise
        except BaseException:
            record.end("failed")
            raise

    def close(self) -> None:
        """Note that it was closed before its end, unless it ended; who waits for a slice is told. Idempotent."""
        self._record.end("closed")
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(APIConnectionError("the scripted response was closed under a read"))

    async def _next_slice(self) -> bytes:
        record = self._record
        if record.slices_read == len(self._delivery.slices):
            if self._delivery.ending == "silence" and self._delivery.error is None:
                await self._wait(None)
            if self._delivery.ending not in ("whole", "close") or self._delivery.error is not None:
                await _end(self._delivery)
            record.end("read")
            return b""
        data, delay, _ = self._delivery.slices[record.slices_read]
        now = asyncio.get_running_loop().time()
        self._due = self._due if self._due is not None else now + delay
        if self._due > now:
            await self._wait(self._due - now)
        self._due = None
        record.slices_read += 1
        return data

    async def _wait(self, seconds: float | None) -> None:
        """Wait so long, or for ever, unless it is closed meanwhile."""
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, self._wake)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if timer is not None:
                timer.cancel()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


async def _wait(seconds: float) -> None:
    if seconds > 0:
        await asyncio.sleep(seconds)


async def _end(delivery: Delivery) -> None:
    """Bring about any ending but the whole one; does not return."""
    if delivery.error is not None:
        raise delivery.error
    if delivery.ending == "silence":
        await asyncio.Event().wait()
    raise APIConnectionError(f"the scripted connection ended by {delivery.ending}")


def _as_function(
    script: Step | Iterable[Step] | Callable[[HTTPRequest], Step],
) -> Callable[[HTTPRequest], Step]:
    if isinstance(script, Delivery | BaseException):
        return lambda _: script
    if callable(script):
        return script
    in_turn = iter(tuple(script))

    def step(_: HTTPRequest) -> Step:
        for each in in_turn:
            return each
        raise AssertionError("the script has no step for another request")

    return step

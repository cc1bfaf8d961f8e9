"""What the simulator saw of one request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import attrs
import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

Outcome = Literal["open", "answered", "broken", "client_gone", "simulator_closed"]
"""How a request ended:

- open: not yet.
- answered: what the script says was sent to its end.
- broken: the script had the simulator break the connection.
- client_gone: the client closed the connection first.
- simulator_closed: the simulator was closed first.
"""


@attrs.define(eq=False, kw_only=True)
class RequestRecord:
    """One request, from the moment its body was there. Filled in as it goes on; times are `loop.time()`, in seconds."""

    number: int
    """The first is 1."""

    connection: int
    """Which connection it came on, the first being 1: equal numbers show that it was reused."""

    method: str
    path: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    """Names in lower case."""

    raw_body: bytes = attrs.field(repr=False)
    started: float
    finished: float | None = None
    """When it was answered, broken or given up; None while it is open."""

    outcome: Outcome = "open"
    model: str | None = None
    """The model asked, or None where the request was refused or asks none."""

    stream: bool = False
    status: int | None = None
    """The status sent, or None before the headers."""

    bytes_sent: int = 0
    """Of the body, handed to the operating system."""

    events_sent: int = 0
    events_planned: int = 0
    """How many a stream has that is sent to its end."""

    _gone: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)
    _over: asyncio.Event = attrs.field(factory=asyncio.Event, init=False, repr=False)

    @property
    def body(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is none.
        """
        return orjson.loads(self.raw_body)

    @property
    def client_gone_after(self) -> float | None:
        """Seconds from the request until its client closed the connection, or None where it did not."""
        if self.outcome != "client_gone" or self.finished is None:
            return None
        return self.finished - self.started

    async def wait_client_gone(self) -> float:
        """Wait until the client has closed the connection on this request, and return after how many seconds.

        It never returns for a request that ends otherwise. Cancelled: nothing is left.
        """
        await self._gone.wait()
        return (self.finished or self.started) - self.started

    async def wait_finished(self) -> Outcome:
        """Wait until it is over, and return how. Cancelled: nothing is left."""
        await self._over.wait()
        return self.outcome

    def finish(self, outcome: Outcome, now: float) -> None:
        """Note how it ended; only the first time counts."""
        if self.finished is not None:
            return
        self.finished = now
        self.outcome = outcome
        self._over.set()
        if outcome == "client_gone":
            self._gone.set()

    def summary(self) -> dict[str, Any]:
        """The record as JSON values, without the body; of the key only its last four characters."""
        headers = {name: _masked(value) if name in _SECRET else value for name, value in self.headers.items()}
        return {
            "number": self.number,
            "connection": self.connection,
            "method": self.method,
            "path": self.path,
            "model": self.model,
            "stream": self.stream,
            "status": self.status,
            "outcome": self.outcome,
            "started": self.started,
            "finished": self.finished,
            "client_gone_after": self.client_gone_after,
            "bytes_sent": self.bytes_sent,
            "events_sent": self.events_sent,
            "events_planned": self.events_planned,
            "headers": headers,
        }


_SECRET = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})


def _masked(value: str) -> str:
    scheme, _, key = value.rpartition(" ")
    return f"{scheme} ...{key[-4:]}".lstrip()

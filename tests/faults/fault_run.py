"""Meets a weather with a supervisor, over real sockets, and tells what came of it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import attrs
import trustme
from fault_weather import TEXT, WEATHERS

from aiocompl import AiocomplError, Supervisor, TransportSettings
from aiocompl.errors import ModelsFailedError
from aiocompl.runtime.tasks import without_traceback
from aiocompl.testing import Simulator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fault_weather import Place, Weather

    from aiocompl.testing.record import RequestRecord
    from aiocompl.types.call import Attempt
    from aiocompl.types.completion import ChatCompletion

Form = Literal["blocking", "streaming"]
Where = Literal["alone", "fallback"]

MESSAGES: Final = [{"role": "user", "content": TEXT.partition(": ")[2]}]
PRIMARY: Final = "openai/first-model"
SETTLING: Final = 5.0
"""Seconds within which the servers have seen that their clients are gone."""


class Case(Protocol):
    """What a weather is met with."""

    @property
    def fault(self) -> str:
        """The weather's name."""
        ...

    @property
    def form(self) -> Form: ...
    @property
    def where(self) -> Where: ...


@attrs.frozen(kw_only=True)
class Seen:
    """What came of a case; seconds are of virtual time."""

    outcomes: tuple[str, ...]
    """Of each call, "answer" or the error's class."""
    asked: str
    """Who was asked, in order: P for the primary, B for the backup."""
    gaps: tuple[float, ...]
    """Seconds from each request to the next, as the servers saw them."""
    seconds: float
    """That all calls took."""
    answer: ChatCompletion | None
    """That of the last call."""
    read: str
    """What its reader got, if it streamed."""
    error: AiocomplError | None
    """That of the last call."""
    attempts: tuple[Attempt, ...]
    """Those that the last call tells of; where it ended in an error, that of the error may be missing."""
    left: tuple[str, ...]
    """What was left open after the calls, or after closing."""


async def meet(case: Case) -> Seen:
    """Make a case's calls, close all, and tell."""
    weather = WEATHERS[case.fault]
    before = asyncio.all_tasks()
    async with AsyncExitStack() as stack:
        servers = {
            "primary": await stack.enter_async_context(_primary(weather)),
            "backup": await stack.enter_async_context(Simulator(weather.backup)),
        }
        async with Supervisor(**_settings(case, weather, servers)) as supervisor:
            calls = Calls(supervisor, case, weather)
            await calls.run()
            left = [*await _still_open(servers), *_still_counted(supervisor)]
        left += [f"a connection to the {name}" for name in await _connected(servers)]
        requests = sorted(
            ((record, name) for name, server in servers.items() for record in server.requests),
            key=lambda pair: pair[0].started,
        )
    left += [f"task {task.get_name()}" for task in asyncio.all_tasks() - before]
    return calls.told(requests, left, servers["primary"])


@attrs.define(eq=False)
class Calls:
    """The calls of a case."""

    supervisor: Supervisor
    case: Case
    weather: Weather
    outcomes: list[str] = attrs.field(factory=list)
    answer: ChatCompletion | None = None
    error: AiocomplError | None = None
    read: str = ""
    seconds: float = 0.0

    async def run(self) -> None:
        """Make them, one after another."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        for _ in range(self.weather.calls):
            self.answer = self.error = None
            try:
                self.answer = await self._ask()
            except AiocomplError as error:
                self.error = without_traceback(error)
            self.outcomes.append("answer" if self.error is None else type(self.error).__name__)
        self.seconds = clock() - begun

    async def _ask(self) -> ChatCompletion:
        options: Any = dict(self.weather.options)
        if self.case.form == "blocking":
            answer: ChatCompletion = await self.supervisor.acompletion("primary", MESSAGES, **options)
            return answer
        options |= self.weather.streamed
        self.read = ""
        async with await self.supervisor.acompletion("primary", MESSAGES, stream=True, **options) as stream:
            async for chunk in stream:
                if getattr(chunk, "restarted", False):
                    self.read = ""
                self.read += "".join(choice.delta.content or "" for choice in chunk.choices)
            streamed: ChatCompletion = await stream.response()
            return streamed

    def told(
        self, requests: Sequence[tuple[RequestRecord, str]], left: list[str], primary: Simulator
    ) -> Seen:
        """What came of them, all in all."""
        attempts = self._attempts()
        asked = "".join(name[0].upper() for _, name in requests)
        if self.weather.place != "http":  # nobody saw those who could not connect
            lost = sum(each.group == "primary" for each in attempts)
            asked = "P" * (lost + (isinstance(self.error, AiocomplError) and not asked)) + asked
        started = [record.started for record, _ in requests]
        return Seen(
            outcomes=tuple(self.outcomes),
            asked=asked,
            gaps=tuple(after - before for before, after in pairwise(started)),
            seconds=self.seconds,
            answer=self.answer,
            read=self.read,
            error=self.error,
            attempts=attempts,
            left=tuple(left),
        )

    def _attempts(self) -> tuple[Attempt, ...]:
        if self.error is not None:
            return self.error.attempts
        assert self.answer is not None
        assert self.answer.call is not None
        return self.answer.call.attempts


def causes(error: AiocomplError | None) -> tuple[str, ...]:
    """The classes of what a group of errors holds."""
    held = error.exceptions if isinstance(error, ModelsFailedError) else ()
    return tuple(type(each).__name__ for each in held)


def _primary(weather: Weather) -> Simulator:
    return Simulator(weather.primary, ssl=_tls(weather.place))


def _settings(case: Case, weather: Weather, servers: dict[str, Simulator]) -> dict[str, Any]:
    given: dict[str, Any] = {"rng": Random(3), **weather.settings}
    if weather.place == "expired":  # so that nothing else is wrong with it
        given["transport"] = TransportSettings(ssl=_trusting())
    names = ["primary"] if case.where == "alone" else ["primary", "backup"]
    bases = {name: server.base_url for name, server in servers.items()}
    bases["primary"] = _address(weather.place, servers["primary"])
    given["model_list"] = [
        {
            "model_name": name,
            "litellm_params": {
                "model": PRIMARY if name == "primary" else weather.backup_model,
                "api_base": bases[name],
                "api_key": f"sk-of-{name}",
                **weather.params,
            },
        }
        for name in names
    ]
    if case.where == "alone":
        return {name: value for name, value in given.items() if not name.endswith("fallbacks")}
    return {"fallbacks": [{"primary": ["backup"]}], **given}


def _address(place: Place, server: Simulator) -> str:
    if place == "unknown":
        return "http://no-such-host.invalid/v1"
    if place == "refused":
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            return f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    return server.base_url.replace("http://", "https://") if place == "plain" else server.base_url


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def _tls(place: Place) -> ssl.SSLContext | None:
    if place not in ("untrusted", "expired"):
        return None
    begun, over = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(days=1)
    made = _authority().issue_cert(
        "127.0.0.1", not_before=begun, not_after=over if place == "expired" else None
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.configure_cert(context)
    return context


@cache
def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    _authority().configure_trust(context)
    return context


async def _still_open(servers: dict[str, Simulator]) -> list[str]:
    """Requests that a server still answers, and connections that are none of the pool's."""
    left = []
    for name, server in servers.items():
        whole = {record.connection for record in server.requests if record.outcome == "answered"}
        if not await _comes_to(server, in_flight=0, open_connections=len(whole)):
            left.append(f"{server.in_flight} requests on {server.open_connections} connections to the {name}")
    return left


async def _connected(servers: dict[str, Simulator]) -> list[str]:
    """Those who still have connections."""
    return [
        name
        for name, server in servers.items()
        if not await _comes_to(server, in_flight=0, open_connections=0)
    ]


async def _comes_to(server: Simulator, *, in_flight: int, open_connections: int) -> bool:
    """Whether a server sees no more than so many in the end."""
    try:
        async with asyncio.timeout(SETTLING):
            await server.wait_until(
                lambda: server.in_flight <= in_flight and server.open_connections <= open_connections
            )
    except TimeoutError:
        return False
    return True


def _still_counted(supervisor: Supervisor) -> list[str]:
    snapshot = supervisor.snapshot()
    figures = {
        "slots taken": snapshot.in_flight,
        "calls queued": snapshot.queued,
        "calls counted as in flight": sum(each.in_flight or 0 for each in snapshot.deployments),
    }
    return [f"{count} {what}" for what, count in figures.items() if count]

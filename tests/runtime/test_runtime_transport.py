"""The transport over real sockets: stale connections, limits, and every fault of the simulator."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import BODY, MESSAGES

from aiocompl import Supervisor
from aiocompl.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
    ResponseTooLargeError,
    ServiceUnavailableError,
)
from aiocompl.runtime.transport import TransportSettings
from aiocompl.testing import Answer, Delivery, Reply, Simulator, Slice, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.usefixtures("no_tasks_left")]

Handler = "Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]"


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor(num_retries=0) as made:
        yield made


@asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads a request, sends these bytes, and closes; None closes at once. Yields its URL and what it read."""
    seen: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.append(head)
        if answer is not None:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


async def ask(supervisor: Supervisor, base: str, **more: Any) -> Any:
    return await supervisor.acompletion("m", MESSAGES, api_base=base, **more)


async def read(supervisor: Supervisor, base: str, **more: Any) -> Any:
    return await (await supervisor.acompletion("m", MESSAGES, api_base=base, stream=True, **more)).response()


async def test_a_stale_connection_is_asked_again_on_a_fresh_one(
    supervisor: Supervisor, simulator: Simulator
) -> None:
    simulator.script = [faults.CloseAfter()] * 5
    for number in range(1, 8):
        answer = await ask(supervisor, simulator.base_url)
        assert len(answer.call.attempts) == 1, "outside the count of retries"
        assert len(simulator.requests) == number


async def test_connections_dropped_while_idle(supervisor: Supervisor, simulator: Simulator) -> None:
    for abruptly in (True, False, True):
        await asyncio.gather(*(ask(supervisor, simulator.base_url) for _ in range(5)))
        simulator.drop_connections(abruptly=abruptly)
        answers = await asyncio.gather(*(ask(supervisor, simulator.base_url) for _ in range(5)))
        assert all(len(answer.call.attempts) == 1 for answer in answers)


@pytest.mark.parametrize("fault", [faults.Hangup(), faults.Reset()], ids=str)
async def test_a_fresh_connection_that_dies_is_not_repeated_in_silence(
    supervisor: Supervisor, simulator: Simulator, fault: faults.Fault
) -> None:
    simulator.script = [fault] * 9
    with pytest.raises(APIConnectionError, match=r"127\.0\.0\.1") as raised:
        await ask(supervisor, simulator.base_url)
    assert len(simulator.requests) == 1
    assert raised.value.retryable
    with pytest.raises(APIConnectionError):
        await ask(supervisor, simulator.base_url, num_retries=1)
    assert len(simulator.requests) == 3


async def test_a_reused_connection_that_dies_is_asked_once_more_only(
    supervisor: Supervisor, simulator: Simulator
) -> None:
    simulator.script = [None, faults.Hangup(), faults.Hangup(), faults.Hangup()]
    await ask(supervisor, simulator.base_url)
    with pytest.raises(APIConnectionError, match="closed the connection before the answer"):
        await ask(supervisor, simulator.base_url)
    assert len(simulator.requests) == 3


async def test_a_reused_connection_that_dies_within_the_headers_is_not_asked_again(
    supervisor: Supervisor,
) -> None:
    body = b'{"id":"1","choices":[]}'
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    seen = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        for part in (whole, b"HTTP/1.1 200 OK\r\nContent-"):
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            seen += 1
            writer.write(part)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await ask(supervisor, base)
        with pytest.raises(APIConnectionError):
            await ask(supervisor, base)
    assert seen == 2


BLOCKING = {
    "Status": (faults.server_error(), InternalServerError),
    "rate": (faults.rate_limited(), RateLimitError),
    "html": (faults.html_page(), InternalServerError),
    "html 200": (faults.html_page(200), APIResponseValidationError),
    "Reset": (faults.Reset(), APIConnectionError),
    "Hangup": (faults.Hangup(), APIConnectionError),
    "Silence": (faults.Silence(), APITimeoutError),
    "Cut": (faults.Cut(), APIConnectionError),
    "Cut clean": (faults.Cut(clean=True), APIResponseValidationError),
    "ResetAfter": (faults.ResetAfter(), APIConnectionError),
    "Stall": (faults.Stall(), APITimeoutError),
    "Malformed": (faults.Malformed(), APIResponseValidationError),
    "ErrorEvent": (faults.ErrorEvent(), APIError),
    "SlowBody": (faults.SlowBody(), None),
    "MissingDone": (faults.MissingDone(), None),
    "MissingFinish": (faults.MissingFinish(), None),
    "ContentType": (faults.ContentType(), None),
    "Truncated": (faults.Truncated(), APIResponseValidationError),
    "CloseAfter": (faults.CloseAfter(), None),
    "OddFraming": (faults.OddFraming(), None),
}
STREAMING = BLOCKING | {
    "html 200": (faults.html_page(200), APIError),
    "Cut clean": (faults.Cut(clean=True), IncompleteStreamError),
    "Malformed": (faults.Malformed(at_event=4), APIError),
    "Truncated": (faults.Truncated(), None),
}


@pytest.mark.parametrize("name", BLOCKING)
@pytest.mark.parametrize("stream", [False, True], ids=["blocking", "streaming"])
async def test_each_fault_has_its_class(
    supervisor: Supervisor, simulator: Simulator, name: str, stream: bool
) -> None:
    fault, expected = (STREAMING if stream else BLOCKING)[name]
    simulator.script = [Reply(answer=Answer(text="one two three"), faults=(fault,)), "next"]
    call = read if stream else ask
    timeout = 0.2 if expected is APITimeoutError else 30
    if expected is None:
        answer = await call(supervisor, simulator.base_url, timeout=timeout)
        assert answer.choices[0].message.content == "one two three"
    else:
        with pytest.raises(expected) as raised:
            await call(supervisor, simulator.base_url, timeout=timeout)
        assert (raised.value.provider, raised.value.model) == ("custom", "m")
    snapshot = supervisor.snapshot()
    assert (snapshot.in_flight, snapshot.endpoints[0].restarts) == (0, 0)
    answer = await ask(supervisor, simulator.base_url)
    assert answer.choices[0].message.content == "next"


async def test_oversized_answer(simulator: Simulator) -> None:
    async with Supervisor(
        num_retries=0, transport=TransportSettings(max_response_bytes=100_000)
    ) as supervisor:
        simulator.script = "x" * 200_000
        with pytest.raises(ResponseTooLargeError, match="max_response_bytes=100000"):
            await ask(supervisor, simulator.base_url)
        simulator.script = Delivery(slices=(Slice(b"x" * 60_000), Slice(b"x" * 60_000)))  # in chunks
        with pytest.raises(ResponseTooLargeError):
            await ask(supervisor, simulator.base_url)
        simulator.script = Delivery(status=500, slices=(Slice(b"x" * 60_000), Slice(b"x" * 60_000)))
        with pytest.raises(ResponseTooLargeError):
            await ask(supervisor, simulator.base_url)
        simulator.script = None
        await ask(supervisor, simulator.base_url)
        assert supervisor.snapshot().endpoints[0].restarts == 0


@pytest.mark.parametrize("stream", [False, True], ids=["blocking", "streaming"])
async def test_gzip_bomb(simulator: Simulator, stream: bool) -> None:
    bomb = gzip.compress(b"data: " + b"0" * 50_000_000)
    simulator.script = Delivery.whole(bomb, headers={"content-encoding": "gzip"})
    async with Supervisor(
        num_retries=0, transport=TransportSettings(max_response_bytes=200_000)
    ) as supervisor:
        with pytest.raises(APIError) as raised:
            await (read if stream else ask)(supervisor, simulator.base_url, timeout=20)
        assert not isinstance(raised.value, APITimeoutError)
        assert supervisor.snapshot().in_flight == 0


async def test_gzip(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Delivery.whole(
        gzip.compress(Delivery.json(BODY).body()), headers={"content-encoding": "gzip"}
    )
    assert (await ask(supervisor, simulator.base_url)).id == BODY["id"]


async def test_broken_gzip(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Delivery.whole(b"no gzip at all", headers={"content-encoding": "gzip"})
    with pytest.raises(APIResponseValidationError, match="no valid HTTP"):
        await ask(supervisor, simulator.base_url)
    simulator.script = Delivery.whole(zlib.compress(b"{}")[:-3], headers={"content-encoding": "deflate"})
    with pytest.raises(APIError):
        await ask(supervisor, simulator.base_url)


async def test_an_error_whose_body_is_broken_keeps_its_class(
    supervisor: Supervisor, simulator: Simulator
) -> None:
    for status, expected in ((400, BadRequestError), (429, RateLimitError), (503, ServiceUnavailableError)):
        simulator.script = Delivery.whole(
            b"no gzip at all", status=status, headers={"content-encoding": "gzip"}
        )
        for way in (ask, read):
            with pytest.raises(APIError) as raised:
                await way(supervisor, simulator.base_url)
            assert type(raised.value) is expected
            assert raised.value.status_code == status


@pytest.mark.parametrize("stale", [False, True])
async def test_a_large_request_is_sent_without_a_warning(
    supervisor: Supervisor, simulator: Simulator, stale: bool
) -> None:
    if stale:
        await ask(supervisor, simulator.base_url)
        simulator.drop_connections()
    text = "x" * (3 * 1024 * 1024)
    await supervisor.acompletion("m", [{"role": "user", "content": text}], api_base=simulator.base_url)
    assert simulator.requests[-1].body["messages"][0]["content"] == text


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (None, APIConnectionError),
        (b"", APIConnectionError),
        (b"HTTP/1.1 200 OK\r\n", APIConnectionError),
        (b"not HTTP at all\r\n\r\n", APIResponseValidationError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", APIResponseValidationError),
        (b"HTTP/1.1 204 No Content\r\n\r\n", APIResponseValidationError),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{"a"', APIResponseValidationError),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"a"', APIConnectionError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", APIError),
        (b"HTTP/1.0 200 OK\r\n\r\n[1, 2]", APIResponseValidationError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", APIResponseValidationError),
        (b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", InternalServerError),
        (b"HTTP/1.1 418 Teapot\r\nContent-Length: 1\r\n\r\n\xff", APIStatusError),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["blocking", "streaming"])
async def test_what_servers_say(
    supervisor: Supervisor, answer: bytes | None, expected: type[APIError], stream: bool
) -> None:
    async with raw_server(answer) as (base, seen):
        with pytest.raises(APIError) as raised:
            await (read if stream else ask)(supervisor, base, timeout=20)
        if not stream:
            assert isinstance(raised.value, expected)
        assert raised.value.provider == "custom"
        assert len(seen) == 1
    assert supervisor.snapshot().endpoints[0].restarts == 0


async def test_redirects_are_not_followed(supervisor: Supervisor, simulator: Simulator) -> None:
    async with raw_server(
        f"HTTP/1.1 307 Moved\r\nLocation: {simulator.base_url}/chat/completions?key=1\r\nContent-Length: 0\r\n\r\n".encode()
    ) as (base, _):
        for call in (ask, read):
            with pytest.raises(
                APIStatusError, match=f"redirects to {simulator.base_url}.* set api_base"
            ) as raised:
                await call(supervisor, base)
            assert raised.value.status_code == 307
    assert simulator.requests == []


async def test_refused_connection(supervisor: Supervisor) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and not listening
        with pytest.raises(APIConnectionError, match=r"no connection to 127\.0\.0\.1: .*Connect call failed"):
            await ask(supervisor, f"http://127.0.0.1:{bound.getsockname()[1]}")


async def test_unknown_host(supervisor: Supervisor) -> None:
    with pytest.raises(
        APIConnectionError, match=r"host name nowhere\.invalid cannot be resolved: check api_base"
    ):
        await ask(supervisor, "http://nowhere.invalid/v1")


async def test_connect_timeout() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(0)
        fillers = [socket.socket() for _ in range(2)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(bound.getsockname())
        async with Supervisor(num_retries=0, transport=TransportSettings(connect_timeout=0.1)) as supervisor:
            with pytest.raises(APITimeoutError, match=r"no connection to 127\.0\.0\.1 in time"):
                await ask(supervisor, f"http://127.0.0.1:{bound.getsockname()[1]}")
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    "base", ["ftp://host/v1", "http://", "http://[::1", "http://host:99999/v1", "https:///v1"]
)
async def test_urls_that_are_none(supervisor: Supervisor, base: str) -> None:
    with pytest.raises(BadRequestError, match="api_base"):
        await ask(supervisor, base)
    assert supervisor.snapshot().endpoints[0].restarts == 0


@pytest.mark.parametrize(
    "keywords",
    [
        {"api_key": "sk-1\r\nX-Evil: 1"},
        {"extra_headers": {"X-A": "a\nb"}},
        {"extra_headers": {"X\r\nA": "a"}},
    ],
    ids=str,
)
async def test_what_http_has_no_place_for_crashes_nothing(
    supervisor: Supervisor, simulator: Simulator, keywords: dict[str, Any]
) -> None:
    with pytest.raises(BadRequestError, match="cannot be sent") as raised:
        await ask(supervisor, simulator.base_url, **keywords)
    assert "sk-1" not in str(raised.value)
    assert supervisor.snapshot().endpoints[0].restarts == 0
    await ask(supervisor, simulator.base_url)


async def test_headers_and_query(supervisor: Supervisor, simulator: Simulator) -> None:
    await ask(
        supervisor, simulator.base_url, api_key="sk-1", extra_headers={"X-Mine": "a"}, extra_query={"q": "1"}
    )
    record = simulator.requests[0]
    assert (record.headers["authorization"], record.headers["x-mine"]) == ("Bearer sk-1", "a")
    assert record.path == "/v1/chat/completions"

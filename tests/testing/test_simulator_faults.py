from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any

import aiohttp
import attrs
import orjson
import pytest
from bare_client import content, parsed

from aiocompl._compat import override
from aiocompl.testing import Fault, Reply, faults

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Delivery, Simulator
    from aiocompl.testing.dialects.base import Dialect

STREAM = [False, True]


async def read_all(response: aiohttp.ClientResponse) -> tuple[bytes, Exception | None]:
    """What could be read, and what stopped it."""
    got = b""
    try:
        async for data in response.content.iter_any():
            got += data
    except (aiohttp.ClientError, ConnectionError) as error:
        return got, error
    return got, None


@pytest.mark.parametrize("stream", STREAM)
@pytest.mark.parametrize(
    ("fault", "status", "kind", "code"),
    [
        (faults.rate_limited(), 429, "requests", "rate_limit_exceeded"),
        (faults.quota_exhausted(), 429, "insufficient_quota", "insufficient_quota"),
        (faults.context_length(), 400, "invalid_request_error", "context_length_exceeded"),
        (faults.content_policy(), 400, "invalid_request_error", "content_policy_violation"),
        (faults.server_error(), 500, "server_error", None),
        (faults.overloaded(), 503, "service_unavailable_error", "server_is_overloaded"),
        (faults.Status(status=401), 401, "invalid_request_error", "invalid_api_key"),
        (faults.Status(status=408), 408, "server_error", "timeout"),
        (faults.Status(status=418), 418, "invalid_request_error", None),
        (faults.Status(status=599, code="odd", message="Odd."), 599, "server_error", "odd"),
    ],
)
async def test_status(
    simulator: Simulator,
    client: Client,
    fault: faults.Status,
    status: int,
    kind: str,
    code: str | None,
    *,
    stream: bool,
) -> None:
    simulator.script = fault
    async with client.post(simulator, stream=stream) as response:
        assert response.status == status
        assert response.headers["x-request-id"]
        assert response.content_type == "application/json"
        error = orjson.loads(await response.read())["error"]
    assert (error["type"], error["code"]) == (kind, code)
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"] == (fault.message or error["message"])


async def test_headers_of_a_status(simulator: Simulator, client: Client) -> None:
    simulator.script = [
        faults.rate_limited(1.5, x_ratelimit_remaining_requests="0"),
        faults.rate_limited("Wed, 21 Oct 2026 07:28:00 GMT"),
        faults.rate_limited(),
        faults.overloaded(2),
    ]
    seen = []
    for _ in range(4):
        async with client.post(simulator) as response:
            seen.append(response.headers.get("retry-after"))
            if len(seen) == 1:
                assert response.headers["x-ratelimit-remaining-requests"] == "0"
    assert seen == ["1.5", "Wed, 21 Oct 2026 07:28:00 GMT", None, "2"]


async def test_html_page(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.html_page(504)
    async with client.post(simulator) as response:
        assert response.status == 504
        assert response.content_type == "text/html"
        assert b"<html>" in await response.read()


@pytest.mark.parametrize("stream", STREAM)
async def test_reset_before_headers(simulator: Simulator, client: Client, *, stream: bool) -> None:
    simulator.script = faults.Reset()
    with pytest.raises(aiohttp.ClientOSError) as caught:
        await client.status(simulator, stream=stream)
    assert caught.value.errno == errno.ECONNRESET
    record = simulator.requests[0]
    assert (record.status, record.outcome, record.client_gone_after) == (None, "broken", None)


async def test_hangup_before_headers(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Hangup()
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.status(simulator)
    assert simulator.requests[0].outcome == "broken"


async def test_silence_lasts_until_the_client_goes(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Silence()
    call = asyncio.create_task(client.status(simulator))
    record = await simulator.wait_requests(1)
    call.cancel()
    assert await record.wait_client_gone() >= 0
    assert (record.status, record.outcome) == (None, "client_gone")


@pytest.mark.parametrize("events", [0, 1, 3])
async def test_cut_without_the_proper_end(simulator: Simulator, client: Client, events: int) -> None:
    simulator.script = faults.Cut(after_events=events)
    async with client.post(simulator, stream=True) as response:
        body, error = await read_all(response)
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert len(parsed(body)) == events == simulator.requests[0].events_sent
    assert simulator.requests[0].outcome == "broken"


async def test_cut_with_the_proper_end(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Cut(after_events=2, clean=True)
    async with client.post(simulator, stream=True) as response:
        body, error = await read_all(response)
    assert error is None
    assert len(parsed(body)) == 2
    assert simulator.requests[0].outcome == "answered"


async def test_reset_within_a_stream(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.ResetAfter(after_events=1)
    async with client.post(simulator, stream=True) as response:
        _, error = await read_all(response)
    assert isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientOSError)


@pytest.mark.parametrize("clean", [False, True])
async def test_blocking_answer_cut_in_half(simulator: Simulator, client: Client, *, clean: bool) -> None:
    simulator.script = faults.Cut(clean=clean)
    async with client.post(simulator) as response:
        body, error = await read_all(response)
    assert isinstance(error, aiohttp.ClientPayloadError) is not clean
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body)


async def test_stall_sends_and_then_nothing(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Stall(after_events=2)
    async with client.post(simulator, stream=True) as response:
        lines = [await response.content.readline() for _ in range(4)]
        assert len(parsed(b"".join(lines))) == 2
        record = simulator.requests[0]
        assert (record.outcome, record.events_sent) == ("open", 2)
        response.close()
    await record.wait_client_gone()


async def test_stall_after_the_headers(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Stall(after_events=0)
    async with client.post(simulator, stream=True) as response:
        assert response.status == 200
        assert simulator.requests[0].bytes_sent == 0


async def test_malformed_event_among_good_ones(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Malformed(at_event=2)
    async with client.post(simulator, stream=True) as response:
        frames = (await response.read()).split(b"\n\n")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(frames[2].removeprefix(b"data: "))
    assert content(parsed(b"\n\n".join(frames[:2] + frames[3:]))) == "You hello there"


async def test_malformed_body(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.Malformed()
    with pytest.raises(orjson.JSONDecodeError):
        await client.ask(simulator)


@pytest.mark.parametrize("with_end", [False, True])
async def test_error_event_inside_a_200(simulator: Simulator, client: Client, *, with_end: bool) -> None:
    simulator.script = faults.ErrorEvent(at_event=2, kind="overloaded", with_end=with_end)
    events = await client.stream(simulator)
    assert len(events) == 3 + with_end
    assert events[2]["error"]["code"] == "server_is_overloaded"
    assert (events[-1] == "[DONE]") is with_end


async def test_error_body_under_a_200(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.ErrorEvent(message="Broken.")
    assert (await client.ask(simulator))["error"]["message"] == "Broken."
    assert simulator.requests[0].status == 200


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("stream", STREAM)
async def test_slow_body_is_the_same_body(
    simulator: Simulator, client: Client, size: int, *, stream: bool
) -> None:
    async with client.post(simulator, stream=stream) as response:
        plain = await response.read()
    simulator.script = faults.SlowBody(size=size)
    async with client.post(simulator, stream=stream) as response:
        slow = await response.read()
    assert len(slow) == len(plain)
    slow_record, plain_record = simulator.requests[1], simulator.requests[0]
    assert slow_record.bytes_sent == plain_record.bytes_sent == len(plain)
    assert slow_record.events_sent == plain_record.events_sent


@pytest.mark.looptime
async def test_slow_body_takes_its_time(simulator: Simulator, client: Client, looptime: Any) -> None:
    simulator.script = faults.SlowBody(seconds=0.5, size=100)
    async with client.post(simulator) as response:
        size = len(await response.read())
    assert looptime == 0.5 * -(-size // 100)


async def test_missing_done(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.MissingDone()
    events = await client.stream(simulator)
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


async def test_missing_finish(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.MissingFinish()
    *events, done = await client.stream(simulator)
    assert done == "[DONE]"
    assert content(events) == "You said: hello there"
    assert all(event["choices"][0]["finish_reason"] is None for event in events)
    assert (await client.ask(simulator))["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("stream", STREAM)
async def test_wrong_content_type(simulator: Simulator, client: Client, *, stream: bool) -> None:
    simulator.script = faults.ContentType(content_type="application/octet-stream")
    async with client.post(simulator, stream=stream) as response:
        assert response.content_type == "application/octet-stream"
        assert b"chatcmpl" in await response.read()


@pytest.mark.parametrize("stream", STREAM)
async def test_truncated_json_in_a_proper_body(simulator: Simulator, client: Client, *, stream: bool) -> None:
    simulator.script = faults.Truncated()
    async with client.post(simulator, stream=stream) as response:
        body, error = await read_all(response)
    assert error is None
    assert body.startswith(b"data: " if stream else b"{")
    assert not body.endswith(b"[DONE]\n\n" if stream else b"}")


@pytest.mark.parametrize("stream", STREAM)
async def test_oversized(simulator: Simulator, client: Client, *, stream: bool) -> None:
    simulator.script = faults.Oversized(size=2_000_000)
    async with client.post(simulator, stream=stream) as response:
        body = await response.read()
    assert len(body) > 2_000_000
    if stream:
        assert len(parsed(body)[1]["padding"]) == 2_000_000


@pytest.mark.parametrize("stream", STREAM)
async def test_connection_closed_after_a_right_answer(
    simulator: Simulator, client: Client, *, stream: bool
) -> None:
    simulator.script = faults.CloseAfter()
    async with client.post(simulator, stream=stream) as response:
        body, error = await read_all(response)
        assert "connection" not in response.headers
    assert error is None
    assert body
    await simulator.wait_until(lambda: simulator.open_connections == 0)
    assert simulator.requests[0].outcome == "answered"


async def test_odd_framing(simulator: Simulator, client: Client) -> None:
    simulator.script = faults.OddFraming(bom=True)
    async with client.post(simulator, stream=True) as response:
        body = await response.read()
    assert body.startswith(b"\xef\xbb\xbf: keep-alive\r\n\r\ndata: {")
    assert body.count(b"\n") == body.count(b"\r\n")
    plain = body.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b": keep-alive\n\n", b"")
    assert content(parsed(plain)) == "You said: hello there"
    assert (await client.ask(simulator))["object"] == "chat.completion"


async def test_faults_one_upon_the_other(simulator: Simulator, client: Client) -> None:
    simulator.script = Reply(faults=(faults.MissingDone(), faults.ContentType(), faults.CloseAfter()))
    async with client.post(simulator, stream=True) as response:
        assert response.content_type == "text/plain"
        assert b"[DONE]" not in await response.read()


@attrs.frozen
class Shout(Fault):
    @override
    def spoil(self, delivery: Delivery, dialect: Dialect) -> Delivery:
        return attrs.evolve(delivery, headers={**delivery.headers, "x-shout": "!"})


async def test_fault_of_ones_own(simulator: Simulator, client: Client) -> None:
    simulator.script = Shout()
    async with client.post(simulator) as response:
        assert response.headers["x-shout"] == "!"

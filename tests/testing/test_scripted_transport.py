from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from bare_client import content, parsed

from aiocompl.errors import APIConnectionError, APITimeoutError
from aiocompl.testing import Delivery, Latency, ScriptedTransport, Slice, faults, settle
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from aiocompl.wire.transport import Transport

REQUEST = HTTPRequest(url="https://api.example/v1/chat/completions", headers={"Authorization": "x"})


async def test_it_is_a_transport() -> None:
    transport: Transport = ScriptedTransport(Delivery.json({"a": 1}))
    response = await transport.open(REQUEST)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    assert await response.read() == b'{"a":1}'
    assert await response.read() == b""
    response.close()
    await transport.aclose()
    with pytest.raises(AssertionError, match="after aclose"):
        await transport.open(REQUEST)


@pytest.mark.looptime
async def test_headers_and_slices_in_time(looptime: Any) -> None:
    delivery = Delivery.stream([b"data: 1\n\n", Slice(b"data: 2\n\n", 3)], headers={"X-Id": "7"}, delay=2)
    transport = ScriptedTransport(delivery)
    response = await transport.open(REQUEST)
    assert looptime == 2
    assert response.headers["x-id"] == "7"
    assert await response.read_slice() == b"data: 1\n\n"
    assert looptime == 2
    assert await response.read_slice() == b"data: 2\n\n"
    assert looptime == 5
    assert transport.records[0].outcome == "open"
    assert await response.read_slice() == b""
    record = transport.records[0]
    assert (record.opened, record.ended, record.outcome, record.slices_read) == (0, 5, "read", 2)


@pytest.mark.looptime
async def test_cancelled_read_loses_nothing(looptime: Any) -> None:
    transport = ScriptedTransport(Delivery.stream([Slice(b"late", 3)]))
    response = await transport.open(REQUEST)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await response.read_slice()
    assert transport.records[0].read_cancelled
    assert await response.read_slice() == b"late"
    assert looptime == 3


async def test_steps_in_turn() -> None:
    transport = ScriptedTransport([Delivery.json(1), APITimeoutError("slow"), Delivery.json(2, status=500)])
    assert await (await transport.open(REQUEST)).read() == b"1"
    with pytest.raises(APITimeoutError):
        await transport.open(REQUEST)
    assert (await transport.open(REQUEST)).status == 500
    with pytest.raises(AssertionError, match="no step"):
        await transport.open(REQUEST)
    assert [record.outcome for record in transport.records] == ["read", "failed", "open", "failed"]


async def test_function_of_the_request() -> None:
    transport = ScriptedTransport(lambda request: Delivery.json(request.url))
    assert orjson.loads(await (await transport.open(REQUEST)).read()) == REQUEST.url


@pytest.mark.parametrize(
    "delivery",
    [
        Delivery(opened=False, ending="reset"),
        Delivery.failing(APIConnectionError("refused")),
    ],
)
async def test_failure_instead_of_headers(delivery: Delivery) -> None:
    transport = ScriptedTransport(delivery)
    with pytest.raises(APIConnectionError):
        await transport.open(REQUEST)
    assert transport.records[0].outcome == "failed"
    assert transport.in_flight == 0


async def test_failure_within_the_body() -> None:
    transport = ScriptedTransport(Delivery.stream([b"data: 1\n\n"], ending="drop"))
    response = await transport.open(REQUEST)
    assert await response.read_slice()
    with pytest.raises(APIConnectionError, match="drop"):
        await response.read_slice()
    assert transport.records[0].outcome == "failed"


async def test_cancelled_before_the_headers() -> None:
    transport = ScriptedTransport(Delivery(opened=False, ending="silence"))
    call = asyncio.create_task(transport.open(REQUEST))
    await settle()
    assert (transport.in_flight, transport.max_in_flight) == (1, 1)
    call.cancel()
    await asyncio.wait([call])
    assert transport.records[0].outcome == "cancelled"
    assert transport.in_flight == 0


async def test_closed_before_the_end() -> None:
    transport = ScriptedTransport(Delivery.stream([b"1", b"2"]))
    response = await transport.open(REQUEST)
    await response.read_slice()
    response.close()
    response.close()
    assert transport.records[0].outcome == "closed"
    with pytest.raises(AssertionError, match="read after close"):
        await response.read_slice()


@pytest.mark.looptime
async def test_simulating_a_provider(looptime: Any) -> None:
    latency = Latency(first_token=1, between_tokens=0.5)
    transport = ScriptedTransport.simulating([faults.rate_limited(3), "one two"], latency=latency)
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    request = HTTPRequest(url=REQUEST.url, headers={}, body=orjson.dumps(body))
    refused = await transport.open(request)
    assert (refused.status, refused.headers["retry-after"]) == (429, "3")
    answered = await transport.open(request)
    assert content(parsed(await answered.read())) == "one two"
    assert looptime == 1.5


async def test_settle_runs_chains_of_callbacks_but_no_timers() -> None:
    steps: list[int] = []

    async def chain(depth: int) -> None:
        steps.append(depth)
        if depth < 50:
            await asyncio.create_task(chain(depth + 1))
        else:
            await asyncio.Event().wait()

    task = asyncio.create_task(chain(0))
    later = asyncio.get_running_loop().call_later(3600, steps.clear)
    await settle()
    assert steps == list(range(51))
    later.cancel()
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.looptime
async def test_settle_takes_no_time(looptime: Any) -> None:
    sleeper = asyncio.create_task(asyncio.sleep(5))
    await settle()
    assert looptime == 0
    assert not sleeper.done()
    await sleeper
    assert looptime == 5


async def test_settle_gives_up_on_a_loop_that_never_rests() -> None:
    loop = asyncio.get_running_loop()
    spinning = True

    def spin() -> None:
        if spinning:
            loop.call_soon(spin)

    spin()
    with pytest.raises(RuntimeError, match="still busy after 100 steps"):
        await settle(max_steps=100)
    spinning = False
    await settle()

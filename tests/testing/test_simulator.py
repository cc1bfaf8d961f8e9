from __future__ import annotations

import asyncio
import gc
from io import BytesIO
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest

from aiocompl.testing import Latency, Simulator, faults

if TYPE_CHECKING:
    import ssl

    from bare_client import Client

    from aiocompl.testing import Asked
    from aiocompl.testing.plugin import SimulatorFactory


async def test_record_of_a_request(simulator: Simulator, client: Client) -> None:
    await client.ask(simulator, "hello", headers={"Authorization": "Bearer sk-1234567890", "X-Mine": "1"})
    (record,) = simulator.requests
    assert (record.number, record.method, record.path) == (1, "POST", "/v1/chat/completions")
    assert (record.model, record.stream, record.status, record.outcome) == ("gpt-4o", False, 200, "answered")
    assert record.headers["authorization"] == "Bearer sk-1234567890"
    assert record.headers["x-mine"] == "1"
    assert record.body["messages"] == [{"role": "user", "content": "hello"}]
    assert record.finished is not None
    assert record.finished >= record.started
    assert record.client_gone_after is None
    assert await record.wait_finished() == "answered"
    assert "sk-" not in repr(record)


async def test_record_of_a_stream(simulator: Simulator, client: Client) -> None:
    events = await client.stream(simulator)
    (record,) = simulator.requests
    assert record.stream
    assert record.events_sent == record.events_planned == len(events)
    assert record.bytes_sent > 500


async def test_several_requests_on_one_connection(simulator: Simulator, client: Client) -> None:
    for stream in (False, True, False):
        async with client.post(simulator, stream=stream) as response:
            await response.read()
    simulator.script = faults.server_error()
    await client.status(simulator)
    assert [record.connection for record in simulator.requests] == [1, 1, 1, 1]
    assert simulator.open_connections == 1
    await asyncio.gather(client.status(simulator), client.status(simulator))
    assert {record.connection for record in simulator.requests} == {1, 2}


@pytest.mark.parametrize("stream", [False, True])
async def test_client_gone_at_the_moment_of_writing_is_no_error(
    simulator: Simulator, client: Client, caplog: pytest.LogCaptureFixture, stream: bool
) -> None:
    def leave(_: Asked) -> None:
        simulator.drop_connections()

    simulator.script = leave
    with pytest.raises(aiohttp.ClientError):
        async with client.post(simulator, stream=stream) as response:
            await response.read()
    assert await simulator.requests[0].wait_finished() == "client_gone"
    await simulator.wait_until(lambda: simulator.open_connections == 0)
    assert caplog.text == ""


@pytest.mark.looptime
async def test_client_gone_before_the_headers(simulator: Simulator, client: Client, looptime: Any) -> None:
    simulator.script = Latency(first_token=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await client.ask(simulator)
    record = simulator.requests[0]
    assert await record.wait_client_gone() == pytest.approx(5, abs=0.01)
    assert record.client_gone_after == pytest.approx(5, abs=0.01)
    assert (record.outcome, record.status) == ("client_gone", None)
    assert looptime == pytest.approx(5, abs=0.01)
    await simulator.wait_until(lambda: simulator.open_connections == 0)


@pytest.mark.looptime
async def test_client_gone_within_a_stream(simulator: Simulator, client: Client, looptime: Any) -> None:
    simulator.script = Latency(between_tokens=1)
    async with client.post(simulator, stream=True) as response:
        await response.content.readuntil(b"You")
        await asyncio.sleep(1.5)
        response.close()
    record = simulator.requests[0]
    assert await record.wait_client_gone() == pytest.approx(1.5, abs=0.01)
    assert record.events_sent == 3
    assert record.status == 200


async def test_client_gone_while_much_is_written(simulator: Simulator, client: Client) -> None:
    simulator.script = "x" * 30_000_000
    async with client.post(simulator, stream=True) as response:
        assert response.status == 200
        response.close()
    record = simulator.requests[0]
    await record.wait_client_gone()
    assert record.outcome == "client_gone"


async def test_closing_breaks_off_what_is_open(client: Client) -> None:
    before = asyncio.all_tasks()
    simulator = Simulator(faults.Silence())
    await simulator.start()
    call = asyncio.create_task(client.status(simulator))
    record = await simulator.wait_requests(1)
    assert simulator.in_flight == 1
    await simulator.aclose()
    with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError)):
        await call
    assert record.outcome == "simulator_closed"
    assert record.client_gone_after is None
    assert (simulator.in_flight, simulator.open_connections) == (0, 0)
    assert asyncio.all_tasks() == before


async def test_closing_with_idle_connections(client: Client) -> None:
    before = asyncio.all_tasks()
    async with Simulator() as simulator:
        await asyncio.gather(*[client.ask(simulator) for _ in range(5)])
        assert simulator.open_connections
    assert simulator.open_connections == 0
    assert asyncio.all_tasks() == before


async def test_start_again_on_the_same_port(client: Client) -> None:
    simulator = Simulator()
    with pytest.raises(RuntimeError, match="not started"):
        _ = simulator.base_url
    urls = []
    for _ in range(2):
        async with simulator:
            urls.append(simulator.base_url)
            await client.ask(simulator)
    assert urls[0] == urls[1]
    assert [record.number for record in simulator.requests] == [1, 2]
    await simulator.aclose()


async def test_port_that_is_taken(simulator: Simulator) -> None:
    port = int(simulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        await Simulator(port=port).start()


@pytest.mark.parametrize("abruptly", [False, True])
async def test_idle_connections_dropped(simulator: Simulator, client: Client, *, abruptly: bool) -> None:
    await client.ask(simulator)
    simulator.drop_connections(abruptly=abruptly)
    await simulator.wait_until(lambda: simulator.open_connections == 0)
    async with aiohttp.ClientSession() as session, session.get(f"{simulator.base_url}/models") as response:
        assert response.status == 200
    assert simulator.requests[-1].connection == 2


async def test_only_the_last_requests_are_kept(simulator_factory: SimulatorFactory, client: Client) -> None:
    simulator = await simulator_factory(keep_requests=3)
    for _ in range(7):
        await client.ask(simulator)
    assert [record.number for record in simulator.requests] == [5, 6, 7]
    assert (await simulator.wait_requests(7)).number == 7


async def test_seen_over_http(simulator: Simulator, client: Client) -> None:
    await client.ask(simulator, headers={"Authorization": "Bearer sk-1234567890"})
    async with client.session.get(f"{simulator.url}/_seen") as response:
        (seen,) = orjson.loads(await response.read())
    assert (seen["number"], seen["model"], seen["outcome"]) == (1, "gpt-4o", "answered")
    assert seen["headers"]["authorization"] == "Bearer ...7890"
    assert len(simulator.requests) == 1


async def test_requests_larger_than_a_mebibyte(simulator: Simulator, client: Client) -> None:
    text = "x" * (5 * 1024 * 1024)
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]}
    data = BytesIO(orjson.dumps(request))  # aiohttp warns of large bytes
    async with client.session.post(f"{simulator.base_url}/chat/completions", data=data) as response:
        body = orjson.loads(await response.read())
    assert body["choices"][0]["message"]["content"] == f"You said: {text}"


async def test_same_seed_same_bytes(simulator_factory: SimulatorFactory, client: Client) -> None:
    bodies = []
    for _ in range(2):
        simulator = await simulator_factory(seed=5)
        got = []
        for stream in (False, True):
            async with client.post(simulator, stream=stream, n=2) as response:
                got.append(await response.read())
        bodies.append(got)
    assert bodies[0] == bodies[1]


async def test_https(simulator_factory: SimulatorFactory, certificate: tuple[Any, ssl.SSLContext]) -> None:
    server, trusting = certificate
    simulator = await simulator_factory(ssl=server)
    assert simulator.base_url.startswith("https://127.0.0.1:")
    url = f"{simulator.base_url}/models"
    async with aiohttp.ClientSession() as session, session.get(url, ssl=trusting) as response:
        assert response.status == 200
    await simulator.wait_until(lambda: simulator.open_connections == 0)


async def test_burst_with_faults_leaves_nothing(simulator_factory: SimulatorFactory, client: Client) -> None:
    simulator = await simulator_factory()
    simulator.script = [*faults.quick()] * 10

    async def one(number: int) -> None:
        try:
            async with client.post(simulator, stream=bool(number % 2)) as response:
                await response.read()
        except (aiohttp.ClientError, ConnectionError) as error:
            error.__traceback__ = None

    await asyncio.gather(*[one(number) for number in range(200)])
    assert simulator.in_flight == 0
    assert {record.outcome for record in simulator.requests} == {"answered", "broken"}
    gc.collect()

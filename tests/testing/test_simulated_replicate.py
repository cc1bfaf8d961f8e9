"""The simulated Replicate, asked by a bare client: what the official SDK would see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.testing import Answer, Latency, ScriptedTransport, Simulator, Usage, faults
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from bare_client import Client

OFFICIAL = "/v1/models/meta/meta-llama-3-8b-instruct/predictions"


class Asker:
    """A client of one simulator."""

    def __init__(self, client: Client, simulator: Simulator) -> None:
        self.session, self.simulator = client.session, simulator

    async def request(self, method: str, url: str, **options: Any) -> tuple[int, Any]:
        url = url if url.startswith("http") else self.simulator.url + url
        async with self.session.request(method, url, **options) as response:
            body = await response.read()
            if response.content_type == "text/event-stream":
                return response.status, body.decode()
            self.kind = response.content_type
            return response.status, orjson.loads(body)

    async def create(
        self, *, path: str = OFFICIAL, prefer: str | None = None, **given: Any
    ) -> tuple[int, Any]:
        body = given or {"input": {"prompt": "hello there"}}
        headers = {} if prefer is None else {"Prefer": prefer}
        return await self.request("POST", path, json=body, headers=headers)


@pytest.fixture
def ask(client: Client, simulator: Simulator) -> Asker:
    return Asker(client, simulator)


async def test_a_prediction_is_created_and_fetched(ask: Asker) -> None:
    status, created = await ask.create()
    assert (status, created["status"], created["output"]) == (201, "starting", None)
    assert created["urls"]["get"].endswith(f"/v1/predictions/{created['id']}")
    status, fetched = await ask.request("GET", created["urls"]["get"])
    assert status == 200
    assert (fetched["id"], fetched["status"]) == (created["id"], "succeeded")
    assert "".join(fetched["output"]) == "You said: hello there"
    assert fetched["metrics"]["output_token_count"] == 4
    assert fetched["model"] == "meta/meta-llama-3-8b-instruct"
    assert fetched["input"] == {"prompt": "hello there"}
    assert [prediction.status for prediction in ask.simulator.predictions] == ["succeeded"]


async def test_a_version_and_a_deployment(ask: Asker) -> None:
    _, versioned = await ask.create(path="/v1/predictions", version="02e509", input={"prompt": "x"})
    assert versioned["version"] == "02e509"
    await ask.create(path="/v1/deployments/me/mine/predictions")
    models = [prediction.model for prediction in ask.simulator.predictions]
    assert models == ["02e509", "deployments/me/mine"]
    assert [request.model for request in ask.simulator.requests] == models


async def test_its_creation_may_wait_for_its_end(ask: Asker) -> None:
    ask.simulator.script = Latency(first_token=0.2)
    status, whole = await ask.create(prefer="wait=5")
    assert (status, whole["status"]) == (201, "succeeded")
    assert (await ask.create(prefer="wait"))[1]["status"] == "succeeded"
    ask.simulator.script = faults.Stall()
    status, unfinished = await ask.create(prefer="wait=1")
    assert (status, unfinished["status"]) == (201, "starting")
    assert (await ask.request("GET", unfinished["urls"]["get"]))[1]["status"] == "processing"


async def test_it_takes_its_time(ask: Asker) -> None:
    ask.simulator.script = Latency(first_token=0.2)
    _, created = await ask.create()
    assert (await ask.request("GET", created["urls"]["get"]))[1]["status"] == "processing"
    loop = asyncio.get_running_loop()
    ends = ask.simulator.predictions[0].created + 0.2
    while loop.time() < ends:
        await ask.request("GET", created["urls"]["get"])
    assert (await ask.request("GET", created["urls"]["get"]))[1]["status"] == "succeeded"


async def test_it_is_cancelled(ask: Asker) -> None:
    ask.simulator.script = faults.Stall()
    _, created = await ask.create()
    assert [prediction.canceled for prediction in ask.simulator.predictions] == [None]
    status, canceled = await ask.request("POST", created["urls"]["cancel"])
    assert (status, canceled["status"], canceled["output"]) == (200, "canceled", None)
    (prediction,) = ask.simulator.predictions
    assert prediction.status == "canceled"
    assert prediction.canceled is not None
    assert prediction.canceled > prediction.created
    assert (await ask.request("POST", created["urls"]["cancel"]))[1]["status"] == "canceled"
    assert ask.simulator.predictions == (prediction,)
    assert (await ask.request("GET", created["urls"]["get"]))[1]["status"] == "canceled"
    _, stream = await ask.request("GET", created["urls"]["stream"])
    assert stream == 'event: done\ndata: {"reason":"canceled"}\n\n'


async def test_what_is_over_stays_as_it_is(ask: Asker) -> None:
    _, created = await ask.create()
    assert (await ask.request("POST", created["urls"]["cancel"]))[1]["status"] == "succeeded"
    assert ask.simulator.predictions[0].canceled is None


async def test_it_streams(ask: Asker) -> None:
    ask.simulator.script = Answer(
        text=" two\n lines", token_chars=5, usage=Usage(prompt_tokens=9, completion_tokens=2)
    )
    _, created = await ask.create(stream=True, input={"prompt": "x"})
    assert ask.simulator.requests[0].stream
    _, stream = await ask.request("GET", created["urls"]["stream"])
    assert stream == (
        "event: output\ndata:  two\ndata: \n\nevent: output\ndata:  line\n\nevent: output\ndata: s\n\n"
        "event: done\ndata: {}\n\n"
    )
    _, fetched = await ask.request("GET", created["urls"]["get"])
    assert fetched["metrics"]["input_token_count"] == 9


async def test_stop_sequences_and_bounds(ask: Asker) -> None:
    given: dict[str, Any] = {"prompt": "one two three", "stop_sequences": "x,two"}
    assert "".join((await ask.create(input=given, prefer="wait"))[1]["output"]) == "You said: one "
    for bound in ("max_tokens", "max_new_tokens", "max_completion_tokens", "max_output_tokens"):
        given = {"prompt": "one two three", bound: 3}
        assert "".join((await ask.create(input=given, prefer="wait"))[1]["output"]) == "You said: one"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"input": []}, "- input: input is required"),
        ({"input": {}}, "- input.prompt: prompt is required"),
        (
            {"input": {"prompt": "x", "stop_sequences": ["y"]}},
            "- input.stop_sequences: Invalid type. Expected: str",
        ),
        ({"input": {"prompt": "x", "max_tokens": "9"}}, "- input.max_tokens: Invalid type. Expected: int"),
    ],
)
async def test_inputs_that_do_not_fit(ask: Asker, body: Any, detail: str) -> None:
    status, error = await ask.create(**body)
    assert (status, error["detail"], error["status"]) == (422, detail, 422)
    assert ask.kind == "application/problem+json"
    assert not ask.simulator.predictions


async def test_refusals(client: Client) -> None:
    async with Simulator(dialect="replicate", api_key="r8_x", models=["me/mine", "v1"]) as simulator:
        ask, key = Asker(client, simulator), {"Authorization": "Bearer r8_x"}

        async def status(method: str, path: str, **options: Any) -> int:
            return (await ask.request(method, path, headers=key, **options))[0]

        assert simulator.base_url.endswith("/v1")
        assert (await ask.create())[0] == 401
        body: dict[str, Any] = {"input": {"prompt": "x"}}
        assert await status("POST", "/v1/models/me/mine/predictions", json=body) == 201
        assert await status("POST", "/v1/models/me/other/predictions", json=body) == 404
        assert await status("POST", "/v1/predictions", json={"version": "v1", **body}) == 201
        assert await status("POST", "/v1/predictions", json={"version": "v2", **body}) == 422
        assert await status("POST", "/v1/predictions", json=body) == 422
        assert await status("POST", "/v1/predictions", data=b"no") == 400
        assert await status("GET", "/v1/predictions") == 405
        assert await status("GET", "/v1/predictions/none") == 404
        assert await status("POST", "/v1/predictions/none/cancel") == 404
        assert await status("GET", "/v1/streams/none") == 404
        assert await status("POST", "/v1/elsewhere") == 404


@pytest.mark.parametrize(
    ("fault", "status"),
    [(faults.rate_limited(), 429), (faults.quota_exhausted(), 402), (faults.server_error(), 500)],
)
async def test_errors_before_there_is_a_prediction(ask: Asker, fault: faults.Fault, status: int) -> None:
    ask.simulator.script = fault
    assert (await ask.create())[0] == status
    assert not ask.simulator.predictions


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (faults.context_length(), "context length"),
        (faults.content_policy(), "(E005)"),
        (faults.ErrorEvent(message="Director: no"), "Director: no"),
    ],
)
async def test_predictions_that_fail(ask: Asker, fault: faults.Fault, text: str) -> None:
    ask.simulator.script = fault
    status, created = await ask.create()
    assert (status, created["status"]) == (201, "starting")
    _, failed = await ask.request("GET", created["urls"]["get"])
    assert (failed["status"], failed["id"]) == ("failed", created["id"])
    assert text in failed["error"]
    assert [prediction.status for prediction in ask.simulator.predictions] == ["failed"]
    _, stream = await ask.request("GET", created["urls"]["stream"])
    assert "event: error\ndata: " in stream
    assert text in stream


async def test_a_stream_without_its_end(ask: Asker) -> None:
    for fault in (faults.MissingDone(), faults.MissingFinish()):
        ask.simulator.script = fault
        _, created = await ask.create()
        assert "event: done" not in (await ask.request("GET", created["urls"]["stream"]))[1]


@pytest.mark.looptime
async def test_without_sockets() -> None:
    transport = ScriptedTransport.simulating(Latency(first_token=5))

    async def status(method: str, path: str, body: bytes = b"") -> Any:
        response = await transport.open(HTTPRequest(f"https://api.x{path}", {"Prefer": "x"}, body, method))
        return orjson.loads(await response.read())

    created = await status("POST", OFFICIAL, b'{"input":{"prompt":"x"}}')
    assert created["urls"]["get"] == f"https://api.x/v1/predictions/{created['id']}"
    path = f"/v1/predictions/{created['id']}"
    assert (await status("GET", path))["status"] == "processing"
    await asyncio.sleep(5)
    assert (await status("GET", path))["status"] == "succeeded"

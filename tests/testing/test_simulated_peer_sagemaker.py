"""AWS's own client reads the simulated endpoint, checksums, parts and errors."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from native_readers import chat, events_of

from aiocompl.testing import Answer, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiocompl.testing import Simulator
    from aiocompl.testing.plugin import SimulatorFactory

boto3 = pytest.importorskip("boto3", reason="the official boto3 SDK is not installed (extra `peers`)")
botocore = pytest.importorskip("botocore", reason="the official boto3 SDK is not installed (extra `peers`)")

BODY = {"messages": [{"role": "user", "content": "hello there"}]}

pytestmark = pytest.mark.real_time


class Sdk:
    """The blocking client, each call in a thread since the simulator is on the loop."""

    def __init__(self, simulator: Simulator, key: str = "right") -> None:
        self.simulator = simulator
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        session = boto3.Session(
            aws_access_key_id=key, aws_secret_access_key="secret", region_name="us-east-1"
        )
        self.client = session.client("sagemaker-runtime", endpoint_url=simulator.url, config=config)

    async def invoke(self) -> bytes:
        made = await self._call(self.client.invoke_endpoint)
        body: bytes = await asyncio.to_thread(made["Body"].read)
        return body

    async def stream(self) -> bytes:
        def whole(**given: Any) -> bytes:
            with closing(self.client.invoke_endpoint_with_response_stream(**given)["Body"]) as stream:
                return b"".join(part["PayloadPart"]["Bytes"] for part in stream)

        body: bytes = await self._call(whole)
        return body

    async def _call(self, call: Callable[..., Any]) -> Any:
        body = orjson.dumps(BODY)
        return await asyncio.to_thread(
            call, EndpointName="my-endpoint", ContentType="application/json", Body=body
        )


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Sdk]:
    made = Sdk(await simulator_factory(api_key="right", models=["my-endpoint"]))
    yield made
    made.client.close()


async def test_blocking(sdk: Sdk) -> None:
    sdk.simulator.script = Answer(text="Two cities.")
    assert chat(orjson.loads(await sdk.invoke())).text == "Two cities."


async def test_a_stream(sdk: Sdk) -> None:
    sdk.simulator.script = Answer(text="Two cities.")
    events = events_of(await sdk.stream())
    assert "".join(event["choices"][0]["delta"].get("content") or "" for event in events) == "Two cities."


async def test_an_error_of_the_container(sdk: Sdk) -> None:
    sdk.simulator.script = faults.context_length()
    with pytest.raises(sdk.client.exceptions.ModelError) as caught:
        await sdk.invoke()
    assert caught.value.response["OriginalStatusCode"] == 400
    assert "maximum context length" in caught.value.response["OriginalMessage"]


async def test_an_error_of_the_service(sdk: Sdk, simulator_factory: SimulatorFactory) -> None:
    sdk.simulator.script = faults.rate_limited()
    with pytest.raises(botocore.exceptions.ClientError, match="ThrottlingException"):
        await sdk.invoke()
    wrong = Sdk(sdk.simulator, key="wrong")
    with pytest.raises(botocore.exceptions.ClientError, match="UnrecognizedClientException"):
        await wrong.invoke()
    wrong.client.close()


async def test_an_error_within_a_stream(sdk: Sdk) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=2, message="It broke.")
    with pytest.raises(botocore.exceptions.EventStreamError, match="It broke"):
        await sdk.stream()

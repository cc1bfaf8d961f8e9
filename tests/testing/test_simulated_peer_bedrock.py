"""AWS's own client reads the simulator, checksums of the binary stream and all."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiocompl.testing import Simulator
    from aiocompl.testing.plugin import SimulatorFactory

boto3 = pytest.importorskip("boto3", reason="the official boto3 SDK is not installed (extra `peers`)")
botocore = pytest.importorskip("botocore", reason="the official boto3 SDK is not installed (extra `peers`)")

MODEL = "us.anthropic.claude-sonnet-4-5-v1:0"
ARN = "arn:aws:bedrock:us-east-1:000000000000:inference-profile/us.anthropic.claude-v1:0"
MESSAGES: list[Any] = [{"role": "user", "content": [{"text": "hello there"}]}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]
ANSWER = Answer(
    text="Two cities.",
    reasoning="Hm, well.",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Paris"}), ToolCall(name="weather")],
    token_chars=3,
    usage=Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=3),
)

pytestmark = pytest.mark.real_time


class Sdk:
    """The blocking client, each call in a thread since the simulator is on the loop."""

    def __init__(self, simulator: Simulator, key: str = "right") -> None:
        self.simulator = simulator
        config = botocore.config.Config(retries={"total_max_attempts": 1})
        session = boto3.Session(
            aws_access_key_id=key, aws_secret_access_key="secret", region_name="us-east-1"
        )
        self.client = session.client("bedrock-runtime", endpoint_url=simulator.url, config=config)

    async def converse(self, **params: Any) -> Any:
        return await self._call(self.client.converse, **params)

    async def stream(self, **params: Any) -> list[Any]:
        def whole(**given: Any) -> list[Any]:
            with closing(self.client.converse_stream(**given)["stream"]) as stream:
                return list(stream)

        made: list[Any] = await self._call(whole, **params)
        return made

    async def _call(self, call: Callable[..., Any], **params: Any) -> Any:
        return await asyncio.to_thread(call, **{"modelId": MODEL, "messages": MESSAGES, **params})


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Sdk]:
    made = Sdk(await simulator_factory(api_key="right", models=[MODEL, ARN]))
    yield made
    made.client.close()


async def test_blocking(sdk: Sdk) -> None:
    sdk.simulator.script = ANSWER
    made = await sdk.converse()
    thought, text, *calls = made["output"]["message"]["content"]
    assert thought["reasoningContent"]["reasoningText"]["text"] == "Hm, well."
    assert text == {"text": "Two cities."}
    assert [call["toolUse"]["input"] for call in calls] == [{"city": "Paris"}, {}]
    assert made["stopReason"] == "tool_use"
    assert (made["usage"]["inputTokens"], made["usage"]["cacheReadInputTokens"]) == (6, 3)
    assert sdk.simulator.requests[0].model == MODEL


async def test_streaming(sdk: Sdk) -> None:
    sdk.simulator.script = ANSWER
    events = await sdk.stream()
    deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
    assert "".join(delta.get("text", "") for delta in deltas) == "Two cities."
    assert (
        "".join(delta["toolUse"]["input"] for delta in deltas if "toolUse" in delta) == '{"city":"Paris"}{}'
    )
    starts = [event["contentBlockStart"] for event in events if "contentBlockStart" in event]
    assert [start["contentBlockIndex"] for start in starts] == [2, 3]
    assert events[-2] == {"messageStop": {"stopReason": "tool_use"}}
    assert events[-1]["metadata"]["usage"]["outputTokens"] == 4


async def test_a_model_may_be_an_arn(sdk: Sdk) -> None:
    made = await sdk.converse(modelId=ARN)
    assert made["output"]["message"]["content"] == [{"text": "You said: hello there"}]
    assert sdk.simulator.requests[0].model == ARN


async def test_a_tool_loop(sdk: Sdk) -> None:
    forced = {"tools": TOOLS, "toolChoice": {"tool": {"name": "weather"}}}
    first = await sdk.converse(toolConfig=forced)
    message = first["output"]["message"]
    use = message["content"][0]["toolUse"]
    assert use["input"] == {"city": "hello there"}
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "sunny"}]}}
    messages = [*MESSAGES, message, {"role": "user", "content": [result]}]
    second = await sdk.converse(messages=messages, toolConfig={"tools": TOOLS})
    assert second["stopReason"] == "end_turn"
    with pytest.raises(sdk.client.exceptions.ValidationException, match="toolConfig field must be defined"):
        await sdk.converse(messages=messages)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.context_length(), "ValidationException"),
        (faults.rate_limited(), "ThrottlingException"),
        (faults.quota_exhausted(), "ServiceQuotaExceededException"),
        (faults.Status(status=403), "AccessDeniedException"),
        (faults.Status(status=404), "ResourceNotFoundException"),
        (faults.server_error(), "InternalServerException"),
        (faults.overloaded(), "ServiceUnavailableException"),
    ],
)
async def test_errors(sdk: Sdk, fault: faults.Status, error: str) -> None:
    sdk.simulator.script = fault
    with pytest.raises(getattr(sdk.client.exceptions, error)):
        await sdk.converse()
    with pytest.raises(getattr(sdk.client.exceptions, error)):
        await sdk.stream()


async def test_an_error_within_a_stream(sdk: Sdk) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=2, kind="rate_limit", message="Slow down.")
    with pytest.raises(botocore.exceptions.EventStreamError, match=r"throttlingException.*Slow down\."):
        await sdk.stream()


async def test_refusals_of_the_request(sdk: Sdk) -> None:
    with pytest.raises(sdk.client.exceptions.ValidationException, match="must alternate"):
        await sdk.converse(messages=MESSAGES * 2)
    with pytest.raises(sdk.client.exceptions.ValidationException, match="identifier is invalid"):
        await sdk.converse(modelId="amazon.none")
    other = Sdk(sdk.simulator, key="wrong")
    with pytest.raises(botocore.exceptions.ClientError, match="UnrecognizedClientException"):
        await other.converse()
    other.client.close()

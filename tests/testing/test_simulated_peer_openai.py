"""OpenAI's own client reads the simulator where it is not Chat Completions on OpenAI's path: Responses, Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

openai = pytest.importorskip("openai", reason="the official openai SDK is not installed (extra `peers`)")

MESSAGES: list[Any] = [{"role": "user", "content": "hello there"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS: list[Any] = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
ANSWER = Answer(
    text="Two cities.",
    reasoning="Hm, well.",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Paris"}), ToolCall(name="weather")],
    token_chars=3,
    usage=Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=3, reasoning_tokens=1),
)


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right", models=["gpt-5"])
    async with openai.AsyncOpenAI(base_url=simulator.base_url, api_key="right", max_retries=0) as made:
        made.simulator = simulator
        yield made


@pytest.fixture
async def azure(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right", models=["gpt-5"])
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=simulator.url, api_key="right", api_version="2024-10-21", max_retries=0
    ) as made:
        made.simulator = simulator
        yield made


async def test_responses(sdk: Any) -> None:
    sdk.simulator.script = ANSWER
    response = await sdk.responses.create(model="gpt-5", input="hello there", tools=TOOLS)
    type(response).model_validate(response.to_dict(), strict=True)
    assert response.output_text == "Two cities."
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert response.output[0].summary[0].text == "Hm, well."
    usage = response.usage
    assert (usage.input_tokens_details.cached_tokens, usage.output_tokens_details.reasoning_tokens) == (3, 1)


async def test_streamed_responses(sdk: Any) -> None:
    sdk.simulator.script = ANSWER
    async with sdk.responses.stream(model="gpt-5", input="hello there", tools=TOOLS) as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()
    texts = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(texts) == final.output_text == "Two cities."
    assert [item.arguments for item in final.output[2:]] == ['{"city":"Paris"}', "{}"]
    raw = await sdk.responses.create(model="gpt-5", input="hello there", stream=True)
    async for event in raw:
        type(event).model_validate(event.to_dict(), strict=True)


async def test_a_tool_loop_in_responses(sdk: Any) -> None:
    first = await sdk.responses.create(
        model="gpt-5", input=MESSAGES, tools=TOOLS, tool_choice={"type": "function", "name": "weather"}
    )
    (call,) = first.output
    assert call.arguments == '{"city":"hello there"}'
    given = [*MESSAGES, call.to_dict()]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
    second = await sdk.responses.create(model="gpt-5", input=[*given, output], tools=TOOLS)
    assert second.output_text == "You said: hello there"
    with pytest.raises(openai.BadRequestError, match="No tool output found"):
        await sdk.responses.create(model="gpt-5", input=given, tools=TOOLS)


async def test_errors_of_responses(sdk: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="does not exist"):
        await sdk.responses.create(model="gpt-none", input="hi")
    with pytest.raises(openai.BadRequestError, match="max_output_tokens"):
        await sdk.responses.create(model="gpt-5", input="hi", max_output_tokens=1)
    with pytest.raises(openai.AuthenticationError):
        await sdk.with_options(api_key="wrong").responses.create(model="gpt-5", input="hi")
    sdk.simulator.script = faults.ErrorEvent(at_event=3, kind="rate_limit", message="Slow down.")
    *_, last = [event async for event in await sdk.responses.create(model="gpt-5", input="hi", stream=True)]
    assert (last.type, last.code, last.message) == ("error", "rate_limit_exceeded", "Slow down.")
    sdk.simulator.script = faults.rate_limited(1)
    with pytest.raises(openai.RateLimitError):
        await sdk.responses.create(model="gpt-5", input="hi")


async def test_azure(azure: Any) -> None:
    azure.simulator.script = ANSWER
    response = await azure.chat.completions.create(model="gpt-5", messages=MESSAGES)
    type(response).model_validate(response.to_dict(), strict=True)
    assert response.choices[0].message.content == "Two cities."
    assert response.prompt_filter_results[0]["prompt_index"] == 0
    stream = await azure.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True)
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices == []
    texts = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(texts) == "Two cities."


async def test_errors_of_azure(azure: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="deployment for this resource does not exist") as missing:
        await azure.chat.completions.create(model="none", messages=MESSAGES)
    assert missing.value.code == "DeploymentNotFound"
    with pytest.raises(openai.AuthenticationError, match="invalid subscription key"):
        await azure.with_options(api_key="wrong").chat.completions.create(model="gpt-5", messages=MESSAGES)
    azure.simulator.script = faults.content_policy()
    with pytest.raises(openai.BadRequestError, match="content management policy") as caught:
        await azure.chat.completions.create(model="gpt-5", messages=MESSAGES)
    assert caught.value.code == "content_filter"


async def test_azure_version_1(simulator_factory: SimulatorFactory) -> None:
    simulator = await simulator_factory(api_key="right")
    base = f"{simulator.url}/openai/v1"
    async with openai.AsyncOpenAI(base_url=base, api_key="right", max_retries=0) as bearer:
        response = await bearer.chat.completions.create(model="gpt-5", messages=MESSAGES)
        assert response.choices[0].message.content == "You said: hello there"
        assert (await bearer.responses.create(model="gpt-5", input="hi")).output_text == "You said: hi"
        headers = {"api-key": "right"}
        response = await bearer.chat.completions.create(
            model="gpt-5", messages=MESSAGES, extra_headers=headers
        )
        assert response.prompt_filter_results

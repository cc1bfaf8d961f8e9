"""OpenAI's own client reads the simulator: its word on the wire format, not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

openai = pytest.importorskip("openai", reason="the official openai SDK is not installed (extra `peers`)")

MESSAGES: list[Any] = [{"role": "user", "content": "hello there"}]
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right", models=["gpt-4o"])
    async with openai.AsyncOpenAI(base_url=simulator.base_url, api_key="right", max_retries=0) as made:
        made.simulator = simulator
        yield made


async def ask(sdk: Any, **params: Any) -> Any:
    return await sdk.chat.completions.create(**{"model": "gpt-4o", "messages": MESSAGES, **params})


async def test_blocking(sdk: Any) -> None:
    sdk.simulator.script = Answer(
        text="Hi!", usage=Usage(prompt_tokens=5, completion_tokens=2, cached_tokens=4)
    )
    response = await ask(sdk)
    assert response.choices[0].message.content == "Hi!"
    assert response.choices[0].finish_reason == "stop"
    assert response.usage.prompt_tokens_details.cached_tokens == 4
    assert response._request_id == "req_00000001"
    type(response).model_validate(response.to_dict(), strict=True)


async def test_streaming(sdk: Any) -> None:
    stream = await ask(sdk, stream=True, n=2, logprobs=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    texts = ["", ""]
    for chunk in chunks:
        type(chunk).model_validate(chunk.to_dict(), strict=True)
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == ["You said: hello there", "You said: hello there (2)"]
    assert chunks[-1].usage.completion_tokens == 9


async def test_tool_calls(sdk: Any) -> None:
    sdk.simulator.script = Answer(
        tool_calls=(
            ToolCall(name="weather", arguments={"city": "Paris"}),
            ToolCall(name="weather", arguments={"city": "Rome"}),
        ),
        token_chars=4,
    )
    response = await ask(sdk, tools=TOOLS)
    type(response).model_validate(response.to_dict(), strict=True)
    calls = response.choices[0].message.tool_calls
    assert [call.function.arguments for call in calls] == ['{"city":"Paris"}', '{"city":"Rome"}']
    async with sdk.chat.completions.stream(model="gpt-4o", messages=MESSAGES, tools=TOOLS) as stream:
        final = await stream.get_final_completion()
    streamed = final.choices[0].message.tool_calls
    assert [call.function.arguments for call in streamed] == [call.function.arguments for call in calls]
    assert final.choices[0].finish_reason == "tool_calls"


async def test_models(sdk: Any) -> None:
    assert [model.id async for model in sdk.models.list()] == ["gpt-4o"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.context_length(), "BadRequestError"),
        (faults.rate_limited(1), "RateLimitError"),
        (faults.server_error(), "InternalServerError"),
        (faults.html_page(), "InternalServerError"),
        (faults.Reset(), "APIConnectionError"),
        (faults.Hangup(), "APIConnectionError"),
    ],
)
async def test_errors(sdk: Any, fault: Any, error: str) -> None:
    sdk.simulator.script = fault
    with pytest.raises(getattr(openai, error)) as caught:
        await ask(sdk)
    if isinstance(fault, faults.Status) and fault.body is None:
        assert caught.value.type
        assert caught.value.request_id == "req_00000001"


async def test_error_event_inside_a_stream(sdk: Any) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=2, message="Broken.")
    stream = await ask(sdk, stream=True)
    with pytest.raises(openai.APIError, match="Broken"):
        async for _ in stream:
            pass


async def test_refusals_of_the_request(sdk: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="empty array"):
        await ask(sdk, messages=[])
    with pytest.raises(openai.NotFoundError):
        await ask(sdk, model="gpt-none")
    with pytest.raises(openai.AuthenticationError):
        await ask(sdk.with_options(api_key="wrong"))

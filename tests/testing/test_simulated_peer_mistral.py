"""Mistral's own client reads the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

client = pytest.importorskip(
    "mistralai.client", reason="the official mistralai SDK is not installed (extra `peers`)"
)
errors = pytest.importorskip("mistralai.client.errors")

ASKED: dict[str, Any] = {
    "model": "mistral-large-latest",
    "messages": [{"role": "user", "content": "hello there"}],
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
ANSWER = Answer(
    text="Two cities.",
    reasoning="Hm, well.",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Paris"}), ToolCall(name="weather")],
    token_chars=3,
    usage=Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=3, reasoning_tokens=1),
)


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right", models=[ASKED["model"]])
    async with client.Mistral(api_key="right", server_url=f"{simulator.url}/mistral") as made:
        yield made.chat, simulator


async def test_blocking(sdk: Any) -> None:
    chat, simulator = sdk
    response = await chat.complete_async(**ASKED, random_seed=7, safe_prompt=True)
    assert response.choices[0].message.content == "You said: hello there"
    assert response.choices[0].finish_reason == "stop"
    simulator.script = ANSWER
    response = await chat.complete_async(**ASKED)
    message = response.choices[0].message
    thought, text = message.content
    assert ([part.text for part in thought.thinking], text.text) == (["Hm, well."], "Two cities.")
    calls = [(call.function.name, call.function.arguments, call.index) for call in message.tool_calls]
    assert calls == [("weather", '{"city":"Paris"}', 0), ("weather", "{}", 1)]
    assert (response.usage.prompt_tokens, response.usage.total_tokens) == (9, 13)


async def test_streaming(sdk: Any) -> None:
    chat, simulator = sdk
    simulator.script = ANSWER
    stream = await chat.stream_async(**ASKED)
    chunks = [event.data async for event in stream]
    deltas = [chunk.choices[0].delta for chunk in chunks]
    thoughts = [
        part.text
        for delta in deltas
        if isinstance(delta.content, list)
        for block in delta.content
        for part in block.thinking
    ]
    texts = [delta.content for delta in deltas if isinstance(delta.content, str)]
    assert ("".join(thoughts), "".join(texts)) == ("Hm, well.", "Two cities.")
    assert [call.function.arguments for call in deltas[-1].tool_calls] == ['{"city":"Paris"}', "{}"]
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert chunks[-1].usage.completion_tokens == 4


async def test_a_tool_loop(sdk: Any) -> None:
    chat, _ = sdk
    first = await chat.complete_async(**ASKED, tools=TOOLS, tool_choice="any")
    message = first.choices[0].message
    (call,) = message.tool_calls
    assert call.function.arguments == '{"city":"hello there"}'
    messages = [
        *ASKED["messages"],
        message,
        {"role": "tool", "name": "weather", "tool_call_id": call.id, "content": "sunny"},
    ]
    second = await chat.complete_async(model=ASKED["model"], messages=messages, tools=TOOLS)
    assert second.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (faults.context_length(), 400, "maximum context length"),
        (faults.rate_limited(3), 429, "Requests rate limit exceeded"),
        (faults.quota_exhausted(), 402, "payments"),
        (faults.content_policy(), 403, "moderation"),
        (faults.server_error(), 500, "Service unavailable"),
        (faults.overloaded(), 503, "Service unavailable"),
    ],
)
async def test_errors(sdk: Any, fault: Any, status: int, words: str) -> None:
    chat, simulator = sdk
    simulator.script = fault
    for call in (chat.complete_async, chat.stream_async):
        with pytest.raises(errors.SDKError, match=words) as caught:
            await call(**ASKED, retries=None)
        assert caught.value.status_code == status
        assert '"object":"error"' in caught.value.body


async def test_refusals_of_the_request(sdk: Any, simulator_factory: SimulatorFactory) -> None:
    chat, simulator = sdk
    with pytest.raises(errors.HTTPValidationError) as caught:
        await chat.complete_async(**ASKED, temperature=1.6)
    (detail,) = caught.value.data.detail
    assert (detail.loc, detail.type) == (["body", "temperature"], "less_than_equal")
    with pytest.raises(errors.SDKError, match="Invalid model: none"):
        await chat.complete_async(model="none", messages=ASKED["messages"])
    async with client.Mistral(api_key="wrong", server_url=f"{simulator.url}/mistral") as other:
        with pytest.raises(errors.SDKError, match="Invalid API Key") as refused:
            await other.chat.complete_async(**ASKED)
        assert refused.value.status_code == 401

"""Groq's own client reads the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

groq = pytest.importorskip("groq", reason="the official groq SDK is not installed (extra `peers`)")

ASKED: dict[str, Any] = {
    "model": "llama-3.3-70b-versatile",
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
    async with groq.AsyncGroq(base_url=f"{simulator.url}/groq", api_key="right", max_retries=0) as made:
        made.simulator = simulator
        yield made


async def test_blocking(sdk: Any) -> None:
    response = await sdk.chat.completions.create(**ASKED)
    type(response).model_validate(response.to_dict(), strict=True)
    assert response.choices[0].message.content == "You said: hello there"
    sdk.simulator.script = ANSWER
    response = await sdk.chat.completions.create(**ASKED)
    type(response).model_validate(response.to_dict(), strict=True)
    message, usage = response.choices[0].message, response.usage
    assert (message.content, message.reasoning) == ("Two cities.", "Hm, well.")
    assert [call.function.arguments for call in message.tool_calls] == ['{"city":"Paris"}', "{}"]
    assert (usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens) == (
        3,
        1,
    )
    assert usage.queue_time is not None
    assert response.x_groq.id == "req_00000000000000000000000002"


async def test_streaming(sdk: Any) -> None:
    sdk.simulator.script = ANSWER
    stream = await sdk.chat.completions.create(**ASKED, stream=True)
    chunks = [chunk async for chunk in stream]
    for chunk in chunks:
        type(chunk).model_validate(chunk.to_dict(), strict=True)
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == "Two cities."
    assert "".join(delta.reasoning or "" for delta in deltas) == "Hm, well."
    pieces = [call.function.arguments for delta in deltas for call in delta.tool_calls or ()]
    assert "".join(pieces) == '{"city":"Paris"}{}'
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert chunks[0].x_groq.id == chunks[-1].x_groq.id
    assert chunks[-1].x_groq.usage.completion_tokens == 4


async def test_a_tool_loop(sdk: Any) -> None:
    first = await sdk.chat.completions.create(**ASKED, tools=TOOLS, tool_choice="required")
    message = first.choices[0].message
    (call,) = message.tool_calls
    assert call.function.arguments == '{"city":"hello there"}'
    messages = [
        *ASKED["messages"],
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    second = await sdk.chat.completions.create(model=ASKED["model"], messages=messages, tools=TOOLS)
    assert second.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.context_length(), "BadRequestError"),
        (faults.rate_limited(3), "RateLimitError"),
        (faults.quota_exhausted(), "RateLimitError"),
        (faults.content_policy(), "BadRequestError"),
        (faults.server_error(), "InternalServerError"),
        (faults.overloaded(), "InternalServerError"),
    ],
)
async def test_errors(sdk: Any, fault: Any, error: str) -> None:
    sdk.simulator.script = fault
    for stream in (False, True):
        with pytest.raises(getattr(groq, error)) as caught:
            await sdk.chat.completions.create(**ASKED, stream=stream)
        assert caught.value.body["error"]["message"]


async def test_an_error_within_a_stream(sdk: Any) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=2, message="It broke.")
    stream = await sdk.chat.completions.create(**ASKED, stream=True)
    with pytest.raises(groq.APIError, match=r"It broke\."):
        [chunk async for chunk in stream]


async def test_refusals_of_the_request(sdk: Any) -> None:
    for name, value in {"logprobs": True, "n": 2, "store": True}.items():
        with pytest.raises(groq.BadRequestError, match=name):
            await sdk.chat.completions.create(**ASKED, **{name: value})
    named = [{**ASKED["messages"][0], "name": "me"}]
    with pytest.raises(groq.BadRequestError, match="property 'name' is unsupported"):
        await sdk.chat.completions.create(model=ASKED["model"], messages=named)
    with pytest.raises(groq.NotFoundError, match="does not exist"):
        await sdk.chat.completions.create(model="none", messages=ASKED["messages"])
    with pytest.raises(groq.AuthenticationError):
        await sdk.with_options(api_key="wrong").chat.completions.create(**ASKED)

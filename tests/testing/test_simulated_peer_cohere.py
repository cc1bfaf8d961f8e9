"""Cohere's own client reads the simulator, in both versions of its chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

cohere = pytest.importorskip("cohere", reason="the official cohere SDK is not installed (extra `peers`)")

ASKED: dict[str, Any] = {
    "model": "command-a-03-2025",
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
async def v2(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right")
    async with cohere.AsyncClientV2(api_key="right", base_url=simulator.url) as made:
        made.simulator = simulator
        yield made


@pytest.fixture
async def v1(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right")
    async with cohere.AsyncClient(api_key="right", base_url=simulator.url) as made:
        made.simulator = simulator
        yield made


async def test_blocking(v2: Any) -> None:
    response = await v2.chat(**ASKED)
    assert [part.text for part in response.message.content] == ["You said: hello there"]
    assert response.finish_reason == "COMPLETE"
    v2.simulator.script = ANSWER
    response = await v2.chat(**ASKED)
    assert response.message.tool_plan == "Two cities."
    assert response.message.content[0].thinking == "Hm, well."
    assert [call.function.arguments for call in response.message.tool_calls] == ['{"city":"Paris"}', "{}"]
    assert (response.usage.tokens.input_tokens, response.usage.cached_tokens) == (9, 3)


async def test_streaming(v2: Any) -> None:
    v2.simulator.script = ANSWER
    events = [event async for event in v2.chat_stream(**ASKED)]
    assert [events[0].type, events[-1].type] == ["message-start", "message-end"]
    thoughts = [event.delta.message.content.thinking for event in events if event.type == "content-delta"]
    plans = [event.delta.message.tool_plan for event in events if event.type == "tool-plan-delta"]
    assert ("".join(thoughts), "".join(plans)) == ("Hm, well.", "Two cities.")
    starts = [event for event in events if event.type == "tool-call-start"]
    assert [start.delta.message.tool_calls.function.name for start in starts] == ["weather", "weather"]
    pieces = [
        event.delta.message.tool_calls.function.arguments
        for event in events
        if event.type == "tool-call-delta"
    ]
    assert "".join(pieces) == '{"city":"Paris"}{}'
    assert events[-1].delta.finish_reason == "TOOL_CALL"
    assert events[-1].delta.usage.tokens.output_tokens == 4


async def test_a_tool_loop(v2: Any) -> None:
    first = await v2.chat(**ASKED, tools=TOOLS, tool_choice="REQUIRED")
    (call,) = first.message.tool_calls
    messages = [
        *ASKED["messages"],
        first.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
    ]
    second = await v2.chat(model=ASKED["model"], messages=messages, tools=TOOLS)
    assert second.finish_reason == "COMPLETE"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.context_length(), "BadRequestError"),
        (faults.rate_limited(), "TooManyRequestsError"),
        (faults.server_error(), "InternalServerError"),
        (faults.overloaded(), "ServiceUnavailableError"),
        (faults.content_policy(), "InvalidTokenError"),
        (faults.Status(status=403), "ForbiddenError"),
    ],
)
async def test_errors(v2: Any, v1: Any, fault: Any, error: str) -> None:
    v2.simulator.script = v1.simulator.script = fault
    options = {"max_retries": 0}
    with pytest.raises(getattr(cohere, error)) as caught:
        await v2.chat(**ASKED, request_options=options)
    assert caught.value.body["message"]
    with pytest.raises(getattr(cohere, error)):
        await v1.chat(message="hello", request_options=options)


async def test_an_error_within_a_stream(v2: Any) -> None:
    v2.simulator.script = faults.ErrorEvent(at_event=2, message="It broke.")
    *_, last = [event async for event in v2.chat_stream(**ASKED)]
    assert (last.delta.finish_reason, last.delta.error) == ("ERROR", "It broke.")


async def test_refusals_of_the_request(v2: Any) -> None:
    with pytest.raises(cohere.BadRequestError, match="p must be between"):
        await v2.chat(**ASKED, p=1.0)
    async with cohere.AsyncClientV2(api_key="wrong", base_url=v2.simulator.url) as other:
        with pytest.raises(cohere.UnauthorizedError, match="invalid api token"):
            await other.chat(**ASKED)


async def test_version_1(v1: Any) -> None:
    response = await v1.chat(message="hello there", preamble="Be kind.")
    assert (response.text, response.finish_reason) == ("You said: hello there", "COMPLETE")
    assert [turn.role for turn in response.chat_history] == ["USER", "CHATBOT"]
    assert response.meta.tokens.output_tokens == 4
    events = [event async for event in v1.chat_stream(message="hello there")]
    texts = [event.text for event in events if event.event_type == "text-generation"]
    assert "".join(texts) == events[-1].response.text == "You said: hello there"


async def test_tools_of_version_1(v1: Any) -> None:
    v1.simulator.script = ANSWER
    response = await v1.chat(message="hello there")
    assert [call.parameters for call in response.tool_calls] == [{"city": "Paris"}, {}]
    events = [event async for event in v1.chat_stream(message="hello there")]
    deltas = [event.tool_call_delta for event in events if event.event_type == "tool-calls-chunk"]
    pieces = [delta.parameters or "" for delta in deltas if delta is not None]
    assert "".join(pieces) == '{"city":"Paris"}{}'
    (whole,) = [event for event in events if event.event_type == "tool-calls-generation"]
    assert whole.tool_calls == response.tool_calls

"""Anthropic's own client reads the simulator: its word on the wire format, not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

anthropic = pytest.importorskip(
    "anthropic", reason="the official anthropic SDK is not installed (extra `peers`)"
)

ASKED: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "hello there"}],
}
TOOLS = [{"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]
CALLS = (
    ToolCall(name="weather", arguments={"city": "Paris"}),
    ToolCall(name="weather", arguments={"city": "Rome"}),
)


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right", models=["claude-sonnet-5"])
    async with anthropic.AsyncAnthropic(base_url=simulator.url, api_key="right", max_retries=0) as made:
        made.simulator = simulator
        yield made


async def test_blocking(sdk: Any) -> None:
    sdk.simulator.script = Answer(
        text="Hi!", usage=Usage(prompt_tokens=5, completion_tokens=2, cached_tokens=4)
    )
    message = await sdk.messages.create(**ASKED)
    type(message).model_validate(message.to_dict(), strict=True)
    assert [block.text for block in message.content] == ["Hi!"]
    assert message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (1, 4)
    assert message._request_id == "req_00000001"


async def test_streaming_says_the_same(sdk: Any) -> None:
    sdk.simulator.script = Answer(text="Two cities.", reasoning="Hm, well.", tool_calls=CALLS, token_chars=3)
    whole = await sdk.messages.create(**ASKED, tools=TOOLS)
    async with sdk.messages.stream(**ASKED, tools=TOOLS) as stream:
        events = [event.type async for event in stream]
        final = await stream.get_final_message()
    assert {"text", "thinking", "signature", "input_json", "message_stop"} <= set(events)
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert [block.input for block in final.content[2:]] == [{"city": "Paris"}, {"city": "Rome"}]
    said = [
        [block.to_dict() | {"id": "", "signature": ""} for block in message.content]
        for message in (whole, final)
    ]
    assert said[0] == [{k: v for k, v in block.items() if k != "parsed_output"} for block in said[1]]
    assert (final.stop_reason, whole.stop_reason) == ("tool_use", "tool_use")
    assert final.usage.output_tokens == whole.usage.output_tokens


async def test_a_tool_loop(sdk: Any) -> None:
    first = await sdk.messages.create(**ASKED, tools=TOOLS, tool_choice={"type": "any"})
    (use,) = first.content
    assert use.input == {"city": "hello there"}
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "sunny"}
    messages = [
        *ASKED["messages"],
        {"role": "assistant", "content": first.content},
        {"role": "user", "content": [result]},
    ]
    second = await sdk.messages.create(**{**ASKED, "messages": messages}, tools=TOOLS)
    assert second.stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match="without `tool_result` blocks"):
        await sdk.messages.create(**{**ASKED, "messages": messages[:2]}, tools=TOOLS)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.context_length(), "BadRequestError"),
        (faults.quota_exhausted(), "BadRequestError"),
        (faults.rate_limited(1), "RateLimitError"),
        (faults.server_error(), "InternalServerError"),
        (faults.overloaded(), "OverloadedError"),
        (faults.html_page(), "InternalServerError"),
        (faults.Reset(), "APIConnectionError"),
    ],
)
async def test_errors(sdk: Any, fault: Any, error: str) -> None:
    sdk.simulator.script = fault
    kind = getattr(anthropic, error, None) or getattr(anthropic._exceptions, error)
    with pytest.raises(kind) as caught:
        await sdk.messages.create(**ASKED)
    if isinstance(fault, faults.Status) and fault.body is None:
        assert caught.value.body["error"]["type"].endswith("_error")
        assert caught.value.request_id == "req_00000001"


async def test_an_error_within_a_stream(sdk: Any) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=4, kind="overloaded", message="Too much.")
    async with sdk.messages.stream(**ASKED) as stream:
        with pytest.raises(anthropic.APIStatusError, match="Too much"):
            await stream.get_final_message()


async def test_refusals_of_the_request(sdk: Any) -> None:
    with pytest.raises(anthropic.AuthenticationError):
        await sdk.with_options(api_key="wrong").messages.create(**ASKED)
    with pytest.raises(anthropic.NotFoundError):
        await sdk.messages.create(**{**ASKED, "model": "claude-none"})
    with pytest.raises(anthropic.BadRequestError, match="greater than or equal to 1"):
        await sdk.messages.create(**{**ASKED, "max_tokens": 0})
    with pytest.raises(anthropic.BadRequestError, match="at least one message"):
        await sdk.messages.create(**{**ASKED, "messages": []})
    assert [model.id async for model in await sdk.models.list()] == ["claude-sonnet-5"]


async def test_vertex(simulator_factory: SimulatorFactory) -> None:
    simulator = await simulator_factory(api_key="token")
    async with anthropic.AsyncAnthropicVertex(
        region="us-east5", project_id="p", access_token="token", base_url=f"{simulator.url}/v1", max_retries=0
    ) as sdk:
        message = await sdk.messages.create(**ASKED)
        assert message.content[0].text == "You said: hello there"
        async with sdk.messages.stream(**ASKED) as stream:
            assert await stream.get_final_text() == "You said: hello there"

"""Ollama's own client reads the simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

ollama = pytest.importorskip("ollama", reason="the official ollama client is not installed (extra `peers`)")

ASKED: dict[str, Any] = {"model": "llama3.2", "messages": [{"role": "user", "content": "hello there"}]}
ANSWER = Answer(
    text="Two cities.",
    reasoning="Hm, well.",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Paris"}), ToolCall(name="weather")],
    token_chars=3,
)


@pytest.fixture
async def sdk(simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(models=["llama3.2"])
    made = ollama.AsyncClient(host=simulator.url)
    made.simulator = simulator
    yield made
    await made._client.aclose()


async def test_blocking_and_streaming(sdk: Any) -> None:
    sdk.simulator.script = ANSWER
    whole = await sdk.chat(**ASKED)
    assert (whole.message.content, whole.message.thinking) == ("Two cities.", "Hm, well.")
    assert [call.function.arguments for call in whole.message.tool_calls] == [{"city": "Paris"}, {}]
    chunks = [chunk async for chunk in await sdk.chat(**ASKED, stream=True)]
    assert "".join(chunk.message.content for chunk in chunks) == "Two cities."
    assert "".join(chunk.message.thinking or "" for chunk in chunks) == "Hm, well."
    calls = [call for chunk in chunks for call in chunk.message.tool_calls or ()]
    assert calls == whole.message.tool_calls
    assert [chunk.done for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert (chunks[-1].done_reason, chunks[-1].eval_count) == ("stop", whole.eval_count)


async def test_a_tool_loop_and_a_schema(sdk: Any) -> None:
    called = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
    messages = [
        *ASKED["messages"],
        {"role": "assistant", "content": "", "tool_calls": [called]},
        {"role": "tool", "content": "sunny", "tool_name": "weather"},
    ]
    assert (await sdk.chat(model="llama3.2", messages=messages)).message.content == "You said: hello there"
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    assert (await sdk.chat(**ASKED, format=schema)).message.content == '{"city":"hello there"}'
    assert (await sdk.chat(**ASKED, options={"num_predict": 2})).done_reason == "length"


@pytest.mark.parametrize("fault", [faults.context_length(), faults.server_error(), faults.overloaded()])
async def test_errors(sdk: Any, fault: faults.Status) -> None:
    sdk.simulator.script = fault
    with pytest.raises(ollama.ResponseError) as caught:
        await sdk.chat(**ASKED)
    assert caught.value.status_code == fault.status
    assert not caught.value.error.startswith("{")


async def test_an_error_within_a_stream(sdk: Any) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=2, message="It broke.")
    with pytest.raises(ollama.ResponseError, match=r"It broke\."):
        async for _ in await sdk.chat(**ASKED, stream=True):
            pass


async def test_models(sdk: Any) -> None:
    assert [model.model for model in (await sdk.list()).models] == ["llama3.2"]
    with pytest.raises(ollama.ResponseError, match="model 'none' not found"):
        await sdk.chat(model="none", messages=[])

"""The same question through every simulated dialect gives equal answers in OpenAI's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl import Supervisor
from aiocompl.testing import Answer, Simulator, ToolCall, Usage

if TYPE_CHECKING:
    from aiocompl import ChatCompletion

MODELS = [
    "openai/gpt-4o",
    "openai/responses/gpt-4o",
    "azure/gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "cohere/v1/command-r",
    "ollama/llama3.2",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "sagemaker/my-endpoint",
    "groq/llama-3.3-70b-versatile",
    "mistral/mistral-large-latest",
]
SEES = [model for model in MODELS if "cohere" not in model]
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = ToolCall(name="get_weather", arguments='{"city":"Paris"}')


async def ask(
    model: str, script: Any, messages: list[dict[str, Any]], **params: Any
) -> tuple[ChatCompletion, ChatCompletion]:
    """The blocking answer, and the streamed one put together."""
    async with Simulator(script) as simulator, Supervisor(num_retries=0) as supervisor:
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "made-up"}
        whole = await supervisor.acompletion(model, messages, **place, **params)
        stream = await supervisor.acompletion(model, messages, stream=True, **place, **params)
        return whole, await stream.response()


def said(answer: ChatCompletion) -> tuple[Any, ...]:
    """What must be the same whoever answers."""
    (choice,) = answer.choices
    calls = [
        (call.function.name, call.function.arguments)
        for call in choice.message.tool_calls or ()
        if call.function
    ]
    return choice.message.role, choice.message.content, calls, choice.finish_reason


@pytest.mark.parametrize("model", MODELS)
async def test_text(model: str) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello!"},
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": "How are you?"},
    ]
    for answer in await ask(model, Answer(text="Fine, thank you."), messages, max_tokens=50):
        assert said(answer) == ("assistant", "Fine, thank you.", [], "stop")
        assert answer.call is not None
        assert answer.call.provider == model.partition("/")[0]


@pytest.mark.parametrize("model", MODELS)
async def test_usage_is_counted_alike_in_both_forms(model: str) -> None:
    script = Answer(text="Yes.", usage=Usage(prompt_tokens=9, completion_tokens=3))
    whole, streamed = await ask(model, script, [{"role": "user", "content": "Well?"}])
    for usage in (whole.usage, streamed.usage):
        if usage is None:  # in a stream OpenAI's dialect sends it only where it is asked for
            assert usage is streamed.usage
        else:
            assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (9, 3, 12)


@pytest.mark.parametrize("model", MODELS)
async def test_a_tool_is_called_and_its_result_sent_back(model: str) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Paris?"}]
    script = Answer(text="", tool_calls=[CALL])
    for answer in await ask(model, script, messages, tools=[TOOL]):
        role, _, calls, finish_reason = said(answer)
        assert (role, calls, finish_reason) == (
            "assistant",
            [("get_weather", '{"city":"Paris"}')],
            "tool_calls",
        )
        (call,) = answer.choices[0].message.tool_calls or []
        assert call.id
        history = [
            *messages,
            answer.choices[0].message.to_dict(),
            {"role": "tool", "tool_call_id": call.id, "content": '{"celsius": 18}'},
        ]
        for second in await ask(model, Answer(text="18 degrees."), history, tools=[TOOL]):
            assert said(second) == ("assistant", "18 degrees.", [], "stop")


@pytest.mark.parametrize("model", SEES)
async def test_an_image(model: str) -> None:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    for answer in await ask(model, Answer(text="A dot."), [{"role": "user", "content": parts}]):
        assert said(answer) == ("assistant", "A dot.", [], "stop")

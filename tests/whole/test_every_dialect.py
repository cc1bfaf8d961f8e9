"""The same question through every simulated dialect gives equal answers in OpenAI's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest

from aiocompl import ResponseFormatError, Supervisor
from aiocompl.testing import Answer, Simulator, ToolCall
from aiocompl.testing.dialects import DIALECTS

if TYPE_CHECKING:
    from aiocompl import ChatCompletion
    from aiocompl.testing.asked import Asked

MODELS = [
    "openai/gpt-4o",
    "openai/responses/gpt-4o",
    "azure/gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-2.5-flash",
    "azure_ai/claude-sonnet-4-5",
    "azure_ai/gpt-4o",
    "vertex_ai/gemini-2.5-flash",
    "vertex_ai/claude-sonnet-4-5@20250929",
    "vertex_ai/meta/llama-3.3-70b-instruct-maas",
    "vertex_ai/openapi/google/gemini-2.5-flash",
    "vertex_ai/openai/1234567890",
    "vertex_ai/mistral-medium-3",
    "huggingface/meta-llama/Llama-3.3-70B-Instruct:fastest",
    "huggingface/groq/openai/gpt-oss-120b",
    "huggingface/hf-inference/HuggingFaceTB/SmolLM3-3B",
    "cloudflare/@cf/openai/gpt-oss-120b",
    "cloudflare/run/@cf/meta/llama-3.3-70b-instruct-fp8-fast",
    "snowflake/claude-sonnet-4-5",
    "snowflake/messages/claude-sonnet-4-5",
    "databricks/databricks-claude-sonnet-4-5",
    "deepseek/deepseek-chat",
    "fireworks/llama-v3p3-70b-instruct",
    "perplexity/sonar",
    "cohere/command-a-03-2025",
    "cohere/v1/command-r",
    "ollama/llama3.2",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "replicate/meta/meta-llama-3-8b-instruct",
    "sagemaker/my-endpoint",
    "groq/llama-3.3-70b-versatile",
    "mistral/mistral-large-latest",
    "watsonx/ibm/granite-4-h-small",
    "watsonx/deployment/my-deployment",
]
CALLS = [model for model in MODELS if not model.startswith(("perplexity", "replicate"))]
SEES = [*(model for model in MODELS if "cohere" not in model), "cohere/command-a-vision-07-2025"]
WRITES = [model for model in MODELS if not model.startswith("replicate")]
"""Those that write JSON after a schema."""
REASONS = [
    model
    for model in CALLS
    if model.startswith(
        ("anthropic/", "gemini/", "cohere/command", "ollama/", "bedrock/", "mistral/", "watsonx/")
    )
    or model in ("openai/responses/gpt-4o", "deepseek/deepseek-chat")
]
"""Those whose dialect has a place for what the model thinks."""
WITHOUT_LOGPROBS = (
    *("anthropic/", "azure_ai/claude", "bedrock/", "cloudflare/", "cohere/v1/", "databricks/", "groq/"),
    *("perplexity/", "replicate/", "snowflake/messages/", "vertex_ai/claude"),
)
WEIGHS = [model for model in MODELS if not model.startswith(WITHOUT_LOGPROBS)]
"""Those that say how likely their tokens were."""
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
CALL = ToolCall(name="get_weather", arguments='{"city":"Paris"}')
CALL_FUNCTION = {"name": "get_weather", "arguments": '{"city":"Paris"}'}


async def ask(
    model: str,
    script: Any,
    messages: list[dict[str, Any]],
    *,
    streamed: dict[str, Any] | None = None,
    **params: Any,
) -> tuple[ChatCompletion, ChatCompletion]:
    """The blocking answer, and the streamed one put together; `streamed`: what is given for that alone."""
    provider = model.partition("/")[0]
    dialect = (
        provider if provider in DIALECTS else "openai"
    )  # only the paths of OpenAI's look-alikes depend on it
    async with Simulator(script, dialect=dialect) as simulator, Supervisor(num_retries=0) as supervisor:
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "made-up"}
        whole = await supervisor.acompletion(model, messages, **place, **params)
        params |= streamed or {}
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


@pytest.mark.parametrize("model", CALLS)
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


@pytest.mark.parametrize("model", CALLS)
async def test_reasoning_text_and_a_tool_call_sent_back(model: str) -> None:
    """Whatever of an answer a dialect has no place for, the answer can be sent back as it came."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Paris?"}]
    script = Answer(reasoning="Best to ask.", text="I shall see.", tool_calls=[CALL])
    for answer in await ask(model, script, messages, tools=[TOOL]):
        message = answer.choices[0].message
        (call,) = message.tool_calls or []
        if model in REASONS:
            assert message.reasoning_content is not None
            assert "Best to ask." in message.reasoning_content
        history = [*messages, message.to_dict(), {"role": "tool", "tool_call_id": call.id, "content": "18"}]
        for second in await ask(model, Answer(text="18 degrees."), history, tools=[TOOL]):
            assert said(second) == ("assistant", "18 degrees.", [], "stop")


@pytest.mark.parametrize("model", WEIGHS)
async def test_log_probabilities_alike_in_both_forms(model: str) -> None:
    top: dict[str, Any] = {} if model.startswith("cohere/") else {"top_logprobs": 2}
    script = Answer(text="Fine, thank you.", logprobs=(-0.5, -0.25))
    messages = [{"role": "user", "content": "How are you?"}]
    for answer in await ask(model, script, messages, logprobs=True, **top):
        logprobs = answer.choices[0].logprobs
        assert logprobs is not None
        found = [
            (each.token, each.logprob, [(other.token, other.logprob) for other in each.top_logprobs or ()])
            for each in logprobs.content or ()
        ]
        assert [token for token, *_ in found] == ["Fine,", " thank", " you."]
        assert [value for _, value, _ in found] == pytest.approx([-0.5, -0.25, -0.03])
        for token, value, others in found:
            assert others == ([(token, value), (f"{token}1", value - 1)] if top else [])


@pytest.mark.parametrize("model", SEES)
async def test_an_image(model: str) -> None:
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
    for answer in await ask(model, Answer(text="A dot."), [{"role": "user", "content": parts}]):
        assert said(answer) == ("assistant", "A dot.", [], "stop")


@attrs.frozen
class Person:
    """Somebody."""

    name: str
    age: int | None
    friends: list[Person] = attrs.field(factory=list)


PERSON = '{"name":"Ada","age":36,"friends":[{"name":"Charles","age":null,"friends":null}]}'


@pytest.mark.parametrize("model", WRITES)
async def test_an_answer_read_as_a_class(model: str) -> None:
    messages = [{"role": "user", "content": "Ada Lovelace, aged 36, and Charles Babbage"}]
    for answer in await ask(model, Answer(text=PERSON), messages, response_format=Person):
        message = answer.choices[0].message
        assert message.parsed == Person("Ada", 36, [Person("Charles", None)])
        assert (message.parsing_error, message.tool_calls) == (None, None)
        assert said(answer)[3] == "stop"
        history: list[Any] = [*messages, message, {"role": "user", "content": "And?"}]
        for second in await ask(model, Answer(text="Well."), history):
            assert second.choices[0].message.parsed is None


BY_TOOL = (
    "deepseek/deepseek-chat",
    "groq/llama-3.3-70b-versatile",
    "openai/gpt-4-turbo",
    "azure/gpt-35-turbo",
    "anthropic/claude-sonnet-4-0",
    "bedrock/amazon.nova-pro-v1:0",
)


def obey(asked: Asked) -> Answer:
    """Call the tool that must be called; this is a model that does not answer otherwise."""
    assert asked.must_call is not None
    return Answer(text="", tool_calls=[ToolCall(name=asked.must_call.name, arguments=PERSON)])


@pytest.mark.parametrize("model", BY_TOOL)
async def test_an_answer_by_the_tool_that_must_be_called(model: str) -> None:
    messages = [{"role": "user", "content": "Ada Lovelace, aged 36, and Charles Babbage"}]
    for answer in await ask(model, obey, messages, response_format=Person):
        assert answer.choices[0].message.parsed == Person("Ada", 36, [Person("Charles", None)])
        role, content, calls, finish_reason = said(answer)
        assert (role, calls, finish_reason) == ("assistant", [], "stop")
        assert orjson.loads(content) == orjson.loads(PERSON)


@pytest.mark.parametrize("model", [*BY_TOOL, "cohere/command-a-03-2025"])
async def test_a_tool_is_called_before_the_answer(model: str) -> None:
    messages = [{"role": "user", "content": "Ada Lovelace, and the weather where she lives"}]
    params: dict[str, Any] = {"response_format": Person, "tools": [TOOL]}
    for answer in await ask(model, Answer(text="", tool_calls=[CALL]), messages, **params):
        role, _, calls, finish_reason = said(answer)
        assert (role, calls, finish_reason) == (
            "assistant",
            [("get_weather", '{"city":"Paris"}')],
            "tool_calls",
        )
        assert (answer.choices[0].message.parsed, answer.choices[0].message.parsing_error) == (None, None)


@pytest.mark.parametrize("model", WRITES)
async def test_an_answer_that_is_not_of_the_class(model: str) -> None:
    messages = [{"role": "user", "content": "Ada Lovelace, aged 36"}]
    for answer in await ask(model, Answer(text='{"name":"Ada"}'), messages, response_format=Person):
        message = answer.choices[0].message
        assert (message.content, message.parsed) == ('{"name":"Ada"}', None)
        assert isinstance(message.parsing_error, ResponseFormatError)
        assert "age is missing" in str(message.parsing_error)


@pytest.mark.parametrize("model", CALLS)
async def test_functions_by_their_old_name_are_called_and_answered(model: str) -> None:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "What is the weather in Paris?"}]
    params: dict[str, Any] = {"functions": [TOOL["function"]]}
    for answer in await ask(model, Answer(text="", tool_calls=[CALL]), messages, **params):
        (choice,) = answer.choices
        assert choice.finish_reason == "function_call"
        assert choice.message.tool_calls is None
        assert choice.message.function_call is not None
        assert choice.message.function_call.to_dict() == CALL_FUNCTION
        result = {"role": "function", "name": "get_weather", "content": '{"celsius": 18}'}
        bare = {"role": "assistant", "content": None, "function_call": CALL_FUNCTION}
        for said_again in (choice.message.to_dict(), bare):
            twice = [*messages, said_again, result, bare, result]
            for second in await ask(model, Answer(text="18 degrees."), twice, **params):
                assert said(second) == ("assistant", "18 degrees.", [], "stop")
        for third in await ask(model, Answer(text="18 degrees."), [*messages, bare, result]):
            assert said(third) == ("assistant", "18 degrees.", [], "stop")


@pytest.mark.parametrize("model", CALLS)
async def test_functions_in_a_stream(model: str) -> None:
    async with (
        Simulator(Answer(text="", tool_calls=[CALL])) as simulator,
        Supervisor(num_retries=0) as supervisor,
    ):
        stream = await supervisor.acompletion(
            model,
            [{"role": "user", "content": "What is the weather in Paris?"}],
            stream=True,
            functions=[TOOL["function"]],
            api_base=simulator.base_url,
            api_key="made-up",
        )
        choices = [chunk.choices[0] async for chunk in stream if chunk.choices]
    pieces = [choice.delta.function_call for choice in choices if choice.delta.function_call]
    assert [piece.name for piece in pieces if piece.name] == ["get_weather"]
    assert "".join(piece.arguments or "" for piece in pieces) == '{"city":"Paris"}'
    assert not any(choice.delta.tool_calls for choice in choices)
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["function_call"]

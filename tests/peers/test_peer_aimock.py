"""Our codecs talk to aimock, which others wrote from the providers' documentation: https://aimock.copilotkit.dev.

What is asked says what is answered. Where aimock strays from the providers, the test that meets it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aimock_install
import attrs
import orjson
import pytest

from aiocompl import (
    APIConnectionError,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    CompletionStream,
    ContentPolicyViolationError,
    InternalServerError,
    NotFoundError,
    RateLimitError,
    ServiceUnavailableError,
    Supervisor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl import ChatCompletion

pytestmark = pytest.mark.real_time

KEY = "sk-of-the-tests"
LONG = "The quick brown fox jumps over the lazy dog, grüßt and says: \u4f60\u597d \U0001f600."
CALLS = [{"name": "get_weather", "arguments": {"city": city}} for city in ("Paris", "São Paulo")]
USAGE = {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}


def rule(
    text: str, response: dict[str, Any], match: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    return {"match": {"userMessage": text, **(match or {})}, "response": response, **more}


def failure(text: str, status: int, kind: str, code: str | None = None) -> dict[str, Any]:
    return rule(text, {"error": {"message": f"Oh: {text}", "type": kind, "code": code}, "status": status})


RULES = [
    rule("Say it.", {"content": LONG, "usage": USAGE}),
    rule("Briefly?", {"content": "Yes."}, {"systemMessage": "Be brief."}),
    rule("The weather?", {"toolCalls": CALLS}, {"hasToolResult": False}),
    rule("The weather?", {"content": "Mild."}, {"hasToolResult": True, "toolResultContains": "18 degrees"}),
    rule("Look.", {"content": "I look.", "toolCalls": CALLS[:1]}),
    rule("Think.", {"content": "42.", "reasoning": "Let me think about that."}),
    rule("Too long?", {"content": "This is cu", "finishReason": "length"}),
    rule("Forbidden?", {"content": "This is", "finishReason": "content_filter"}),
    rule("Break off.", {"content": LONG}, truncateAfterChunks=3),
    failure("bad request", 400, "invalid_request_error"),
    failure("no such model", 404, "not_found_error", "model_not_found"),
    failure("policy", 400, "invalid_request_error", "content_policy_violation"),
    failure("rate limit", 429, "rate_limit_error", "rate_limit_exceeded"),
    failure("server error", 500, "server_error"),
    failure("overloaded", 503, "overloaded_error"),
]

PLACES = {
    "openai/gpt-5": "/v1",
    "openai/responses/gpt-5": "/v1",
    "azure/gpt-5": "",
    "anthropic/claude-sonnet-4-5": "",
    "gemini/gemini-2.5-flash": "/v1beta",
    "vertex_ai/gemini-2.5-flash": "/v1/projects/p/locations/us-central1",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0": "",
    "cohere/command-a-03-2025": "",
    "ollama/llama3.2": "",
    "openrouter/openai/gpt-4o": "/api/v1",
    "groq/llama-3.3-70b-versatile": "/openai/v1",
    "mistral/mistral-large-latest": "/v1",
}
MODELS = list(PLACES)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]


@attrs.frozen
class Asker:
    """Asks one model at aimock, whole and streamed."""

    supervisor: Supervisor
    model: str
    stream: bool
    place: dict[str, Any]

    @property
    def provider(self) -> str:
        return self.model.partition("/")[0]

    async def __call__(self, *messages: str | dict[str, Any], **params: Any) -> ChatCompletion:
        asked = [{"role": "user", "content": each} if isinstance(each, str) else each for each in messages]
        place = {**self.place, **params}
        answer = await self.supervisor.acompletion(self.model, asked, stream=self.stream, **place)
        return await answer.response() if isinstance(answer, CompletionStream) else answer


@pytest.fixture(scope="session")
def address(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("aimock")
    cached = pytestconfig.pluginmanager.hasplugin("cacheprovider")
    script = aimock_install.install(pytestconfig.cache.mkdir("aimock") if cached else folder)
    fixtures = folder / "rules.json"
    fixtures.write_bytes(orjson.dumps({"fixtures": RULES}))
    with aimock_install.start(script, fixtures, KEY) as url:
        yield url


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
async def ask(request: pytest.FixtureRequest, address: str, model: str) -> Any:
    place = {"api_base": address + PLACES[model], "api_key": KEY}
    if model.startswith("azure"):
        place["api_version"] = "2024-10-21"
    async with Supervisor(num_retries=0) as supervisor:
        yield Asker(supervisor, model, request.param, place)


each_model = pytest.mark.parametrize("model", MODELS)


def calls_of(answer: ChatCompletion) -> list[dict[str, Any]]:
    functions = [call.function for call in answer.choices[0].message.tool_calls or () if call.function]
    return [{"name": each.name, "arguments": orjson.loads(each.arguments)} for each in functions]


@each_model
async def test_text(ask: Asker) -> None:
    answer = await ask("Say it.")
    (choice,) = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", LONG)
    assert choice.finish_reason == "stop"


@each_model
async def test_usage(ask: Asker) -> None:
    """aimock counts nothing in Ollama's dialect; a stream in OpenAI's tells it where it is asked, as OpenAI and Azure are."""
    answer = await ask("Say it.")
    counts = answer.usage and (answer.usage.prompt_tokens, answer.usage.completion_tokens)
    if ask.provider == "ollama":
        assert counts == (0, 0)
    elif ask.stream and ask.provider in ("groq", "mistral"):
        assert counts is None
    else:
        assert counts == (9, 4)


@each_model
async def test_a_system_message(ask: Asker) -> None:
    system = {"role": "system", "content": "Be brief."}
    answer = await ask(system, "Hello!", {"role": "assistant", "content": "Hi."}, "Briefly?")
    assert answer.choices[0].message.content == "Yes."


@each_model
async def test_tools_are_called_and_their_results_understood(ask: Asker) -> None:
    answer = await ask("The weather?", tools=TOOLS)
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert calls_of(answer) == CALLS
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"}
        for call in message.tool_calls or ()
    ]
    assert len({result["tool_call_id"] for result in results}) == 2
    second = await ask("The weather?", message.to_dict(), *results, tools=TOOLS)
    assert (second.choices[0].message.content, second.choices[0].finish_reason) == ("Mild.", "stop")


@each_model
async def test_text_before_a_call(ask: Asker) -> None:
    answer = await ask("Look.", tools=TOOLS)
    assert answer.choices[0].message.content == "I look."
    assert calls_of(answer) == CALLS[:1]


@each_model
async def test_reasoning(ask: Asker) -> None:
    """aimock has no reasoning in Ollama's dialect, and in Cohere's says it aloud."""
    message = (await ask("Think.")).choices[0].message
    said = {
        "ollama": ("42.", None),
        "cohere": ("Let me think about that.42.", None),
    }.get(ask.provider, ("42.", "Let me think about that."))
    assert (message.content, message.reasoning_content) == said


@each_model
async def test_an_answer_cut_at_its_limit(ask: Asker) -> None:
    """aimock never gives the reason in Ollama's dialect, and in that of Responses not the details which hold it."""
    said = {"ollama/llama3.2": "stop", "openai/responses/gpt-5": "incomplete"}
    answer = await ask("Too long?")
    assert answer.choices[0].message.content == "This is cu"
    assert answer.choices[0].finish_reason == said.get(ask.model, "length")


@pytest.mark.parametrize("model", [model for model in MODELS if "ollama" not in model])
async def test_a_filtered_answer(ask: Asker) -> None:
    if "responses" in ask.model:  # where it is an answer that failed, and aimock does not say of what
        with pytest.raises(InternalServerError, match="without saying why"):
            await ask("Forbidden?")
        return
    answer = await ask("Forbidden?")
    assert answer.choices[0].message.content == "This is"
    assert answer.choices[0].finish_reason == "content_filter"


@each_model
async def test_a_stream_that_breaks_off(ask: Asker) -> None:
    if ask.stream:
        with pytest.raises(APIConnectionError) as caught:
            await ask("Break off.")
        assert caught.value.retryable
    else:
        assert (await ask("Break off.")).choices[0].message.content == LONG


@each_model
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("bad request", BadRequestError),
        ("no such model", NotFoundError),
        ("rate limit", RateLimitError),
        ("server error", InternalServerError),
        ("overloaded", ServiceUnavailableError),
    ],
)
async def test_errors(ask: Asker, text: str, error: type[APIStatusError]) -> None:
    with pytest.raises(error, match=f"Oh: {text}") as caught:
        await ask(text)
    assert type(caught.value) is error
    assert caught.value.retryable == (text in ("rate limit", "server error", "overloaded"))


@pytest.mark.parametrize("model", ["openai/gpt-5", "openai/responses/gpt-5", "azure/gpt-5"])
async def test_codes_of_errors(ask: Asker) -> None:
    with pytest.raises(ContentPolicyViolationError):
        await ask("policy")


@each_model
async def test_the_key_is_where_the_provider_wants_it(ask: Asker) -> None:
    with pytest.raises(AuthenticationError) as caught:
        await ask("Say it.", api_key="sk-another")
    assert caught.value.status_code == 401

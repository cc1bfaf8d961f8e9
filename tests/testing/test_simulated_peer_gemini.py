"""Google's own client reads the simulator, as AI Studio and as Vertex AI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing.plugin import SimulatorFactory

genai = pytest.importorskip(
    "google.genai", reason="the official google-genai SDK is not installed (extra `peers`)"
)
credentials = pytest.importorskip(
    "google.oauth2.credentials", reason="google-auth is not installed (extra `peers`)"
)

ASKED: dict[str, Any] = {"model": "gemini-2.5-flash", "contents": "hello there"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"function_declarations": [{"name": "weather", "parameters_json_schema": SCHEMA}]}]
ANSWER = Answer(
    text="Two cities.",
    reasoning="Hm, well.",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Paris"}), ToolCall(name="weather")],
    token_chars=3,
    usage=Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=3, reasoning_tokens=1),
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class AiohttpClientSession"
)  # the SDK's, of aiohttp's


@pytest.fixture(params=["studio", "vertex"])
async def sdk(request: pytest.FixtureRequest, simulator_factory: SimulatorFactory) -> AsyncIterator[Any]:
    simulator = await simulator_factory(api_key="right", models=["gemini-2.5-flash"])
    options = {"base_url": simulator.url}
    if request.param == "studio":
        client = genai.Client(api_key="right", http_options=options)
    else:
        token = credentials.Credentials("right")
        client = genai.Client(
            vertexai=True, project="p", location="global", credentials=token, http_options=options
        )
    async with client.aio as made:
        made.simulator = simulator
        yield made
    client.close()


def said(parts: list[Any]) -> tuple[str, str, list[Any]]:
    """Text, thoughts and arguments of calls."""
    texts = [part for part in parts if part.text is not None]
    return (
        "".join(part.text for part in texts if not part.thought),
        "".join(part.text for part in texts if part.thought),
        [part.function_call.args for part in parts if part.function_call],
    )


async def test_blocking_and_streaming(sdk: Any) -> None:
    sdk.simulator.script = ANSWER
    whole = await sdk.models.generate_content(**ASKED)
    chunks = [chunk async for chunk in await sdk.models.generate_content_stream(**ASKED)]
    expected = ("Two cities.", "Hm, well.", [{"city": "Paris"}, {}])
    assert said(whole.candidates[0].content.parts) == expected
    assert said([part for chunk in chunks for part in chunk.candidates[0].content.parts]) == expected
    for last in (whole, chunks[-1]):
        assert last.candidates[0].finish_reason == genai.types.FinishReason.STOP
        usage = last.usage_metadata
        counts = (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count)
        assert (*counts, usage.cached_content_token_count, usage.total_token_count) == (9, 3, 1, 3, 13)
    paths = [request.path.rpartition(":")[2] for request in sdk.simulator.requests]
    assert paths == ["generateContent", "streamGenerateContent"]


async def test_a_tool_loop(sdk: Any) -> None:
    config: dict[str, Any] = {
        "tools": TOOLS,
        "automatic_function_calling": {"disable": True},
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["weather"]}},
    }
    first = await sdk.models.generate_content(**ASKED, config=config)
    (call,) = first.function_calls
    assert call.args == {"city": "hello there"}
    answered = genai.types.Part.from_function_response(name=call.name, response={"result": "sunny"})
    asked = genai.types.UserContent("hello there")
    contents = [asked, first.candidates[0].content, genai.types.UserContent(answered)]
    second = await sdk.models.generate_content(
        model=ASKED["model"], contents=contents, config={"tools": TOOLS}
    )
    assert second.candidates[0].finish_reason == genai.types.FinishReason.STOP


async def test_json_and_more_candidates(sdk: Any) -> None:
    config = {"response_mime_type": "application/json", "response_schema": SCHEMA, "candidate_count": 2}
    response = await sdk.models.generate_content(**ASKED, config=config)
    assert response.parsed == {"city": "hello there"}
    assert len(response.candidates) == 2


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.context_length(), "INVALID_ARGUMENT"),
        (faults.rate_limited(1), "RESOURCE_EXHAUSTED"),
        (faults.Status(status=403), "PERMISSION_DENIED"),
        (faults.server_error(), "INTERNAL"),
        (faults.overloaded(), "UNAVAILABLE"),
    ],
)
async def test_errors(sdk: Any, fault: faults.Status, status: str) -> None:
    sdk.simulator.script = fault
    kind = genai.errors.ServerError if fault.status >= 500 else genai.errors.ClientError
    with pytest.raises(kind) as caught:
        await sdk.models.generate_content(**ASKED)
    assert (caught.value.code, caught.value.status) == (fault.status, status)
    stream = await sdk.models.generate_content_stream(**ASKED)
    with pytest.raises(kind):
        await anext(stream)


async def test_a_blocked_prompt_is_no_error(sdk: Any) -> None:
    sdk.simulator.script = faults.content_policy()
    response = await sdk.models.generate_content(**ASKED)
    assert response.candidates is None
    assert response.prompt_feedback.block_reason == genai.types.BlockedReason.PROHIBITED_CONTENT


async def test_an_error_within_a_stream(sdk: Any) -> None:
    sdk.simulator.script = faults.ErrorEvent(at_event=1, kind="overloaded", message="It broke.")
    with pytest.raises(genai.errors.APIError, match=r"It broke\."):
        async for _ in await sdk.models.generate_content_stream(**ASKED):
            pass


async def test_refusals_of_the_request(sdk: Any) -> None:
    with pytest.raises(genai.errors.ClientError, match="404 NOT_FOUND"):
        await sdk.models.generate_content(model="gemini-none", contents="hi")
    with pytest.raises(genai.errors.ClientError, match="in the range"):
        await sdk.models.generate_content(**ASKED, config={"temperature": 3})

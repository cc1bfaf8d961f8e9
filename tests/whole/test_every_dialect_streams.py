"""A stream put together equals the blocking answer, whoever is asked, and hands out no chunk that nobody asked for."""

from __future__ import annotations

from typing import Any

import pytest
from test_every_dialect import CALL, CALLS, MODELS, TOOL, ask

from aiocompl import Supervisor
from aiocompl.codecs.dialects import bind
from aiocompl.codecs.natives import NATIVES
from aiocompl.testing import Answer, Simulator, Usage
from aiocompl.testing.dialects import DIALECTS
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

QUESTION = [{"role": "user", "content": "Well?"}]
USAGE = Usage(prompt_tokens=9, completion_tokens=3)
ASKED = {"stream_options": {"include_usage": True}}

SENT_UNASKED = ("cloudflare/@cf", "databricks/", "fireworks/", "perplexity/")
"""They count in every stream and need not be asked; the simulator speaks OpenAI's dialect for them, and has to be."""

NUMBERED = frozenset({"id", "created", "signature", "thought_signature", "response_id", "urls"})
"""What the simulator makes of the number of the request, of which there are two."""

ONE_FORM: dict[str, frozenset[str]] = {
    "groq/": frozenset({"service_tier", "usage_breakdown", "x_groq"}),
    "watsonx/": frozenset({"system"}),
}
"""Own fields that one of its two forms has, or that hold other things in each."""


def asked(model: str) -> dict[str, Any]:
    return ASKED if model.startswith(SENT_UNASKED) else {}


def shape(model: str, value: Any) -> Any:
    """A response without what differs between any two."""
    left_out = NUMBERED.union(*(names for start, names in ONE_FORM.items() if model.startswith(start)))
    if isinstance(value, list):
        return [shape(model, item) for item in value]
    if not isinstance(value, dict):
        return value
    # Only OpenAI's blocking form says that there are no annotations, by an empty list.
    silent = left_out | ({"annotations"} if value.get("annotations") == [] else frozenset())
    return {key: shape(model, item) for key, item in value.items() if key not in silent}


async def check(model: str, script: Answer, **params: Any) -> None:
    whole, streamed = await ask(model, script, QUESTION, streamed=asked(model), **params)
    assert shape(model, streamed.to_dict()) == shape(model, whole.to_dict())
    for answer in (whole, streamed):
        usage = answer.usage
        assert usage is not None
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (9, 3, 12)


@pytest.mark.parametrize("model", MODELS)
async def test_text(model: str) -> None:
    await check(model, Answer(text="Fine, thank you.", usage=USAGE))


@pytest.mark.parametrize("model", CALLS)
async def test_a_call(model: str) -> None:
    await check(model, Answer(text=None, tool_calls=[CALL], usage=USAGE), tools=[TOOL])


@pytest.mark.parametrize("model", MODELS)
async def test_reasoning(model: str) -> None:
    await check(model, Answer(text="Yes.", reasoning="Is it? It is.", usage=USAGE))


@pytest.mark.parametrize("model", MODELS)
async def test_a_chunk_without_choices_comes_only_where_it_is_asked_for(model: str) -> None:
    chunks, whole, _ = await streamed(model)
    assert all(chunk.choices for chunk in chunks)
    shown, again, _ = await streamed(model, **ASKED)
    counted = [chunk for chunk in shown if chunk.usage is not None]
    assert counted[-1].usage.completion_tokens == 3
    assert [chunk for chunk in shown if not chunk.choices] in ([], counted[-1:])
    assert shape(model, again.to_dict()["choices"]) == shape(model, whole.to_dict()["choices"])
    assert again.usage.total_tokens == 12


@pytest.mark.parametrize("model", MODELS)
async def test_the_usage_can_be_declined(model: str) -> None:
    chunks, _, _ = await streamed(model, stream_options={"include_usage": False})
    assert all(chunk.choices for chunk in chunks)


ASKING = [
    "openai/gpt-4o",
    "azure/gpt-4o",
    "azure_ai/gpt-4o",
    "vertex_ai/meta/llama-3.3-70b-instruct-maas",
    "huggingface/meta-llama/Llama-3.3-70B-Instruct:fastest",
    "snowflake/claude-sonnet-4-5",
    "deepseek/deepseek-chat",
    "sagemaker/my-endpoint",
    "vllm/my-model",
]
SILENT = ["custom/my-model", "fireworks/llama-v3p3-70b-instruct", "groq/llama-3.3-70b-versatile"]


async def streamed(model: str, **params: Any) -> tuple[list[Any], Any, Any]:
    """The chunks, the response and what was sent."""
    provider = model.partition("/")[0]
    dialect = provider if provider in DIALECTS else "openai"
    async with (
        Simulator(Answer(text="Yes.", usage=USAGE), dialect=dialect) as simulator,
        Supervisor(num_retries=0) as supervisor,
    ):
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "made-up"}
        stream = await supervisor.acompletion(model, QUESTION, stream=True, **place, **params)
        chunks = [chunk async for chunk in stream]
        return chunks, await stream.response(), simulator.requests[0].body


@pytest.mark.parametrize("model", ASKING)
async def test_the_usage_is_asked_for_and_its_chunk_is_hidden(model: str) -> None:
    chunks, whole, body = await streamed(model)
    assert body["stream_options"] == {"include_usage": True}
    assert all(chunk.usage is None for chunk in chunks)
    assert whole.usage.total_tokens == 12
    shown, again, _ = await streamed(model, **ASKED)
    assert (shown[-1].choices, shown[-1].usage.total_tokens) == ([], 12)
    assert again.usage == whole.usage
    assert len(shown) == len(chunks) + 1


@pytest.mark.parametrize("model", ASKING)
async def test_what_the_caller_says_of_the_stream_goes_as_given(model: str) -> None:
    for options in ({"include_usage": False}, {"include_obfuscation": False}):
        _, whole, body = await streamed(model, stream_options=options)
        assert (body["stream_options"], whole.usage) == (options, None)
        _, whole, body = await streamed(model, extra_body={"stream_options": options})
        assert (body["stream_options"], whole.usage) == (options, None)


@pytest.mark.parametrize("model", SILENT)
async def test_others_are_not_asked(model: str) -> None:
    _, _, body = await streamed(model)
    assert "stream_options" not in body


@pytest.mark.parametrize(
    ("version", "asked_for"),
    [("2024-10-21", True), ("2024-09-01-preview", True), ("2024-06-01", False), ("preview", True)],
)
async def test_azures_older_versions_are_not_asked(version: str, asked_for: bool) -> None:
    _, _, body = await streamed("azure/gpt-4o", api_version=version)
    assert ("stream_options" in body) == asked_for


async def test_a_server_without_versions_of_microsofts_is_not_asked() -> None:
    vendor, place = NATIVES["azure_ai"], "https://one.eastus.models.ai.azure.com"
    codec = bind("azure_ai", vendor, Endpoint(provider="azure_ai", base_url=place, api_key="k"))
    assert b"stream_options" not in codec.encode_request(ChatRequest("m", QUESTION, stream=True)).body


async def test_a_mock_hides_the_usage_like_others() -> None:
    async with Supervisor() as supervisor:
        cases: list[tuple[dict[str, Any], list[bool]]] = [({}, [True]), (ASKED, [True, False])]
        for params, kinds in cases:
            stream = await supervisor.acompletion(
                "openai/gpt-4o", QUESTION, stream=True, mock_response="Yes, it is.", **params
            )
            chunks = [chunk async for chunk in stream]
            assert sorted({bool(chunk.choices) for chunk in chunks}, reverse=True) == kinds
            assert (await stream.response()).usage is not None


async def test_merged_streams_hide_the_usage_like_others() -> None:
    for params in ({}, ASKED):
        chunks, whole, _ = await streamed("deepseek/deepseek-chat", n=3, n_by_fanout=True, **params)
        assert [chunk.usage for chunk in chunks if not chunk.choices] == ([whole.usage] if params else [])
        assert whole.usage.total_tokens == 36

"""Reranking, moderation and lists of models through every simulated dialect give equal answers."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl import AuthenticationError, BadRequestError, NotFoundError, Supervisor
from aiocompl.testing import Simulator

QUERY = "What is the capital of France?"
DOCUMENTS = ["bread and cheese", "Paris is the capital of France", "the capital of Spain"]
NAMES = ["m-1", "m-2", "m-3", "m-4", "m-5"]
RERANKERS = [
    "cohere/m-1",
    "cohere/v1/m-1",
    "voyage/rerank-2.5",
    "jina/m-1",
    "together/m-1",
    "custom/m-1",
    "vllm/m-1",
    "nvidia_nim/m-1",
    "tei/m-1",
]
LISTERS = ["openai", "azure", "anthropic", "gemini", "vertex_ai", "cohere", "ollama", "bedrock", "groq", "x"]


def place(simulator: Simulator) -> dict[str, Any]:
    return {"api_base": simulator.base_url, "api_key": "right"}


@pytest.mark.parametrize("model", RERANKERS)
async def test_reranking(model: str) -> None:
    async with Simulator() as simulator, Supervisor(num_retries=0) as supervisor:
        whole = await supervisor.arerank(model, QUERY, DOCUMENTS, **place(simulator))
        best = await supervisor.arerank(
            model, QUERY, DOCUMENTS, top_n=1, return_documents=True, **place(simulator)
        )
    assert [result.index for result in whole.results] == [1, 2, 0]
    assert [result.document for result in best.results] == [{"text": DOCUMENTS[1]}]
    assert whole.results[0].relevance_score > whole.results[1].relevance_score > 0
    assert whole.call is not None
    assert whole.call.provider == model.partition("/")[0]


async def test_bedrock_reranks_and_lists_with_signatures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "right")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with Simulator(api_key="right", models=NAMES) as simulator, Supervisor(num_retries=0) as supervisor:
        base: dict[str, Any] = {"api_base": simulator.url}
        listed = await supervisor.amodels("bedrock", **base)
        answer = await supervisor.arerank("bedrock/m-1", QUERY, DOCUMENTS, top_n=2, **base)
        chat = await supervisor.acompletion("bedrock/m-1", [{"role": "user", "content": "hi"}], **base)
        assert len(supervisor.snapshot().endpoints) == 1  # one actor and one signer for all three
    assert [model.id for model in listed.data] == NAMES
    assert [result.index for result in answer.results] == [1, 2]
    assert chat.choices[0].message.content == "You said: hi"


@pytest.mark.parametrize("provider", LISTERS)
async def test_models(provider: str) -> None:
    async with Simulator(models=NAMES) as simulator, Supervisor(num_retries=0) as supervisor:
        listed = await supervisor.amodels(provider, **place(simulator))
    assert [model.id for model in listed.data] == NAMES
    assert listed.object == "list"
    assert listed.call is not None
    assert listed.call.provider == {"x": "custom"}.get(provider, provider)
    (record,) = simulator.requests
    assert (record.method, record.raw_body) == ("GET", b"")
    assert "content-length" not in record.headers


@pytest.mark.parametrize(
    ("provider", "size"), [("anthropic", "limit"), ("gemini", "pageSize"), ("cohere", "page_size")]
)
async def test_pages_come_as_one_list(provider: str, size: str) -> None:
    async with Simulator(models=NAMES) as simulator, Supervisor(num_retries=0) as supervisor:
        listed = await supervisor.amodels(provider, extra_query={size: "2"}, **place(simulator))
    assert [model.id for model in listed.data] == NAMES
    assert listed.next_page is None
    assert len(simulator.requests) == 3


async def test_azure_lists_without_a_model_name() -> None:
    async with Simulator(models=NAMES) as simulator, Supervisor() as supervisor:
        for version in (None, "2024-10-21"):
            listed = await supervisor.amodels(
                "azure", api_base=simulator.url, api_key="k", api_version=version
            )
            assert [model.id for model in listed.data] == NAMES
    assert [record.path for record in simulator.requests] == ["/openai/v1/models", "/openai/models"]


@pytest.mark.parametrize("model", ["openai/m", "mistral/mistral-moderation-latest", "custom/m"])
async def test_moderation(model: str) -> None:
    async with Simulator() as simulator, Supervisor() as supervisor:
        judged = await supervisor.amoderation(["good morning", "I will kill you"], model, **place(simulator))
        (alone,) = (await supervisor.amoderation("I hate you", model, **place(simulator))).results
    assert [result.flagged for result in judged.results] == [False, True]
    assert judged.results[1].categories["violence"]
    assert judged.results[1].category_scores["violence"] > 0.9
    assert alone.flagged


async def test_moderation_goes_to_openai_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Simulator() as simulator, Supervisor() as supervisor:
        monkeypatch.setenv("OPENAI_BASE_URL", simulator.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        answer = await supervisor.amoderation([{"type": "text", "text": "a bomb"}])
    assert answer.results[0].category_applied_input_types is not None
    assert simulator.requests[0].body["model"] == "omni-moderation-latest"


async def test_refusals() -> None:
    async with Simulator(api_key="other", models=NAMES) as simulator, Supervisor(num_retries=0) as supervisor:
        for provider in LISTERS:
            with pytest.raises(AuthenticationError) as caught:
                await supervisor.amodels(provider, **place(simulator))
            assert "right" not in str(caught.value)
        other: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "other"}
        for model in ("cohere/none", "jina/none"):
            with pytest.raises(NotFoundError):
                await supervisor.arerank(model, QUERY, DOCUMENTS, **other)
        with pytest.raises(BadRequestError):
            await supervisor.arerank("cohere/m-1", QUERY, [], **other)

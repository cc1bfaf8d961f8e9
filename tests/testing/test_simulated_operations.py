"""The simulator beside chat, read by the providers' own clients, and by nobody's where they have no call for it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.testing.dialects.operations import ranked

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Simulator
    from aiocompl.testing.plugin import SimulatorFactory

QUERY = "What is the capital of France?"
DOCUMENTS = ["Berlin is in Germany", "Paris is the capital of France", "bread and cheese"]
NAMES = ["m-1", "m-2", "m-3", "m-4", "m-5"]


google_warns = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")  # of aiohttp's


@pytest.fixture
async def simulator(simulator_factory: SimulatorFactory) -> Simulator:
    return await simulator_factory(api_key="right", models=NAMES)


def test_scores_are_shares_of_the_querys_words() -> None:
    assert ranked("a b c d", ["x", "a b", "A, D! c", "b a"]) == [(2, 0.75), (1, 0.5), (3, 0.5), (0, 0.0)]
    assert ranked("a", ["x", "a"], 1) == [(1, 1.0)]
    assert ranked("?!", ["x"]) == [(0, 0.0)]


# ---------------------------------------------------------------- OpenAI


async def test_openai_moderates_and_lists(simulator: Simulator) -> None:
    openai = pytest.importorskip("openai", reason="the official openai SDK is not installed (extra `peers`)")
    async with openai.AsyncOpenAI(api_key="right", base_url=simulator.base_url, max_retries=0) as sdk:
        answer = await sdk.moderations.create(
            model="m-1", input=["good morning", "I hate you, I will kill you"]
        )
        assert [result.flagged for result in answer.results] == [False, True]
        assert (answer.results[1].categories.hate, answer.results[1].categories.violence) == (True, True)
        assert answer.results[0].category_scores.self_harm < 0.01
        parts = [
            {"type": "text", "text": "a bomb"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        ]
        (judged,) = (await sdk.moderations.create(model="m-1", input=parts)).results
        assert judged.category_applied_input_types.illicit == ["text", "image"]
        assert [model.id async for model in sdk.models.list()] == NAMES
        with pytest.raises(openai.NotFoundError):
            await sdk.moderations.create(model="none", input="hi")
        with pytest.raises(openai.BadRequestError):
            await sdk.moderations.create(model="m-1", input=[])


async def test_azure_lists_in_both_ways(simulator: Simulator) -> None:
    openai = pytest.importorskip("openai", reason="the official openai SDK is not installed (extra `peers`)")
    async with openai.AsyncAzureOpenAI(
        api_key="right", azure_endpoint=simulator.url, api_version="2024-10-21", max_retries=0
    ) as sdk:
        assert [model.id async for model in sdk.models.list()] == NAMES
    async with openai.AsyncOpenAI(api_key="right", base_url=f"{simulator.url}/openai/v1") as sdk:
        assert [model.id async for model in sdk.models.list()] == NAMES


# ---------------------------------------------------------------- Anthropic, Google, Ollama


async def test_anthropic_lists_page_after_page(simulator: Simulator) -> None:
    anthropic = pytest.importorskip("anthropic", reason="the official SDK is not installed (extra `peers`)")
    async with anthropic.AsyncAnthropic(api_key="right", base_url=simulator.url, max_retries=0) as sdk:
        found = [model async for model in sdk.models.list(limit=2)]
    assert [model.id for model in found] == NAMES
    assert found[0].created_at.year == 2026
    assert len(simulator.requests) == 3


@google_warns
async def test_google_lists_page_after_page(simulator: Simulator) -> None:
    genai = pytest.importorskip("google.genai", reason="the official SDK is not installed (extra `peers`)")
    client = genai.Client(api_key="right", http_options={"base_url": simulator.url})
    async with client.aio as sdk:
        found = [model async for model in await sdk.models.list(config={"page_size": 2})]
    client.close()
    assert [model.name for model in found] == [f"models/{name}" for name in NAMES]
    assert found[0].input_token_limit == 1_048_576
    assert len(simulator.requests) == 3


@google_warns
async def test_vertex_lists_googles_models(simulator: Simulator) -> None:
    genai = pytest.importorskip("google.genai", reason="the official SDK is not installed (extra `peers`)")
    credentials = pytest.importorskip("google.oauth2.credentials", reason="google-auth is not installed")
    client = genai.Client(
        vertexai=True,
        project="p",
        location="global",
        credentials=credentials.Credentials("right"),
        http_options={"base_url": simulator.url},
    )
    async with client.aio as sdk:
        found = [model.name async for model in await sdk.models.list(config={"query_base": True})]
    client.close()
    assert found == [f"publishers/google/models/{name}" for name in NAMES]


async def test_ollama_lists(simulator: Simulator) -> None:
    ollama = pytest.importorskip("ollama", reason="the official client is not installed (extra `peers`)")
    sdk = ollama.AsyncClient(host=simulator.url, headers={"Authorization": "Bearer right"})
    found = (await sdk.list()).models
    await sdk._client.aclose()
    assert [model.model for model in found] == NAMES
    assert found[0].details.family == "llama"


# ---------------------------------------------------------------- Cohere


async def test_cohere_reranks_and_lists(simulator: Simulator) -> None:
    cohere = pytest.importorskip("cohere", reason="the official SDK is not installed (extra `peers`)")
    async with cohere.AsyncClientV2(api_key="right", base_url=simulator.url) as sdk:
        answer = await sdk.rerank(model="m-1", query=QUERY, documents=DOCUMENTS, top_n=2)
        assert [result.index for result in answer.results] == [1, 0]
        assert answer.meta.billed_units.search_units == 1
        first = await sdk.models.list(page_size=2)
        assert [model.name for model in first.models] == NAMES[:2]
        second = await sdk.models.list(page_size=3, page_token=first.next_page_token)
        assert [model.name for model in second.models] == NAMES[2:]
        assert not second.next_page_token
        with pytest.raises(cohere.NotFoundError):
            await sdk.rerank(model="none", query=QUERY, documents=DOCUMENTS)
    async with cohere.AsyncClient(api_key="right", base_url=simulator.url) as sdk:
        answer = await sdk.rerank(model="m-1", query=QUERY, documents=DOCUMENTS, return_documents=True)
        assert [result.document.text for result in answer.results] == [
            DOCUMENTS[index] for index in (1, 0, 2)
        ]


# ---------------------------------------------------------------- Bedrock


@pytest.mark.real_time
async def test_bedrock_reranks_and_lists(simulator: Simulator) -> None:
    boto3 = pytest.importorskip("boto3", reason="the official SDK is not installed (extra `peers`)")

    def ask() -> tuple[Any, Any]:
        session = boto3.Session(aws_access_key_id="right", aws_secret_access_key="x", region_name="us-east-1")
        with closing(session.client("bedrock", endpoint_url=simulator.url)) as control:
            listed = control.list_foundation_models()
        with closing(session.client("bedrock-agent-runtime", endpoint_url=simulator.url)) as agents:
            reranked = agents.rerank(
                queries=[{"type": "TEXT", "textQuery": {"text": QUERY}}],
                sources=[
                    {
                        "type": "INLINE",
                        "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text}},
                    }
                    for text in DOCUMENTS
                ],
                rerankingConfiguration={
                    "type": "BEDROCK_RERANKING_MODEL",
                    "bedrockRerankingConfiguration": {
                        "numberOfResults": 2,
                        "modelConfiguration": {"modelArn": "arn:aws:bedrock:us-east-1::foundation-model/m"},
                    },
                },
            )
        return listed, reranked

    listed, reranked = await asyncio.to_thread(ask)
    assert [row["modelId"] for row in listed["modelSummaries"]] == NAMES
    assert [row["index"] for row in reranked["results"]] == [1, 0]


# ---------------------------------------------------------------- those without a client


async def post(client: Client, url: str, body: Any, **headers: str) -> Any:
    right = {"Authorization": "Bearer right", **headers}
    async with client.session.post(url, json=body, headers=right) as response:
        return response.status, await response.json()


async def test_voyage(simulator_factory: SimulatorFactory, client: Client) -> None:
    simulator = await simulator_factory()
    asked = {"model": "rerank-2-lite", "query": QUERY, "documents": DOCUMENTS}
    status, body = await post(
        client, f"{simulator.base_url}/rerank", {**asked, "top_k": 1, "return_documents": True}
    )
    assert status == 200
    assert body["data"] == [
        {"index": 1, "relevance_score": body["data"][0]["relevance_score"], "document": DOCUMENTS[1]}
    ]
    assert (body["object"], body["model"]) == ("list", "rerank-2-lite")
    status, body = await post(client, f"{simulator.base_url}/rerank", asked)
    assert len(body["data"]) == 3
    _, body = await post(client, f"{simulator.base_url}/rerank", {**asked, "model": "m", "truncation": True})
    assert body["data"][0]["index"] == 1


async def test_the_others(simulator_factory: SimulatorFactory, client: Client) -> None:
    simulator = await simulator_factory()
    asked = {"model": "m", "query": QUERY, "documents": [{"text": text} for text in DOCUMENTS]}
    _, body = await post(
        client, f"{simulator.base_url}/rerank", {**asked, "top_n": 1, "return_documents": True}
    )
    assert [row["document"] for row in body["results"]] == [{"text": DOCUMENTS[1]}]
    _, body = await post(
        client, f"{simulator.url}/rerank", {"query": QUERY, "texts": DOCUMENTS, "return_text": True}
    )
    assert (body[0]["index"], body[0]["text"]) == (1, DOCUMENTS[1])
    passages = {"model": "m", "query": {"text": QUERY}, "passages": [{"text": text} for text in DOCUMENTS]}
    _, body = await post(client, f"{simulator.base_url}/ranking", {**passages, "top_k": 1})
    assert [row["index"] for row in body["rankings"]] == [1]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/rerank", {"model": "m", "query": QUERY, "documents": []}),
        ("/v1/rerank", {"model": "m", "query": QUERY, "documents": "text"}),
        ("/v1/rerank", {"model": "m", "documents": DOCUMENTS}),
        ("/v2/rerank", {"model": "m", "query": QUERY}),
        ("/v1/moderations", {"model": "m", "input": {}}),
        ("/v1/moderations", {"model": "m", "input": [7]}),
        ("/v1/moderations", ["m"]),
    ],
)
async def test_bad_requests_are_refused(
    simulator_factory: SimulatorFactory, client: Client, path: str, body: Any
) -> None:
    simulator = await simulator_factory()
    status, answer = await post(client, simulator.url + path, body)
    assert status == 400, answer


async def test_a_page_after_a_model_that_is_none(simulator: Simulator, client: Client) -> None:
    headers = {"x-api-key": "right", "anthropic-version": "2023-06-01"}
    async with client.session.get(f"{simulator.base_url}/models?after_id=none", headers=headers) as response:
        assert response.status == 400


async def test_models_that_are_none_are_refused_there_too(simulator: Simulator, client: Client) -> None:
    status, body = await post(client, f"{simulator.base_url}/rerank", {"model": "none", "query": "q"})
    assert (status, body["error"]["message"]) == (404, "The model `none` does not exist.")


async def test_bedrock_reranks_objects_and_wants_arns(simulator: Simulator, client: Client) -> None:
    def asked(arn: str) -> dict[str, Any]:
        configuration = {"modelConfiguration": {"modelArn": arn}}
        source = {"type": "JSON", "jsonDocument": {"title": "France"}}
        return {
            "queries": [{"type": "TEXT", "textQuery": {"text": QUERY}}],
            "sources": [{"type": "INLINE", "inlineDocumentSource": source}],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": configuration,
            },
        }

    url, signed = f"{simulator.url}/rerank", {"x-amz-date": "20260101T000000Z"}
    status, body = await post(client, url, asked("arn:aws:bedrock:x::foundation-model/m"), **signed)
    assert (status, [row["index"] for row in body["results"]]) == (200, [0])
    status, body = await post(client, url, asked("m"), **signed)
    assert (status, body["message"]) == (400, "The provided model identifier is invalid.")

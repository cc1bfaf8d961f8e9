"""The providers' own clients read the simulator's embeddings."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.testing import faults
from aiocompl.testing.dialects.embeddings.common import small, tokens, vector

if TYPE_CHECKING:
    from aiocompl.testing import Simulator
    from aiocompl.testing.plugin import SimulatorFactory

TEXTS = ["The sky is blue.", "Grass is green."]
VECTORS = [vector(text, None) for text in TEXTS]
COUNT = sum(tokens(text) for text in TEXTS)
EXTRA = "the official SDK is not installed (extra `peers`)"


@pytest.fixture
async def simulator(simulator_factory: SimulatorFactory) -> Simulator:
    return await simulator_factory(api_key="right")


def approx(found: list[Any]) -> list[Any]:
    return [pytest.approx(numbers, rel=1e-6) for numbers in found]


async def test_openai(simulator: Simulator) -> None:
    openai = pytest.importorskip("openai", reason=EXTRA)
    async with openai.AsyncOpenAI(base_url=simulator.base_url, api_key="right", max_retries=0) as sdk:
        for form in (openai.NOT_GIVEN, "float"):
            made = await sdk.embeddings.create(
                model="text-embedding-3-small", input=TEXTS, encoding_format=form
            )
            assert [item.embedding for item in made.data] == approx(VECTORS)
            assert (made.usage.prompt_tokens, made.usage.total_tokens) == (COUNT, COUNT)
        made = await sdk.embeddings.create(
            model="text-embedding-3-small", input=[[1, 2], [1, 2]], dimensions=3
        )
        assert made.data[0].embedding == made.data[1].embedding == pytest.approx(vector("1 2", 3))
        refused: list[dict[str, Any]] = [
            {"input": []},
            {"input": "a", "dimensions": 0},
            {"input": "a", "extra_body": {"top_k": 1}},
        ]
        for wrong in refused:
            with pytest.raises(openai.BadRequestError):
                await sdk.embeddings.create(model="text-embedding-3-small", **wrong)
        with pytest.raises(openai.BadRequestError, match="does not support specifying dimensions"):
            await sdk.embeddings.create(model="text-embedding-ada-002", input="a", dimensions=3)
        simulator.script = faults.rate_limited(retry_after=1)
        with pytest.raises(openai.RateLimitError):
            await sdk.embeddings.create(model="text-embedding-3-small", input="a")


async def test_azure(simulator: Simulator) -> None:
    openai = pytest.importorskip("openai", reason=EXTRA)
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=simulator.url, api_key="right", api_version="2024-10-21", max_retries=0
    ) as sdk:
        made = await sdk.embeddings.create(model="my-deployment", input=TEXTS)
        assert [item.embedding for item in made.data] == approx(VECTORS)
        assert made.model == "my-deployment"


async def test_mistral(simulator: Simulator) -> None:
    sdk = pytest.importorskip("mistralai.client", reason=EXTRA)
    async with sdk.Mistral(api_key="right", server_url=simulator.url) as client:
        made = await client.embeddings.create_async(model="mistral-embed", inputs=TEXTS, output_dimension=4)
        assert [item.embedding for item in made.data] == approx([vector(text, 4) for text in TEXTS])
        assert made.usage.total_tokens == COUNT


async def test_cohere(simulator: Simulator) -> None:
    cohere = pytest.importorskip("cohere", reason=EXTRA)
    async with cohere.AsyncClientV2(api_key="right", base_url=simulator.url) as v2:
        made = await v2.embed(
            model="embed-v4.0", texts=TEXTS, input_type="search_document", embedding_types=["float", "int8"]
        )
        assert made.embeddings.float_ == approx(VECTORS)
        assert made.embeddings.int8 == [small(numbers) for numbers in VECTORS]
        assert made.meta.billed_units.input_tokens == COUNT
        with pytest.raises(cohere.core.ApiError, match="input_type must be provided"):
            await v2.embed(model="embed-v4.0", texts=TEXTS, input_type="anything")
        with pytest.raises(cohere.core.ApiError, match="at most 96 - received 97"):
            await v2.embed(model="embed-v4.0", texts=["a"] * 97, input_type="clustering")
    async with cohere.AsyncClient(api_key="right", base_url=simulator.url) as v1:
        made = await v1.embed(model="embed-english-v3.0", texts=TEXTS, input_type="search_query")
        assert made.embeddings == approx(VECTORS)


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession")  # the SDK's, of aiohttp's
@pytest.mark.parametrize(
    ("place", "model"),
    [
        ("studio", "gemini-embedding-001"),
        ("vertex", "text-embedding-005"),
        ("vertex", "gemini-embedding-001"),
    ],
)
async def test_google(simulator: Simulator, place: str, model: str) -> None:
    genai = pytest.importorskip("google.genai", reason=EXTRA)
    credentials = pytest.importorskip("google.oauth2.credentials", reason=EXTRA)
    http = {"base_url": simulator.url}
    if place == "studio":
        client = genai.Client(api_key="right", http_options=http)
    else:
        token = credentials.Credentials("right")
        client = genai.Client(
            vertexai=True, project="p", location="global", credentials=token, http_options=http
        )
    async with client.aio as sdk:
        config = {"task_type": "RETRIEVAL_QUERY", "output_dimensionality": 4}
        made = await sdk.models.embed_content(model=model, contents=TEXTS, config=config)
        assert [item.values for item in made.embeddings] == approx([vector(text, 4) for text in TEXTS])
        alone = await sdk.models.embed_content(model=model, contents=TEXTS[0])
        assert [item.values for item in alone.embeddings] == approx(VECTORS[:1])
        if model == "text-embedding-005":
            assert alone.embeddings[0].statistics.token_count == tokens(TEXTS[0])
        with pytest.raises(genai.errors.ClientError, match="task_type"):
            await sdk.models.embed_content(model=model, contents=TEXTS, config={"task_type": "NONE"})
    client.close()


async def test_ollama(simulator: Simulator) -> None:
    ollama = pytest.importorskip("ollama", reason=EXTRA)
    sdk = ollama.AsyncClient(host=simulator.url, headers={"Authorization": "Bearer right"})
    made = await sdk.embed(model="all-minilm", input=TEXTS)
    assert list(made.embeddings) == approx(VECTORS)
    assert made.prompt_eval_count == COUNT
    shorter = await sdk.embed(model="all-minilm", input=TEXTS[0], dimensions=3)
    assert list(shorter.embeddings) == approx([vector(TEXTS[0], 3)])
    older = await sdk.embeddings(model="all-minilm", prompt=TEXTS[0])
    assert older.embedding == pytest.approx(VECTORS[0])
    with pytest.raises(ollama.ResponseError, match="dimensions must be positive"):
        await sdk.embed(model="all-minilm", input="a", dimensions=-1)
    await sdk._client.aclose()


TITAN = "amazon.titan-embed-text-v2:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
NOVA_TEXT = {"embeddingPurpose": "GENERIC_INDEX", "text": {"truncationMode": "END", "value": TEXTS[0]}}


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("model", "body", "found"),
    [
        (TITAN, {"inputText": TEXTS[0]}, lambda made: made["embedding"]),
        ("amazon.titan-embed-text-v1", {"inputText": TEXTS[0]}, lambda made: made["embedding"]),
        (
            NOVA,
            {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": NOVA_TEXT},
            lambda made: made["embeddings"][0]["embedding"],
        ),
        (
            "cohere.embed-english-v3",
            {"texts": TEXTS[:1], "input_type": "clustering"},
            lambda made: made["embeddings"][0],
        ),
        (
            "us.cohere.embed-v4:0",
            {"texts": TEXTS[:1], "input_type": "clustering"},
            lambda made: made["embeddings"]["float"][0],
        ),
    ],
)
async def test_bedrock(simulator: Simulator, model: str, body: dict[str, Any], found: Any) -> None:
    boto3 = pytest.importorskip("boto3", reason=EXTRA)
    botocore = pytest.importorskip("botocore", reason=EXTRA)
    session = boto3.Session(
        aws_access_key_id="right", aws_secret_access_key="secret", region_name="us-east-1"
    )
    config = botocore.config.Config(retries={"total_max_attempts": 1})
    client = session.client("bedrock-runtime", endpoint_url=simulator.url, config=config)

    def invoke(**sent: Any) -> Any:
        answer = client.invoke_model(modelId=model, body=orjson.dumps(sent))
        headers = answer["ResponseMetadata"]["HTTPHeaders"]
        return orjson.loads(answer["body"].read()), headers["x-amzn-bedrock-input-token-count"]

    made, count = await asyncio.to_thread(invoke, **body)
    assert found(made) == pytest.approx(VECTORS[0])
    assert int(count) == tokens(TEXTS[0])
    with pytest.raises(client.exceptions.ValidationException, match="extraneous key"):
        await asyncio.to_thread(invoke, **body, more=1)
    client.close()

"""The same texts through every simulated dialect's embeddings give equal answers in OpenAI's format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl import BadRequestError, RateLimitError, Supervisor, UnsupportedParamsError
from aiocompl.testing import Simulator, faults
from aiocompl.testing.dialects.embeddings.common import tokens, vector
from aiocompl.types.embedding import unpacked

if TYPE_CHECKING:
    from aiocompl import EmbeddingResponse

FIXED = ["bedrock/amazon.titan-embed-text-v1", "watsonx/ibm/slate-125m-english-rtrvr"]
"""Models whose vectors have one length."""

MODELS = [
    "openai/text-embedding-3-small",
    "azure/text-embedding-3-small",
    "mistral/mistral-embed",
    "voyage/voyage-3.5",
    "jina_ai/jina-embeddings-v3",
    "openrouter/openai/text-embedding-3-small",
    "nvidia_nim/nvidia/nv-embedqa-e5-v5",
    "deepinfra/BAAI/bge-m3",
    "cohere/embed-v4.0",
    "gemini/gemini-embedding-001",
    "vertex_ai/text-embedding-005",
    "vertex_ai/gemini-embedding-001",
    "vertex_ai/gemini-embedding-2",
    "ollama/all-minilm",
    "huggingface/intfloat/multilingual-e5-large",
    "huggingface/tei",
    "bedrock/amazon.titan-embed-text-v2:0",
    "bedrock/amazon.nova-2-multimodal-embeddings-v1:0",
    "bedrock/us.cohere.embed-v4:0",
    *FIXED,
]
TEXTS = ["The sky is blue.", "Grass is green.", "The sky is blue."]


def base_of(simulator: Simulator, model: str) -> str:
    if model.startswith(("azure/", "watsonx/")):
        return simulator.url
    return f"{simulator.url}/hf-inference" if "multilingual-e5" in model else simulator.base_url


async def embed(model: str, texts: Any, *, script: Any = None, **params: Any) -> EmbeddingResponse:
    async with Simulator(script, api_key="made-up") as simulator, Supervisor(num_retries=0) as supervisor:
        place: dict[str, Any] = {"api_base": base_of(simulator, model), "api_key": "made-up"}
        return await supervisor.aembedding(model, texts, **place, **params)


@pytest.mark.parametrize("model", MODELS)
async def test_equal_texts_have_equal_vectors(model: str) -> None:
    answer = await embed(model, TEXTS)
    assert answer.object == "list"
    assert [item.embedding for item in answer.data] == [vector(text, None) for text in TEXTS]
    assert [(item.object, item.index) for item in answer.data] == [("embedding", at) for at in range(3)]
    assert answer.usage is not None
    count = sum(tokens(text) for text in TEXTS)
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (count, count)
    assert answer.call is not None
    assert answer.call.provider == model.partition("/")[0]
    assert answer.model == model.partition("/")[2]


@pytest.mark.parametrize("model", [model for model in MODELS if model not in FIXED])
@pytest.mark.parametrize("form", ["float", "base64"])
async def test_length_and_form_are_heeded(model: str, form: str) -> None:
    answer = await embed(model, TEXTS[:2], dimensions=256, encoding_format=form)
    found = [item.embedding for item in answer.data]
    if form == "base64":
        assert all(isinstance(text, str) for text in found)
    numbers = [unpacked(each) if isinstance(each, str) else each for each in found]
    assert numbers == [vector(text, 256) for text in TEXTS[:2]]


@pytest.mark.parametrize("model", FIXED)
async def test_a_length_that_cannot_be_chosen_is_refused_or_dropped(model: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        await embed(model, TEXTS, dimensions=256)
    assert caught.value.param == "dimensions"
    answer = await embed(model, TEXTS, dimensions=256, drop_params=True)
    assert answer.call is not None
    assert answer.call.dropped_params == ("dimensions",)


SEARCHES = [
    model
    for model in MODELS
    if model.startswith(("voyage", "jina_ai", "nvidia", "cohere", "gemini", "vertex_ai"))
    or "nova" in model
    or "cohere" in model
]


@pytest.mark.parametrize("model", SEARCHES)
@pytest.mark.parametrize("kind", ["query", "document"])
async def test_what_a_text_is_for_is_said_in_the_providers_words(model: str, kind: str) -> None:
    answer = await embed(model, TEXTS, input_type=kind)
    assert len(answer.data) == 3


@pytest.mark.parametrize("model", MODELS)
async def test_more_texts_than_one_request_takes(model: str) -> None:
    texts = [f"text {number}" for number in range(101)]
    answer = await embed(model, texts)
    assert [item.embedding for item in answer.data] == [vector(text, None) for text in texts]
    assert [item.index for item in answer.data] == list(range(101))
    assert answer.usage is not None
    assert answer.usage.total_tokens == sum(tokens(text) for text in texts)


@pytest.mark.parametrize("model", MODELS)
async def test_errors_are_of_one_tree(model: str) -> None:
    with pytest.raises(RateLimitError) as caught:
        await embed(model, TEXTS, script=faults.rate_limited(retry_after=3))
    assert caught.value.retryable
    assert "made-up" not in str(caught.value)


@pytest.mark.parametrize("model", [model for model in MODELS if "ollama" not in model])
async def test_what_the_provider_refuses_is_a_bad_request(model: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        await embed(model, ["something", ""])
    assert caught.value.status_code in {400, 422}


async def test_bedrock_is_signed_where_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.delenv("AWS_BEARER_TOKEN_BEDROCK", raising=False)
    async with Simulator(api_key="made-up") as simulator, Supervisor(num_retries=0) as supervisor:
        model = "bedrock/amazon.titan-embed-text-v2:0"
        answer = await supervisor.aembedding(model, TEXTS, api_base=simulator.url)
        assert [item.embedding for item in answer.data] == [vector(text, None) for text in TEXTS]
        sent = simulator.requests[0].headers["authorization"]
    assert sent.startswith("AWS4-HMAC-SHA256 Credential=made-up/")


async def test_perplexitys_whole_numbers_are_floats_here() -> None:
    model = "perplexity/pplx-embed-v1-0.6b"
    answer = await embed(model, TEXTS, dimensions=128)
    expected = [[float(round(number * 127)) for number in vector(text, 128)] for text in TEXTS]
    assert [item.embedding for item in answer.data] == expected
    packed = await embed(model, TEXTS, dimensions=128, encoding_format="base64")
    assert [unpacked(str(item.embedding)) for item in packed.data] == expected
    own = await embed(model, TEXTS, dimensions=128, encoding_format="base64_int8")
    assert [unpacked(str(item.embedding), "b") for item in own.data] == expected

"""The embedding dialects that are held to the contract of operations; see `test_contract_embeddings`.

Each comes with what its provider answers to two texts, or to one where it takes no more: the vectors ``[0.25, -1]`` and
``[0.5, 2]``, three tokens, and a field that nobody foresaw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
from contract_case import KEY

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.types.embedding import packed
from aiocompl.types.request import EmbeddingRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.embeddings.common import BoundEmbeddings
    from aiocompl.types.model import JSON

VECTORS = [[0.25, -1.0], [0.5, 2.0]]
PLACES = {
    "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "global",
    "WATSONX_PROJECT_ID": "w",
}


@attrs.frozen(kw_only=True)
class EmbeddingDialect:
    """One kind of embeddings, with its model."""

    model: str
    answer: Any
    url: str
    sent: JSON
    """The body of a request without parameters."""

    api_base: str | None = None
    api_version: str | None = None
    texts: tuple[str, ...] = ("Hello", "World")
    headers: dict[str, str] = attrs.field(factory=dict)
    error: JSON = attrs.field(
        factory=lambda: {"error": {"message": f"Incorrect API key: {KEY}", "code": "no"}}
    )
    unforeseen: Callable[[JSON], Any] = lambda body: body["unforeseen"]

    def route(self) -> Any:
        target = Target(self.model, api_base=self.api_base, api_key=KEY, api_version=self.api_version)
        return resolve_operation("embeddings", target, PLACES)

    def make(self) -> BoundEmbeddings:
        codec: BoundEmbeddings = self.route().codec
        return codec

    def request(self, **params: Any) -> EmbeddingRequest:
        return EmbeddingRequest(model=self.route().model, input=self.texts, params=params)

    def body(self) -> bytes:
        return orjson.dumps(self.answer)


def openai_answer(*, base64: bool = False, **usage: int) -> JSON:
    vectors = [packed(vector) if base64 else vector for vector in VECTORS]
    data = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return {
        "object": "list",
        "data": data[::-1],
        "model": "m-2026",
        "usage": usage or {"prompt_tokens": 3, "total_tokens": 3},
        "unforeseen": 1,
    }


def openai_like(model: str, url: str, answer: JSON | None = None, **more: Any) -> EmbeddingDialect:
    sent = {"model": more.pop("named", model.partition("/")[2]), "input": ["Hello", "World"]}
    return EmbeddingDialect(model=model, url=url, sent=sent, answer=answer or openai_answer(), **more)


ONE = ("Hello",)
COUNTED = {"x-amzn-bedrock-input-token-count": "3"}
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com/model/"
AWS_ERROR = {"message": f"Incorrect API key: {KEY}"}
GOOGLE_ERROR = {"error": {"code": 400, "message": f"Incorrect API key: {KEY}", "status": "INVALID_ARGUMENT"}}
STUDIO = "https://generativelanguage.googleapis.com/v1beta/models/"
VERTEX = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/"

EMBEDDING_DIALECTS = [
    openai_like("openai/text-embedding-3-small", "https://api.openai.com/v1/embeddings"),
    openai_like("custom/m", "http://127.0.0.1:8000/v1/embeddings", api_base="http://127.0.0.1:8000/v1"),
    openai_like(
        "azure/dep",
        "https://r.openai.azure.com/openai/deployments/dep/embeddings?api-version=2024-10-21",
        api_version="2024-10-21",
    ),
    openai_like("azure/v1", "https://r.openai.azure.com/openai/v1/embeddings"),
    openai_like(
        "azure/models",
        "https://r.services.ai.azure.com/models/embeddings?api-version=2024-05-01-preview",
        api_base="https://r.services.ai.azure.com/models",
        api_version="2024-05-01-preview",
    ),
    openai_like("mistral/mistral-embed", "https://api.mistral.ai/v1/embeddings"),
    openai_like("openrouter/openai/m", "https://openrouter.ai/api/v1/embeddings", named="openai/m"),
    openai_like(
        "voyage/voyage-3",
        "https://api.voyageai.com/v1/embeddings",
        openai_answer(base64=True, total_tokens=3),
    ),
    openai_like("jina_ai/jina-embeddings-v3", "https://api.jina.ai/v1/embeddings"),
    openai_like(
        "huggingface/tei",
        "http://127.0.0.1:8080/v1/embeddings",
        api_base="http://127.0.0.1:8080/v1",
    ),
    EmbeddingDialect(
        model="cohere/embed-v4.0",
        url="https://api.cohere.com/v2/embed",
        sent={
            "model": "embed-v4.0",
            "texts": ["Hello", "World"],
            "input_type": "search_document",
            "embedding_types": ["float"],
        },
        answer={
            "id": "e1",
            "embeddings": {"float": VECTORS},
            "meta": {"billed_units": {"input_tokens": 3}},
            "unforeseen": 1,
        },
        error={"message": f"Incorrect API key: {KEY}"},
    ),
    EmbeddingDialect(
        model="gemini/gemini-embedding-001",
        url=f"{STUDIO}gemini-embedding-001:batchEmbedContents",
        sent={
            "requests": [
                {"model": "models/gemini-embedding-001", "content": {"parts": [{"text": text}]}}
                for text in ("Hello", "World")
            ]
        },
        answer={
            "embeddings": [{"values": vector, "unforeseen": 1} for vector in VECTORS],
            "usageMetadata": {"promptTokenCount": 3},
        },
        error=GOOGLE_ERROR,
        unforeseen=lambda body: body["data"][1]["unforeseen"],
    ),
    EmbeddingDialect(
        model="vertex_ai/text-embedding-005",
        url=f"{VERTEX}text-embedding-005:predict",
        sent={"instances": [{"content": "Hello"}, {"content": "World"}]},
        answer={
            "predictions": [
                {"embeddings": {"values": vector, "statistics": {"token_count": count, "truncated": False}}}
                for vector, count in zip(VECTORS, (1, 2), strict=True)
            ],
            "metadata": {"billableCharacterCount": 10},
            "unforeseen": 1,
        },
        error=GOOGLE_ERROR,
    ),
    EmbeddingDialect(
        model="vertex_ai/gemini-embedding-2",
        url=f"{VERTEX}gemini-embedding-2:embedContent",
        sent={"content": {"role": "user", "parts": [{"text": "Hello"}]}},
        answer={
            "embedding": {"values": VECTORS[0]},
            "usageMetadata": {"promptTokenCount": 3},
            "unforeseen": 1,
        },
        error=GOOGLE_ERROR,
        texts=ONE,
    ),
    EmbeddingDialect(
        model="ollama/all-minilm",
        url="http://localhost:11434/api/embed",
        sent={"model": "all-minilm", "input": ["Hello", "World"]},
        answer={"model": "all-minilm", "embeddings": VECTORS, "prompt_eval_count": 3, "unforeseen": 1},
        error={"error": f"Incorrect API key: {KEY}"},
    ),
    EmbeddingDialect(
        model="huggingface/intfloat/e5",
        url="https://router.huggingface.co/hf-inference/models/intfloat/e5/pipeline/feature-extraction",
        sent={"inputs": ["Hello", "World"]},
        answer=VECTORS,
        headers={"x-compute-tokens": "3"},
        unforeseen=lambda _: 1,  # nothing but vectors
    ),
    EmbeddingDialect(
        model="watsonx/ibm/slate",
        api_base="https://cpd.example",
        url="https://cpd.example/ml/v1/text/embeddings?version=2024-03-13",
        sent={"model_id": "ibm/slate", "project_id": "w", "inputs": ["Hello", "World"]},
        answer={
            "model_id": "ibm/slate",
            "results": [{"embedding": vector} for vector in VECTORS],
            "input_token_count": 3,
            "unforeseen": 1,
        },
        error={"errors": [{"code": "no", "message": f"Incorrect API key: {KEY}"}]},
    ),
    EmbeddingDialect(
        model="bedrock/amazon.titan-embed-text-v2:0",
        url=f"{RUNTIME}amazon.titan-embed-text-v2%3A0/invoke",
        sent={"inputText": "Hello"},
        answer={
            "embedding": VECTORS[0],
            "embeddingsByType": {"float": VECTORS[0]},
            "inputTextTokenCount": 3,
            "unforeseen": 1,
        },
        error=AWS_ERROR,
        texts=ONE,
    ),
    EmbeddingDialect(
        model="bedrock/amazon.nova-2-multimodal-embeddings-v1:0",
        url=f"{RUNTIME}amazon.nova-2-multimodal-embeddings-v1%3A0/invoke",
        sent={
            "taskType": "SINGLE_EMBEDDING",
            "singleEmbeddingParams": {
                "embeddingPurpose": "GENERIC_INDEX",
                "text": {"truncationMode": "NONE", "value": "Hello"},
            },
        },
        answer={"embeddings": [{"embedding": VECTORS[0], "embeddingType": "TEXT"}], "unforeseen": 1},
        headers=COUNTED,
        error=AWS_ERROR,
        texts=ONE,
    ),
    EmbeddingDialect(
        model="bedrock/us.cohere.embed-v4:0",
        url=f"{RUNTIME}us.cohere.embed-v4%3A0/invoke",
        sent={"texts": ["Hello", "World"], "input_type": "search_document"},
        answer={"embeddings": {"float": VECTORS}, "response_type": "embeddings_by_type", "unforeseen": 1},
        headers=COUNTED,
        error=AWS_ERROR,
    ),
]
"""Perplexity, whose vectors hold small whole numbers, has tests of its own."""

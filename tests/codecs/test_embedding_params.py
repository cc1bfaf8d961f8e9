"""How each dialect says what a call asks of embeddings, and how it reads the answers of its stranger models."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve, resolve_operation
from aiocompl.errors import BadRequestError, NotFoundError, UnsupportedParamsError
from aiocompl.types.embedding import packed, unpacked
from aiocompl.types.request import EmbeddingRequest
from aiocompl.wire.messages import HTTPResponse

ENV = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global", "WATSONX_PROJECT_ID": "w"}
TITAN = "bedrock/amazon.titan-embed-text-v2:0"
NOVA = "bedrock/amazon.nova-2-multimodal-embeddings-v1:0"
ADA = "text-embedding-ada-002"


def asked(model: str, **params: Any) -> tuple[Any, EmbeddingRequest]:
    route = resolve_operation("embeddings", Target(model, api_key="sk-key"), ENV)
    return route.codec, EmbeddingRequest(model=route.model, input=["hi"], params=params)


def sent(model: str, **params: Any) -> Any:
    codec, request = asked(model, **params)
    return orjson.loads(codec.encode_request(request).body)


def read(model: str, body: Any, headers: Any = None, **params: Any) -> Any:
    codec, request = asked(model, **params)
    return codec.decode_response(request, HTTPResponse(200, headers or {}, orjson.dumps(body)))


def nova(**more: Any) -> dict[str, Any]:
    text = {"truncationMode": more.pop("mode", "NONE"), "value": "hi"}
    asked = {"embeddingPurpose": more.pop("purpose", "GENERIC_INDEX"), **more, "text": text}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": asked}


def gemini(**more: Any) -> dict[str, Any]:
    return {
        "requests": [{"model": "models/gemini-embedding-001", **more, "content": {"parts": [{"text": "hi"}]}}]
    }


@pytest.mark.parametrize(
    ("model", "params", "more"),
    [
        ("openai/text-embedding-3-small", {"dimensions": 3, "user": "u"}, {"dimensions": 3, "user": "u"}),
        ("openai/text-embedding-3-small", {"encoding_format": "float"}, {"encoding_format": "float"}),
        ("mistral/mistral-embed", {"dimensions": 3}, {"output_dimension": 3}),
        ("mistral/codestral-embed", {"output_dtype": "int8"}, {"output_dtype": "int8"}),
        ("voyage/voyage-3", {"dimensions": 3, "truncate": False}, {"output_dimension": 3, "truncation": False}),
        ("voyage/voyage-3", {"encoding_format": "float"}, {}),
        ("voyage/voyage-3", {"encoding_format": "base64", "input_type": "query"}, {"encoding_format": "base64", "input_type": "query"}),
        ("jina_ai/jina-embeddings-v3", {"input_type": "query"}, {"task": "retrieval.query"}),
        ("jina_ai/jina-embeddings-v3", {"task": "text-matching"}, {"task": "text-matching"}),
        ("jina_ai/jina-embeddings-v3", {"encoding_format": "base64"}, {"embedding_type": "base64"}),
        ("nvidia_nim/nv-embed", {"input_type": "document", "truncate": "END"}, {"input_type": "passage", "truncate": "END"}),
        ("deepinfra/bge", {"encoding_format": "base64"}, {}),
        ("perplexity/pplx-embed-v1-4b", {"encoding_format": "base64"}, {}),
        ("perplexity/pplx-embed-v1-4b", {"encoding_format": "base64_binary"}, {"encoding_format": "base64_binary"}),
        ("heroku/cohere-embed-multilingual", {"input_type": "query"}, {"input_type": "search_query"}),
    ],
)  # fmt: skip
def test_openais_dialect(model: str, params: dict[str, Any], more: dict[str, Any]) -> None:
    assert sent(model, **params) == {"model": model.partition("/")[2], "input": ["hi"], **more}


@pytest.mark.parametrize(
    ("model", "params", "body"),
    [
        (
            "cohere/embed-v4.0",
            {"input_type": "query", "dimensions": 256, "truncate": True, "max_tokens": 9},
            {
                "model": "embed-v4.0",
                "texts": ["hi"],
                "input_type": "search_query",
                "output_dimension": 256,
                "truncate": "END",
                "max_tokens": 9,
                "embedding_types": ["float"],
            },
        ),
        (
            "cohere/embed-v4.0",
            {"input_type": "clustering", "truncate": "START", "embedding_types": ["int8", "float"]},
            {
                "model": "embed-v4.0",
                "texts": ["hi"],
                "input_type": "clustering",
                "truncate": "START",
                "embedding_types": ["int8", "float"],
            },
        ),
        (
            "gemini/gemini-embedding-001",
            {"input_type": "document", "title": "t", "dimensions": 3},
            gemini(taskType="RETRIEVAL_DOCUMENT", title="t", outputDimensionality=3),
        ),
        (
            "gemini/gemini-embedding-001",
            {"input_type": "query", "task_type": "CLUSTERING"},
            gemini(taskType="CLUSTERING"),
        ),
        (
            "vertex_ai/text-embedding-005",
            {"input_type": "query", "title": "t", "dimensions": 3, "truncate": False},
            {
                "instances": [{"content": "hi", "task_type": "RETRIEVAL_QUERY", "title": "t"}],
                "parameters": {"outputDimensionality": 3, "autoTruncate": False},
            },
        ),
        (
            "vertex_ai/gemini-embedding-2",
            {"input_type": "query", "dimensions": 3, "truncate": "END"},
            {
                "content": {"role": "user", "parts": [{"text": "hi"}]},
                "embedContentConfig": {
                    "taskType": "RETRIEVAL_QUERY",
                    "outputDimensionality": 3,
                    "autoTruncate": True,
                },
            },
        ),
        (
            "ollama/m",
            {"dimensions": 3, "truncate": False, "keep_alive": "5m", "options": {"num_ctx": 9}},
            {
                "model": "m",
                "input": ["hi"],
                "dimensions": 3,
                "truncate": False,
                "keep_alive": "5m",
                "options": {"num_ctx": 9},
            },
        ),
        (
            "huggingface/a/b:hf-inference",
            {"input_type": "query", "normalize": True, "truncate": True},
            {"inputs": ["hi"], "prompt_name": "query", "normalize": True, "truncate": True},
        ),
        (
            "watsonx/ibm/slate",
            {"truncate_input_tokens": 3},
            {
                "model_id": "ibm/slate",
                "project_id": "w",
                "inputs": ["hi"],
                "parameters": {"truncate_input_tokens": 3},
            },
        ),
        (
            TITAN,
            {"dimensions": 256, "normalize": False, "embedding_types": ["binary"]},
            {"inputText": "hi", "dimensions": 256, "normalize": False, "embeddingTypes": ["binary"]},
        ),
        ("bedrock/amazon.titan-embed-text-v1", {}, {"inputText": "hi"}),
        (
            "bedrock/amazon.titan-embed-image-v1",
            {"dimensions": 256},
            {"inputText": "hi", "embeddingConfig": {"outputEmbeddingLength": 256}},
        ),
        ("bedrock/amazon.titan-embed-image-v1", {}, {"inputText": "hi"}),
        (NOVA, {}, nova()),
        (
            NOVA,
            {"input_type": "query", "dimensions": 256, "truncate": True},
            nova(purpose="GENERIC_RETRIEVAL", embeddingDimension=256, mode="END"),
        ),
        (
            "bedrock/cohere.embed-english-v3",
            {"input_type": "query", "embedding_types": ["int8"]},
            {"texts": ["hi"], "input_type": "search_query", "embedding_types": ["int8"]},
        ),
    ],
)
def test_dialects_of_their_own(model: str, params: dict[str, Any], body: dict[str, Any]) -> None:
    assert sent(model, **params) == body


@pytest.mark.parametrize(
    ("model", "params", "param"),
    [
        (f"openai/{ADA}", {"dimensions": 3}, "dimensions"),
        (f"openai/{ADA}", {"encoding_format": ["float"]}, "encoding_format"),
        ("vertex_ai/text-embedding-005", {"truncate": "START"}, "truncate"),
        ("vertex_ai/text-embedding-005", {"truncate": []}, "truncate"),
        ("ollama/m", {"truncate": "END"}, "truncate"),
        ("watsonx/deployment/d", {}, "model"),
        ("bedrock/amazon.titan-embed-text-v1", {"dimensions": 256}, "dimensions"),
        ("bedrock/amazon.titan-embed-image-v1", {"normalize": True}, "normalize"),
        (TITAN, {"input_type": "query"}, "input_type"),
        (TITAN, {"truncate": True}, "truncate"),
        (NOVA, {"normalize": True}, "normalize"),
        ("bedrock/cohere.embed-v4:0", {"normalize": True}, "normalize"),
    ],
)
def test_what_cannot_be_said_is_refused(model: str, params: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        sent(model, **params)
    assert caught.value.param == param


def test_a_model_on_bedrock_whose_requests_are_unknown_is_refused() -> None:
    codec, request = asked("bedrock/arn:aws:bedrock:eu-west-1:0:application-inference-profile/x")
    assert codec.max_inputs(request.model) == 1
    with pytest.raises(BadRequestError, match="does not tell how the model is asked"):
        codec.encode_request(request)


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("openai/m", 2048),
        ("mistral/mistral-embed", 256),
        ("cohere/embed-v4.0", 96),
        ("gemini/gemini-embedding-001", 100),
        ("vertex_ai/text-embedding-005", 250),
        ("vertex_ai/gemini-embedding-001", 1),
        ("vertex_ai/gemini-embedding-2", 1),
        ("vertex_ai/publishers/intfloat/models/multilingual-e5-large-instruct-maas", 1),
        ("watsonx/m", 1000),
        ("voyage/m", 1000),
        ("perplexity/m", 512),
        ("dashscope/text-embedding-v4", 10),
        ("huggingface/m", 32),
        (TITAN, 1),
        (NOVA, 1),
        ("bedrock/eu.cohere.embed-v4:0", 96),
    ],
)
def test_how_many_texts_go_in_one_request(model: str, most: int) -> None:
    codec, request = asked(model)
    assert codec.max_inputs(request.model) == most


@pytest.mark.parametrize(
    "provider", ["anthropic", "groq", "xai", "deepseek", "cerebras", "moonshot", "codestral", "local"]
)
def test_a_provider_without_embeddings_says_so(provider: str) -> None:
    with pytest.raises(NotFoundError, match="is not known to have embeddings; others have, such as"):
        asked(f"{provider}/m")


@pytest.mark.parametrize("model", ["voyage/voyage-3", "jina_ai/jina-embeddings-v3"])
def test_a_provider_without_chat_says_so(model: str) -> None:
    with pytest.raises(NotFoundError, match=r"is not known to have chat; its models are for aembedding\(\)"):
        resolve(Target(model, api_key="k"), {})


@pytest.mark.parametrize(
    ("model", "base", "url"),
    [
        ("perplexity/m", "https://api.perplexity.ai", "https://api.perplexity.ai/v1/embeddings"),
        ("perplexity/m", "http://host/v1", "http://host/v1/embeddings"),
        ("openai/m", "http://host/v1/embeddings", "http://host/v1/embeddings"),
        ("openai/m", "http://host/v1/chat/completions", "http://host/v1/embeddings"),
        ("cohere/m", "http://host/v1", "http://host/v2/embed"),
        ("ollama/m", "http://host/v1", "http://host/api/embed"),
        ("huggingface/m", "http://host/v1", "http://host/v1/embeddings"),
        (
            "huggingface/a/m",
            "http://host/hf-inference",
            "http://host/hf-inference/models/a/m/pipeline/feature-extraction",
        ),
        (
            "azure/d",
            "https://r.openai.azure.com/openai/v1",
            "https://r.openai.azure.com/openai/v1/embeddings",
        ),
    ],
)
def test_a_base_url_may_have_any_of_the_usual_endings(model: str, base: str, url: str) -> None:
    route = resolve_operation("embeddings", Target(model, api_base=base, api_key="k"), {})
    assert route.codec.encode_request(EmbeddingRequest(model=route.model, input=["hi"])).url == url


# ---------------------------------------------------------------- answers


def openai_answer(vector: Any, **usage: int) -> dict[str, Any]:
    return {"data": [{"index": 0, "embedding": vector}], "model": "m", "usage": usage}


def test_perplexitys_base64_holds_whole_numbers() -> None:
    model, text = "perplexity/pplx-embed-v1-4b", packed([-128, 0, 127], "b")
    assert read(model, openai_answer(text)).data[0].embedding == [-128.0, 0.0, 127.0]
    as_text = read(model, openai_answer(text), encoding_format="base64").data[0].embedding
    assert unpacked(as_text) == [-128.0, 0.0, 127.0]
    assert read(model, openai_answer(text), encoding_format="base64_int8").data[0].embedding == text


@pytest.mark.parametrize("model", ["voyage/voyage-3", "mistral/codestral-embed"])
def test_whole_numbers_that_were_asked_for_stay_whole(model: str) -> None:
    text = packed([-1, 2], "b")
    for sent_vector in (text, [-1, 2]):
        answer = openai_answer(sent_vector, total_tokens=4)
        assert read(model, answer, output_dtype="int8").data[0].embedding == [-1, 2]
        found = read(model, answer, output_dtype="int8", encoding_format="base64")
        assert found.data[0].embedding == text
        assert found.usage.prompt_tokens == 4


def test_numbers_too_large_for_their_kind_are_our_error() -> None:
    with pytest.raises(Exception, match="not what its dialect promises"):
        read("voyage/voyage-3", openai_answer([300]), output_dtype="int8", encoding_format="base64")


def test_coheres_other_types_stand_beside_the_vector() -> None:
    answer = read(
        "cohere/embed-v4.0",
        {"id": "e", "embeddings": {"int8": [[1, 2]], "float": [[0.5]], "ubinary": None}, "texts": ["hi"]},
        embedding_types=["int8", "float"],
    )
    assert answer.data[0].embedding == [0.5]
    assert answer.data[0].int8 == [1, 2]
    assert answer.texts == ["hi"]
    assert answer.usage is None
    alone = read("cohere/embed-v4.0", {"embeddings": {"int8": [[1, 2]]}}, embedding_types=["int8"])
    assert alone.data[0].embedding == [1, 2]


@pytest.mark.parametrize("model", ["cohere/embed-english-v2.0", "bedrock/cohere.embed-english-v3"])
def test_coheres_bare_vectors_are_read(model: str) -> None:
    body = {"id": "e", "embeddings": [[0.5]], "response_type": "embeddings_floats"}
    answer = read(model, body)
    assert answer.data[0].embedding == [0.5]
    assert answer.response_type == "embeddings_floats"


def test_ollamas_older_answer_is_read() -> None:
    answer = read("ollama/m", {"embedding": [0.5]})
    assert answer.data[0].embedding == [0.5]
    assert answer.model == "m"
    assert answer.usage is None


def test_titans_other_types_stand_beside_the_vector() -> None:
    both = {"embedding": [0.5], "embeddingsByType": {"float": [0.5], "binary": [1]}, "inputTextTokenCount": 2}
    answer = read(TITAN, both)
    assert answer.data[0].embedding == [0.5]
    assert answer.data[0].binary == [1]
    binary = read(TITAN, {"embeddingsByType": {"binary": [1, 0]}, "inputTextTokenCount": 2})
    assert binary.data[0].embedding == [1, 0]


def test_what_google_says_of_each_text_is_kept() -> None:
    statistics = {"token_count": 3, "truncated": True}
    body = {
        "predictions": [{"embeddings": {"values": [0.5], "statistics": statistics}}],
        "metadata": {"a": 1},
    }
    answer = read("vertex_ai/text-embedding-005", body)
    assert answer.data[0].statistics == statistics
    assert answer.metadata == {"a": 1}
    uncounted = {"predictions": [{"embeddings": {"values": [0.5]}}]}
    assert read("vertex_ai/text-embedding-005", uncounted).usage is None
    assert read("gemini/gemini-embedding-001", {"embeddings": [{"values": [0.5]}]}).usage is None


@pytest.mark.parametrize("body", [[[[0.5]]], {"error": 1}, [0.5], [[]], [["a"]], [None]])
def test_what_is_no_list_of_vectors_is_our_error(body: Any) -> None:
    with pytest.raises(Exception, match=r"not what its dialect promises|status"):
        read("huggingface/m", body)

"""What reranking does beyond the contract: order, documents, refusals."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.errors import APIResponseValidationError, BadRequestError, NotFoundError, UnsupportedParamsError
from aiocompl.types.request import RerankRequest
from aiocompl.wire.messages import HTTPResponse

DOCUMENTS = ["zero", {"text": "one", "title": "One"}, "two"]


def ask(model: str, documents: Any = DOCUMENTS, **params: Any) -> tuple[Any, RerankRequest]:
    base = "http://127.0.0.1:9/v1" if model.startswith("custom") else None
    route = resolve_operation("rerank", Target(model, base, "k"), {})
    return route.codec, RerankRequest(model=route.model, query="q", documents=documents, params=params)


def answer(model: str, body: Any, **params: Any) -> Any:
    operation, request = ask(model, **params)
    return operation.decode_response(request, HTTPResponse(200, {}, orjson.dumps(body)))


def scored(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"results": [{"index": index, "relevance_score": score} for index, score in pairs]}


def test_the_most_relevant_come_first_whatever_the_order() -> None:
    made = answer("custom/m", scored((0, 0.1), (1, 0.9), (2, 0.9)))
    assert [result.index for result in made.results] == [1, 2, 0]


@pytest.mark.parametrize("model", ["custom/m", "tei/m", "deepinfra/m"])
def test_no_more_come_than_asked_for(model: str) -> None:
    bodies: dict[str, Any] = {
        "custom/m": scored((0, 0.1), (1, 0.9)),
        "tei/m": [{"index": 0, "score": 0.1}, {"index": 1, "score": 0.9}],
        "deepinfra/m": {"scores": [0.1, 0.9]},
    }
    assert [result.index for result in answer(model, bodies[model], top_n=1).results] == [1]


def test_documents_are_those_of_the_request_where_the_provider_sends_none() -> None:
    made = answer("cohere/m", scored((0, 0.9), (1, 0.5)), return_documents=True)
    assert [result.document for result in made.results] == [{"text": "zero"}, DOCUMENTS[1]]
    made.results[1].document["text"] = "changed"
    assert DOCUMENTS[1] == {"text": "one", "title": "One"}
    assert answer("cohere/m", scored((0, 0.9))).results[0].document is None


def test_documents_that_the_provider_sends_stay() -> None:
    sent = {"results": [{"index": 0, "relevance_score": 1, "document": "zero, cut"}]}
    assert answer("custom/m", sent, return_documents=True).results[0].document == {"text": "zero, cut"}


@pytest.mark.parametrize(
    "body",
    [
        scored((3, 0.5)),
        scored((-1, 0.5)),
        scored((True, 0.5)),
        scored((0, 0.5), (0, 0.4)),
        scored((0, "0.5")),
        scored((0, None)),
        scored((0, True)),
        {"results": [{"index": 0, "relevance_score": 1, "document": 7}]},
        {"results": [{"index": 0}]},
        {"results": None},
    ],
)
def test_results_of_no_document_or_without_a_score_are_an_error(body: Any) -> None:
    with pytest.raises(APIResponseValidationError):
        answer("custom/m", body)


def test_objects_go_where_they_are_known() -> None:
    for model in ("custom/m", "cohere/v1/m", "together/m"):
        operation, request = ask(model)
        assert orjson.loads(operation.encode_request(request).body)["documents"] == DOCUMENTS
    operation, request = ask("bedrock/m")
    (_, source, _) = orjson.loads(operation.encode_request(request).body)["sources"]
    assert source["inlineDocumentSource"] == {"type": "JSON", "jsonDocument": DOCUMENTS[1]}


@pytest.mark.parametrize("model", ["cohere/m", "voyage/m", "deepinfra/m", "tei/m"])
def test_others_rank_the_text_of_objects_and_refuse_what_has_none(model: str) -> None:
    operation, request = ask(model)
    body = orjson.loads(operation.encode_request(request).body)
    assert (body.get("documents") or body["texts"]) == ["zero", "one", "two"]
    operation, request = ask(model, [{"title": "no text"}])
    with pytest.raises(UnsupportedParamsError, match=r"documents\[0\] has no text"):
        operation.encode_request(request)


@pytest.mark.parametrize("top_n", [0, -1, 1.5, True, "3"])
def test_top_n_is_a_whole_number_from_1_up(top_n: Any) -> None:
    operation, request = ask("custom/m", top_n=top_n)
    with pytest.raises(BadRequestError, match="top_n must be") as caught:
        operation.encode_request(request)
    assert caught.value.param == "top_n"


def test_what_a_dialect_lacks_is_declared() -> None:
    refused = {
        "cohere/m": {"max_chunks_per_doc", "rank_fields"},
        "cohere/v1/m": {"max_tokens_per_doc"},
        "together/m": {"max_chunks_per_doc", "max_tokens_per_doc"},
        "voyage/m": {"max_chunks_per_doc", "max_tokens_per_doc", "rank_fields"},
        "custom/m": set[str](),
    }
    assert {model: set(ask(model)[0].unsupported_params) for model in refused} == refused


def test_a_server_of_ones_own_has_it_below_its_base_url() -> None:
    for model, base, url in (
        ("jina/m", "http://h/v1/", "http://h/v1/rerank"),
        ("nvidia_nim/m", "http://h/v1", "http://h/v1/ranking"),
        ("tei/m", "http://h:80", "http://h:80/rerank"),
        (
            "cohere/m",
            "https://r.services.ai.azure.com/providers/cohere",
            "https://r.services.ai.azure.com/providers/cohere/v2/rerank",
        ),
        ("custom/m", "http://h/v1/rerank", "http://h/v1/rerank"),
        ("bedrock/m", "http://h:80", "http://h:80/rerank"),
    ):
        route = resolve_operation("rerank", Target(model, base, "k"), {})
        request = RerankRequest(model=route.model, query="q", documents=["a"])
        assert route.codec.encode_request(request).url == url


@pytest.mark.parametrize(
    ("region", "arn"),
    [
        ("eu-central-1", "arn:aws:bedrock:eu-central-1::foundation-model/m"),
        ("us-gov-west-1", "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/m"),
        ("cn-north-1", "arn:aws-cn:bedrock:cn-north-1::foundation-model/m"),
    ],
)
def test_bedrock_names_models_by_their_arn(region: str, arn: str) -> None:
    for model in ("m", arn):
        route = resolve_operation("rerank", Target(f"bedrock/{model}", api_key="k"), {"AWS_REGION": region})
        request = RerankRequest(model=route.model, query="q", documents=["a"])
        body = orjson.loads(route.codec.encode_request(request).body)
        configuration = body["rerankingConfiguration"]["bedrockRerankingConfiguration"]
        assert configuration == {"modelConfiguration": {"modelArn": arn}, "numberOfResults": 1}


@pytest.mark.parametrize("model", ["anthropic/m", "gemini/m", "openai/m", "ollama/m"])
def test_who_is_not_known_to_have_it(model: str) -> None:
    with pytest.raises(NotFoundError, match="not known to have reranking"):
        ask(model)

"""Recorded reranking, moderation and lists of models, read by the codecs and by a reader of this file's own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson
import pytest
from replay_corpus import select

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.errors import APIResponseValidationError
from aiocompl.types.request import ModelsRequest, ModerationRequest, RerankRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

RERANKS = [*select("cohere", "rerank"), *select("voyage", "rerank")]
MODERATIONS = select("openai", "moderations")
MODELS = [*select("openai", "models"), *select("anthropic", "models"), *select("gemini", "models")]
ONE_MODEL = {"6b381e3d418b": "one model's description, which there is no call for"}
"""Recorded under the API of model lists, and no list."""

ASKED = {"model", "query", "documents"}


def decoded(operation: Any, request: Any, exchange: Exchange) -> dict[str, Any]:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    answer: dict[str, Any] = operation.decode_response(request, response).model_dump(exclude_none=True)
    return answer


@pytest.mark.parametrize("exchange", RERANKS)
def test_reranks(exchange: Exchange) -> None:
    asked = exchange.request
    route = resolve_operation("rerank", Target(f"{exchange.provider}/{asked['model']}", api_key="k"), {})
    params = {key: value for key, value in asked.items() if key not in ASKED and value is not None}
    if "top_k" in params:
        params["top_n"] = params.pop("top_k")
    request = RerankRequest(
        model=route.model, query=asked["query"], documents=asked["documents"], params=params
    )
    sent = route.codec.encode_request(request)
    assert sent.url == exchange.url
    assert orjson.loads(sent.body) == {key: value for key, value in asked.items() if value is not None}

    answer, raw = decoded(route.codec, request, exchange), dict(exchange.json)
    rows = raw.pop("results" if "results" in raw else "data")
    assert answer.pop("results") == sorted(rows, key=lambda row: -row["relevance_score"])
    assert all(answer[key] | raw[key] == answer[key] for key in raw.keys() & {"usage", "meta"})
    assert {key: answer[key] for key in raw.keys() - {"usage"}} == {
        key: value for key, value in raw.items() if key != "usage"
    }


@pytest.mark.parametrize("exchange", MODERATIONS)
def test_moderations(exchange: Exchange) -> None:
    asked = exchange.request
    route = resolve_operation("moderations", Target(asked["model"], api_key="k"), {})
    request = ModerationRequest(model=route.model, input=[asked["input"]])
    sent = route.codec.encode_request(request)
    assert sent.url == exchange.url
    assert orjson.loads(sent.body) == {**asked, "input": [asked["input"]]}
    assert decoded(route.codec, request, exchange) == exchange.json


@pytest.mark.parametrize("exchange", MODELS)
def test_models(exchange: Exchange) -> None:
    route = resolve_operation("models", Target(exchange.provider, api_key="k"), {})
    request = ModelsRequest()
    sent = route.codec.encode_request(request)
    assert (sent.method, sent.body) == ("GET", b"")
    if exchange.id in ONE_MODEL:
        with pytest.raises(APIResponseValidationError):
            decoded(route.codec, request, exchange)
        return
    assert sent.url.partition("?")[0] == exchange.url
    assert urlsplit(sent.url).query == {
        "openai": "",
        "anthropic": "limit=1000",
        "gemini": "pageSize=1000",
    }.get(exchange.provider)

    answer, raw = decoded(route.codec, request, exchange), dict(exchange.json)
    rows = raw.pop("models" if exchange.provider == "gemini" else "data")
    models = answer.pop("data")
    assert [model["id"] for model in models] == [name_of(row) for row in rows]
    assert [model.get("created") for model in models] == [made_at(row) for row in rows]
    for model, row in zip(models, rows, strict=True):
        assert {key: value for key, value in row.items() if value is not None}.items() <= model.items()
    assert {key: value for key, value in raw.items() if value is not None}.items() <= answer.items()


def name_of(row: dict[str, Any]) -> str:
    return str(row["id"] if "id" in row else row["name"].split("/")[1])


def made_at(row: dict[str, Any]) -> int | None:
    if "created_at" in row:
        return round(datetime.fromisoformat(row["created_at"]).timestamp())
    return row.get("created")

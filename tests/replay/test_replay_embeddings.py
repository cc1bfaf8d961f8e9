"""Recorded embeddings of every provider, read by the codecs and by a reader of our own making, and asked for again."""

from __future__ import annotations

import base64
import re
import struct
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import attrs
import orjson
import pytest
from replay_corpus import recorded, select
from replay_exceptions import OLD_ADDRESS

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.errors import AuthenticationError, NotFoundError
from aiocompl.types.request import EmbeddingRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from replay_corpus import Exchange

    from aiocompl.types.embedding import EmbeddingResponse

KEY = "sk-made-up-key"
PROVIDERS = (
    "openai azure cohere gemini vertex mistral ollama openrouter perplexity voyage".split()  # noqa: SIM905 - a list of words
)


def invoked() -> list[Any]:
    """Embeddings on Bedrock, which are recorded among all that was invoked."""
    found = [item for item in recorded("bedrock") if item.api == "invoke" and "embed" in item.url]
    return [pytest.param(item, id=f"invoke-{item.id}") for item in found if item.status < 300]


OK = [case for provider in PROVIDERS for case in select(provider, "embeddings")] + invoked()
FAILED = [case for provider in ("openai", "azure") for case in select(provider, "embeddings", ok=False)]


# ---------------------------------------------------------------- what was asked, in OpenAI's terms


@attrs.frozen
class Asked:
    """A recorded request as a call of ours."""

    model: str
    """The name with its provider."""

    texts: list[Any]
    params: dict[str, Any]
    body: Any
    """The recorded body, without what says nothing."""


def plain(body: Any) -> Any:
    """A body without nulls and empty objects."""
    return {name: value for name, value in body.items() if value not in (None, {})}


def listed(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [given]
    return [given] if isinstance(given[0], int) else list(given)


def renamed(body: Mapping[str, Any], names: Mapping[str, str], *content: str) -> dict[str, Any]:
    """The parameters of a body under our names."""
    return {names.get(name, name): value for name, value in body.items() if name not in content}


def asked(exchange: Exchange) -> Asked:
    body, provider = plain(exchange.request), exchange.provider
    if provider == "bedrock":
        return _asked_bedrock(exchange, body)
    if provider == "cohere":
        names = {"output_dimension": "dimensions"}
        params = renamed(body, names, "model", "texts")
        return Asked(f"cohere/{body['model']}", body["texts"], params, body)
    if provider == "gemini":
        requests = body["requests"]
        texts = ["".join(part["text"] for part in item["content"]["parts"]) for item in requests]
        params = renamed(requests[0], {"outputDimensionality": "dimensions"}, "model", "content")
        return Asked(f"gemini/{requests[0]['model'].removeprefix('models/')}", texts, params, body)
    if provider == "vertex":
        (model,) = re.findall(r"models/([^/:]+):predict", exchange.url)
        texts = [item["content"] for item in body["instances"]]
        params = renamed(body.get("parameters") or {}, {"outputDimensionality": "dimensions"})
        return Asked(f"vertex_ai/{model}", texts, params, body)
    if provider == "ollama":  # the older path, which we only read
        return Asked(f"ollama/{body['model']}", [body["prompt"]], {}, body)
    body["input"] = listed(body["input"])
    names = {"output_dimension": "dimensions", "truncation": "truncate"}
    deployment = re.search(r"/deployments/([^/]+)/", exchange.url)
    model = deployment[1] if deployment else body["model"]
    body["model"] = model  # of a deployment's, the URL counts
    return Asked(f"{provider}/{model}", body["input"], renamed(body, names, "model", "input"), body)


def _asked_bedrock(exchange: Exchange, body: dict[str, Any]) -> Asked:
    (model,) = re.findall(r"/model/(.+)/invoke", unquote(exchange.url))
    name = f"bedrock/{model}"
    if "inputText" in body:
        return Asked(name, [body["inputText"]], renamed(body, {}, "inputText"), body)
    if "texts" in body:
        params = renamed(body, {"output_dimension": "dimensions"}, "texts")
        return Asked(name, body["texts"], params, body)
    given = body["singleEmbeddingParams"]
    names = {"embeddingPurpose": "input_type", "embeddingDimension": "dimensions"}
    params = renamed(given, names, "text") | {"truncate": given["text"]["truncationMode"]}
    return Asked(name, [given["text"]["value"]], params, body)


def target_of(exchange: Exchange, model: str) -> Target:
    """Where it went, but for the path that the codec knows."""
    url = urlsplit(exchange.url)
    root = f"{url.scheme}://{url.netloc}"
    version = re.search(r"api-version=([\w-]+)", url.query)
    project = re.match(r"/v\w+/projects/[^/]+/locations/[^/]+", url.path)
    if exchange.provider == "azure":
        return Target(model, api_base=root, api_key=KEY, api_version=version and version[1])
    if project is not None:
        return Target(model, api_base=root + project[0], api_key=KEY)
    return Target(model, api_key=KEY)


ENV = {"OPENAI_API_VERSION": ""}


def route_of(exchange: Exchange, model: str) -> Any:
    return resolve_operation("embeddings", target_of(exchange, model), ENV)


# ---------------------------------------------------------------- what was answered, by a reader of our own


def vector(value: Any, form: str) -> list[float]:
    if isinstance(value, list):
        return value
    data = base64.b64decode(value)
    count = len(data) // struct.calcsize(form)
    return list(struct.unpack(f"<{count}{form}", data))


def vectors(exchange: Exchange) -> list[list[float]]:
    body = exchange.json
    if "predictions" in body:
        return [item["embeddings"]["values"] for item in body["predictions"]]
    if "data" in body:
        form = "b" if exchange.provider == "perplexity" else "f"
        items = sorted(body["data"], key=lambda item: item["index"])
        return [vector(item["embedding"], form) for item in items]
    if "embedding" in body:
        return [body["embedding"]]
    found = body["embeddings"]
    if isinstance(found, dict):
        return list(found["float"])
    return [item.get("values") or item["embedding"] if isinstance(item, dict) else item for item in found]


def count(exchange: Exchange) -> int | None:
    """The tokens of the input, as the answer or its headers have them."""
    body = exchange.json
    counts = [
        (body.get("usage") or {}).get("total_tokens"),
        (body.get("usageMetadata") or {}).get("promptTokenCount"),
        ((body.get("meta") or {}).get("billed_units") or {}).get("input_tokens"),
        body.get("inputTextTokenCount"),
        exchange.headers.get("x-amzn-bedrock-input-token-count"),
    ]
    if "predictions" in body:
        counts.append(sum(item["embeddings"]["statistics"]["token_count"] for item in body["predictions"]))
    return next((int(value) for value in counts if value is not None), None)


def leaves(value: Any) -> list[Any]:
    """All values of a body that are neither null nor in a vector."""
    if isinstance(value, dict):
        return [leaf for inner in value.values() for leaf in leaves(inner)]
    if isinstance(value, list):
        numbers = all(isinstance(item, (int, float)) for item in value)
        return [] if numbers else [leaf for inner in value for leaf in leaves(inner)]
    return [] if value is None or value == [] else [value]


# ---------------------------------------------------------------- the tests


def decoded(exchange: Exchange, **params: Any) -> EmbeddingResponse:
    call = asked(exchange)
    route = route_of(exchange, call.model)
    request = EmbeddingRequest(model=route.model, input=call.texts, params=params)
    answer = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    found: EmbeddingResponse = route.codec.decode_response(request, answer)
    return found


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", OK)
def test_decodes_with_nothing_lost(exchange: Exchange) -> None:
    answer = decoded(exchange)
    assert [item.embedding for item in answer.data] == vectors(exchange)
    tokens = count(exchange)
    if tokens is None:
        assert answer.usage is None
    else:
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (tokens, tokens)
    assert answer.model == exchange.json.get("model", answer.model)
    kept = leaves(answer.to_dict())
    text = [
        item["embedding"] for item in exchange.json.get("data") or () if isinstance(item["embedding"], str)
    ]
    assert [leaf for leaf in leaves(exchange.json) if leaf not in kept and leaf not in text] == []


@pytest.mark.parametrize("exchange", OK)
def test_gives_the_same_numbers_as_text(exchange: Exchange) -> None:
    answer = decoded(exchange, encoding_format="base64")
    assert all(isinstance(item.embedding, str) for item in answer.data)
    found = [vector(item.embedding, "f") for item in answer.data]
    assert found == [pytest.approx(numbers, rel=1e-6, abs=1e-9) for numbers in vectors(exchange)]


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*OK, *FAILED])
def test_asks_the_same(exchange: Exchange) -> None:
    call = asked(exchange)
    route = route_of(exchange, call.model)
    native, ours = (
        route.codec.native_params,
        {"dimensions", "encoding_format", "input_type", "truncate", "user"},
    )
    assert call.params.keys() <= native | ours
    request = EmbeddingRequest(model=route.model, input=call.texts, params=call.params)
    sent = route.codec.encode_request(request)
    url, recorded_url = unquote(sent.url), unquote(exchange.url)
    if exchange.id in OLD_ADDRESS:
        assert recorded_url.endswith("/api/embeddings")
        assert url.endswith("/api/embed")
        assert orjson.loads(sent.body) == {"model": call.body["model"], "input": [call.body["prompt"]]}
        return
    if exchange.provider == "cohere":  # v1's address; v2 takes the same body
        recorded_url = recorded_url.replace("/v1/embed", "/v2/embed")
    assert url == recorded_url
    assert orjson.loads(sent.body) == call.body


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", FAILED)
def test_errors_are_of_their_class(exchange: Exchange) -> None:
    call = asked(exchange)
    route = route_of(exchange, call.model)
    request = EmbeddingRequest(model=route.model, input=call.texts)
    error = route.codec.decode_error(request, HTTPResponse(exchange.status, exchange.headers, exchange.body))
    assert type(error) is {401: AuthenticationError, 404: NotFoundError}[exchange.status]
    assert exchange.json["error"]["message"] in str(error)
    assert error.code == exchange.json["error"]["code"]

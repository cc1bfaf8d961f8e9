"""What lists of models do beyond the contract: pages, times, addresses, signatures."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from operation_case import PLACES

from aiocompl.codecs.models.listing import seconds
from aiocompl.codecs.routing import Target, resolve, resolve_operation
from aiocompl.errors import APIResponseValidationError, NotFoundError
from aiocompl.types.request import ModelsRequest
from aiocompl.wire.messages import HTTPResponse


def operation(provider: str, base: str | None = None, env: dict[str, str] | None = None) -> Any:
    return resolve_operation("models", Target(provider, base, "k"), env or PLACES).codec


def read(provider: str, body: Any, page: str | None = None) -> Any:
    return operation(provider).decode_response(
        ModelsRequest(page=page), HTTPResponse(200, {}, orjson.dumps(body))
    )


@pytest.mark.parametrize(
    ("provider", "body", "page"),
    [
        ("anthropic", {"data": [{"id": "m"}], "has_more": True, "last_id": "m"}, "m"),
        ("anthropic", {"data": [], "has_more": False, "last_id": None}, None),
        ("gemini", {"models": [], "nextPageToken": "p2"}, "p2"),
        ("gemini", {"models": []}, None),
        ("vertex_ai", {"publisherModels": [], "nextPageToken": "p2"}, "p2"),
        ("cohere", {"models": [], "next_page_token": "p2"}, "p2"),
        ("cohere", {"models": [], "next_page_token": ""}, None),
        (
            "watsonx",
            {"resources": [], "next": {"href": "https://h/ml/v1/specs?version=1&limit=2&start=a%2Fb"}},
            "a/b",
        ),
        ("watsonx", {"resources": []}, None),
        ("cloudflare", {"result": [], "result_info": {"page": 1, "per_page": 2, "total_count": 3}}, "2"),
        ("cloudflare", {"result": [], "result_info": {"page": 2, "per_page": 2, "total_count": 3}}, None),
        ("cloudflare", {"result": []}, None),
        ("openai", {"data": [], "has_more": True}, None),
    ],
)
def test_the_next_page(provider: str, body: Any, page: str | None) -> None:
    assert read(provider, body).next_page == page


def test_a_page_that_leads_to_itself_is_an_error() -> None:
    with pytest.raises(APIResponseValidationError, match="the next page is this one"):
        read("gemini", {"models": [], "nextPageToken": "p2"}, page="p2")


@pytest.mark.parametrize(
    "body",
    [{"data": [{}]}, {"data": [{"id": ""}]}, {"data": [{"id": 7}]}, {"data": ["m"]}, {"data": {"id": "m"}}],
)
def test_a_model_without_a_name_is_an_error(body: Any) -> None:
    with pytest.raises(APIResponseValidationError):
        read("openai", body)


@pytest.mark.parametrize(
    ("value", "made"),
    [
        (1715367049, 1715367049),
        (1715367049.9, 1715367049),
        (1715367049123, 1715367049),
        ("2024-05-10T18:50:49Z", 1715367049),
        ("2024-05-10T20:50:49.123456+02:00", 1715367049),
        ("2024-05-10", 1715299200),
        ("2024-05-10 18:50:49", 1715367049),
        (0, 0),
        ("yesterday", None),
        (True, None),
        (None, None),
        (-1, None),
        (1e30, None),
        ([], None),
    ],
)
def test_times_are_seconds_since_1970(value: object, made: int | None) -> None:
    assert seconds(value) == made


def test_a_time_that_is_none_is_kept_as_it_came() -> None:
    (model,) = read("openai", {"data": [{"id": "m", "created": "yesterday", "owned_by": 7}]}).data
    assert (model.created, model.owned_by) == (None, None)
    assert model.provider_specific_fields == {"created": "yesterday", "owned_by": 7}


def test_aliases_are_models_of_their_own() -> None:
    answer = read("mistral", {"data": [{"id": "a", "aliases": ["b"]}, {"id": "b", "aliases": ["a"]}]})
    assert [model.id for model in answer.data] == ["a", "b"]


@pytest.mark.parametrize(
    ("provider", "base", "url"),
    [
        ("azure", "https://r.openai.azure.com/openai/deployments/d/?api-version=1", "https://r.openai.azure.com/openai/models?api-version=1"),
        ("azure", "https://r.openai.azure.com", "https://r.openai.azure.com/openai/v1/models"),
        ("azure", "https://r.services.ai.azure.com/models", "https://r.services.ai.azure.com/openai/v1/models"),
        ("anthropic", "http://h/v1", "http://h/v1/models?limit=1000"),
        ("vertex_ai", "http://h/v1/projects/p/locations/l", "http://h/v1beta1/publishers/google/models?pageSize=100"),
        ("bedrock", "http://h:80", "http://h:80/foundation-models"),
        ("ollama", "http://h:80/v1", "http://h:80/api/tags"),
        ("github", "http://h/inference", "http://h/inference/models"),
        ("x", "http://h/v1/chat/completions", "http://h/v1/models"),
    ],
)  # fmt: skip
def test_below_another_base_url(provider: str, base: str, url: str) -> None:
    assert operation(provider, base).encode_request(ModelsRequest()).url == url


def test_bedrock_signs_for_the_host_that_it_asks() -> None:
    env = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "eu-west-1"}
    route = resolve_operation("models", Target("bedrock"), env)
    http = route.codec.encode_request(ModelsRequest())
    assert http.url == "https://bedrock.eu-west-1.amazonaws.com/foundation-models"
    signed = route.codec.sign(http, 1_700_000_000.0)
    scope = (
        "Credential=AKIA/20231114/eu-west-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date"
    )
    assert scope in signed.headers["Authorization"]
    chat = resolve(Target("bedrock/m"), env)
    assert chat.endpoint == route.endpoint  # so they share an actor, whose signer is that of either
    assert chat.codec.sign(http, 1_700_000_000.0) == signed  # type: ignore[attr-defined]


@pytest.mark.parametrize("provider", ["local", "perplexity", "jina", "voyage", "tei"])
def test_who_is_not_known_to_have_one(provider: str) -> None:
    with pytest.raises(NotFoundError, match="not known to have a list of models"):
        operation(provider)

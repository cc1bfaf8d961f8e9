"""Which dialect and which endpoint a native provider's model name means."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl.codecs.routing import Route, Target, resolve, resolve_operation
from aiocompl.errors import BadRequestError
from aiocompl.types.request import EmbeddingRequest

PLACE = "/v1/projects/p/locations/l"
KEYS = {
    "CO_API_KEY": "k-cohere",
    "GEMINI_API_KEY": "k-gemini",
    "ANTHROPIC_API_KEY": "k-anthropic",
    "OPENAI_API_KEY": "k-openai",
}


def route(model: str, env: dict[str, str], **target: Any) -> Route:
    return resolve(Target(model, **target), env)


@pytest.mark.parametrize(
    ("model", "codec", "name"),
    [
        ("claude-instant-1.2", "AnthropicCodec", "claude-instant-1.2"),
        ("command-nightly", "CohereV1Codec", "command-nightly"),
        ("cohere/v1/command-r", "CohereV1Codec", "command-r"),
        ("command-r-plus", "CohereCodec", "command-r-plus"),
        ("gemini-2.5-flash", "GeminiCodec", "gemini-2.5-flash"),
        ("vertex_ai/gemini-2.5-flash", "VertexCodec", "gemini-2.5-flash"),
        ("bedrock/converse/amazon.nova-lite-v1:0", "ConverseCodec", "amazon.nova-lite-v1:0"),
        ("ollama_chat/llama3", "OllamaCodec", "llama3"),
        ("replicate/meta/llama-4", "ReplicateCodec", "meta/llama-4"),
        ("replicate/deployments/me/mine", "ReplicateCodec", "deployments/me/mine"),
        ("openai/responses/gpt-5.6", "ResponsesCodec", "gpt-5.6"),
        ("azure/responses/d", "ResponsesCodec", "d"),
        ("groq/responses/x", "OpenAICodec", "responses/x"),
        ("gpt-4o", "OpenAICodec", "gpt-4o"),
    ],
)
def test_dialects(model: str, codec: str, name: str) -> None:
    found = route(model, KEYS | PLACES, api_key="k")
    assert (type(found.codec).__name__, found.model) == (codec, name)


PLACES = {
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "us",
    "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
}


def test_aws_credentials_sign_where_no_key_goes_before_them() -> None:
    env = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    endpoint = resolve(Target("bedrock/m"), env).endpoint
    assert endpoint.api_key is None
    assert endpoint.credentials is not None
    assert (endpoint.credentials.access_key, endpoint.credentials.session_token) == ("AKID", "token")
    keyed = resolve(Target("bedrock/m"), env | {"AWS_BEARER_TOKEN_BEDROCK": "bearer"}).endpoint
    assert (keyed.api_key, keyed.credentials) == ("bearer", None)


@pytest.mark.parametrize(
    ("env", "base", "region"),
    [
        ({"AWS_REGION": "us-west-2"}, "https://bedrock-runtime.eu-west-1.amazonaws.com", None),
        ({"AWS_REGION": "us-west-2"}, "http://localhost:9", "us-west-2"),
        ({}, "http://localhost:9", None),
    ],
)
def test_aws_region(env: dict[str, str], base: str, region: str | None) -> None:
    assert route("bedrock/m", env, api_key="k", api_base=base).endpoint.region == region


def test_aws_in_china() -> None:
    found = route("bedrock/m", {"AWS_DEFAULT_REGION": "cn-north-1"}, api_key="k").endpoint
    assert found.base_url == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"


def test_replicates_token_and_base() -> None:
    found = route("replicate/m", {"REPLICATE_API_TOKEN": "r8_t", "REPLICATE_API_KEY": "r8_k"}).endpoint
    assert (found.api_key, found.base_url) == ("r8_t", "https://api.replicate.com/v1")
    env = {"REPLICATE_API_KEY": "r8_k", "REPLICATE_BASE_URL": "https://proxy.example"}
    assert route("replicate/m", env).endpoint.api_key == "r8_k"
    assert route("replicate/m", env).endpoint.base_url == "https://proxy.example"


def test_vertex_needs_project_and_location() -> None:
    with pytest.raises(BadRequestError, match="GOOGLE_CLOUD_PROJECT"):
        resolve(Target("vertex_ai/gemini-2.5-flash", api_key="token"), {})


@pytest.mark.parametrize(
    ("base", "options", "env", "expected"),
    [
        ("http://host:1", {"vertex_project": "p", "vertex_location": "l"}, {}, "http://host:1" + PLACE),
        (
            "http://host:1/?a=b",
            {"vertex_project": "p", "vertex_location": "l"},
            {},
            f"http://host:1{PLACE}?a=b",
        ),
        (
            "http://host:1",
            {},
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"},
            "http://host:1" + PLACE,
        ),
        ("http://host:1/v1/x", {"vertex_project": "p", "vertex_location": "l"}, {}, "http://host:1/v1/x"),
        ("http://host:1", {"vertex_project": "p"}, {}, "http://host:1"),
        ("http://host:1", {}, {}, "http://host:1"),
    ],
)
@pytest.mark.parametrize(
    "model", ["vertex_ai/gemini-2.5-flash", "vertex_ai/claude-sonnet-4-5", "vertex_ai/mistral-medium-3"]
)
def test_a_bare_host_gets_vertexs_project_and_location(
    model: str, base: str, options: dict[str, str], env: dict[str, str], expected: str
) -> None:
    found = route(model, env, api_key="k", api_base=base, credentials=options)
    assert found.endpoint.base_url == expected


def test_so_do_vertexs_embeddings() -> None:
    target = Target(
        "vertex_ai/gemini-embedding-001",
        api_key="k",
        api_base="http://host:1",
        credentials={"vertex_project": "p", "vertex_location": "l"},
    )
    found = resolve_operation("embeddings", target, {})
    request = EmbeddingRequest(model=found.model, input=["a"])
    assert found.codec.encode_request(request).url.startswith(
        f"http://host:1{PLACE}/publishers/google/models/"
    )

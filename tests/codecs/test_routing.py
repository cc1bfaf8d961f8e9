"""From model names to endpoints: prefixes, families, bases, Azure's shapes, keys, and what is said of unknown names."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.catalogue import vendors
from aiocompl.codecs.routing import LOCAL_BASE, LOCAL_DEFAULT, Route, Target, known_vendors, resolve
from aiocompl.errors import AuthenticationError, BadRequestError, NotFoundError
from aiocompl.types.request import ChatRequest

KEYS = {
    "OPENAI_API_KEY": "k-openai",
    "MISTRAL_API_KEY": "k-mistral",
    "GROQ_API_KEY": "k-groq",
    "OPENROUTER_API_KEY": "k-openrouter",
    "CO_API_KEY": "k-cohere",
    "GEMINI_API_KEY": "k-gemini",
    "GOOGLE_OAUTH_ACCESS_TOKEN": "t-google",
    "AWS_BEARER_TOKEN_BEDROCK": "k-aws",
    "ANTHROPIC_API_KEY": "k-anthropic",
    "TOGETHER_AI_API_KEY": "k-together",
    "AZURE_API_KEY": "k-azure",
}
AZURE = {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com/"}


def route(model: str, env: dict[str, str] | None = None, **target: Any) -> Route:
    return resolve(Target(model, **target), KEYS if env is None else env)


def sent(found: Route) -> tuple[str, str, str | None]:
    request = found.codec.encode_request(ChatRequest(found.model, [{"role": "user", "content": "Hi"}]))
    headers = {name.lower(): value for name, value in request.headers.items()}
    return (
        request.url,
        orjson.loads(request.body)["model"],
        headers.get("authorization") or headers.get("api-key"),
    )


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("model", "provider", "name"),
    [
        ("openai/gpt-4o", "openai", "gpt-4o"),
        ("gpt-4o", "openai", "gpt-4o"),
        ("o3", "openai", "o3"),
        ("mistral-large-latest", "mistral", "mistral-large-latest"),
        ("groq/llama-3.3-70b", "groq", "llama-3.3-70b"),
        ("groq/openai/gpt-oss-120b", "groq", "openai/gpt-oss-120b"),
        ("openrouter/anthropic/claude-sonnet-4", "openrouter", "anthropic/claude-sonnet-4"),
        ("together_ai/meta-llama/Llama-3", "together", "meta-llama/Llama-3"),
        ("openai/some-new-model", "openai", "some-new-model"),
        ("local", "local", LOCAL_DEFAULT),
        ("local/", "local", LOCAL_DEFAULT),
        ("local/other", "local", "other"),
        ("local//models/my.gguf", "local", "/models/my.gguf"),
    ],
)
def test_names(model: str, provider: str, name: str) -> None:
    found = route(model)
    assert (found.endpoint.provider, found.model) == (provider, name)


@pytest.mark.parametrize(
    ("model", "provider", "found", "name"),
    [
        ("gpt-4o", "openai", "openai", "gpt-4o"),
        ("openai/gpt-4o", "openai", "openai", "gpt-4o"),
        ("openai/gpt-oss-120b", "groq", "groq", "openai/gpt-oss-120b"),
        ("together/x", "together_ai", "together", "x"),
        ("gpt-4o", "custom_openai", "custom", "gpt-4o"),
    ],
)
def test_the_provider_may_be_named_beside(model: str, provider: str, found: str, name: str) -> None:
    other = route(model, provider=provider, api_base="https://x/v1")
    assert (other.endpoint.provider, other.model) == (found, name)


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("opneai/gpt-4o", "did you mean 'openai'"),
        ("nobody-knows/x", "aiocompl providers"),
        ("gtp-4o", "write 'provider/gtp-4o'"),
        ("claud-3", "did you mean 'claude-'"),
        ("", "api_base="),
    ],
)
def test_unknown_names_have_the_nearest_and_what_to_set(model: str, hint: str) -> None:
    with pytest.raises(NotFoundError, match="api_base=") as caught:
        route(model)
    assert hint in caught.value.message
    assert caught.value.param == "model"


def test_an_unknown_provider_beside() -> None:
    with pytest.raises(NotFoundError, match="no provider is called 'opneai'; did you mean 'openai'"):
        route("gpt-4o", provider="opneai")


@pytest.mark.parametrize("model", ["openai/", "azure/"])
def test_a_provider_without_a_model(model: str) -> None:
    with pytest.raises(NotFoundError, match=f"write '{model}<model>'"):
        route(model)


def test_all_known_vendors_the_best_known_first() -> None:
    names = [vendor.name for vendor in known_vendors()]
    assert names[:2] == ["openai", "azure"]
    assert {"anthropic", "gemini", "vertex_ai", "bedrock", "cohere", "ollama", "local"} <= set(names)
    assert "custom" not in names  # is no name to be asked for
    assert len(names) == len(set(names))
    assert {vendor.name for vendor in vendors()} <= set(names)


# ---------------------------------------------------------------- bases


@pytest.mark.parametrize(
    ("model", "env", "target", "url"),
    [
        ("gpt-4o", {}, {}, "https://api.openai.com/v1"),
        ("gpt-4o", {}, {"api_base": "https://x/v1/"}, "https://x/v1"),
        ("gpt-4o", {}, {"api_base": " https://x/v1 "}, "https://x/v1"),
        ("gpt-4o", {"OPENAI_BASE_URL": "https://eu.api.openai.com/v1"}, {}, "https://eu.api.openai.com/v1"),
        ("gpt-4o", {"OPENAI_API_BASE": "https://y/v1"}, {}, "https://y/v1"),
        ("gpt-4o", {"OPENAI_BASE_URL": "https://y/v1"}, {"api_base": "https://x/v1"}, "https://x/v1"),
        ("gpt-4o", {"OPENAI_BASE_URL": ""}, {}, "https://api.openai.com/v1"),
        ("ollama_compat/x", {}, {}, "http://localhost:11434/v1"),
        ("ollama_compat/x", {"OLLAMA_HOST": "gpu:11434"}, {}, "http://gpu:11434/v1"),
        ("ollama_compat/x", {"OLLAMA_HOST": "gpu:11434/other"}, {}, "http://gpu:11434/other"),
        ("ollama_compat/x", {"OLLAMA_HOST": "https://gpu/v1"}, {}, "https://gpu/v1"),
        ("ollama/x", {}, {}, "http://localhost:11434"),
        ("ollama/x", {"OLLAMA_HOST": "gpu"}, {}, "http://gpu:11434"),
        ("ollama/x", {"OLLAMA_HOST": "0.0.0.0:9"}, {}, "http://127.0.0.1:9"),
        ("ollama/x", {"OLLAMA_HOST": "https://gpu"}, {}, "https://gpu"),
        ("anthropic/x", {}, {}, "https://api.anthropic.com"),
        ("claude-sonnet-4-5", {"ANTHROPIC_BASE_URL": "http://h:1"}, {}, "http://h:1"),
        ("gemini/x", {}, {}, "https://generativelanguage.googleapis.com/v1beta"),
        ("command-nightly", {}, {}, "https://api.cohere.com"),
        (
            "vertex_ai/x",
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"},
            {},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
        ),
        ("bedrock/x", {"AWS_REGION": "eu-west-1"}, {}, "https://bedrock-runtime.eu-west-1.amazonaws.com"),
        ("bedrock/x", {}, {}, "https://bedrock-runtime.us-east-1.amazonaws.com"),
        ("bedrock/x", {"AWS_ENDPOINT_URL": "http://h:2/"}, {}, "http://h:2"),
        ("gpt-4o", {}, {"api_base": "x?a=http://b/c"}, "https://x/v1?a=http://b/c"),
        ("my-model", {}, {"api_base": "http://127.0.0.1:8000/v1"}, "http://127.0.0.1:8000/v1"),
        ("my-model", {}, {"api_base": "127.0.0.1:8000/v1"}, "http://127.0.0.1:8000/v1"),
        ("my-model", {}, {"api_base": "127.0.0.1:8000"}, "http://127.0.0.1:8000"),
        ("meta-llama/Llama-3", {}, {"api_base": "http://127.0.0.1:8000/v1"}, "http://127.0.0.1:8000/v1"),
        ("local", {}, {}, LOCAL_BASE),
    ],
)
def test_bases(model: str, env: dict[str, str], target: dict[str, str], url: str) -> None:
    assert route(model, KEYS | env, **target).endpoint.base_url == url


def test_a_bare_base_is_an_endpoint_of_ones_own_that_needs_no_key() -> None:
    found = route("meta-llama/Llama-3", KEYS, api_base="http://127.0.0.1:8000/v1")
    assert sent(found) == ("http://127.0.0.1:8000/v1/chat/completions", "meta-llama/Llama-3", None)
    assert found.endpoint.provider == "custom"
    keyed = route("meta-llama/Llama-3", {}, api_base="http://127.0.0.1:8000/v1", api_key="k")
    assert sent(keyed)[2] == "Bearer k"


def test_a_server_of_ones_own_needs_its_base() -> None:
    with pytest.raises(BadRequestError, match="where is the server") as caught:
        route("custom/x")
    assert caught.value.param == "api_base"


def test_user_and_password_go_into_a_header_and_never_show() -> None:
    found = route("m", {}, api_base="https://ann:p%40ss@x:8443/v1?a=b")
    assert found.endpoint.base_url == "https://x:8443/v1?a=b"
    assert "p%40ss" not in repr(found.endpoint)
    assert sent(found) == ("https://x:8443/v1/chat/completions?a=b", "m", "Basic YW5uOnBAc3M=")


def test_parts_of_a_base_that_are_the_users_to_fill() -> None:
    env = {"CLOUDFLARE_API_KEY": "k", "CLOUDFLARE_ACCOUNT_ID": "me", "CLOUDFLARE_API_TOKEN": "k"}
    found = route("cloudflare/x", env)
    assert "/me/" in found.endpoint.base_url
    del env["CLOUDFLARE_ACCOUNT_ID"]
    with pytest.raises(BadRequestError, match="set CLOUDFLARE_ACCOUNT_ID, or pass api_base=") as caught:
        route("cloudflare/x", env)
    assert caught.value.param == "api_base"


def test_a_host_that_fills_the_base_may_come_with_its_scheme() -> None:
    for host in ("dbc-1.cloud.databricks.com", "https://dbc-1.cloud.databricks.com/"):
        found = route("databricks/x", {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": "k"}, api_key="k")
        assert found.endpoint.base_url.startswith("https://dbc-1.cloud.databricks.com/")


# ---------------------------------------------------------------- keys


def test_a_key_comes_from_the_call_or_the_environment() -> None:
    assert sent(route("gpt-4o"))[2] == "Bearer k-openai"
    assert sent(route("gpt-4o", api_key="mine"))[2] == "Bearer mine"
    assert sent(route("together/x"))[2] == "Bearer k-together"
    assert sent(route("ollama/x"))[2] is None


@pytest.mark.parametrize(
    ("model", "variables"),
    [
        ("gpt-4o", "OPENAI_API_KEY"),
        ("together/x", "TOGETHER_API_KEY or TOGETHER_AI_API_KEY"),
        ("groq/x", "GROQ_API_KEY"),
    ],
)
def test_a_missing_key_names_its_variable(model: str, variables: str) -> None:
    for env in ({}, {"OPENAI_API_KEY": ""}):
        with pytest.raises(AuthenticationError, match=f"set the environment variable {variables}") as caught:
            route(model, env)
        assert caught.value.model == model
        assert caught.value.provider


def test_a_key_is_not_asked_for_where_the_caller_says_where_to_go() -> None:
    assert sent(route("gpt-4o", {}, api_base="http://127.0.0.1:1/v1"))[2] is None


def test_organization_and_project_are_openais() -> None:
    env = KEYS | {"OPENAI_ORG_ID": "o", "OPENAI_PROJECT_ID": "p"}
    endpoint = route("gpt-4o", env).endpoint
    assert (endpoint.organization, endpoint.project) == ("o", "p")
    endpoint = route("groq/x", env).endpoint
    assert (endpoint.organization, endpoint.project) == (None, None)
    assert route("gpt-4o", env, organization="mine").endpoint.organization == "mine"


def test_calls_that_agree_share_an_endpoint() -> None:
    assert (
        route("gpt-4o").endpoint == route("openai/o3").endpoint != route("gpt-4o", api_key="other").endpoint
    )
    assert route("local/a").endpoint != route("local/b").endpoint


# ---------------------------------------------------------------- the local model


def test_the_local_model_is_bounded_by_default() -> None:
    found = route("local", {})
    assert found.endpoint.local_model == LOCAL_DEFAULT
    request = ChatRequest(found.model, [], {"max_completion_tokens": 3})
    assert orjson.loads(found.codec.encode_request(request).body) == {
        "model": LOCAL_DEFAULT,
        "messages": [],
        "max_tokens": 3,
        "temperature": 0.0,
    }


# ---------------------------------------------------------------- Azure

R = "https://r.openai.azure.com"
V1 = f"{R}/openai/v1/chat/completions"
DATED = f"{R}/openai/deployments/d/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("base", "version", "env", "url"),
    [
        (None, None, {}, V1),
        (None, "2024-10-21", {}, DATED),
        (None, None, {"OPENAI_API_VERSION": "2024-10-21"}, DATED),
        (None, None, {"AZURE_API_VERSION": "2024-10-21"}, DATED),
        (None, "2024-10-21", {"OPENAI_API_VERSION": "2023-05-15"}, DATED),
        (None, "v1", {}, V1),
        (None, "preview", {}, V1),
        (None, "latest", {"OPENAI_API_VERSION": "2024-10-21"}, V1),
        (R, None, {}, V1),
        ("r.openai.azure.com", None, {}, V1),
        (f"{R}/openai", None, {}, V1),
        (f"{R}/openai/", "2024-10-21", {}, DATED),
        (f"{R}/openai/v1", None, {}, V1),
        (f"{R}/openai/v1/", "2024-10-21", {}, V1),
        (V1, None, {}, V1),
        (f"{R}/openai/v1?api-version=preview", None, {}, f"{V1}?api-version=preview"),
        (f"{R}?api-version=2024-10-21", None, {}, DATED),
        (f"{R}/?api-version=2024-10-21", "2025-01-01-preview", {}, DATED),
        (f"{R}/openai/deployments/d", "2024-10-21", {}, DATED),
        (f"{R}/openai/deployments/d/", "2024-10-21", {}, DATED),
        (f"{R}/openai/deployments/d?api-version=2024-10-21", None, {}, DATED),
        (DATED, None, {}, DATED),
        (DATED, "2025-01-01-preview", {}, DATED),
        (
            f"{R}/openai/deployments/other/chat/completions",
            "2024-10-21",
            {},
            f"{R}/openai/deployments/other/chat/completions?api-version=2024-10-21",
        ),
        (f"{R}?x=1", "2024-10-21", {}, DATED.replace("?", "?x=1&")),
        (f"{R}?x=1", None, {}, f"{V1}?x=1"),
        (
            "https://r.services.ai.azure.com",
            None,
            {},
            "https://r.services.ai.azure.com/openai/v1/chat/completions",
        ),
        (
            "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            None,
            {},
            "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
        ),
        ("https://r.openai.azure.us", None, {}, "https://r.openai.azure.us/openai/v1/chat/completions"),
    ],
)
def test_azures_shapes(base: str | None, version: str | None, env: dict[str, str], url: str) -> None:
    found = route("azure/d", AZURE | env, api_base=base, api_version=version)
    assert sent(found) == (url, "d", "k")
    assert found.endpoint.provider == "azure"


def test_a_deployments_name_is_quoted() -> None:
    found = route("azure/a b/c", AZURE, api_version="2024-10-21")
    assert sent(found)[0] == f"{R}/openai/deployments/a%20b%2Fc/chat/completions?api-version=2024-10-21"


def test_azure_needs_the_resources_url() -> None:
    with pytest.raises(BadRequestError, match="set AZURE_OPENAI_ENDPOINT or pass api_base=") as caught:
        route("azure/d", {"AZURE_OPENAI_API_KEY": "k"})
    assert caught.value.param == "api_base"
    assert sent(route("d", AZURE, provider="azure"))[0] == V1

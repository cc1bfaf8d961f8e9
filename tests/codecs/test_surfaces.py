"""Other makers' models at Vertex AI, Foundry and Snowflake: which dialect, at which address, with which body."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import (
    APIStatusError,
    BadRequestError,
    ContextWindowExceededError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnsupportedParamsError,
)
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPRequest, HTTPResponse

USER = {"role": "user", "content": "Hi"}
PLACES = {
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "us-east5",
    "ANTHROPIC_FOUNDRY_RESOURCE": "r",
    "DATABRICKS_HOST": "https://d.example",
    "SNOWFLAKE_ACCOUNT_ID": "s",
}
VERTEX = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"


def sent(
    model: str, params: dict[str, Any] | None = None, *, stream: bool = False, **how: Any
) -> HTTPRequest:
    env = PLACES | how.pop("env", {})
    extra = how.pop("extra_body", None)
    key = how.pop("api_key", "token")
    route = resolve(Target(model, api_key=key, **how), env)
    request = ChatRequest(route.model, [USER], params or {}, stream=stream, extra_body=extra)
    return route.codec.encode_request(request)


def body_of(request: HTTPRequest) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(request.body)
    return found


@pytest.mark.parametrize(
    ("model", "codec", "name"),
    [
        ("vertex_ai/claude-sonnet-4-5@20250929", "VertexClaudeCodec", "claude-sonnet-4-5@20250929"),
        ("vertex/anthropic/claude-opus-4-1", "VertexClaudeCodec", "claude-opus-4-1"),
        ("vertex_ai/mistral-small-2503", "VertexMistralCodec", "mistral-small-2503"),
        ("vertex_ai/mistralai/codestral-2@001", "VertexMistralCodec", "codestral-2@001"),
        ("vertex_ai/meta/llama-4-scout-maas", "VertexOpenAICodec", "meta/llama-4-scout-maas"),
        ("vertex_ai/deepseek-ai/deepseek-r1-maas", "VertexOpenAICodec", "deepseek-ai/deepseek-r1-maas"),
        ("vertex_ai/openai/gpt-oss-20b-maas", "VertexOpenAICodec", "openai/gpt-oss-20b-maas"),
        ("vertex_ai/openapi/google/gemini-2.5-flash", "VertexOpenAICodec", "google/gemini-2.5-flash"),
        ("vertex_ai/openai/4242", "VertexOpenAICodec", "openai/4242"),
        ("vertex_ai/google/gemini-2.5-pro", "VertexCodec", "gemini-2.5-pro"),
        ("vertex_ai/gemini-2.5-pro", "VertexCodec", "gemini-2.5-pro"),
        ("vertex_ai/endpoints/77", "VertexCodec", "endpoints/77"),
        ("azure_ai/claude-opus-4-1", "FoundryClaudeCodec", "claude-opus-4-1"),
        ("azure_ai/DeepSeek-V3", "FoundryCodec", "DeepSeek-V3"),
        ("snowflake/messages/claude-4-sonnet", "SnowflakeClaudeCodec", "claude-4-sonnet"),
        ("snowflake/claude-4-sonnet", "OpenAICodec", "claude-4-sonnet"),
        ("databricks/llama", "DatabricksCodec", "llama"),
    ],
)
def test_the_name_says_which_dialect(model: str, codec: str, name: str) -> None:
    route = resolve(Target(model, api_key="k"), PLACES)
    assert (type(route.codec).__name__, route.model) == (codec, name)
    assert route.endpoint.provider in {model.partition("/")[0], "vertex_ai"}


# ---------------------------------------------------------------- Vertex AI


def test_claude_on_vertex() -> None:
    whole = sent("vertex_ai/claude-sonnet-4-5@20250929", {"max_tokens": 9, "betas": ["a", "b"]})
    assert whole.url == f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"
    assert body_of(whole) == {
        "anthropic_version": "vertex-2023-10-16",
        "messages": [USER],
        "max_tokens": 9,
    }
    assert whole.headers["Authorization"] == "Bearer token"
    assert whole.headers["anthropic-beta"] == "a,b"
    assert "anthropic-version" not in whole.headers
    streamed = sent("vertex_ai/claude-sonnet-4-5", {"max_tokens": 9}, stream=True)
    assert streamed.url.endswith("/claude-sonnet-4-5:streamRawPredict")
    assert body_of(streamed)["stream"] is True


def test_claude_on_vertex_in_another_version() -> None:
    later = sent("vertex_ai/claude-opus-4-1", api_version="vertex-2026-10-21")
    assert body_of(later)["anthropic_version"] == "vertex-2026-10-21"
    route = resolve(Target("vertex_ai/claude-x", api_key="k", api_version="vertex-2026-10-21"), PLACES)
    assert "temperature" in route.codec.unsupported_params


def test_open_models_on_vertex() -> None:
    whole = sent("vertex_ai/meta/llama-maas", {"max_completion_tokens": 9})
    assert whole.url == f"{VERTEX}/endpoints/openapi/chat/completions"
    assert body_of(whole) == {"model": "meta/llama-maas", "messages": [USER], "max_tokens": 9}
    assert whole.headers["Authorization"] == "Bearer token"
    base = f"{VERTEX}/endpoints/openapi"
    assert sent("vertex_ai/meta/m", api_base=base).url == f"{base}/chat/completions"


def test_an_endpoint_of_ones_own_on_vertex() -> None:
    deployed = sent("vertex_ai/openai/4242")
    assert deployed.url == f"{VERTEX}/endpoints/4242/chat/completions"
    assert body_of(deployed)["model"] == ""
    assert body_of(sent("vertex_ai/openai/4242", extra_body={"model": "lora"}))["model"] == "lora"


def test_mistral_on_vertex() -> None:
    whole = sent("vertex_ai/mistral-medium-3", {"seed": 1, "max_tokens": 9})
    assert whole.url == f"{VERTEX}/publishers/mistralai/models/mistral-medium-3:rawPredict"
    assert body_of(whole) == {
        "model": "mistral-medium-3",
        "messages": [USER],
        "random_seed": 1,
        "max_tokens": 9,
    }
    streamed = sent("vertex_ai/mistral-medium-3", stream=True, api_base="http://h:1/v1?a=b")
    assert streamed.url == "http://h:1/v1/publishers/mistralai/models/mistral-medium-3:streamRawPredict?a=b"


GOOGLE = {
    "error": {
        "code": 429,
        "message": "Quota exceeded",
        "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}],
    }
}


@pytest.mark.parametrize("model", ["claude-x", "meta/m", "mistral-m"])
@pytest.mark.parametrize("body", [GOOGLE, [GOOGLE]], ids=["plain", "in a list"])
def test_googles_own_errors(model: str, body: Any) -> None:
    route = resolve(Target(f"vertex_ai/{model}", api_key="k"), PLACES)
    error = route.codec.decode_error(ChatRequest("m", []), HTTPResponse(429, {}, orjson.dumps(body)))
    assert type(error) is RateLimitError
    assert (error.code, error.retry_after, error.provider) == ("RESOURCE_EXHAUSTED", 34.0, "vertex_ai")


@pytest.mark.parametrize(
    ("model", "status", "body", "cls"),
    [
        (
            "claude-x",
            400,
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"},
            },
            ContextWindowExceededError,
        ),
        (
            "claude-x",
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            ServiceUnavailableError,
        ),
        (
            "meta/m",
            400,
            {"object": "error", "message": "This model's maximum context length is 8 tokens", "code": 400},
            ContextWindowExceededError,
        ),
        (
            "mistral-m",
            400,
            {"object": "error", "message": "no", "type": "invalid_request_error"},
            BadRequestError,
        ),
        ("claude-x", 403, "<html>", PermissionDeniedError),
    ],
)
def test_the_makers_errors_passed_on(model: str, status: int, body: Any, cls: type[APIStatusError]) -> None:
    route = resolve(Target(f"vertex_ai/{model}", api_key="k"), PLACES)
    error = route.codec.decode_error(ChatRequest("m", []), HTTPResponse(status, {}, orjson.dumps(body)))
    assert type(error) is cls


# ---------------------------------------------------------------- Foundry


@pytest.mark.parametrize(
    ("base", "model", "url"),
    [
        (None, "m", "https://r.services.ai.azure.com/openai/v1/chat/completions"),
        ("https://x.openai.azure.com", "m", "https://x.openai.azure.com/openai/v1/chat/completions"),
        ("https://x/openai/v1/", "m", "https://x/openai/v1/chat/completions"),
        ("https://x/anthropic", "m", "https://x/openai/v1/chat/completions"),
        ("https://x/models", "m", "https://x/models/chat/completions?api-version=2024-05-01-preview"),
        ("https://x/models?api-version=1", "m", "https://x/models/chat/completions?api-version=1"),
        (
            "https://n.eastus.models.ai.azure.com",
            "m",
            "https://n.eastus.models.ai.azure.com/v1/chat/completions",
        ),
        (None, "claude-x", "https://r.services.ai.azure.com/anthropic/v1/messages"),
        ("https://x/anthropic/", "claude-x", "https://x/anthropic/v1/messages"),
        ("https://x/anthropic/v1/messages", "claude-x", "https://x/anthropic/v1/messages"),
        ("https://x/openai/v1", "claude-x", "https://x/anthropic/v1/messages"),
    ],
)
def test_foundrys_addresses(base: str | None, model: str, url: str) -> None:
    assert sent(f"azure_ai/{model}", api_base=base).url == url


def test_foundrys_keys() -> None:
    assert sent("azure_ai/m").headers["api-key"] == "token"
    claude = sent("azure_ai/claude-x").headers
    assert (claude["api-key"], claude["anthropic-version"]) == ("token", "2023-06-01")
    serverless = sent("azure_ai/m", api_base="https://n.eastus.models.ai.azure.com")
    assert serverless.headers["Authorization"] == "Bearer token"
    dated = sent("azure_ai/m", api_base="https://x/models", api_version="2025-01-01")
    assert dated.url.endswith("?api-version=2025-01-01")


# ---------------------------------------------------------------- Snowflake, Databricks


@pytest.mark.parametrize(
    ("variable", "kind"),
    [("SNOWFLAKE_PAT", "PROGRAMMATIC_ACCESS_TOKEN"), ("SNOWFLAKE_JWT", "KEYPAIR_JWT")],
)
@pytest.mark.parametrize("model", ["snowflake/m", "snowflake/messages/claude-x"])
def test_snowflakes_tokens_say_what_they_are(model: str, variable: str, kind: str) -> None:
    request = sent(model, api_key=None, env={variable: "secret"})
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["X-Snowflake-Authorization-Token-Type"] == kind
    given = sent(model, env={variable: "secret"})  # a key of the call's own may be of any kind
    assert "X-Snowflake-Authorization-Token-Type" not in given.headers


def test_snowflakes_surfaces() -> None:
    base = "https://s.snowflakecomputing.com/api/v2/cortex/v1"
    assert sent("snowflake/m").url == f"{base}/chat/completions"
    claude = sent("snowflake/messages/claude-x")
    assert (claude.url, claude.headers["anthropic-version"]) == (f"{base}/messages", "2023-06-01")


def test_snowflake_fetches_no_images_for_claude() -> None:
    def asked(url: str) -> ChatRequest:
        content = [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": url}}]
        return ChatRequest("claude-x", [{"role": "user", "content": content}])

    codec = resolve(Target("snowflake/messages/claude-x", api_key="k"), PLACES).codec
    codec.encode_request(asked("data:image/png;base64,AAAA"))
    with pytest.raises(UnsupportedParamsError, match="fetches no images") as caught:
        codec.encode_request(asked("https://x.example/a.png"))
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("base", "model", "url", "name"),
    [
        (None, "e", "https://d.example/serving-endpoints/chat/completions", "e"),
        (None, "invocations/my e", "https://d.example/serving-endpoints/my%20e/invocations", "my e"),
        ("https://h/serving-endpoints/e/invocations", "e", "https://h/serving-endpoints/e/invocations", "e"),
    ],
)
def test_databricks_invocations(base: str | None, model: str, url: str, name: str) -> None:
    request = sent(f"databricks/{model}", api_base=base)
    assert (request.url, body_of(request)["model"]) == (url, name)


@pytest.mark.parametrize(
    ("model", "base", "url"),
    [
        ("together", "https://api.together.ai", "https://api.together.ai/v1/chat/completions"),
        ("groq", "https://api.groq.com/", "https://api.groq.com/openai/v1/chat/completions"),
        ("groq", "https://proxy.example", "https://proxy.example/chat/completions"),
    ],
)
def test_a_vendors_own_host_alone_takes_the_usual_path(model: str, base: str, url: str) -> None:
    assert sent(f"{model}/m", api_base=base).url == url


@pytest.mark.parametrize(
    "model",
    ["huggingface/groq/o/m", "databricks/invocations/e", "vertex_ai/openai/1", "cloudflare/run/@cf/m"],
)
def test_a_model_in_extra_body_goes_before_the_names(model: str) -> None:
    request = sent(model, extra_body={"model": "another"}, env={"CLOUDFLARE_ACCOUNT_ID": "a"})
    assert body_of(request)["model"] == "another"

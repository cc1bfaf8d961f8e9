"""Hugging Face's router, its routes to single providers, and TGI at an address of one's own."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.huggingface import ROUTES
from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    InternalServerError,
    RateLimitError,
    UnprocessableEntityError,
    UnsupportedParamsError,
)
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPRequest, HTTPResponse

USER = {"role": "user", "content": "Hi"}
ROUTER = "https://router.huggingface.co"
OWN = "https://x.eu-west-1.aws.endpoints.huggingface.cloud"


def sent(model: str, params: dict[str, Any] | None = None, **target: Any) -> HTTPRequest:
    route = resolve(Target(f"huggingface/{model}", api_key="hf", **target), {})
    return route.codec.encode_request(ChatRequest(route.model, [USER], params or {}))


def body_of(model: str, params: dict[str, Any] | None = None, **target: Any) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(sent(model, params, **target).body)
    return found


@pytest.mark.parametrize(
    ("model", "path", "name"),
    [
        ("openai/gpt-oss-120b", "/v1", "openai/gpt-oss-120b"),
        ("org/name:fastest", "/v1", "org/name:fastest"),
        ("org/name:groq", "/v1", "org/name:groq"),
        ("groq/openai/gpt-oss-120b", "/groq/openai/v1", "openai/gpt-oss-120b"),
        ("together/org/name", "/together/v1", "org/name"),
        ("cohere/org/name", "/cohere/compatibility/v1", "org/name"),
        ("deepinfra/org/name", "/deepinfra/v1/openai", "org/name"),
        ("novita/org/name", "/novita/v3/openai", "org/name"),
        ("zai-org/org/name", "/zai-org/api/paas/v4", "org/name"),
        (
            "fireworks-ai/accounts/fireworks/models/m",
            "/fireworks-ai/inference/v1",
            "accounts/fireworks/models/m",
        ),
        ("hf-inference/org/name", "/hf-inference/models/org/name/v1", "org/name"),
    ],
)
def test_the_routers_addresses(model: str, path: str, name: str) -> None:
    request = sent(model)
    assert request.url == f"{ROUTER}{path}/chat/completions"
    assert orjson.loads(request.body)["model"] == name
    assert request.headers["Authorization"] == "Bearer hf"


def test_every_route_ends_in_chat_completions() -> None:
    assert all(path.endswith("/chat/completions") for path in ROUTES.values())
    assert {"groq", "together", "hf-inference", "sambanova"} <= ROUTES.keys()


def test_a_base_of_ones_own_holds_routes_too() -> None:
    assert (
        sent("groq/o/m", api_base="http://h:1/v1?a=b").url == "http://h:1/groq/openai/v1/chat/completions?a=b"
    )


def test_who_pays() -> None:
    headers = sent("org/name", organization="acme").headers
    assert headers["X-HF-Bill-To"] == "acme"
    assert "OpenAI-Organization" not in headers
    assert "X-HF-Bill-To" not in sent("org/name").headers


@pytest.mark.parametrize("base", [OWN, f"{OWN}/", f"{OWN}/v1", f"{OWN}/v1/chat/completions"])
def test_an_endpoint_of_ones_own(base: str) -> None:
    assert sent("tgi", api_base=base).url == f"{OWN}/v1/chat/completions"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"temperature": 0}, {"temperature": 0.01}),
        ({"temperature": 0.5, "top_p": 0}, {"temperature": 0.5, "top_p": 0.01}),
        ({"top_p": 1}, {}),
        ({"top_p": 1.0, "n": 1}, {"n": 1}),
        ({"max_completion_tokens": 9, "tool_prompt": "t"}, {"max_tokens": 9, "tool_prompt": "t"}),
    ],
)
@pytest.mark.parametrize(("model", "target"), [("tgi", {"api_base": OWN}), ("hf-inference/o/m", {})])
def test_tgis_limits(model: str, target: dict[str, str], given: dict[str, Any], said: dict[str, Any]) -> None:
    body = body_of(model, given, **target)
    assert {name: value for name, value in body.items() if name not in {"model", "messages"}} == said


def test_the_router_has_no_limits_of_its_own() -> None:
    assert body_of("org/name", {"temperature": 0, "top_p": 1, "n": 2}) | {"model": "m", "messages": []} == {
        "model": "m",
        "messages": [],
        "temperature": 0,
        "top_p": 1,
        "n": 2,
    }


def test_what_tgi_cannot_do() -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        sent("tgi", {"n": 2}, api_base=OWN)
    assert (caught.value.param, caught.value.provider) == ("n", "huggingface")
    assert "logit_bias" in resolve(Target("huggingface/tgi", api_base=OWN), {}).codec.unsupported_params
    assert "logit_bias" not in resolve(Target("huggingface/o/m", api_key="k"), {}).codec.unsupported_params


def answer(choice: dict[str, Any]) -> Any:
    codec = resolve(Target("huggingface/tgi", api_base=OWN), {}).codec
    body = {"id": "", "created": 1, "model": "m", "choices": [{"index": 0, **choice}]}
    return codec.decode_response(
        ChatRequest("tgi", [USER]), HTTPResponse(200, {}, orjson.dumps(body))
    ).choices[0]


@pytest.mark.parametrize("word", ["eos_token", "stop_sequence"])
def test_tgis_finish_reasons(word: str) -> None:
    choice = answer({"message": {"role": "assistant", "content": "Hi"}, "finish_reason": word})
    assert (choice.finish_reason, choice.native_finish_reason) == ("stop", word)


def test_older_tgis_arguments_are_objects() -> None:
    call = {"id": "0", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    choice = answer({"message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "stop"})
    assert choice.message.tool_calls[0].function.arguments == '{"a":1}'


@pytest.mark.parametrize(
    ("status", "body", "cls", "retryable"),
    [
        (400, {"error": {"message": "no", "code": "model_not_supported"}}, BadRequestError, False),
        (401, {"error": "Invalid username or password."}, AuthenticationError, False),
        (402, {"error": "You have exceeded your monthly included credits"}, RateLimitError, False),
        (
            422,
            {
                "error": "Input validation error: `inputs` must have less than 9 tokens",
                "error_type": "validation",
            },
            ContextWindowExceededError,
            False,
        ),
        (
            422,
            {"error": "Template error: no", "error_type": "template_error"},
            UnprocessableEntityError,
            False,
        ),
        (
            424,
            {"error": "Request failed during generation", "error_type": "generation"},
            InternalServerError,
            True,
        ),
        (429, {"error": "Model is overloaded", "error_type": "overloaded"}, RateLimitError, True),
    ],
)
def test_errors(status: int, body: Any, cls: type[APIError], retryable: bool) -> None:
    codec = resolve(Target("huggingface/tgi", api_base=OWN), {}).codec
    error = codec.decode_error(ChatRequest("m", []), HTTPResponse(status, {}, orjson.dumps(body)))
    assert type(error) is cls
    assert error.retryable is retryable


@pytest.mark.parametrize(
    ("event", "cls"),
    [
        ({"error": {"message": "no", "http_status_code": 422}}, UnprocessableEntityError),
        ({"error": "Model is overloaded", "error_type": "overloaded"}, RateLimitError),
        ({"error": "no", "error_type": "incomplete_generation"}, InternalServerError),
        ({"error": "no", "error_type": "validation"}, UnprocessableEntityError),
    ],
)
def test_errors_inside_streams(event: Any, cls: type[APIError]) -> None:
    codec = resolve(Target("huggingface/tgi", api_base=OWN), {}).codec
    frames, decoder = codec.frame_decoder(), codec.stream_decoder(ChatRequest("m", [], stream=True))
    with pytest.raises(cls):
        decoder.feed(frames.feed(b"data: " + orjson.dumps(event) + b"\n\n"), [])

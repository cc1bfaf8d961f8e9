"""How OpenAI's parameters are written in Anthropic's dialect, and where they are sent."""

from __future__ import annotations

import orjson
import pytest
from anthropic_requests import (
    BUDGET,
    CODEC,
    ENDPOINT,
    FORM,
    JSON,
    MODEL,
    NEW,
    OLD,
    SCHEMA,
    TOOL,
    USER,
    VENDOR,
    beside,
    encoded,
)

from aiocompl._compat import override
from aiocompl.codecs.anthropic import AnthropicCodec
from aiocompl.codecs.anthropic.models import claude_of
from aiocompl.codecs.anthropic.request import JSON_INSTRUCTION
from aiocompl.codecs.anthropic.schema import narrowed
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

# ---------------------------------------------------------------- address and headers


def test_a_request_says_where_who_and_in_which_version() -> None:
    sent = CODEC.encode_request(ChatRequest(MODEL, [USER], stream=True))
    assert sent.url == "https://api.anthropic.com/v1/messages"
    assert sent.headers["x-api-key"] == "made-up-key"
    assert sent.headers["anthropic-version"] == "2023-06-01"
    assert orjson.loads(sent.body) == {
        "model": MODEL,
        "messages": [USER],
        "max_tokens": 128_000,
        "stream": True,
    }


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://h", "https://h/v1/messages"),
        ("https://h/v1", "https://h/v1/messages"),
        ("https://h/anthropic/v1/messages?a=b", "https://h/anthropic/v1/messages?a=b"),
    ],
)
def test_a_base_url_may_name_the_version_or_all_of_it(base: str, url: str) -> None:
    codec = AnthropicCodec(VENDOR, Endpoint(provider="anthropic", base_url=base))
    sent = codec.encode_request(ChatRequest(MODEL, [USER]))
    assert sent.url == url
    assert "x-api-key" not in sent.headers


def test_another_version_a_bearer_and_what_the_call_adds() -> None:
    endpoint = Endpoint(provider="x", base_url="https://h?a=b", api_key="token", api_version="2026-10-21")
    codec = AnthropicCodec(Vendor(name="x", title="X", base_url=""), endpoint)
    request = ChatRequest(
        MODEL,
        [USER],
        {"betas": ["one", "two"]},
        extra_headers={"x-mine": "1"},
        extra_query={"c": "d"},
        extra_body={"max_tokens": 1},
    )
    sent = codec.encode_request(request)
    assert sent.url == "https://h/v1/messages?a=b&c=d"
    assert sent.headers["Authorization"] == "Bearer token"
    assert sent.headers["anthropic-version"] == "2026-10-21"
    assert sent.headers["anthropic-beta"] == "one,two"
    assert sent.headers["x-mine"] == "1"
    assert orjson.loads(sent.body)["max_tokens"] == 1
    assert {"temperature", "top_p"} <= codec.unsupported_params
    assert "top_k" not in codec.native_params
    assert "temperature" not in CODEC.unsupported_params


def test_betas_may_be_one_text() -> None:
    sent = CODEC.encode_request(ChatRequest(MODEL, [USER], {"betas": "one,two"}))
    assert sent.headers["anthropic-beta"] == "one,two"


class OtherHost(AnthropicCodec):
    """A host that names the model in the URL and the version in the body, as two clouds do."""

    @override
    def url_for(self, request: ChatRequest) -> str:
        return f"https://h/{request.model}:{'streamRawPredict' if request.stream else 'rawPredict'}"

    @override
    def credentials(self) -> dict[str, str]:
        return {"Authorization": "Bearer t"}

    @override
    def placed(self, body: JSON, request: ChatRequest) -> tuple[JSON, dict[str, str]]:
        del body["model"]
        return {"anthropic_version": "vertex-2023-10-16", **body}, {}


def test_another_host_changes_address_credentials_and_places() -> None:
    codec = OtherHost(VENDOR, ENDPOINT)
    sent = codec.encode_request(ChatRequest(f"{BUDGET}@20250929", [USER], {"temperature": 0.5}))
    assert sent.url == "https://h/claude-sonnet-4-5@20250929:rawPredict"
    assert sent.headers is codec.headers
    assert "x-api-key" not in sent.headers
    assert orjson.loads(sent.body) == {
        "anthropic_version": "vertex-2023-10-16",
        "messages": [USER],
        "max_tokens": 64_000,
        "temperature": 0.5,
    }


# ---------------------------------------------------------------- models


@pytest.mark.parametrize(
    ("name", "family", "version"),
    [
        ("claude-2.1", "", (2, 1)),
        ("claude-instant-1.2", "instant", (1, 2)),
        ("anthropic.claude-v2:1", "", (2, 1)),
        ("claude-3-opus-20240229", "opus", (3, 0)),
        ("us.anthropic.claude-3-5-haiku-20241022-v1:0", "haiku", (3, 5)),
        ("claude-sonnet-4@20250514", "sonnet", (4, 0)),
        ("claude-opus-4-1-20250805", "opus", (4, 1)),
        ("anthropic.claude-opus-5-v1:0", "opus", (5, 0)),
        ("claude-fable-5-1-1", "fable", (5, 1)),
        ("claude-mythos-preview", "mythos", None),
        ("deepseek-chat", "", None),
    ],
)
def test_a_name_tells_family_and_version(name: str, family: str, version: tuple[int, int] | None) -> None:
    assert (claude_of(name).family, claude_of(name).version) == (family, version)


@pytest.mark.parametrize(
    ("model", "bound"),
    [
        ("claude-2.1", 4096),
        ("claude-3-5-sonnet-20240620", 8192),
        ("claude-opus-4-1", 8192),
        ("claude-sonnet-4-5", 64_000),
        ("claude-sonnet-5", 128_000),
        ("glm-4.6", 4096),
    ],
)
def test_the_bound_is_the_models_own_where_none_is_given(model: str, bound: int) -> None:
    assert encoded([USER], model)["max_tokens"] == bound
    assert encoded([USER], model, max_tokens=5)["max_tokens"] == 5
    assert encoded([USER], model, max_tokens=5, max_completion_tokens=6)["max_tokens"] == 6


# ---------------------------------------------------------------- structured output


def test_a_schema_is_native_where_the_model_has_that() -> None:
    assert beside(response_format=FORM) == {
        "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}
    }
    assert beside(response_format={"type": "text"}) == {}
    assert beside(response_format={"type": "json_object"}) == {"system": JSON_INSTRUCTION}


@pytest.mark.parametrize(
    ("params", "choice"),
    [
        ({}, {"type": "tool", "name": "json_tool_call"}),
        ({"tools": [TOOL]}, {"type": "any"}),
        ({"tools": [TOOL], "tool_choice": "none"}, {"type": "tool", "name": "json_tool_call"}),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"type": "tool", "name": "f"},
        ),
    ],
)
def test_a_schema_is_a_tool_where_the_model_has_none(params: JSON, choice: JSON) -> None:
    sent = beside(OLD, response_format=FORM, **params)
    assert sent["tool_choice"] == choice
    assert sent["tools"][-1]["name"] == "json_tool_call"
    assert sent["tools"][-1]["input_schema"] == SCHEMA
    assert "output_config" not in sent


def test_schemas_are_narrowed_and_what_is_dropped_is_told() -> None:
    given = {
        "type": "object",
        "description": "All.",
        "minProperties": 1,
        "properties": {
            "n": {"type": "number", "minimum": 0.0, "maximum": 1.0},
            "l": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {}}},
            "o": {"oneOf": [{"type": "string", "minLength": 1}, True]},
            "free": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "$defs": {"d": {"type": "object"}},
    }
    assert narrowed(given) == {
        "type": "object",
        "description": "All.\n\n{minProperties: 1}",
        "properties": {
            "n": {"type": "number", "description": "{maximum: 1.0, minimum: 0.0}"},
            "l": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {}, "additionalProperties": False},
            },
            "o": {"anyOf": [{"type": "string", "description": "{minLength: 1}"}, True]},
            "free": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "$defs": {"d": {"type": "object", "additionalProperties": False}},
        "additionalProperties": False,
    }


# ---------------------------------------------------------------- thinking


@pytest.mark.parametrize(
    ("model", "params", "sent"),
    [
        (
            MODEL,
            {"reasoning_effort": "minimal"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        (
            MODEL,
            {"reasoning_effort": "max"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}},
        ),
        (
            NEW,
            {"reasoning_effort": "xhigh"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}},
        ),
        (NEW, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (OLD, {"reasoning_effort": "none"}, {}),
        (BUDGET, {"reasoning_effort": "high"}, {"thinking": {"type": "enabled", "budget_tokens": 16_384}}),
        (
            BUDGET,
            {"reasoning_effort": "medium", "max_tokens": 2000},
            {"thinking": {"type": "enabled", "budget_tokens": 1999}},
        ),
        ("glm-4.6", {"reasoning_effort": "low"}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (
            "claude-next",
            {"reasoning_effort": "low"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
        ),
        (
            BUDGET,
            {"thinking": {"type": "enabled", "budget_tokens": 3000}, "reasoning_effort": "low"},
            {"thinking": {"type": "enabled", "budget_tokens": 3000}},
        ),
        (MODEL, {"thinking": {"type": "adaptive"}, "max_tokens": 9}, {"thinking": {"type": "adaptive"}}),
        (
            MODEL,
            {"output_config": {"effort": "high"}, "reasoning_effort": "low"},
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        ),
    ],
)
def test_thinking(model: str, params: JSON, sent: JSON) -> None:
    assert beside(model, **params) == sent


def test_thinking_leaves_room_for_the_answer() -> None:
    thinking = {"type": "enabled", "budget_tokens": 10_000}
    assert encoded([USER], "claude-opus-4-1", thinking=thinking)["max_tokens"] == 18_192
    assert encoded([USER], "claude-opus-4-1", reasoning_effort="max")["max_tokens"] == 32_001
    assert encoded([USER], BUDGET, reasoning_effort="max")["max_tokens"] == 64_000


# ---------------------------------------------------------------- the small ones


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"temperature": 0.5, "top_p": 0.9, "top_k": 5}, {"temperature": 0.5, "top_p": 0.9, "top_k": 5}),
        ({"temperature": 1.5}, {"temperature": 1.0}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"n": 1, "stream_options": {"include_usage": True}}, {}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        (
            {"user": "u", "safety_identifier": "s", "metadata": {"a": "b"}},
            {"metadata": {"a": "b", "user_id": "s"}},
        ),
        ({"service_tier": "priority"}, {"service_tier": "auto"}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"container": "c", "seed": 1}, {"container": "c", "seed": 1}),
    ],
)
def test_small_parameters(params: JSON, sent: JSON) -> None:
    assert beside(**params) == sent


def test_a_default_that_a_model_refuses_is_left_out() -> None:
    assert beside(NEW, temperature=1.0, top_p=1) == {}


@pytest.mark.parametrize(
    ("model", "params", "param"),
    [
        (NEW, {"temperature": 0.5}, "temperature"),
        (NEW, {"top_k": 5}, "top_k"),
        (MODEL, {"n": 2}, "n"),
        (MODEL, {"stop": ["\n\n"]}, "stop"),
        (MODEL, {"service_tier": "flex"}, "service_tier"),
        (MODEL, {"response_format": {"type": "grammar"}}, "response_format"),
        (MODEL, {"web_search_options": {"search_context_size": "huge"}}, "web_search_options"),
        (MODEL, {"tools": [TOOL, {"type": "custom", "custom": {"name": "c"}}]}, "tools[1]"),
        (OLD, {"reasoning_effort": "low"}, "reasoning_effort"),
        (MODEL, {"reasoning_effort": "xhigh"}, "reasoning_effort"),
        (BUDGET, {"reasoning_effort": "extreme"}, "reasoning_effort"),
        (BUDGET, {"reasoning_effort": "low", "max_tokens": 1024}, "reasoning_effort"),
        ("claude-fable-5", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("claude-opus-5-5", {"reasoning_effort": "none"}, "reasoning_effort"),
        ("claude-sonnet-5-5", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        (BUDGET, {"tools": [TOOL], "tool_choice": "required", "reasoning_effort": "low"}, "tool_choice"),
        ("claude-sonnet-4-0", {"response_format": FORM, "reasoning_effort": "low"}, "response_format"),
    ],
)
def test_what_a_model_cannot_do_is_said_before_any_request(model: str, params: JSON, param: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        encoded([USER], model, **params)
    assert (caught.value.param, caught.value.provider, caught.value.model) == (param, "anthropic", model)

"""What the Responses codec makes of parameters, and what it refuses."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from native_driver import USER, fault
from responses_help import codec_at, plain, reasoner

from aiocompl.codecs.responses import ResponsesCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

JSON = dict[str, Any]

PARAMETERS = {"type": "object", "properties": {"a": {"type": "string"}}}
FUNCTION = {"name": "f", "description": "d", "parameters": PARAMETERS}
GRAMMAR = {"syntax": "lark", "definition": "start: /x/"}
SCHEMA = {"name": "answer", "schema": PARAMETERS, "strict": True}
NAMED = {"type": "function", "function": {"name": "f"}}
ENCRYPTED = ["reasoning.encrypted_content"]


def assistant(content: Any = None, **more: Any) -> JSON:
    return {"role": "assistant", "content": content, **more}


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1/responses"),
        ("https://h/v1/responses", "https://h/v1/responses"),
        ("https://h/v1/chat/completions", "https://h/v1/responses"),
        ("https://r.openai.azure.com/openai/v1", "https://r.openai.azure.com/openai/v1/responses"),
        (
            "https://r.openai.azure.com/openai/deployments/d?api-version=2025-04-01-preview",
            "https://r.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
        ),
    ],
)
def test_the_url_is_found_below_any_base(base_url: str, url: str) -> None:
    assert codec_at(base_url).encode_request(ChatRequest("m", [USER])).url == url


def test_organization_and_project_go_into_headers() -> None:
    codec = codec_at(organization="org-1", project="proj_1", extra_headers=(("X-A", "b"),))
    headers = codec.encode_request(ChatRequest("m", [USER])).headers
    assert headers["OpenAI-Organization"] == "org-1"
    assert headers["OpenAI-Project"] == "proj_1"
    assert headers["X-A"] == "b"
    assert headers["Authorization"].startswith("Bearer sk-")


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({}, {}),
        ({"max_tokens": 5}, {"max_output_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_output_tokens": 7}),
        ({"max_output_tokens": 9}, {"max_output_tokens": 9}),
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"store": False, "metadata": {"a": "b"}}, {"store": False, "metadata": {"a": "b"}}),
        (
            {"prompt_cache_key": "k", "service_tier": "flex"},
            {"prompt_cache_key": "k", "service_tier": "flex"},
        ),
        ({"safety_identifier": "s", "user": "u"}, {"safety_identifier": "s", "user": "u"}),
        ({"n": 1}, {}),
        ({"background": False}, {}),
        ({"reasoning_effort": "none"}, {"reasoning": {"effort": "none"}}),
        ({"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}, "include": ENCRYPTED}),
        (
            {"reasoning_effort": "low", "reasoning": {"summary": "auto"}},
            {"reasoning": {"summary": "auto", "effort": "low"}, "include": ENCRYPTED},
        ),
        ({"reasoning_effort": "low", "include": []}, {"reasoning": {"effort": "low"}}),
        (
            {"logprobs": True, "top_logprobs": 2},
            {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
        ),
        ({"logprobs": False}, {}),
        (
            {"logprobs": True, "include": ["message.output_text.logprobs"]},
            {"include": ["message.output_text.logprobs"]},
        ),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"response_format": {"type": "text"}}, {"text": {"format": {"type": "text"}}}),
        ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
        (
            {
                "response_format": {"type": "json_schema", "json_schema": SCHEMA},
                "text": {"verbosity": "high"},
            },
            {"text": {"verbosity": "high", "format": {"type": "json_schema", **SCHEMA}}},
        ),
        ({"stream_options": {"include_usage": True}}, {}),
        (
            {"previous_response_id": "resp_0", "truncation": "auto"},
            {"previous_response_id": "resp_0", "truncation": "auto"},
        ),
        ({"conversation": "conv_1", "max_tool_calls": 3}, {"conversation": "conv_1", "max_tool_calls": 3}),
        ({"prompt": {"id": "pmpt_1"}}, {"prompt": {"id": "pmpt_1"}}),
    ],
)
def test_parameters_have_their_names_and_places(params: JSON, sent: JSON) -> None:
    body = plain.encode(USER, **params)
    assert body == {"model": "gpt-4.1", "input": [USER], **sent}


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({}, {}),
        ({"stream_options": {"include_usage": True}}, {}),
        (
            {"stream_options": {"include_usage": True, "include_obfuscation": False}},
            {"stream_options": {"include_obfuscation": False}},
        ),
    ],
)
def test_streams_are_asked_for_without_asking_for_usage(params: JSON, sent: JSON) -> None:
    body = orjson.loads(plain.codec.encode_request(plain.request(USER, stream=True, **params)).body)
    assert body == {"model": "gpt-4.1", "input": [USER], "stream": True, **sent}


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        (
            {"tools": [{"type": "function", "function": FUNCTION}]},
            {"type": "function", "strict": False, **FUNCTION},
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "f", "strict": True}, "defer_loading": True}
                ]
            },
            {
                "type": "function",
                "name": "f",
                "strict": True,
                "parameters": {"type": "object", "properties": {}},
                "defer_loading": True,
            },
        ),
        (
            {"tools": [{"type": "web_search", "search_context_size": "low"}]},
            {"type": "web_search", "search_context_size": "low"},
        ),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, {"type": "custom", "name": "c"}),
        (
            {
                "tools": [
                    {
                        "type": "custom",
                        "custom": {"name": "c", "format": {"type": "grammar", "grammar": GRAMMAR}},
                    }
                ]
            },
            {"type": "custom", "name": "c", "format": {"type": "grammar", **GRAMMAR}},
        ),
        ({"tools": [{"type": "custom", "name": "c"}]}, {"type": "custom", "name": "c"}),
        ({"web_search_options": {}}, {"type": "web_search"}),
        (
            {
                "web_search_options": {
                    "user_location": {"type": "approximate", "approximate": {"city": "Utrecht"}}
                }
            },
            {"type": "web_search", "user_location": {"type": "approximate", "city": "Utrecht"}},
        ),
        (
            {"web_search_options": {"user_location": {"type": "approximate", "city": "Utrecht"}}},
            {"type": "web_search", "user_location": {"type": "approximate", "city": "Utrecht"}},
        ),
    ],
)
def test_tools_are_flat(params: JSON, sent: JSON) -> None:
    assert plain.encode(USER, **params)["tools"] == [sent]


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        (NAMED, {"type": "function", "name": "f"}),
        ({"type": "function", "name": "f"}, {"type": "function", "name": "f"}),
        ({"type": "custom", "custom": {"name": "c"}}, {"type": "custom", "name": "c"}),
        ({"type": "web_search"}, {"type": "web_search"}),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [NAMED, {"type": "web_search"}]},
            },
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
        ),
    ],
)
def test_the_choice_among_tools_is_flat(choice: Any, sent: Any) -> None:
    assert plain.encode(USER, tool_choice=choice)["tool_choice"] == sent


def test_encrypted_reasoning_is_asked_for_where_the_model_reasons() -> None:
    assert reasoner.encode(USER)["include"] == ENCRYPTED
    assert "include" not in reasoner.encode(USER, include=[])
    assert "include" not in plain.encode(USER)


@pytest.mark.parametrize(
    ("messages", "params", "error", "param"),
    [
        ([USER], {"n": 2}, UnsupportedParamsError, "n"),
        ([USER], {"background": True}, UnsupportedParamsError, "background"),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}],
                }
            ],
            {},
            UnsupportedParamsError,
            "messages[0].content[0]",
        ),
        (
            [assistant([{"type": "image_url", "image_url": {"url": "u"}}])],
            {},
            UnsupportedParamsError,
            "messages[0].content[0]",
        ),
        ([USER], {"tool_choice": "often"}, BadRequestError, "tool_choice"),
        ([USER], {"tool_choice": 5}, BadRequestError, None),
        ([assistant(tool_calls=[{"id": "c"}])], {}, BadRequestError, None),
        (
            [USER],
            {"response_format": {"type": "json_schema"}},
            BadRequestError,
            "response_format.json_schema",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(
    messages: list[JSON], params: JSON, error: type[BadRequestError], param: str | None
) -> None:
    found = fault(lambda: plain.encode(*messages, **params))
    assert type(found) is error
    assert isinstance(found, BadRequestError)
    assert found.provider == "openai"
    assert found.model == "gpt-4.1"
    assert found.param == param


def openai_body(model: str, **params: Any) -> JSON:
    """What is sent to OpenAI itself, whose models' rules are known."""
    vendor = Vendor(name="openai", title="OpenAI", base_url="", openai_models=True)
    codec = ResponsesCodec(vendor, Endpoint(provider="openai", base_url="https://h/v1"))
    body: JSON = orjson.loads(codec.encode_request(ChatRequest(model, [USER], params)).body)
    return body


def test_models_that_reason_refuse_sampling() -> None:
    for name, value in {"temperature": 0.5, "top_p": 0.5, "top_logprobs": 2, "logprobs": True}.items():
        for more in (
            {},
            {"tools": [{"type": "function", "function": FUNCTION}]},
            {"reasoning": {"effort": "low"}},
        ):
            with pytest.raises(UnsupportedParamsError, match=name):
                openai_body("gpt-5.4" if "reasoning" in more else "gpt-5", **{name: value}, **more)
        assert openai_body("gpt-5.4", **{name: value})["model"] == "gpt-5.4"
    assert openai_body("gpt-5", temperature=1)["temperature"] == 1
    assert openai_body("gpt-4o", temperature=0.5)["temperature"] == 0.5
    both = openai_body("gpt-5", reasoning_effort="low", tools=[{"type": "function", "function": FUNCTION}])
    assert both["reasoning"] == {"effort": "low"}

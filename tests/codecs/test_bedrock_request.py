"""Bedrock's Converse: addresses, credentials, and what OpenAI's parameters become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from bedrock_samples import (
    ARN,
    CALL,
    CLAUDE,
    CLAUDE_5,
    CLAUDE_35,
    CLAUDE_46,
    FORM,
    HI,
    KEYS,
    LLAMA,
    MARK,
    NOVA,
    NOVA_2,
    POINT,
    SCHEMA,
    USER,
    WEATHER,
    WEATHER_SPEC,
    body,
    codec,
)

from aiocompl.codecs.bedrock import runtime_url
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.request import ChatRequest

# Addresses and credentials


@pytest.mark.parametrize(
    ("fields", "model", "stream", "url"),
    [
        (
            {"region": "eu-west-1"},
            CLAUDE,
            False,
            f"https://bedrock-runtime.eu-west-1.amazonaws.com/model/{CLAUDE.replace(':', '%3A')}/converse",
        ),
        (
            {},
            ARN,
            True,
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000"
                "%3Aapplication-inference-profile%2Fabc/converse-stream"
            ),
        ),
        ({"base_url": "http://127.0.0.1:1/"}, "m", False, "http://127.0.0.1:1/model/m/converse"),
    ],
)
def test_the_model_is_one_segment_of_the_path(
    fields: dict[str, Any], model: str, stream: bool, url: str
) -> None:
    request = ChatRequest(model=model, messages=[USER], stream=stream)
    assert codec(**fields).encode_request(request).url == url


@pytest.mark.parametrize(
    ("fields", "region"),
    [
        ({}, "us-east-1"),
        ({"base_url": "https://bedrock-runtime.ap-south-1.amazonaws.com"}, "ap-south-1"),
        ({"base_url": "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com"}, "us-gov-west-1"),
        ({"base_url": "https://bedrock-runtime.eu-west-3.api.aws"}, "eu-west-3"),
        ({"base_url": "https://bedrock-runtime.eu-west-3.api.aws", "region": "eu-west-1"}, "eu-west-1"),
        ({"base_url": "https://proxy.example"}, "us-east-1"),
    ],
)
def test_the_region_is_given_or_read_from_the_host(fields: dict[str, Any], region: str) -> None:
    assert codec(**fields).region == region


def test_china_has_a_suffix_of_its_own() -> None:
    assert runtime_url("cn-north-1") == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"


def test_a_key_goes_as_bearer_and_before_credentials() -> None:
    keyed = codec(api_key="made-up", credentials=KEYS)
    request = keyed.encode_request(ChatRequest(model="m", messages=[USER]))
    assert request.headers is keyed.headers
    assert request.headers["Authorization"] == "Bearer made-up"
    assert not keyed.signs
    assert keyed.sign(request, 0.0) is request


def test_without_key_and_credentials_nothing_is_signed() -> None:
    bare = codec()
    request = bare.encode_request(ChatRequest(model="m", messages=[USER]))
    assert "Authorization" not in request.headers
    assert bare.sign(request, 0.0) is request


def test_credentials_sign_what_is_sent() -> None:
    signing = codec(credentials=KEYS)
    assert signing.signs
    request = ChatRequest(model="anthropic.claude-3-haiku-20240307-v1:0", messages=[USER])
    signed = signing.sign(signing.encode_request(request), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert signed.body == b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
    assert signed.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=1d46b853950ada1236d7f19ff7fa4766dda53e3e07916e6dea4affdb3c67879a"
    )


def test_what_the_call_adds_goes_past_all_checks() -> None:
    request = ChatRequest(
        model="m",
        messages=[USER],
        extra_body={"futureField": 1},
        extra_headers={"X-A": "1"},
        extra_query={"a": "b c"},
    )
    sent = codec(api_key="made-up").encode_request(request)
    assert sent.url.endswith("/model/m/converse?a=b%20c")
    assert sent.headers["X-A"] == "1"
    assert orjson.loads(sent.body) == {"messages": [HI], "futureField": 1}


# Parameters


@pytest.mark.parametrize(
    ("model", "params", "expected"),
    [
        (
            CLAUDE_46,
            {"max_tokens": 5, "temperature": 0, "top_p": 0.5, "stop": "x"},
            {"inferenceConfig": {"maxTokens": 5, "temperature": 0, "topP": 0.5, "stopSequences": ["x"]}},
        ),
        (
            CLAUDE,
            {"max_tokens": 5, "max_completion_tokens": 6, "stop": ["x", "y"]},
            {"inferenceConfig": {"maxTokens": 6, "stopSequences": ["x", "y"]}},
        ),
        (CLAUDE_5, {"temperature": 1, "top_p": 1.0, "n": 1}, {}),
        (CLAUDE, {"temperature": 1.7}, {"inferenceConfig": {"temperature": 1}}),
        (CLAUDE, {"top_k": 3}, {"additionalModelRequestFields": {"top_k": 3}}),
        (NOVA, {"top_k": 3}, {"additionalModelRequestFields": {"inferenceConfig": {"topK": 3}}}),
        (
            CLAUDE,
            {"top_k": 3, "additionalModelRequestFields": {"anthropic_beta": ["x"]}},
            {"additionalModelRequestFields": {"top_k": 3, "anthropic_beta": ["x"]}},
        ),
        (CLAUDE, {"metadata": {"a": "b"}}, {"requestMetadata": {"a": "b"}}),
        (CLAUDE, {"service_tier": "flex"}, {"serviceTier": {"type": "flex"}}),
        (CLAUDE, {"service_tier": "auto", "stream_options": {"include_usage": True}}, {}),
        (
            CLAUDE,
            {"guardrailConfig": {"trace": "enabled"}, "performanceConfig": {"latency": "optimized"}},
            {"guardrailConfig": {"trace": "enabled"}, "performanceConfig": {"latency": "optimized"}},
        ),
        (
            CLAUDE,
            {"thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 1024}}},
        ),
        (
            CLAUDE,
            {"reasoning_effort": "low"},
            {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}}},
        ),
        (
            CLAUDE_46,
            {"reasoning_effort": "low"},
            {
                "additionalModelRequestFields": {
                    "thinking": {"type": "adaptive"},
                    "output_config": {"effort": "low"},
                }
            },
        ),
        (
            "openai.gpt-oss-120b-1:0",
            {"reasoning_effort": "high"},
            {"additionalModelRequestFields": {"reasoning_effort": "high"}},
        ),
        (
            "qwen.qwen3-32b-v1:0",
            {"reasoning_effort": "high"},
            {"additionalModelRequestFields": {"reasoning_config": "high"}},
        ),
        ("qwen.qwen3-32b-v1:0", {"reasoning_effort": "none"}, {}),
        (
            NOVA_2,
            {"reasoning_effort": "medium"},
            {
                "additionalModelRequestFields": {
                    "reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}
                }
            },
        ),
        (
            NOVA_2,
            {"reasoning_effort": "none"},
            {"additionalModelRequestFields": {"reasoningConfig": {"type": "disabled"}}},
        ),
        (
            ARN,
            {"thinking": {"type": "adaptive"}},
            {"additionalModelRequestFields": {"thinking": {"type": "adaptive"}}},
        ),
    ],
)
def test_parameters(model: str, params: dict[str, Any], expected: dict[str, Any]) -> None:
    assert body([USER], model, **params) == {"messages": [HI]} | expected


@pytest.mark.parametrize(
    ("model", "params"),
    [
        (LLAMA, {"reasoning_effort": "low"}),
        (CLAUDE_35, {"reasoning_effort": "low"}),
        (CLAUDE_5, {"temperature": 0.1}),
        (CLAUDE_5, {"top_k": 1}),
        (CLAUDE, {"n": 2}),
        (LLAMA, {"response_format": FORM}),
        (LLAMA, {"response_format": {"type": "json_object"}}),
        (LLAMA, {"tools": [WEATHER], "tool_choice": "required"}),
        (LLAMA, {"tools": [WEATHER], "tool_choice": WEATHER}),
        (NOVA, {"tools": [WEATHER], "parallel_tool_calls": False}),
        (CLAUDE, {"tools": [{"type": "code_interpreter"}]}),
    ],
)
def test_what_a_model_cannot_do_is_refused(model: str, params: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        body([USER], model, **params)
    assert caught.value.param in params


# Tools


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {"tools": [WEATHER_SPEC]}),
        ({"tool_choice": "auto"}, {"tools": [WEATHER_SPEC], "toolChoice": {"auto": {}}}),
        ({"tool_choice": "required"}, {"tools": [WEATHER_SPEC], "toolChoice": {"any": {}}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            {"tools": [WEATHER_SPEC], "toolChoice": {"tool": {"name": "weather"}}},
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [WEATHER]},
                },
                "tools": [WEATHER, {"type": "function", "function": {"name": "other"}}],
            },
            {"tools": [WEATHER_SPEC], "toolChoice": {"any": {}}},
        ),
        ({"tool_choice": "none"}, None),
    ],
)
def test_tool_choice(params: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert body([USER], **{"tools": [WEATHER], **params}).get("toolConfig") == expected


def test_all_that_a_tool_can_say() -> None:
    function = {"name": "f", "description": "d", "strict": True}
    tools = [
        {"type": "function", "function": function} | MARK,
        {"type": "systemTool", "systemTool": {"name": "nova_grounding"}},
    ]
    spec = {
        "name": "f",
        "description": "d",
        "strict": True,
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }
    expected = [{"toolSpec": spec}, POINT, {"systemTool": {"name": "nova_grounding"}}]
    assert body([USER], tools=tools)["toolConfig"]["tools"] == expected


def test_a_conversation_with_calls_always_has_a_tool() -> None:
    history = [
        USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "r"},
    ]
    without: list[dict[str, Any]] = [{}, {"tools": [WEATHER], "tool_choice": "none"}]
    for params in without:
        (tool,) = body(history, **params)["toolConfig"]["tools"]
        assert tool["toolSpec"]["name"] == "no_tool"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, {"type": "auto"}),
        ("required", {"type": "any"}),
        ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
    ],
)
def test_claude_can_be_held_to_one_call_at_a_time(choice: Any, expected: dict[str, Any]) -> None:
    params: dict[str, Any] = {"tools": [WEATHER], "parallel_tool_calls": False} | (
        {"tool_choice": choice} if choice else {}
    )
    made = body([USER], **params)
    assert made["toolConfig"] == {"tools": [WEATHER_SPEC]}
    assert made["additionalModelRequestFields"] == {
        "tool_choice": expected | {"disable_parallel_tool_use": True}
    }


def test_without_tools_parallel_calls_are_no_matter() -> None:
    assert body([USER], NOVA, parallel_tool_calls=False) == {"messages": [HI]}


# Answers held to a schema


@pytest.mark.parametrize("model", [CLAUDE, "openai.gpt-oss-120b-1:0", "qwen.qwen3-32b-v1:0", ARN])
def test_a_schema_is_native_where_the_model_takes_it(model: str) -> None:
    schema = orjson.dumps(SCHEMA).decode()
    structure = {"jsonSchema": {"name": "thing", "schema": schema}}
    expected = {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}
    assert body([USER], model, response_format=FORM) == {"messages": [HI]} | expected


@pytest.mark.parametrize("model", [CLAUDE_35, NOVA, "mistral.mistral-large-2402-v1:0"])
def test_a_schema_is_a_forced_tool_elsewhere(model: str) -> None:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "t", "description": "d", "schema": {"properties": {}}},
    }
    made = body([USER], model, response_format=form)["toolConfig"]
    spec = {
        "name": "json_tool_call",
        "description": "d",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }
    assert made == {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "json_tool_call"}}}


@pytest.mark.parametrize(
    ("model", "params", "choice"),
    [
        (CLAUDE, {}, {"tool": {"name": "json_tool_call"}}),
        (ARN, {}, {"tool": {"name": "json_tool_call"}}),
        (CLAUDE, {"tools": [WEATHER]}, {"any": {}}),
        (CLAUDE, {"tools": [WEATHER], "tool_choice": "auto"}, {"any": {}}),
        (
            CLAUDE,
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            {"tool": {"name": "weather"}},
        ),
        (CLAUDE, {"reasoning_effort": "low"}, {"auto": {}}),
        (CLAUDE, {"thinking": {"type": "disabled"}}, {"tool": {"name": "json_tool_call"}}),
    ],
)
def test_a_json_object_is_a_forced_tool(model: str, params: dict[str, Any], choice: dict[str, Any]) -> None:
    made = body([USER], model, response_format={"type": "json_object"}, **params)["toolConfig"]
    assert made["tools"][-1]["toolSpec"]["inputSchema"] == {"json": {"type": "object"}}
    assert made["toolChoice"] == choice


def test_plain_text_asks_for_nothing() -> None:
    assert body([USER], LLAMA, response_format={"type": "text"}) == {"messages": [HI]}


def test_what_passes_is_declared() -> None:
    keyed = codec(api_key="made-up")
    assert {"top_k", "thinking", "guardrailConfig", "additionalModelRequestFields"} <= keyed.native_params
    assert {"seed", "logprobs", "logit_bias", "user"} <= keyed.unsupported_params
    assert not {"max_tokens", "tools", "response_format", "metadata"} & keyed.unsupported_params

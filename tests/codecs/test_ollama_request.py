from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from native_driver import USER, Driver

from aiocompl.codecs.ollama import OllamaCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    BadRequestError,
    UnsupportedParamsError,
)
from aiocompl.types.endpoint import Endpoint

if TYPE_CHECKING:
    from aiocompl.types.request import ChatRequest

VENDOR = Vendor(name="ollama", title="Ollama", base_url="http://localhost:11434")
CODEC = OllamaCodec(VENDOR, Endpoint(provider="ollama", base_url=VENDOR.base_url))
DRIVER = Driver(CODEC, "qwen3")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
BARE = {"type": "function", "function": {"name": "bare", "strict": True}}
SENT_BARE = {
    "type": "function",
    "function": {"name": "bare", "parameters": {"type": "object", "properties": {}}},
}


def test_url_headers_and_stream_flag() -> None:
    made = CODEC.encode_request(request())
    assert made.url == "http://localhost:11434/api/chat"
    assert "Authorization" not in made.headers
    assert orjson.loads(made.body) == {"model": "qwen3", "messages": [USER], "stream": False}
    assert {"num_ctx", "keep_alive", "think", "top_k"} <= CODEC.native_params
    assert not CODEC.native_params & {"temperature", "max_tokens"}
    assert {"n", "logit_bias"} <= CODEC.unsupported_params


@pytest.mark.parametrize(
    "base", ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/api", "http://h:1/api/chat"]
)
def test_base_urls_as_people_write_them(base: str) -> None:
    codec = OllamaCodec(VENDOR, Endpoint(provider="ollama", base_url=base, api_key="k"))
    assert codec.encode_request(request()).url == "http://h:1/api/chat"
    assert codec.headers["Authorization"] == "Bearer k"


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"max_tokens": 5}, {"options": {"num_predict": 5}}),
        ({"max_completion_tokens": 5}, {"options": {"num_predict": 5}}),
        (
            {"temperature": 0, "top_p": 0.5, "top_k": 3, "min_p": 0.1, "seed": 1},
            {"options": {"temperature": 0, "top_p": 0.5, "top_k": 3, "min_p": 0.1, "seed": 1}},
        ),
        ({"stop": "END", "repetition_penalty": 1.1}, {"options": {"stop": ["END"], "repeat_penalty": 1.1}}),
        ({"options": {"num_ctx": 1, "seed": 2}, "num_ctx": 8192}, {"options": {"num_ctx": 8192, "seed": 2}}),
        (
            {"keep_alive": "5m", "logprobs": True, "top_logprobs": 2},
            {"keep_alive": "5m", "logprobs": True, "top_logprobs": 2},
        ),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"response_format": {"type": "text"}}, {}),
        ({"response_format": {"type": "json_object"}}, {"format": "json"}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}},
                }
            },
            {"format": {"type": "object"}},
        ),
        ({"reasoning_effort": "none"}, {"think": False}),
        ({"reasoning_effort": "minimal"}, {"think": "low"}),
        ({"reasoning_effort": "high"}, {"think": "high"}),
        ({"reasoning_effort": "high", "think": True}, {"think": True}),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, {"think": True}),
        ({"thinking": {"type": "disabled"}}, {"think": False}),
        ({"tools": [WEATHER, BARE]}, {"tools": [WEATHER, SENT_BARE]}),
        ({"tools": [WEATHER], "tool_choice": "auto"}, {"tools": [WEATHER]}),
        ({"tools": [WEATHER], "tool_choice": "none"}, {}),
        (
            {
                "tools": [WEATHER, BARE],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "auto",
                        "tools": [{"type": "function", "function": {"name": "bare"}}],
                    },
                },
            },
            {"tools": [SENT_BARE]},
        ),
    ],
)
def test_parameters(params: dict[str, Any], sent: dict[str, Any]) -> None:
    body = encode(**params)
    for name in ("model", "messages", "stream"):
        del body[name]
    assert body == sent


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
SENT_CALL = {"id": "c1", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ([{"role": "developer", "content": "Be"}], [{"role": "system", "content": "Be"}]),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "See "},
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                        {"type": "text", "text": "this"},
                    ],
                }
            ],
            [{"role": "user", "content": "See this", "images": ["AAAA"]}],
        ),
        (
            [{"role": "assistant", "content": "Yo", "reasoning_content": "Hm"}],
            [{"role": "assistant", "content": "Yo", "thinking": "Hm"}],
        ),
        (
            [
                {"role": "assistant", "content": None, "tool_calls": [CALL]},
                {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
                {"role": "tool", "tool_call_id": "other", "content": "Sun"},
                {"role": "tool", "tool_call_id": "other", "name": "sky", "content": "Sun"},
            ],
            [
                {"role": "assistant", "content": "", "tool_calls": [SENT_CALL]},
                {"role": "tool", "content": "Rain", "tool_call_id": "c1", "tool_name": "weather"},
                {"role": "tool", "content": "Sun", "tool_call_id": "other"},
                {"role": "tool", "content": "Sun", "tool_call_id": "other", "tool_name": "sky"},
            ],
        ),
        (
            [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "c1", "type": "function", "function": {"name": "bare", "arguments": ""}}
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": "ok"},
            ],
            [
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"id": "c1", "function": {"name": "bare", "arguments": {}}}],
                },
                {"role": "tool", "content": "ok", "tool_call_id": "c1", "tool_name": "bare"},
            ],
        ),
    ],
)
def test_messages(messages: list[dict[str, Any]], sent: list[dict[str, Any]]) -> None:
    assert encode(*messages)["messages"] == sent


@pytest.mark.parametrize(
    ("call", "param"),
    [
        (
            request({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}),
            "messages[0].content[0]",
        ),
        (request({"role": "user", "content": [{"type": "video"}]}), "messages[0].content[0]"),
        (request(tools=[{"type": "web_search"}]), "tools"),
        (request(tools=[WEATHER], tool_choice="required"), "tool_choice"),
        (
            request(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}}),
            "tool_choice",
        ),
        (request(reasoning_effort="odd"), "reasoning_effort"),
    ],
)
def test_what_ollama_cannot_do_is_said_before_sending(call: ChatRequest, param: str) -> None:
    with pytest.raises(UnsupportedParamsError) as raised:
        CODEC.encode_request(call)
    assert raised.value.param == param


def test_arguments_that_are_no_object_are_a_bad_request() -> None:
    bad = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[1]"}}
    with pytest.raises(BadRequestError, match=r"messages\[0\].tool_calls\[0\]"):
        encode({"role": "assistant", "content": None, "tool_calls": [bad]})

from __future__ import annotations

from typing import Any

import orjson
import pytest
from native_driver import USER, Driver

from aiocompl.codecs.cohere.v2 import CohereCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    BadRequestError,
    UnsupportedParamsError,
)
from aiocompl.types.completion import ChatCompletionMessage
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

VENDOR = Vendor(name="cohere", title="Cohere", base_url="https://api.cohere.com", native=frozenset({"own"}))
ENDPOINT = Endpoint(provider="cohere", base_url="https://api.cohere.com", api_key="secret-key")
CODEC = CohereCodec(VENDOR, ENDPOINT)
DRIVER = Driver(CODEC, "command-a")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
BARE = {"type": "function", "function": {"name": "bare", "strict": True}, "cache_control": {"type": "x"}}


def test_url_headers_and_stream_flag() -> None:
    made = CODEC.encode_request(request(stream=True))
    assert (made.method, made.url) == ("POST", "https://api.cohere.com/v2/chat")
    assert made.headers is CODEC.headers
    assert made.headers["Authorization"] == "Bearer secret-key"
    assert orjson.loads(made.body) == {"model": "command-a", "messages": [USER], "stream": True}
    assert {"own", "documents", "top_k"} <= CODEC.native_params
    assert {"n", "user"} <= CODEC.unsupported_params


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://h/v2", "http://h/v2/chat"),
        ("http://h/v2/chat", "http://h/v2/chat"),
        ("http://h/v1/", "http://h/v2/chat"),
        ("http://h/proxy?a=b", "http://h/proxy/v2/chat?a=b"),
    ],
)
def test_base_urls_as_people_write_them(base: str, url: str) -> None:
    codec = CohereCodec(
        Vendor(name="cohere", title="", base_url="", auth="header:X-Key"),
        Endpoint(provider="cohere", base_url=base, api_key="k"),
    )
    assert codec.encode_request(request()).url == url
    assert codec.headers["X-Key"] == "k"


def test_what_a_call_adds() -> None:
    codec = CohereCodec(VENDOR, Endpoint(provider="cohere", base_url="http://h?x=1"))
    call = ChatRequest(
        model="m",
        messages=[USER],
        extra_headers={"X-Client-Name": "me"},
        extra_query={"a": "b c"},
        extra_body={"priority": 3},
    )
    made = codec.encode_request(call)
    assert made.url == "http://h/v2/chat?x=1&a=b+c"
    assert made.headers["X-Client-Name"] == "me"
    assert "Authorization" not in made.headers
    assert orjson.loads(made.body)["priority"] == 3


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"top_p": 0.5, "top_k": 3}, {"p": 0.5, "k": 3}),
        ({"top_p": 1}, {"p": 0.99}),
        ({"temperature": 0, "seed": 1, "logprobs": True}, {"temperature": 0, "seed": 1, "logprobs": True}),
        ({"stream_options": {"include_usage": True}}, {}),
        ({"documents": ["a"], "safety_mode": "OFF"}, {"documents": ["a"], "safety_mode": "OFF"}),
        ({"response_format": {"type": "text"}}, {"response_format": {"type": "text"}}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "schema": {"type": "object"}},
                }
            },
            {"response_format": {"type": "json_object", "json_schema": {"type": "object"}}},
        ),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"reasoning_effort": "high"}, {"thinking": {"type": "enabled"}}),
        ({"thinking": {"budget_tokens": 9}}, {"thinking": {"type": "enabled", "token_budget": 9}}),
        ({"tools": [WEATHER]}, {"tools": [WEATHER]}),
        ({"tools": [WEATHER], "tool_choice": "auto"}, {"tools": [WEATHER]}),
        ({"tools": [WEATHER], "tool_choice": "none"}, {"tools": [WEATHER], "tool_choice": "NONE"}),
        ({"tools": [WEATHER], "tool_choice": "required"}, {"tools": [WEATHER], "tool_choice": "REQUIRED"}),
        ({"tool_choice": "none"}, {}),
        (
            {"tools": [WEATHER, BARE], "tool_choice": {"type": "function", "function": {"name": "weather"}}},
            {"tools": [WEATHER], "tool_choice": "REQUIRED"},
        ),
        (
            {"tools": [BARE]},
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "bare", "parameters": {"type": "object", "properties": {}}},
                    }
                ],
                "strict_tools": True,
            },
        ),
        (
            {
                "tools": [WEATHER, BARE],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [WEATHER]},
                },
            },
            {"tools": [WEATHER], "tool_choice": "REQUIRED"},
        ),
    ],
)
def test_parameters(params: dict[str, Any], sent: dict[str, Any]) -> None:
    body = encode(**params)
    for name in ("model", "messages", "stream"):
        del body[name]
    assert body == sent


CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ({"role": "developer", "content": "Be"}, {"role": "system", "content": "Be"}),
        (
            {"role": "system", "content": [{"type": "text", "text": "Be", "cache_control": {}}]},
            {"role": "system", "content": [{"type": "text", "text": "Be"}]},
        ),
        ({"role": "user", "name": "Ann", "content": "Hi"}, {"role": "user", "content": "Hi"}),
        (
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image_url", "image_url": {"url": "http://x/i.png", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "See"},
                    {"type": "image_url", "image_url": {"url": "http://x/i.png", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                ],
            },
        ),
        ({"role": "assistant", "content": "Yo"}, {"role": "assistant", "content": "Yo"}),
        ({"role": "assistant", "content": None}, {"role": "assistant", "content": ""}),
        (
            {"role": "assistant", "content": "Yo", "reasoning_content": "Hm"},
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Yo"}],
            },
        ),
        (
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Yo"}],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Yo"}],
            },
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "thinking_blocks": [{"type": "thinking", "thinking": "Hm"}],
                "tool_calls": [CALL],
            },
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm"}], "tool_calls": [CALL]},
        ),
        (
            {"role": "assistant", "content": "Looking", "tool_calls": [CALL]},
            {"role": "assistant", "tool_plan": "Looking", "tool_calls": [CALL]},
        ),
        (
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "HmPlan",
                "provider_specific_fields": {"tool_plan": "Plan"},
                "tool_calls": [CALL],
            },
            {
                "role": "assistant",
                "content": [{"type": "thinking", "thinking": "Hm"}],
                "tool_plan": "Plan",
                "tool_calls": [CALL],
            },
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "name": "weather", "content": "Rain"},
            {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
        ),
        (
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": [{"type": "document", "document": {"data": {}}}],
            },
            {
                "role": "tool",
                "tool_call_id": "c1",
                "content": [{"type": "document", "document": {"data": {}}}],
            },
        ),
        (
            {"role": "tool", "tool_call_id": "call_bare", "content": None},
            {"role": "tool", "tool_call_id": "call_bare", "content": ""},
        ),
    ],
)
def test_messages(message: dict[str, Any], sent: dict[str, Any]) -> None:
    assert encode(message)["messages"] == [sent]


@pytest.mark.parametrize(
    ("call", "param"),
    [
        (
            request(
                {
                    "role": "user",
                    "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}],
                }
            ),
            "messages[0].content[0]",
        ),
        (request({"role": "user", "content": [{"type": "video"}]}), "messages[0].content[0]"),
        (
            request({"role": "system", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}),
            "messages[0].content[0]",
        ),
        (request(tools=[{"type": "web_search"}]), "tools"),
        (request(tools=[WEATHER], response_format={"type": "json_object"}), "response_format"),
        (request(documents=["a"], response_format={"type": "json_object"}), "response_format"),
    ],
)
def test_what_cohere_cannot_do_is_said_before_sending(call: ChatRequest, param: str) -> None:
    with pytest.raises(UnsupportedParamsError) as raised:
        CODEC.encode_request(call)
    assert raised.value.param == param


def test_a_tool_choice_that_names_no_tool_is_a_bad_request() -> None:
    with pytest.raises(BadRequestError, match="nosuch"):
        encode(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "nosuch"}})


def test_a_message_object_can_be_sent_back() -> None:
    message = ChatCompletionMessage(content="Yo", reasoning_content="Hm")
    assert encode(message.to_dict())["messages"][0]["content"][0] == {"type": "thinking", "thinking": "Hm"}

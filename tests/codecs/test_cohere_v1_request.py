from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from native_driver import USER, Driver

from aiocompl.codecs.cohere.v1 import CohereV1Codec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    BadRequestError,
    UnsupportedParamsError,
)
from aiocompl.types.endpoint import Endpoint

if TYPE_CHECKING:
    from aiocompl.types.request import ChatRequest

VENDOR = Vendor(name="cohere", title="Cohere", base_url="https://api.cohere.com")
CODEC = CohereV1Codec(VENDOR, Endpoint(provider="cohere", base_url=VENDOR.base_url, api_key="secret-key"))
DRIVER = Driver(CODEC, "command")
request, encode, decode, decode_stream = DRIVER.request, DRIVER.encode, DRIVER.decode, DRIVER.decode_stream

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Which"},
                "days": {"type": ["null", "integer"]},
                "fine": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
                "at": {"anyOf": [{"type": "null"}]},
                "parts": {"type": "array"},
                "odd": {"enum": ["a"]},
                "none": {"type": ["null"]},
            },
            "required": ["city"],
        },
    },
}


def test_url_and_names() -> None:
    made = CODEC.encode_request(request(stream=True))
    assert made.url == "https://api.cohere.com/v1/chat"
    assert orjson.loads(made.body) == {"model": "command", "message": "Hi", "stream": True}
    assert {"connectors", "preamble"} <= CODEC.native_params
    assert {"logprobs", "n"} <= CODEC.unsupported_params


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"max_completion_tokens": 5, "stop": "END"}, {"max_tokens": 5, "stop_sequences": ["END"]}),
        ({"top_p": 1.0, "top_k": 3}, {"p": 0.99, "k": 3}),
        ({"connectors": [{"id": "web-search"}]}, {"connectors": [{"id": "web-search"}]}),
        ({"response_format": {"type": "json_object"}}, {"response_format": {"type": "json_object"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}}}},
            {"response_format": {"type": "json_object", "schema": {"a": 1}}},
        ),
        ({"tools": [WEATHER], "tool_choice": "none"}, {}),
        (
            {"tools": [WEATHER], "tool_choice": "auto"},
            {
                "tools": [
                    {
                        "name": "weather",
                        "description": "The weather",
                        "parameter_definitions": {
                            "city": {"description": "Which", "type": "str", "required": True},
                            "days": {"type": "int", "required": False},
                            "fine": {"type": "bool", "required": False},
                            "at": {"type": "str", "required": False},
                            "parts": {"type": "list", "required": False},
                            "odd": {"type": "str", "required": False},
                            "none": {"type": "str", "required": False},
                        },
                    }
                ]
            },
        ),
        (
            {
                "tools": [WEATHER, {"type": "function", "function": {"name": "bare"}}],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "auto",
                        "tools": [{"type": "function", "function": {"name": "bare"}}],
                    },
                },
            },
            {"tools": [{"name": "bare", "description": "", "parameter_definitions": {}}]},
        ),
    ],
)
def test_parameters(params: dict[str, Any], sent: dict[str, Any]) -> None:
    body = encode(**params)
    for name in ("model", "message", "stream"):
        del body[name]
    assert body == sent


SYSTEM = {"role": "system", "content": [{"type": "text", "text": "Be"}]}
CALLS = {
    "role": "assistant",
    "content": "Looking",
    "tool_calls": [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
        {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
    ],
}
RESULTS = [
    {"role": "tool", "tool_call_id": "c2", "content": '{"sky":"blue"}'},
    {"role": "tool", "tool_call_id": "c1", "content": "Rain"},
]
OSLO = {"name": "weather", "parameters": {"city": "Oslo"}}
ROME = {"name": "weather", "parameters": {"city": "Rome"}}
TOLD = [{"call": ROME, "outputs": [{"sky": "blue"}]}, {"call": OSLO, "outputs": [{"output": "Rain"}]}]
HISTORY = [
    {"role": "USER", "message": "Hi"},
    {"role": "CHATBOT", "message": "Looking", "tool_calls": [OSLO, ROME]},
]


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        (
            [SYSTEM, {"role": "developer", "content": "brief"}, USER],
            {"preamble": "Be\n\nbrief", "message": "Hi"},
        ),
        (
            [USER, {"role": "assistant", "content": "Yo"}, SYSTEM, USER],
            {
                "chat_history": [
                    {"role": "USER", "message": "Hi"},
                    {"role": "CHATBOT", "message": "Yo"},
                    {"role": "SYSTEM", "message": "Be"},
                ],
                "message": "Hi",
            },
        ),
        ([USER, CALLS, *RESULTS], {"message": "", "chat_history": HISTORY, "tool_results": TOLD}),
        (
            [USER, CALLS, *RESULTS, USER],
            {"message": "Hi", "chat_history": [*HISTORY, {"role": "TOOL", "tool_results": TOLD}]},
        ),
    ],
)
def test_conversations(messages: list[dict[str, Any]], sent: dict[str, Any]) -> None:
    body = encode(*messages)
    assert body == {"model": "command", "stream": False} | sent


def test_a_preamble_of_the_caller_leaves_system_messages_in_the_history() -> None:
    body = encode(SYSTEM, USER, preamble="Own")
    assert body["preamble"] == "Own"
    assert body["chat_history"] == [{"role": "SYSTEM", "message": "Be"}]


@pytest.mark.parametrize(
    ("output", "sent"),
    [
        ('[{"a":1},{"b":2}]', [{"a": 1}, {"b": 2}]),
        ("[]", [{"output": "[]"}]),
        ("[1]", [{"output": "[1]"}]),
        ("3", [{"output": "3"}]),
    ],
)
def test_tool_outputs_are_lists_of_objects(output: str, sent: list[Any]) -> None:
    body = encode(USER, CALLS, {"role": "tool", "tool_call_id": "c1", "content": output})
    assert body["tool_results"][0]["outputs"] == sent


@pytest.mark.parametrize(
    ("call", "error", "param"),
    [
        (request(SYSTEM), UnsupportedParamsError, "messages"),
        (request(USER, {"role": "assistant", "content": "Yo"}), UnsupportedParamsError, "messages"),
        (
            request({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}),
            UnsupportedParamsError,
            "messages[0].content[0]",
        ),
        (
            request({"role": "tool", "tool_call_id": "nosuch", "content": ""}),
            BadRequestError,
            "messages[0].tool_call_id",
        ),
        (request(tools=[WEATHER], tool_choice="required"), UnsupportedParamsError, "tool_choice"),
        (
            request(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "weather"}}),
            UnsupportedParamsError,
            "tool_choice",
        ),
        (request(tools=[{"type": "web_search"}]), UnsupportedParamsError, "tools"),
    ],
)
def test_what_v1_cannot_do_is_said_before_sending(
    call: ChatRequest, error: type[BadRequestError], param: str
) -> None:
    with pytest.raises(error) as raised:
        CODEC.encode_request(call)
    assert raised.value.param == param

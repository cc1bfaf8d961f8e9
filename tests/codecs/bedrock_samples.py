"""Bedrock's codec and what its tests ask of it."""

from __future__ import annotations

from typing import Any

import orjson

from aiocompl.codecs.bedrock import ConverseCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.endpoint import AWSCredentials, Endpoint
from aiocompl.types.request import ChatRequest

VENDOR = Vendor(name="bedrock", title="Amazon Bedrock", base_url="")
KEYS = AWSCredentials(access_key="AKIDEXAMPLE", secret_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_35 = "anthropic.claude-3-5-sonnet-20240620-v1:0"
CLAUDE_46 = "anthropic.claude-opus-4-6-v1"
CLAUDE_5 = "us.anthropic.claude-sonnet-5"
NOVA = "us.amazon.nova-lite-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-2-1b-instruct-v1:0"
ARN = "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc"

USER = {"role": "user", "content": "hi"}
HI = {"role": "user", "content": [{"text": "hi"}]}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"properties": {"city": {}}}}}
WEATHER_SPEC = {
    "toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object", "properties": {"city": {}}}}}
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
TOOL_USE = {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Oslo"}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
FORM = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA, "strict": True}}
MARK = {"cache_control": {"type": "ephemeral"}}
POINT = {"cachePoint": {"type": "default"}}


def codec(**fields: Any) -> ConverseCodec:
    return ConverseCodec(VENDOR, Endpoint(**{"provider": "bedrock", "base_url": "", **fields}))


def body(messages: list[Any], model: str = CLAUDE, **params: Any) -> dict[str, Any]:
    request = ChatRequest(model=model, messages=messages, params=params)
    encode = codec(api_key="key-made-up").encode_request
    first = encode(request)
    assert encode(request) == first
    parsed: dict[str, Any] = orjson.loads(first.body)
    return parsed


def turns(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(list(messages))["messages"]
    return found


def content(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    (turn,) = turns({"role": "user", "content": list(parts)})
    found: list[dict[str, Any]] = turn["content"]
    return found

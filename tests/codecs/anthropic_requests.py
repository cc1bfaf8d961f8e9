"""What the tests of requests in Anthropic's dialect share."""

from __future__ import annotations

from typing import Any

import orjson

from aiocompl.codecs.anthropic import AnthropicCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

JSON = dict[str, Any]

VENDOR = Vendor(name="anthropic", title="Anthropic", base_url="", auth="header:x-api-key")
ENDPOINT = Endpoint(provider="anthropic", base_url="https://api.anthropic.com", api_key="made-up-key")
CODEC = AnthropicCodec(VENDOR, ENDPOINT)

USER: JSON = {"role": "user", "content": "Hi"}
MARK = {"type": "ephemeral"}
SCHEMA: JSON = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
FORM: JSON = {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}
TOOL: JSON = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
SENT_TOOL: JSON = {"name": "f", "description": "d", "input_schema": SCHEMA}
MODEL, OLD, BUDGET, NEW = (
    "claude-opus-4-6",
    "claude-3-5-sonnet-20241022",
    "claude-sonnet-4-5",
    "claude-sonnet-5",
)


def encoded(messages: list[JSON], model: str = MODEL, **params: Any) -> JSON:
    body: JSON = orjson.loads(CODEC.encode_request(ChatRequest(model, messages, params)).body)
    return body


def beside(model: str = MODEL, **params: Any) -> JSON:
    """What parameters make of a request's body beside model, messages and bound."""
    body = encoded([USER], model, **params)
    return {name: value for name, value in body.items() if name not in {"model", "messages", "max_tokens"}}


def turns(*messages: JSON, model: str = MODEL) -> list[JSON]:
    sent: list[JSON] = encoded(list(messages), model)["messages"]
    return sent


def text(text: str, **more: Any) -> JSON:
    return {"type": "text", "text": text, **more}


def call(name: str, arguments: str = "{}", call_id: str = "c1", **more: Any) -> JSON:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}

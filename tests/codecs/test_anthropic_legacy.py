"""Claude 2 and Claude Instant: where they are asked, what they can be told, and what they refuse."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.anthropic import AnthropicCodec
from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

USER = {"role": "user", "content": "Hi"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SCHEMA = {"name": "n", "schema": {"type": "object", "properties": {}}}

each_model = pytest.mark.parametrize(
    "model", ["claude-2", "claude-2.0", "claude-2.1", "claude-instant-1", "claude-instant-1.2"]
)


def encoded(model: str, messages: list[dict[str, Any]], **params: Any) -> dict[str, Any]:
    route = resolve(Target(model, api_key="k"), {})
    assert type(route.codec) is AnthropicCodec
    assert (route.model, route.endpoint.provider) == (model, "anthropic")
    body: dict[str, Any] = orjson.loads(route.codec.encode_request(ChatRequest(model, messages, params)).body)
    return body


@each_model
def test_a_conversation_with_all_that_they_take(model: str) -> None:
    talk = [
        {"role": "developer", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": "Hello "},
    ]
    assert encoded(model, talk, temperature=1.5, top_p=0.9, top_k=5, stop=["END"], user="u") == {
        "model": model,
        "max_tokens": 4096,
        "system": "Be brief.",
        "messages": [USER, {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}],
        "temperature": 1.0,
        "top_p": 0.9,
        "top_k": 5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
    }


@each_model
@pytest.mark.parametrize(
    ("params", "refused"),
    [
        ({"tools": [TOOL]}, "tools"),
        ({"web_search_options": {}}, "web_search_options"),
        ({"response_format": {"type": "json_schema", "json_schema": SCHEMA}}, "response_format"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        ({"n": 2}, "n"),
    ],
)
def test_what_they_cannot_do(model: str, params: dict[str, Any], refused: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        encoded(model, [USER], **params)
    assert caught.value.param == refused


@each_model
@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": [PIXEL]}],
        [
            USER,
            {
                "role": "assistant",
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": "1"},
        ],
    ],
    ids=["an image", "a tool's result"],
)
def test_what_they_cannot_read(model: str, messages: list[dict[str, Any]]) -> None:
    with pytest.raises(UnsupportedParamsError):
        encoded(model, messages)


@each_model
def test_json_mode_and_an_answer_that_goes_first(model: str) -> None:
    body = encoded(model, [{"role": "assistant", "content": "Hi"}], response_format={"type": "json_object"})
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant"]
    assert "JSON" in body["system"]


@each_model
def test_an_answer(model: str) -> None:
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "stop_sequence",
        "stop_sequence": "\n\nHuman:",
        "usage": {"input_tokens": 2, "output_tokens": 1},
    }
    codec = resolve(Target(model, api_key="k"), {}).codec
    answer = codec.decode_response(ChatRequest(model, [USER]), HTTPResponse(200, {}, orjson.dumps(message)))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello", "stop")
    assert answer.model == model
    assert answer.usage is not None
    assert answer.usage.total_tokens == 3

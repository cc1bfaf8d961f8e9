"""watsonx.ai's chat: where requests go, what they hold, and that answers are read as OpenAI's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.natives import WATSONX
from aiocompl.codecs.vendor import Vendor
from aiocompl.codecs.watsonx import WatsonxCodec
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk

HOST = "https://us-south.ml.cloud.ibm.com"
VENDOR = Vendor(name="watsonx", title="IBM watsonx.ai", base_url=HOST, max_tokens="max_tokens", loosely=True)
USER = {"role": "user", "content": "Hi"}


def codec(base_url: str = HOST, **more: Any) -> WatsonxCodec:
    return WatsonxCodec(VENDOR, Endpoint(provider="watsonx", base_url=base_url, api_key="token", **more))


@pytest.mark.parametrize(
    ("endpoint", "model", "stream", "url", "body"),
    [
        (
            {"project": "p"},
            "ibm/granite",
            False,
            "/ml/v1/text/chat?version=2024-03-13",
            {"model_id": "ibm/granite", "project_id": "p"},
        ),
        (
            {"project": "space/s", "api_version": "2025-01-01", "base_url": f"{HOST}/ml/v1/"},
            "m",
            True,
            "/ml/v1/text/chat_stream?version=2025-01-01",
            {"model_id": "m", "space_id": "s"},
        ),
        ({}, "m", False, "/ml/v1/text/chat?version=2024-03-13", {"model_id": "m"}),
        (
            {"project": "p"},
            "deployment/d",
            True,
            "/ml/v1/deployments/d/text/chat_stream?version=2024-03-13",
            {},
        ),
    ],
)
def test_where_requests_go(
    endpoint: dict[str, Any], model: str, stream: bool, url: str, body: dict[str, str]
) -> None:
    sent = codec(**endpoint).encode_request(ChatRequest(model, [USER], {"max_completion_tokens": 5}, stream))
    assert sent.url == HOST + url
    assert sent.headers["Authorization"] == "Bearer token"
    assert orjson.loads(sent.body) == {**body, "messages": [USER], "max_tokens": 5}
    more = ChatRequest(model, [USER], extra_query={"a": "1"})
    assert codec().encode_request(more).url.endswith("&a=1")


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("required", {"tool_choice_option": "required"}),
        ({"type": "function", "function": {"name": "f"}}, None),
    ],
)
def test_tools(choice: Any, sent: dict[str, str] | None) -> None:
    properties = {"strict": {"type": "string"}, "a": {"type": "object", "additionalProperties": False}}
    schema = {"type": "object", "properties": properties, "required": ["a"], "additionalProperties": False}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema, "strict": True}}
    body = orjson.loads(
        codec().encode_request(ChatRequest("m", [USER], {"tools": [tool], "tool_choice": choice})).body
    )
    kept = {"strict": {"type": "string"}, "a": {"type": "object"}}
    parameters = {"type": "object", "properties": kept, "required": ["a"]}
    assert body == {
        "model_id": "m",
        "messages": [USER],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": parameters}}],
        **(sent or {"tool_choice": choice}),
    }


def test_a_stream_without_a_last_mark() -> None:
    def event(number: int, **body: Any) -> bytes:
        data = orjson.dumps({"id": "chat-1", "model_id": "m", "created": 1, **body})
        return b"id: %d\nevent: message\ndata: %b\n\n" % (number, data)

    choice = {"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}
    last = {"index": 0, "delta": {"content": ""}, "finish_reason": "time_limit"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    one = codec()
    chunks: list[ChatCompletionChunk] = []
    data = event(1, choices=[choice]) + event(2, choices=[last]) + event(3, choices=[], usage=usage)
    decoder = one.stream_decoder(ChatRequest("m", [USER]))
    decoder.feed(one.frame_decoder().feed(data), chunks)
    decoder.end(chunks)
    whole = stream_chunk_builder(chunks)
    assert whole.usage is not None
    assert whole.usage.total_tokens == 3
    assert whole.choices[0].message.content == "Hi"
    assert whole.choices[0].finish_reason == "length"
    assert whole.choices[0].native_finish_reason == "time_limit"


def test_parameters_that_it_does_not_know() -> None:
    """Counts always come, so nothing needs to be said of them; all else unknown is refused before it is sent."""
    made = WatsonxCodec(WATSONX, Endpoint(provider="watsonx", base_url=HOST, api_key="token", project="p"))
    asked = {"stream_options": {"include_usage": True}, "seed": 1}
    sent = orjson.loads(made.encode_request(ChatRequest("m", [USER], asked, stream=True)).body)
    assert sent == {"model_id": "m", "project_id": "p", "messages": [USER], "seed": 1}
    assert made.unsupported_params >= {"user", "parallel_tool_calls", "metadata", "service_tier"}
    assert "stream_options" not in made.unsupported_params

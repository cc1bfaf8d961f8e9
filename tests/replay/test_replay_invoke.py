"""Bedrock's recorded InvokeModel traffic in dialects that our codecs read: Anthropic's Messages, and Nova's, which is Converse's.

Chat with Bedrock goes over Converse; these answers have the bodies that the decoders know, so they are held to them.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import anthropic_native
import bedrock_native
import orjson
import pytest
from bedrock_requests import normal, to_openai
from recordings import kind_of
from replay_corpus import Exchange, cuts, select
from replay_exceptions import NOT_REPLAYED

from aiocompl.codecs.anthropic import AnthropicCodec
from aiocompl.codecs.bedrock import ConverseCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.eventstream import EventStreamDecoder
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec
    from aiocompl.types.chunk import ChatCompletionChunk

VENDOR = Vendor(name="bedrock", title="Amazon Bedrock", base_url="")
ENDPOINT = Endpoint(provider="bedrock", base_url="https://x", api_key="a-made-up-key", region="us-east-1")
CODECS: dict[str, Codec] = {
    "invoke messages": AnthropicCodec(VENDOR, ENDPOINT),
    "invoke nova": ConverseCodec(VENDOR, ENDPOINT),
}
METRICS = "amazon-bedrock-invocationMetrics"


def kind(exchange: Exchange) -> str:
    return kind_of({"api": exchange.api, "url": exchange.url, "request": exchange.request})


ALL = [
    item
    for item in select("bedrock", "invoke")
    if item.values[0] is None or (kind(item.values[0]) in CODECS and item.values[0].id not in NOT_REPLAYED)
]
WHOLE = [item for item in ALL if item.values[0] is None or not item.values[0].stream]
STREAMS = [item for item in ALL if item.values[0] is None or item.values[0].stream]
MESSAGES = [item for item in ALL if item.values[0] is None or kind(item.values[0]) == "invoke messages"]
NOVA = [item for item in ALL if item.values[0] is None or kind(item.values[0]) == "invoke nova"]


def request_of(exchange: Exchange) -> ChatRequest:
    model = unquote(exchange.url.partition("/model/")[2].rpartition("/")[0])
    return ChatRequest(model, [], stream=exchange.stream)


def native_events(slices: list[bytes]) -> list[list[dict[str, Any]]]:
    """The model's own events, which stand in base64 in those of AWS, by the slice that completed them."""
    frames = EventStreamDecoder()
    batches = [frames.feed(data) for data in slices] + [frames.end()]
    return [
        [orjson.loads(base64.b64decode(orjson.loads(data)["bytes"])) for _, data in batch]
        for batch in batches
    ]


def decoded(exchange: Exchange, slices: list[bytes]) -> list[ChatCompletionChunk]:
    chunks: list[ChatCompletionChunk] = []
    decoder = CODECS[kind(exchange)].stream_decoder(request_of(exchange))
    for batch in native_events(slices):
        for event in batch:
            event.pop(METRICS, None)
        decoder.feed([named(event) for event in batch], chunks)
    decoder.end(chunks)
    return chunks


def named(event: dict[str, Any]) -> tuple[str, bytes]:
    """Anthropic's events say their type within, Nova's are an object of one key."""
    if "type" in event:
        return event["type"], orjson.dumps(event)
    ((name, value),) = event.items()
    return name, orjson.dumps(value)


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", WHOLE)
def test_whole_answers(exchange: Exchange) -> None:
    codec, raw = CODECS[kind(exchange)], exchange.json
    got = codec.decode_response(
        request_of(exchange), HTTPResponse(exchange.status, exchange.headers, exchange.body)
    )
    if kind(exchange) == "invoke messages":
        anthropic_native.check(got, raw)
    else:
        bedrock_native.check(
            got, raw["output"]["message"]["content"], raw["stopReason"], counted(raw["usage"])
        )


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", STREAMS)
def test_streams(exchange: Exchange) -> None:
    whole = decoded(exchange, [exchange.body])
    for slices in cuts(exchange.body, seed=int(exchange.id, 16)):
        assert decoded(exchange, slices) == whole
    got = stream_chunk_builder(whole)
    (events, _) = native_events([exchange.body])
    if kind(exchange) == "invoke messages":
        body = b"".join(b"data: " + orjson.dumps(event) + b"\n" for event in events)
        anthropic_native.check(got, anthropic_native.assembled_message(body))
        return
    blocks: dict[int, Any] = {}
    for event in events:
        if start := event.get("contentBlockStart"):
            blocks[start["contentBlockIndex"]] = {name: dict(value) for name, value in start["start"].items()}
        if piece := event.get("contentBlockDelta"):
            bedrock_native.add_delta(blocks.setdefault(piece["contentBlockIndex"], {}), piece["delta"])
    stop = next(event["messageStop"] for event in events if "messageStop" in event)
    usage = next(event["metadata"]["usage"] for event in events if "metadata" in event)
    content = [blocks[index] for index in sorted(blocks)]
    bedrock_native.check(got, content, stop["stopReason"], counted(usage))


def counted(usage: dict[str, Any]) -> dict[str, Any]:
    """Nova's counts as Converse has them: under other names for the cache, and the total left out of streams."""
    cached = usage.get("cacheReadInputTokenCount", 0), usage.get("cacheWriteInputTokenCount", 0)
    total = usage["inputTokens"] + usage["outputTokens"] + sum(cached)
    return {"totalTokens": total, **usage}


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", MESSAGES)
def test_requests(exchange: Exchange) -> None:
    recorded = {key: value for key, value in exchange.request.items() if key != "anthropic_version"}
    messages, params = anthropic_native.openai_form(recorded)
    request = ChatRequest(request_of(exchange).model, messages, params)
    sent = orjson.loads(CODECS["invoke messages"].encode_request(request).body)
    del sent["model"]
    assert anthropic_native.normalised(sent) == anthropic_native.normalised(recorded)


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", NOVA)
def test_novas_requests(exchange: Exchange) -> None:
    recorded = as_converse(exchange.request)
    request = ChatRequest(request_of(exchange).model, **to_openai(recorded))
    sent = orjson.loads(CODECS["invoke nova"].encode_request(request).body)
    assert normal(sent) == normal(recorded)


def as_converse(body: dict[str, Any]) -> dict[str, Any]:
    """Nova's body as Converse has it: no version of its schema, the bound under one name, `topK` a field of the model's."""
    body = {key: value for key, value in body.items() if key != "schemaVersion"}
    names = {"max_new_tokens": "maxTokens"}
    config = {names.get(key, key): value for key, value in body["inferenceConfig"].items()}
    if "topK" in config:
        body["additionalModelRequestFields"] = {"inferenceConfig": {"topK": config.pop("topK")}}
    return body | {"inferenceConfig": config}

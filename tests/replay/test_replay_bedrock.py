"""Bedrock's recorded Converse traffic: what the codec reads, against a reader of its own; what it writes, against what was sent."""

from __future__ import annotations

import struct
from urllib.parse import unquote

import orjson
import pytest
from bedrock_native import Json, add_delta, check
from bedrock_requests import normal, normal_block, to_openai
from replay_corpus import Exchange, cuts, decode_stream, select

from aiocompl.codecs.bedrock import ConverseCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import BadRequestError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

VENDOR = Vendor(name="bedrock", title="Amazon Bedrock", base_url="")
CODEC = ConverseCodec(
    VENDOR, Endpoint(provider="bedrock", base_url="", api_key="a-made-up-key", region="us-east-1")
)


def model_of(exchange: Exchange) -> str:
    return unquote(exchange.url.partition("/model/")[2].rpartition("/")[0])


def blocks_of_stream(body: bytes) -> tuple[list[Json], Json, Json]:
    """The stream's blocks as a blocking answer would have them, the messageStop and the metadata."""
    blocks: dict[int, Json] = {}
    stop: Json = {}
    metadata: Json = {}
    while body:
        total, headers = struct.unpack(">II", body[:8])
        message, body = body[:total], body[total:]
        event = orjson.loads(message[12 + headers : -4])
        event.pop("p", None)
        if b"messageStop" in message[12 : 12 + headers]:
            stop = event
        elif b"metadata" in message[12 : 12 + headers]:
            metadata = event
        elif "start" in event:
            blocks[event["contentBlockIndex"]] = {key: dict(value) for key, value in event["start"].items()}
        elif "delta" in event:
            add_delta(blocks.setdefault(event["contentBlockIndex"], {}), event["delta"])
    return [blocks[index] for index in sorted(blocks)], stop, metadata


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", select("bedrock", "converse"))
def test_whole_answers(exchange: Exchange) -> None:
    request = ChatRequest(model=model_of(exchange), messages=[])
    answer = CODEC.decode_response(request, HTTPResponse(exchange.status, exchange.headers, exchange.body))
    raw = exchange.json
    check(answer, raw["output"]["message"]["content"], raw["stopReason"], raw["usage"])
    assert answer.metrics == raw["metrics"]
    assert answer.get("trace") == raw.get("trace")
    assert answer.id == exchange.headers.get("x-amzn-requestid", "")
    assert answer.service_tier == raw.get("serviceTier", {}).get("type")


@pytest.mark.parametrize("exchange", select("bedrock", "converse"))
def test_answers_can_be_sent_back(exchange: Exchange) -> None:
    request = ChatRequest(model=model_of(exchange), messages=[])
    answer = CODEC.decode_response(request, HTTPResponse(exchange.status, exchange.headers, exchange.body))
    again = ChatRequest(model=request.model, messages=[answer.choices[0].message.to_dict()])
    turns = orjson.loads(CODEC.encode_request(again).body)["messages"]
    received = [block for block in exchange.json["output"]["message"]["content"] if not unsigned(block)]
    for block in received:
        normal_block(block)
    assert [block for turn in turns for block in turn["content"]] == received


def unsigned(block: Json) -> bool:
    """Reasoning that no model takes back."""
    return "reasoningContent" in block and "signature" not in block["reasoningContent"]["reasoningText"]


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", select("bedrock", "converse-stream"))
def test_streams(exchange: Exchange) -> None:
    request = ChatRequest(model=model_of(exchange), messages=[], stream=True)
    blocks, stop, metadata = blocks_of_stream(exchange.body)
    whole = decode_stream(CODEC, request, [exchange.body])
    answer = stream_chunk_builder(whole)
    check(answer, blocks, stop["stopReason"], metadata["usage"])
    assert answer.metrics == metadata["metrics"]
    assert answer.get("trace") == metadata.get("trace")
    for slices in cuts(exchange.body, seed=int(exchange.id, 16)):
        assert decode_stream(CODEC, request, slices) == whole


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", select("bedrock", "converse", "converse-stream", ok=False))
def test_errors(exchange: Exchange) -> None:
    request = ChatRequest(model=model_of(exchange), messages=[])
    error = CODEC.decode_error(request, HTTPResponse(exchange.status, exchange.headers, exchange.body))
    assert type(error) is BadRequestError
    assert exchange.json["message"] in error.message
    assert error.request_id == exchange.headers.get("x-amzn-requestid")
    assert not error.retryable


@pytest.mark.replays("encoded")
@pytest.mark.parametrize(
    "exchange",
    [
        *select("bedrock", "converse", "converse-stream"),
        *select("bedrock", "converse", "converse-stream", ok=False),
    ],
)
def test_requests(exchange: Exchange) -> None:
    streams = exchange.api == "converse-stream"
    request = ChatRequest(model=model_of(exchange), stream=streams, **to_openai(exchange.request))
    sent = CODEC.encode_request(request)
    assert unquote(sent.url) == unquote(exchange.url).replace("us-west-2", "us-east-1")
    assert normal(orjson.loads(sent.body)) == normal(exchange.request)

"""Recorded exchanges with Gemini on AI Studio and Vertex AI, read by the codec and by a reader of our own making."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from gemini_requests import canonical, openai_request
from replay_corpus import cuts, decode_stream, select
from replay_exceptions import BLOCKED, NOT_EXPRESSIBLE, REARRANGED

from aiocompl.codecs.gemini import GeminiCodec, VertexCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    NotFoundError,
    RateLimitError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.checks import check_messages, check_params
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

    from aiocompl.types.completion import ChatCompletion

CODECS = {"gemini": GeminiCodec, "vertex": VertexCodec, "gateway": VertexCodec}
KEY = "a-key-of-nobody"

ERRORS = {
    "db07bf77fcb7": AuthenticationError,
    "c83d68a815bf": RateLimitError,
    "de65f9fa2bad": BadRequestError,
    "f965b2d73212": BadRequestError,
    "225067eafaf8": BadRequestError,
    "e47dca19c4c9": NotFoundError,
}

OK = [
    *select("gemini", "generateContent"),
    *select("vertex", "generateContent"),
    *select("gateway", "generateContent"),
]
STREAMS = [*select("gemini", "streamGenerateContent"), *select("vertex", "streamGenerateContent")]
FAILED = [
    *select("gemini", "generateContent", "streamGenerateContent", ok=False),
    *select("vertex", "generateContent", "streamGenerateContent", ok=False),
]

FINISH = {"STOP": "stop", 1: "stop", "MAX_TOKENS": "length"}


def model_of(exchange: Exchange) -> str:
    return exchange.url.partition("/models/")[2].partition(":")[0]


def codec_for(exchange: Exchange) -> GeminiCodec:
    base = re.split(r"/(?:publishers/google/)?models/", exchange.url)[0]
    endpoint = Endpoint(provider=exchange.provider, base_url=base, api_key=KEY)
    vendor = Vendor(name=exchange.provider, title=exchange.provider, base_url=base)
    return CODECS[exchange.provider](vendor, endpoint)


def request_for(exchange: Exchange) -> ChatRequest:
    return ChatRequest(
        model=model_of(exchange), messages=[{"role": "user", "content": "x"}], stream=exchange.stream
    )


def events_of(exchange: Exchange) -> list[Any]:
    """The raw answers, framing taken off the simple way: all of the body is at hand."""
    if exchange.json is not None:
        return exchange.json if isinstance(exchange.json, list) else [exchange.json]
    lines = exchange.body.replace(b"\r\n", b"\n").split(b"\n")
    return [orjson.loads(line[5:]) for line in lines if line.startswith(b"data:")]


def read_raw(events: list[Any]) -> dict[str, Any]:
    """What the raw answers say: the independent reader."""
    parts = [
        part
        for event in events
        for candidate in event.get("candidates", [])
        for part in candidate.get("content", {}).get("parts", [])
    ]
    words = [c["finishReason"] for e in events for c in e.get("candidates", []) if "finishReason" in c]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    spoken = [part["text"] for part in parts if "text" in part and not part.get("thought")]
    thought = [part["text"] for part in parts if "text" in part and part.get("thought")]
    counts = [e["usageMetadata"] for e in events if "totalTokenCount" in e.get("usageMetadata", {})]
    assert len(words) == 1
    return {
        "text": "".join(spoken),
        "thoughts": "".join(thought),
        "calls": [(call["name"], call.get("args", {})) for call in calls],
        "ids": [call.get("id", f"call_{number}") for number, call in enumerate(calls)],
        "signatures": sorted(part["thoughtSignature"] for part in parts if "thoughtSignature" in part),
        "own_parts": [
            p
            for p in parts
            if p.keys() & {"toolCall", "toolResponse", "executableCode", "codeExecutionResult"}
        ],
        "finish": "tool_calls" if calls else FINISH[words[0]],
        "usage": read_usage(counts[-1]) if counts else None,
        "model": events[0]["modelVersion"],
        "id": events[0]["responseId"],
    }


def read_usage(counts: dict[str, Any]) -> tuple[int, ...]:
    prompt = counts.get("promptTokenCount", 0) + counts.get("toolUsePromptTokenCount", 0)
    thoughts = counts.get("thoughtsTokenCount", 0)
    answer = counts.get("candidatesTokenCount", 0) + thoughts
    return prompt, answer, counts["totalTokenCount"], counts.get("cachedContentTokenCount", 0), thoughts


def read_ours(answer: ChatCompletion) -> dict[str, Any]:
    """The same things of a decoded answer."""
    (choice,) = answer.choices
    message = choice.message
    fields = message.get("provider_specific_fields", {})
    blocks = message.get("thinking_blocks", [])
    signed = [
        call.get("provider_specific_fields", {}).get("thought_signature") for call in message.tool_calls or ()
    ]
    signed += [block.get("signature") for block in blocks]
    signed += [part.get("thoughtSignature") for part in fields.get("parts", [])]
    calls = [call for call in message.tool_calls or () if call.function is not None]
    usage = answer.usage
    return {
        "text": message.content or "",
        "thoughts": message.reasoning_content or "",
        "calls": [
            (c.function.name, orjson.loads(c.function.arguments)) for c in calls if c.function is not None
        ],
        "ids": [call.id for call in calls],
        "signatures": sorted(signature for signature in signed if signature),
        "own_parts": fields.get("parts", []),
        "finish": choice.finish_reason,
        "usage": usage
        and (
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.total_tokens,
            usage["prompt_tokens_details"]["cached_tokens"],
            usage["completion_tokens_details"]["reasoning_tokens"],
        ),
        "model": answer.model,
        "id": answer.id,
    }


def left_over(events: list[Any], answer: ChatCompletion) -> set[str]:
    """Fields beside the content that the answer has nowhere."""
    fields = answer.choices[0].message.get("provider_specific_fields", {})
    read = {"content", "index", "finishReason", "logprobsResult"}
    told: set[str] = {
        key for e in events for c in e["candidates"] for key, value in c.items() if value not in ({}, [])
    }
    return told - read - set(fields)


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", OK)
def test_blocking_answers_are_read_whole(exchange: Exchange) -> None:
    codec, request = codec_for(exchange), request_for(exchange)
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    if exchange.id in BLOCKED:
        with pytest.raises(ContentPolicyViolationError):
            codec.decode_response(request, response)
        return
    answer = codec.decode_response(request, response)
    assert read_ours(answer) == read_raw(events_of(exchange))
    assert left_over(events_of(exchange), answer) == set()


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", STREAMS)
def test_streams_are_read_whole_wherever_they_are_cut(exchange: Exchange) -> None:
    codec, request = codec_for(exchange), request_for(exchange)
    whole = None
    for slices in cuts(exchange.body, seed=zlib.crc32(exchange.id.encode())):
        chunks = decode_stream(codec, request, slices)
        assert whole is None or chunks == whole
        whole = chunks
    assert whole is not None
    assert len({chunk.id for chunk in whole}) == 1
    assert whole[0].choices[0].delta.role == "assistant"
    last = len(whole) - (whole[-1].usage is not None)
    assert [chunk.choices for chunk in whole[last:]] in ([], [[]])
    assert [c.finish_reason for chunk in whole[: last - 1] for c in chunk.choices if c.finish_reason] == []
    answer = stream_chunk_builder(whole)
    assert read_ours(answer) == read_raw(events_of(exchange))
    assert left_over(events_of(exchange), answer) == set()


@pytest.mark.parametrize("exchange", OK)
def test_answers_go_back_as_they_came(exchange: Exchange) -> None:
    if exchange.id in BLOCKED:
        assert "candidates" not in exchange.json  # nothing that could go back
        return
    codec, request = codec_for(exchange), request_for(exchange)
    answer = codec.decode_response(request, HTTPResponse(200, {}, exchange.body))
    messages = check_messages([*request.messages, answer.choices[0].message])
    encoded = codec.encode_request(ChatRequest(model=model_of(exchange), messages=messages))
    again = canonical(orjson.loads(encoded.body))["contents"][1:]
    came = canonical({"contents": [exchange.json["candidates"][0]["content"]]})["contents"]
    assert (again == came) == (exchange.id not in REARRANGED)


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", FAILED)
def test_failures_have_their_class(exchange: Exchange) -> None:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    error = codec_for(exchange).decode_error(request_for(exchange), response)
    assert type(error) is ERRORS[exchange.id]
    assert error.status_code == exchange.status
    assert exchange.json["error"]["message"][:100] in str(error)
    if exchange.status == 429:
        assert error.retry_after == 48
        assert error.retryable


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*OK, *STREAMS, *FAILED])
def test_requests_are_said_in_openais_parameters(exchange: Exchange) -> None:
    messages, params = openai_request(exchange.request)
    checked = check_messages(messages)
    check_params(params)
    request = ChatRequest(model=model_of(exchange), messages=checked, params=params, stream=exchange.stream)
    encoded = codec_for(exchange).encode_request(request)
    assert encoded.url.partition("?")[0] == exchange.url.partition("?")[0]
    assert KEY not in encoded.url
    equivalent = canonical(orjson.loads(encoded.body)) == canonical(exchange.request)
    assert equivalent == (exchange.id not in NOT_EXPRESSIBLE)

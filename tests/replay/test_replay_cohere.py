"""Recorded exchanges with Cohere, v2 and v1, read by the codecs and by a reader of our own making."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import orjson
import pytest
from replay_corpus import cuts, decode_stream, select
from replay_exceptions import BROKEN_STREAMS, NOT_EXPRESSIBLE

from aiocompl.codecs.cohere.v1 import CohereV1Codec
from aiocompl.codecs.cohere.v2 import CohereCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import NotFoundError, UnprocessableEntityError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.checks import check_messages, check_params
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

    from aiocompl.codecs.base import Codec
    from aiocompl.types.completion import ChatCompletion

VENDOR = Vendor(name="cohere", title="Cohere", base_url="https://api.cohere.com")
ENDPOINT = Endpoint(provider="cohere", base_url=VENDOR.base_url)
CODECS: dict[str, Codec] = {
    "cohere.v2.chat": CohereCodec(VENDOR, ENDPOINT),
    "cohere.v1.chat": CohereV1Codec(VENDOR, ENDPOINT),
}

V2 = select("cohere", "cohere.v2.chat")
V1 = select("cohere", "cohere.v1.chat")
FAILED = select("cohere", "cohere.v2.chat", "cohere.v1.chat", ok=False)


@attrs.define
class Read:
    """What an answer says, as this file reads it."""

    text: str = ""
    thinking: str = ""
    plan: str = ""
    calls: list[tuple[str, str, Any]] = attrs.field(factory=list)
    citations: list[Any] = attrs.field(factory=list)
    reason: str = ""
    tokens: dict[str, int] = attrs.field(factory=dict)
    cached: int | None = None
    id: str = ""


REASONS = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}


def read_v2(body: dict[str, Any]) -> Read:
    message = body["message"]
    blocks = message.get("content", [])
    return Read(
        text="".join(block.get("text", "") for block in blocks),
        thinking="".join(block.get("thinking", "") for block in blocks),
        plan=message.get("tool_plan", ""),
        calls=[
            (call["id"], call["function"]["name"], orjson.loads(call["function"]["arguments"]))
            for call in message.get("tool_calls", [])
        ],
        citations=message.get("citations", []),
        reason=REASONS[body["finish_reason"]],
        tokens=body["usage"]["tokens"],
        cached=body["usage"].get("cached_tokens"),
        id=body["id"],
    )


def read_v1(body: dict[str, Any]) -> Read:
    return Read(
        text=body["text"],
        reason=REASONS[body["finish_reason"]],
        tokens=body["meta"]["tokens"],
        cached=body["meta"].get("cached_tokens"),
        id=body["generation_id"],
    )


def read_v2_stream(body: bytes) -> Read:
    """Reads line by line, all pieces of a kind into one text."""
    read, pieces = Read(), dict[int, list[str]]()
    names: dict[int, tuple[str, str]] = {}
    for line in body.decode().split("\n"):
        if not line.startswith("data: {"):
            continue
        event = orjson.loads(line[6:])
        delta = event.get("delta", {})
        message = delta.get("message", {})
        match event["type"]:
            case "message-start":
                read.id = event["id"]
            case "content-start" | "content-delta":
                read.text += message["content"].get("text", "")
                read.thinking += message["content"].get("thinking", "")
            case "tool-plan-delta":
                read.plan += message["tool_plan"]
            case "citation-start":
                read.citations.append(message["citations"])
            case "tool-call-start":
                call = message["tool_calls"]
                names[event["index"]] = call["id"], call["function"]["name"]
                pieces[event["index"]] = [call["function"]["arguments"]]
            case "tool-call-delta":
                pieces[event["index"]].append(message["tool_calls"]["function"]["arguments"])
            case "message-end":
                read.reason = REASONS[delta["finish_reason"]]
                read.tokens = delta["usage"]["tokens"]
                read.cached = delta["usage"].get("cached_tokens")
            case other:
                assert other in {"content-end", "tool-call-end", "citation-end"}
    read.calls = [(*names[i], orjson.loads("".join(pieces[i]) or "{}")) for i in sorted(names)]
    return read


def read_v1_stream(body: bytes) -> Read:
    events = [orjson.loads(line) for line in body.splitlines()]
    assert {event["event_type"] for event in events} == {"stream-start", "text-generation", "stream-end"}
    read = read_v1(events[-1]["response"])
    assert read.text == "".join(event.get("text", "") for event in events)
    return read


def check(answer: ChatCompletion, read: Read, model: str) -> None:
    choice, usage = answer.choices[0], answer.usage
    message, kept = choice.message, choice.message.get("provider_specific_fields", {})
    assert answer.id == read.id
    assert answer.model == model
    assert (message.content or "") == read.text
    assert (message.reasoning_content or "") == read.thinking + read.plan
    assert kept.get("tool_plan", "") == read.plan
    assert kept.get("citations", []) == read.citations
    calls = [
        (call.id, call.function.name, orjson.loads(call.function.arguments))
        for call in message.tool_calls or ()
        if call.function
    ]
    assert calls == read.calls
    assert choice.finish_reason == read.reason
    assert usage is not None
    assert usage.prompt_tokens == read.tokens["input_tokens"]
    assert usage.completion_tokens == read.tokens["output_tokens"]
    assert usage.total_tokens == read.tokens["input_tokens"] + read.tokens["output_tokens"]
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    assert (prompt and prompt.cached_tokens) == read.cached
    assert (completion and completion.reasoning_tokens) == read.tokens.get("reasoning_tokens")
    assert usage.tokens == read.tokens


def plain_request(exchange: Exchange) -> ChatRequest:
    model = (exchange.request or {}).get("model", "command")
    return ChatRequest(model=model, messages=[{"role": "user", "content": ""}], stream=exchange.stream)


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", [*V2, *V1])
def test_decodes(exchange: Exchange) -> None:
    codec, request = CODECS[exchange.api], plain_request(exchange)
    v2 = exchange.api == "cohere.v2.chat"
    if not exchange.stream:
        answer = codec.decode_response(
            request, HTTPResponse(exchange.status, exchange.headers, exchange.body)
        )
        check(answer, (read_v2 if v2 else read_v1)(exchange.json), request.model)
        return
    seed = zlib.crc32(exchange.id.encode())
    if exchange.id in BROKEN_STREAMS:
        for slices in cuts(exchange.body, seed):
            with pytest.raises(UnprocessableEntityError, match="invalid tool generation") as raised:
                decode_stream(codec, request, slices)
            assert raised.value.type == "INVALID_TOOL_GENERATION"
        return
    read = (read_v2_stream if v2 else read_v1_stream)(exchange.body)
    whole, *others = [decode_stream(codec, request, slices) for slices in cuts(exchange.body, seed)]
    assert all(other == whole for other in others)
    assert {chunk.id for chunk in whole} == {read.id}
    check(stream_chunk_builder(whole), read, request.model)


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", FAILED)
def test_errors(exchange: Exchange) -> None:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    error = CODECS[exchange.api].decode_error(plain_request(exchange), response)
    assert isinstance(error, NotFoundError)
    assert error.status_code == exchange.status
    assert exchange.json["message"] in str(error)


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*V2, *V1, *FAILED])
def test_encodes(exchange: Exchange) -> None:
    v2 = exchange.api == "cohere.v2.chat"
    params, messages = (openai_v2 if v2 else openai_v1)(exchange.request)
    check_params(params)
    request = ChatRequest(
        model=exchange.request.get("model", "command"),
        messages=check_messages(messages),
        params=params,
        stream=exchange.stream,
    )
    sent = CODECS[exchange.api].encode_request(request)
    assert urlsplit(sent.url).path == urlsplit(exchange.url).path  # recorded at api.cohere.ai as well
    equivalent = canonical(orjson.loads(sent.body)) == canonical(exchange.request)
    assert equivalent == (exchange.id not in NOT_EXPRESSIBLE)


def openai_v2(body: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """A recorded v2 request in OpenAI's parameters."""
    params = {key: value for key, value in body.items() if key not in {"model", "messages", "stream"}}
    if "stop_sequences" in params:
        params["stop"] = params.pop("stop_sequences")
    if "tool_choice" in params:
        params["tool_choice"] = params["tool_choice"].lower()
    form = params.get("response_format", {})
    if "json_schema" in form:
        params["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": form["json_schema"]},
        }
    return params, [openai_message(message) for message in body["messages"]]


def openai_message(message: dict[str, Any]) -> dict[str, Any]:
    message = dict(message)
    if message["role"] == "assistant":
        if plan := message.pop("tool_plan", ""):
            message |= {"reasoning_content": plan, "provider_specific_fields": {"tool_plan": plan}}
        content = message.get("content")
        if isinstance(content, list):
            thinking = [block["thinking"] for block in content if block["type"] == "thinking"]
            message["content"] = [block for block in content if block["type"] == "text"] or None
            if thinking:
                message["reasoning_content"] = "".join(thinking)
    return message


def openai_v1(body: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """A recorded v1 request in OpenAI's parameters."""
    names = {"SYSTEM": "system", "USER": "user", "CHATBOT": "assistant"}
    messages = [{"role": "system", "content": body["preamble"]}] if "preamble" in body else []
    messages += [
        {"role": names[entry["role"].upper()], "content": entry["message"]}
        for entry in body.get("chat_history", [])
    ]
    messages.append({"role": "user", "content": body["message"]})
    params = {
        key: value
        for key, value in body.items()
        if key not in {"model", "message", "chat_history", "preamble", "stream"} and value is not None
    }
    if "stop_sequences" in params:
        params["stop"] = params.pop("stop_sequences")
    return params, messages


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """A request body with what means the same written the same.

    - null is the same as nothing, an empty history the same as none;
    - v1: roles in any case; system text at the beginning of the history is the preamble;
    - v2: text beside tool calls that is empty is the same as none, and arguments are JSON, spaces aside.
    """
    body = {key: value for key, value in body.items() if value is not None}
    if "messages" in body:
        body["messages"] = [canonical_message(message) for message in body["messages"]]
        return body
    history = [
        {"role": entry["role"].upper(), "message": entry["message"]} for entry in body.pop("chat_history", [])
    ]
    if history and history[0]["role"] == "SYSTEM":
        body["preamble"] = history.pop(0)["message"]
    return body | {"chat_history": history}


def canonical_message(message: dict[str, Any]) -> dict[str, Any]:
    message = dict(message)
    calls = message.get("tool_calls", [])
    if calls and message.get("content") in (None, "", [{"type": "text", "text": ""}]):
        message.pop("content", None)
    if calls:
        message["tool_calls"] = [
            call | {"function": call["function"] | {"arguments": orjson.loads(call["function"]["arguments"])}}
            for call in calls
        ]
    return message

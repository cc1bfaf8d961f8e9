"""Recorded exchanges with Ollama's native chat, read by the codec and by a reader of our own making.

What went to its OpenAI-compatible endpoint is replayed with the other vendors of that dialect.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from replay_corpus import cuts, decode_stream, select

from aiocompl.codecs.ollama import OllamaCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import NotFoundError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.checks import check_messages, check_params
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

    from aiocompl.types.completion import ChatCompletion

VENDOR = Vendor(name="ollama", title="Ollama", base_url="http://localhost:11434")
CODEC = OllamaCodec(VENDOR, Endpoint(provider="ollama", base_url=VENDOR.base_url))

OK = select("ollama", "ollama.chat")
FAILED = select("ollama", "ollama.chat", ok=False)


def plain_request(exchange: Exchange) -> ChatRequest:
    return ChatRequest(
        model=exchange.request["model"],
        messages=[{"role": "user", "content": ""}],
        stream=exchange.stream,
    )


def check(answer: ChatCompletion, lines: list[dict[str, Any]]) -> None:
    """An answer against the lines it came in: one, or those of a stream."""
    choice, usage, last = answer.choices[0], answer.usage, lines[-1]
    message = choice.message
    messages = [line["message"] for line in lines]
    calls = [call["function"] for item in messages for call in item.get("tool_calls", [])]
    ids = [call.get("id") for item in messages for call in item.get("tool_calls", [])]
    assert answer.model == last["model"]
    assert answer.created > 1_700_000_000
    assert (message.content or "") == "".join(item["content"] for item in messages)
    assert (message.reasoning_content or "") == "".join(item.get("thinking", "") for item in messages)
    assert [
        (call.id, call.function.name, orjson.loads(call.function.arguments))
        for call in message.tool_calls or ()
        if call.function
    ] == [(ident, call["name"], call["arguments"]) for ident, call in zip(ids, calls, strict=True)]
    assert choice.finish_reason == ("tool_calls" if calls else last["done_reason"])
    assert choice.native_finish_reason == last["done_reason"]
    assert usage is not None
    assert usage.prompt_tokens == last.get("prompt_eval_count", 0)
    assert usage.completion_tokens == last["eval_count"]
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    for name in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"):
        assert usage[name] == last[name]


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", OK)
def test_decodes(exchange: Exchange) -> None:
    request = plain_request(exchange)
    if not exchange.stream:
        answer = CODEC.decode_response(
            request, HTTPResponse(exchange.status, exchange.headers, exchange.body)
        )
        check(answer, [exchange.json])
        return
    seed = zlib.crc32(exchange.id.encode())
    whole, *others = [decode_stream(CODEC, request, slices) for slices in cuts(exchange.body, seed)]
    assert all(other == whole for other in others)
    assert len({chunk.id for chunk in whole}) == 1
    check(stream_chunk_builder(whole), [orjson.loads(line) for line in exchange.body.splitlines() if line])


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", FAILED)
def test_errors(exchange: Exchange) -> None:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    error = CODEC.decode_error(plain_request(exchange), response)
    assert isinstance(error, NotFoundError)
    assert exchange.json["error"] in str(error)


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*OK, *FAILED])
def test_encodes(exchange: Exchange) -> None:
    body = exchange.request
    params = {key: value for key, value in body.items() if key not in {"model", "messages", "stream"}}
    params |= params.pop("options", {})
    params = {key: value for key, value in params.items() if value not in (None, "", [])}
    check_params(params)
    messages = [openai_message(message) for message in body["messages"]]
    request = ChatRequest(
        model=body["model"], messages=check_messages(messages), params=params, stream=exchange.stream
    )
    sent = CODEC.encode_request(request)
    assert sent.url.endswith("/api/chat")
    assert canonical(orjson.loads(sent.body)) == canonical(body)


def openai_message(message: dict[str, Any]) -> dict[str, Any]:
    """Calls have no ids there: the one call before a result is the one that it answers."""
    message = dict(message)
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [
            {
                "id": f"call_{index}",
                "type": "function",
                "function": call["function"]
                | {"arguments": orjson.dumps(call["function"]["arguments"]).decode()},
            }
            for index, call in enumerate(calls)
        ]
    if message["role"] == "tool":
        message["tool_call_id"] = "call_0"
    return message


def canonical(body: dict[str, Any]) -> dict[str, Any]:
    """A request body with what means the same written the same.

    Nothing, null, "" and an empty list or object are the same; calls' ids, which only newer servers take, and a
    result's, with its function's name, are left out.
    """
    body = {key: value for key, value in body.items() if value not in (None, "", [], {})}
    body["messages"] = [canonical_message(message) for message in body["messages"]]
    return body | {"stream": body.get("stream", True)}


def canonical_message(message: dict[str, Any]) -> dict[str, Any]:
    message = {key: value for key, value in message.items() if key not in {"tool_call_id", "tool_name"}}
    if calls := message.get("tool_calls"):
        message["tool_calls"] = [{"function": call["function"]} for call in calls]
    return message

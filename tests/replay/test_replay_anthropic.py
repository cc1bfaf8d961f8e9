"""Anthropic's recorded exchanges: answers read as they are, sent back as they came, and requests written alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from anthropic_native import assembled_message, check, normalised, openai_form
from replay_corpus import Exchange, cuts, decode_stream, select
from replay_exceptions import NOT_EXPRESSIBLE

from aiocompl.codecs.anthropic import AnthropicCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import AuthenticationError, BadRequestError, ContextWindowExceededError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.checks import check_messages
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion

VENDOR = Vendor(name="anthropic", title="Anthropic", base_url="", auth="header:x-api-key")
CODEC = AnthropicCodec(
    VENDOR, Endpoint(provider="anthropic", base_url="https://api.anthropic.com", api_key="made-up-key")
)

ERRORS: dict[str, type[Exception]] = {"85d32aef6695": ContextWindowExceededError}
BY_STATUS: dict[int, type[Exception]] = {400: BadRequestError, 401: AuthenticationError}

ok = [*select("anthropic", "messages"), *select("gateway", "messages")]
refused = select("anthropic", "messages", ok=False)
blocking = [item for item in ok if item.values[0] is None or not item.values[0].stream]
streams = [item for item in ok if item.values[0] is None or item.values[0].stream]


def asked(exchange: Exchange) -> ChatRequest:
    return ChatRequest(exchange.request["model"], [], stream=exchange.stream)


def check_sent_back(got: ChatCompletion, native: dict[str, Any]) -> None:
    """The answer put back into `messages` is, on the wire, the content as it was received: nothing is lost."""
    history = [
        {"role": "user", "content": "?"},
        got.choices[0].message.to_dict(),
        {"role": "user", "content": "!"},
    ]
    body = orjson.loads(CODEC.encode_request(ChatRequest(native["model"], history)).body)
    sent = [turn["content"] for turn in body["messages"] if turn["role"] == "assistant"]
    assert normalised_content(sent[0] if sent else []) == normalised_content(native["content"])


def normalised_content(blocks: list[dict[str, Any]]) -> Any:
    return normalised({"messages": [{"role": "assistant", "content": blocks}]})["messages"]


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", blocking)
def test_answers_are_read_whole(exchange: Exchange) -> None:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    got = CODEC.decode_response(asked(exchange), response)
    check(got, exchange.json)
    check_sent_back(got, exchange.json)
    for name in ("stop_details", "container", "context_management"):
        assert got.choices[0].get(name) == exchange.json.get(name)


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", streams)
def test_streams_are_read_whole_however_they_are_cut(exchange: Exchange) -> None:
    native = assembled_message(exchange.body)
    request = asked(exchange)
    first, *others = [
        decode_stream(CODEC, request, slices) for slices in cuts(exchange.body, seed=len(exchange.body))
    ]
    assert all(chunks == first for chunks in others)
    assert {chunk.id for chunk in first} == {native["id"]}
    assert first[0].choices[0].delta.role == "assistant"
    assert first[-1].choices == []
    got = stream_chunk_builder(first)
    check(got, native)
    check_sent_back(got, native)
    whole = CODEC.decode_response(request, HTTPResponse(200, {}, orjson.dumps(native)))
    assert parsed_arguments(got) == parsed_arguments(whole)


def parsed_arguments(completion: ChatCompletion) -> dict[str, Any]:
    """The completion with its calls' arguments parsed: their white space is the model's in a stream alone."""
    dumped = completion.model_dump()
    for call in dumped["choices"][0]["message"]["tool_calls"] or ():
        call["function"]["arguments"] = orjson.loads(call["function"]["arguments"])
    return dumped


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", refused)
def test_errors_have_their_class(exchange: Exchange) -> None:
    error = CODEC.decode_error(
        asked(exchange), HTTPResponse(exchange.status, exchange.headers, exchange.body)
    )
    assert type(error) is ERRORS.get(exchange.id, BY_STATUS[exchange.status])
    assert error.type == exchange.json["error"]["type"]
    assert exchange.json["error"]["message"] in error.message
    assert error.request_id == (exchange.headers.get("request-id") or exchange.json.get("request_id"))


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*ok, *refused])
def test_requests_are_written_alike(exchange: Exchange) -> None:
    recorded = exchange.request
    if exchange.id in NOT_EXPRESSIBLE:
        with pytest.raises(BadRequestError):
            check_messages(recorded["messages"])
        return
    messages, params = openai_form(recorded)
    request = ChatRequest(recorded["model"], messages, params, stream=bool(recorded.get("stream")))
    before = orjson.dumps(attrs.astuple(request))
    sent = CODEC.encode_request(request)
    assert normalised(orjson.loads(sent.body)) == normalised(recorded)
    assert CODEC.encode_request(request) == sent
    assert orjson.dumps(attrs.astuple(request)) == before

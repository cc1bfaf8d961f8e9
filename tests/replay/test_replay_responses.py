"""The recorded exchanges of the Responses API, at five providers: answers, streams, errors and requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from replay_corpus import Exchange, cuts, decode_stream, select
from replay_exceptions import BACKGROUND, NO_CHAT_REQUEST, NOT_EXPRESSIBLE
from responses_native import final_response, normalised, normalised_items, openai_form, streamed_text

from aiocompl.codecs.responses import ResponsesCodec
from aiocompl.codecs.responses.request import reasons
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    APIResponseValidationError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    UnsupportedParamsError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion

PROVIDERS = ("openai", "azure", "xai", "deepseek", "bedrock")

ERRORS: dict[str, type[Exception]] = {
    "f3731db49782": ContextWindowExceededError,
    "b54fb7cd6159": AuthenticationError,  # by its text: the status is 400
}
BY_STATUS: dict[int, type[Exception]] = {400: BadRequestError, 401: AuthenticationError}

UNREASONED = {"deepseek-v4-flash", "openai.gpt-oss-20b", "openai.gpt-oss-120b"}
"""Models that reason and show it anyway."""

ok = [item for provider in PROVIDERS for item in select(provider, "responses")]
failed = [item for provider in PROVIDERS for item in select(provider, "responses", ok=False)]
blocking = [item for item in ok if item.values[0] is None or not item.values[0].stream]
streams = [item for item in ok if item.values[0] is None or item.values[0].stream]


def codec_of(exchange: Exchange) -> ResponsesCodec:
    vendor = Vendor(name=exchange.provider, title="", base_url="")
    base = exchange.url.partition("/responses")[0]
    return ResponsesCodec(vendor, Endpoint(provider=exchange.provider, base_url=base, api_key="made-up-key"))


def asked(exchange: Exchange) -> ChatRequest:
    return ChatRequest((exchange.request or {}).get("model") or "m", [], stream=exchange.stream)


def check(got: ChatCompletion, native: dict[str, Any]) -> None:
    """Compare a completion with what an independent reader finds in the provider's response."""
    (choice,) = got.choices
    message, items = choice.message, native["output"]
    said = [p for i in items if i["type"] == "message" and i["role"] == "assistant" for p in i["content"]]
    thoughts = [p for i in items if i["type"] == "reasoning" for p in i["summary"] + (i.get("content") or [])]
    calls = [i for i in items if i["type"] in {"function_call", "custom_tool_call"}]
    assert got.id == native["id"]
    assert got.created == native["created_at"]
    assert native.get("model") in {None, got.model}  # compaction does not say
    assert got.service_tier == native.get("service_tier")
    assert message.content == ("".join(p["text"] for p in said) or (None if calls else ""))
    assert message.reasoning_content == ("\n\n".join(p["text"] for p in thoughts) or None)
    assert [call_of(call) for call in message.tool_calls or ()] == [native_call(call) for call in calls]
    assert [a.type for a in message.annotations or ()] == [
        a["type"] for p in said for a in p.get("annotations", [])
    ]
    if native.get("status") == "incomplete":
        assert choice.finish_reason == {"max_output_tokens": "length"}[native["incomplete_details"]["reason"]]
    else:
        assert choice.finish_reason == ("tool_calls" if calls else "stop")
    check_usage(got, native["usage"])


def call_of(call: Any) -> tuple[Any, ...]:
    inner = call.function or call.custom
    return call.type, call.id, inner.name, inner.get("arguments") or inner.get("input"), call.get("namespace")


def native_call(item: dict[str, Any]) -> tuple[Any, ...]:
    kind = "custom" if item["type"] == "custom_tool_call" else "function"
    given = item.get("arguments") or item.get("input")
    return kind, item["call_id"], item["name"], given, item.get("namespace")


def check_usage(got: ChatCompletion, usage: dict[str, Any]) -> None:
    assert got.usage is not None
    assert got.usage.prompt_tokens == usage["input_tokens"]
    assert got.usage.completion_tokens == usage["output_tokens"]
    assert got.usage.total_tokens == usage["total_tokens"]
    prompt, completion = got.usage.prompt_tokens_details, got.usage.completion_tokens_details
    assert prompt is not None
    assert completion is not None
    assert {k: prompt[k] for k in usage["input_tokens_details"]} == usage["input_tokens_details"]
    assert {k: completion[k] for k in usage["output_tokens_details"]} == usage["output_tokens_details"]
    for name in usage.keys() - {
        "input_tokens",
        "output_tokens",
        "input_tokens_details",
        "output_tokens_details",
    }:
        assert got.usage[name] == usage[name]


def check_sent_back(codec: ResponsesCodec, got: ChatCompletion, native: dict[str, Any]) -> None:
    """The answer put back into `messages` is, on the wire, the output as it was received: nothing is lost."""
    history = [{"role": "user", "content": "?"}, got.choices[0].message.to_dict()]
    body = orjson.loads(codec.encode_request(ChatRequest("m", history)).body)
    assert normalised_items(body["input"][1:]) == normalised_items(native["output"])


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", blocking)
def test_answers_are_read_whole(exchange: Exchange) -> None:
    codec, response = codec_of(exchange), HTTPResponse(exchange.status, exchange.headers, exchange.body)
    if exchange.id in BACKGROUND:
        with pytest.raises(APIResponseValidationError, match="queued"):
            codec.decode_response(asked(exchange), response)
        return
    got = codec.decode_response(asked(exchange), response)
    check(got, exchange.json)
    check_sent_back(codec, got, exchange.json)
    for name in ("billing", "content_filters", "metadata", "previous_response_id", "store"):
        assert got.get(name) == exchange.json.get(name)


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", streams)
def test_streams_are_read_whole_however_they_are_cut(exchange: Exchange) -> None:
    codec, request, native = codec_of(exchange), asked(exchange), final_response(exchange.body)
    first, *others = [
        decode_stream(codec, request, slices) for slices in cuts(exchange.body, seed=len(exchange.body))
    ]
    assert all(chunks == first for chunks in others)
    assert {chunk.id for chunk in first} == {native["id"]}
    assert first[0].choices[0].delta.role == "assistant"
    assert first[-1].choices == []
    told = [chunk.choices[0].delta.content or "" for chunk in first if chunk.choices]
    assert "".join(told) == streamed_text(exchange.body)
    got = stream_chunk_builder(first)
    check(got, native)
    check_sent_back(codec, got, native)
    whole = codec.decode_response(request, HTTPResponse(200, {}, orjson.dumps(native)))
    assert got == whole


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", failed)
def test_errors_have_their_class(exchange: Exchange) -> None:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    error = codec_of(exchange).decode_error(asked(exchange), response)
    assert type(error) is ERRORS.get(exchange.id, BY_STATUS[exchange.status])
    told = exchange.json["error"]
    assert (told if isinstance(told, str) else told["message"])[:60] in error.message
    assert error.request_id == exchange.headers.get("x-request-id")


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*ok, *failed])
def test_requests_are_written_alike(exchange: Exchange) -> None:
    if exchange.id in NO_CHAT_REQUEST:
        assert exchange.request is None or exchange.url.endswith("/compact")
        return
    codec, recorded = codec_of(exchange), exchange.request
    if exchange.id in NOT_EXPRESSIBLE:
        assert "input" not in recorded
        return
    messages, params = openai_form(recorded)
    request = ChatRequest(recorded["model"], messages, params, stream=bool(recorded.get("stream")))
    if exchange.id in BACKGROUND:
        with pytest.raises(UnsupportedParamsError, match="background"):
            codec.encode_request(request)
        return
    before = orjson.dumps(attrs.astuple(request))
    sent = codec.encode_request(request)
    assert sent.url == exchange.url
    assert normalised(orjson.loads(sent.body)) == normalised(recorded)
    assert codec.encode_request(request) == sent
    assert orjson.dumps(attrs.astuple(request)) == before


def test_whether_a_model_reasons_is_told_by_its_name() -> None:
    requests = [item.values[0].request for item in ok if item.values[0] and item.values[0].request]
    encrypted = {
        body["model"] for body in requests if "reasoning.encrypted_content" in body.get("include", [])
    }
    others = {body["model"] for body in requests if "model" in body} - encrypted
    assert all(reasons(model) for model in encrypted)
    assert not any(reasons(model) for model in others - UNREASONED)

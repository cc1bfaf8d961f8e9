"""Recorded chats with vendors that speak OpenAI's dialect, read by the codec and by a reader of our own making."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from replay_corpus import cuts, decode_stream, select
from replay_exceptions import BROKEN_STREAMS, NO_ANSWERS, NO_FINISH_REASON

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.routing import Target, resolve
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIResponseValidationError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    NotFoundError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.checks import check_messages, check_params
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from replay_corpus import Exchange

    from aiocompl.types.completion import Choice
    from aiocompl.types.model import JSON

PROVIDERS = [
    "openai",
    "azure",
    "groq",
    "deepseek",
    "cerebras",
    "together",
    "mistral",
    "openrouter",
    "perplexity",
    "xai",
    "ollama",
    "huggingface",
    "gpustack",
    "vllm",
    "writer",
    "zai",
    "snowflake",
    "crusoe",
    "compat",
    "gateway",
    "gemini",
    "bedrock",
]
ROWS = {"ollama": "ollama_compat", "gemini": "gemini_compat"}
"""Whose compatible surface goes by another name than the provider."""
ANY = Vendor(name="any", title="A server of no catalogue", base_url="", loosely=True, think_tag="think")

ALL = [item for provider in PROVIDERS for item in select(provider, "chat.completions")]
REFUSED = [item for provider in PROVIDERS for item in select(provider, "chat.completions", ok=False)]

BROKEN: dict[str, tuple[type[AiocomplError], str]] = {
    "c7ce74011ca3": (BadRequestError, "Tool call validation failed"),
    "6316b73607ce": (BadRequestError, "Token limit reached"),
}
STATUS_ERRORS = {
    400: BadRequestError,
    401: AuthenticationError,
    404: NotFoundError,
}
REFINED = {"bbb0ebf824c2": ContextWindowExceededError}
EXTRA_BODY = {"enable_thinking", "usage", "safe_prompt", "reasoning", "thinking", "store"}
"""What no parameter is for at that vendor and `extra_body` carries; OpenRouter's `usage` has no effect any more."""


def vendor_of(provider: str) -> Vendor:
    if provider == "azure":
        return Vendor(name="azure", title="Azure", base_url="")
    return find_vendor(ROWS.get(provider, provider)) or ANY


def codec_of(exchange: Exchange) -> OpenAICodec:
    return OpenAICodec(
        vendor_of(exchange.provider), Endpoint(provider=exchange.provider, base_url="https://x/v1")
    )


# ---------------------------------------------------------------- the independent reader

OURS_FOR = {"eos": "stop", "": None}


@attrs.define
class Read:
    """One choice, as this file reads it."""

    text: str = ""
    reasoning: str = ""
    calls: list[list[str]] = attrs.field(factory=list)
    function: list[str] | None = None
    reason: str | None = None


def read(bodies: Iterable[JSON]) -> tuple[dict[int, Read], JSON | None]:
    """The choices and the usage of a whole answer (one body), or of a stream's chunks."""
    choices: dict[int, Read] = {}
    usage: JSON | None = None
    for body in bodies:
        usage = body.get("usage") or body.get("x_groq", {}).get("usage") or usage
        for choice in body["choices"]:
            one = choices.setdefault(choice["index"], Read())
            reason = choice.get("finish_reason")
            one.reason = OURS_FOR.get(reason, reason) or one.reason
            add_message(one, choice["delta"] if "chunk" in body["object"] else choice["message"])
    for one in choices.values():
        if found := re.match(r"\s*<think>\s*(.*?)(?:\s*</think>\s*|\Z)", one.text, re.DOTALL):
            one.reasoning += found[1]
            one.text = one.text[found.end() :]
    return choices, usage


def add_message(one: Read, message: JSON) -> None:
    content = message.get("content") or []
    blocks: list[JSON] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        if block["type"] == "text":  # the only blocks besides are Mistral's
            one.text += block["text"]
        else:
            one.reasoning += "".join(piece["text"] for piece in block["thinking"])
    details = "".join(item.get("text", "") for item in message.get("reasoning_details") or ())
    one.reasoning += message.get("reasoning_content") or message.get("reasoning") or details
    for call in message.get("tool_calls") or ():
        if call.get("id") is not None:
            one.calls.append([call["id"], call["function"]["name"], ""])
        one.calls[-1][2] += call["function"].get("arguments") or ""
    if (function := message.get("function_call")) and function["name"]:
        one.function = [function["name"], function["arguments"]]


def events(body: bytes) -> list[JSON]:
    lines = body.decode().replace("\r\n", "\n").split("\n")
    return [orjson.loads(line[6:]) for line in lines if line.startswith("data: {")]


def check_choice(choice: Choice, one: Read) -> None:
    message = choice.message
    assert (message.content or "") == one.text
    assert (message.reasoning_content or "") == one.reasoning
    calls = [
        [call.id, call.function and call.function.name, call.function and call.function.arguments]
        for call in message.tool_calls or ()
    ]
    for seen, raw in zip(calls, one.calls, strict=True):
        assert seen[0]
        assert seen == [raw[0] or seen[0], *raw[1:]]
    function = message.function_call
    assert (function and [function.name, function.arguments]) == one.function
    assert choice.finish_reason == one.reason


def check(whole: ChatCompletion, bodies: list[JSON], exchange_id: str) -> None:
    choices, usage = read(bodies)
    assert [choice.index for choice in whole.choices] == sorted(choices)
    for choice in whole.choices:
        check_choice(choice, choices[choice.index])
        assert choice.finish_reason or exchange_id in NO_FINISH_REASON
    assert (usage is None) == (whole.usage is None)
    if usage is not None and whole.usage is not None:
        for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
            assert whole.usage[name] == usage[name]
        cached = usage.get("num_cached_tokens") or usage.get("cached_tokens")
        cached = cached or usage.get("prompt_cache_hit_tokens")
        cached = cached or (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
        if cached:
            assert whole.usage.prompt_tokens_details is not None
            assert whole.usage.prompt_tokens_details.cached_tokens == cached
    assert ChatCompletion.model_validate(whole.to_dict()) == whole


CHECKED = {"content", "reasoning", "reasoning_content", "finish_reason", "arguments", "message", "thinking"}
"""Fields that `check` compares; the streams' padding says nothing, and a stream has one id."""
SAYS_NOTHING = {"obfuscation", "p", "role", "created", "index"}


def leaves(value: Any, *, without: frozenset[str] = frozenset()) -> Iterator[Any]:
    """All text and numbers that say something."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in without:
                yield from leaves(inner, without=without)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, without=without)
    elif value:
        yield value


# ---------------------------------------------------------------- answers

WHOLE = [item for item in ALL if item.values[0] is None or not item.values[0].stream]
STREAMS = [item for item in ALL if item.values[0] is None or item.values[0].stream]


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", WHOLE)
def test_a_whole_answer(exchange: Exchange) -> None:
    codec, response = codec_of(exchange), HTTPResponse(exchange.status, exchange.headers, exchange.body)
    request = ChatRequest("m", [])
    if exchange.id in NO_ANSWERS:
        with pytest.raises(APIResponseValidationError, match="not what its dialect promises"):
            codec.decode_response(request, response)
        return
    whole = codec.decode_response(request, response)
    check(whole, [exchange.json], exchange.id)
    known = frozenset(CHECKED - {"message"} | {"delta"})
    assert set(leaves(exchange.json, without=known | SAYS_NOTHING)) <= set(leaves(whole.to_dict()))


@pytest.mark.replays("decoded")
@pytest.mark.parametrize("exchange", STREAMS)
def test_a_stream(exchange: Exchange) -> None:
    codec, request = codec_of(exchange), ChatRequest("m", [], stream=True)
    if exchange.id in BROKEN_STREAMS:
        cls, said = BROKEN[exchange.id]
        for slices in cuts(exchange.body, 1):
            with pytest.raises(cls, match=said) as caught:
                decode_stream(codec, request, slices)
            assert caught.value.http_status == 400
        return
    first: list[Any] | None = None
    for slices in cuts(exchange.body, zlib.crc32(exchange.id.encode())):
        chunks = decode_stream(codec, request, slices)
        first = first or chunks
        assert chunks == first
    assert first is not None
    assert len({chunk.id for chunk in first}) == 1
    bodies = events(exchange.body)
    check(stream_chunk_builder(first), bodies, exchange.id)
    without = frozenset(CHECKED | SAYS_NOTHING | {"id"})
    assert set(leaves(bodies, without=without)) <= set(leaves([chunk.to_dict() for chunk in first]))


@pytest.mark.replays("error")
@pytest.mark.parametrize("exchange", REFUSED)
def test_a_refusal(exchange: Exchange) -> None:
    response = HTTPResponse(exchange.status, exchange.headers, exchange.body)
    error = codec_of(exchange).decode_error(ChatRequest("m", []), response)
    assert type(error) is REFINED.get(exchange.id, STATUS_ERRORS[exchange.status])
    assert error.status_code == exchange.status
    assert error.provider == exchange.provider
    assert "no error that could be read" not in error.message


# ---------------------------------------------------------------- requests


def openai_messages(exchange: Exchange, vendor: Vendor) -> list[JSON]:
    """The recorded messages as OpenAI would have them."""
    messages: list[JSON] = orjson.loads(orjson.dumps(exchange.request["messages"]))
    for message in messages:
        if "reasoning" in message and vendor.history == "reasoning":
            message["reasoning_content"] = message.pop("reasoning")
        content = message.get("content")
        if exchange.provider == "mistral" and isinstance(content, list):
            mistral_content(message, content)
    return messages


def mistral_content(message: JSON, content: list[JSON]) -> None:
    one = Read()
    if message["role"] == "assistant":
        add_message(one, {"content": content})
        if one.reasoning:
            message["reasoning_content"] = one.reasoning
        message["content"] = one.text or None
    for part in content:
        if part["type"] == "input_audio":
            part["input_audio"] = {"data": part["input_audio"], "format": "mp3"}


def expected_body(exchange: Exchange, vendor: Vendor) -> JSON:
    """The recorded body without what says nothing, the bound of the answer under the vendor's name for it."""
    body: JSON = orjson.loads(orjson.dumps(exchange.request))
    body = {key: value for key, value in body.items() if value is not None}
    if not body.get("stream"):
        body.pop("stream", None)
    elif vendor.usage_asked:  # as whoever gives none is understood here
        body.setdefault("stream_options", {"include_usage": True})
    for name in vendor.implied:
        body.pop(name, None)
    for one, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")):
        if vendor.max_tokens == other and one in body:
            body[other] = body.pop(one)
    loose = vendor.loosely or vendor.message_fields
    for message in body["messages"] if loose else ():
        for name in [name for name, value in message.items() if value is None and name != "content"]:
            del message[name]
        if message["role"] == "assistant" and exchange.provider == "mistral":
            merge_blocks(message)
        if vendor.history == "reasoning":
            message.pop("reasoning_content", None)
    add_types(body)
    return body


def add_types(body: JSON) -> None:
    """Tools without a type, as some clients send them, are functions."""
    if "tools" in body:
        body["tools"] = [{"type": "function", **tool} for tool in body["tools"]]


def merge_blocks(message: JSON) -> None:
    """Thinking in several pieces is one piece when it goes back; an empty prefix mark and text are none."""
    if isinstance(message.get("content"), list):
        one = Read()
        add_message(one, message)
        thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": one.reasoning}]}]
        text = [{"type": "text", "text": one.text}] if one.text else []
        message["content"] = [*thinking, *text] if one.reasoning else one.text or None
    if message.get("content", 0) is None:
        del message["content"]


@pytest.mark.replays("encoded")
@pytest.mark.parametrize("exchange", [*ALL, *REFUSED])
def test_the_request_is_encoded_as_recorded(exchange: Exchange) -> None:
    vendor = vendor_of(exchange.provider)
    given = {key: value for key, value in exchange.request.items() if value is not None}
    params = {key: value for key, value in given.items() if key not in {"model", "messages", "stream"}}
    extra = {name: params.pop(name) for name in EXTRA_BODY & params.keys() - vendor.native}
    if "tool_choice" in params and vendor.required != "required":
        params["tool_choice"] = {"any": "required"}.get(str(params["tool_choice"]), params["tool_choice"])
    assert set(params) <= OPENAI_PARAMS | vendor.native
    messages = openai_messages(exchange, vendor)
    add_types(params)
    check_messages(messages)
    check_params(params)
    request = ChatRequest(
        given["model"], messages, params, stream=given.get("stream", False), extra_body=extra or None
    )
    sent = orjson.loads(codec_of(exchange).encode_request(request).body)
    if exchange.provider == "mistral":
        for message in sent["messages"]:
            if message.get("content", 0) is None:
                del message["content"]
    assert sent == expected_body(exchange, vendor)


def test_the_catalogues_codec_is_the_one_tested() -> None:
    route = resolve(Target("groq/m", api_key="k"), {})
    assert type(route.codec) is OpenAICodec

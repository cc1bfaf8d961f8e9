"""Workers AI's native ``/ai/run/{model}``; its OpenAI-compatible surface is a row of the catalogue.

What it answers is put into OpenAI's shape, and read as that of any other vendor: models that answer in OpenAI's shape
already, as later ones do, need nothing more.

Source: https://developers.cloudflare.com/workers-ai/models, text generation (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.error_shapes import parse_body
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.openai_loose_stream import LooseStreamDecoder
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.openai_loose import LooseReader
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import Event, HTTPRequest

MAX_TOKENS: Final = 256
"""The bound of the answer where the call sets none."""

DONE: Final = b"[DONE]"

_TAKEN: Final = frozenset(
    {
        "frequency_penalty",
        "functions",
        "max_completion_tokens",
        "max_tokens",
        "presence_penalty",
        "response_format",
        "seed",
        "stream_options",
        "temperature",
        "tools",
        "top_p",
    }
)

NATIVE_PARAMS: Final = frozenset({"lora", "repetition_penalty", "top_k"})


class CloudflareRunCodec(OpenAICodec):
    """The native surface, bound to one account. See `Codec`.

    It gives no finish reason: an answer that ends has called tools, has filled its bound, by the count of its tokens, or
    has come to its end.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        row = attrs.evolve(
            vendor,
            unsupported=OPENAI_PARAMS - _TAKEN,
            implied=frozenset({"stream_options"}),
            usage_asked=False,
            native=vendor.native | NATIVE_PARAMS,
            loosely=True,
            think_tag="think",
        )
        super().__init__(row, endpoint)
        base, mark, query = endpoint.base_url.partition("?")
        self._root = base.rstrip("/").removesuffix("/v1").removesuffix("/run")
        self._query = mark + query

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body = self._body(request)
        if body["model"] == request.model:  # and not what `extra_body` says
            del body["model"]
        body["messages"] = [_with_content(message) for message in body["messages"]]
        url = f"{self._root}/run/{quote(request.model, safe='@/')}{self._query}"
        return self._http_request(request, url, body)

    @override
    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        body = parse_body(response.body)
        if isinstance(body, dict) and isinstance(body.get("result"), dict):
            try:
                body = orjson.dumps(_completion(body, _bound(request), request.model))
            except MALFORMED:  # what it is instead, the base class finds out
                return super().decode_response(request, response)
            response = HTTPResponse(response.status, response.headers, body)
        return super().decode_response(request, response)

    @override
    def stream_decoder(self, request: ChatRequest) -> RunStreamDecoder:
        endpoint = self._endpoint
        assert self._reader is not None  # noqa: S101 - the row above is read loosely
        decoder = RunStreamDecoder(endpoint.provider, request.model, endpoint.api_key, self._reader)
        decoder.bound = _bound(request)
        return decoder


class RunStreamDecoder(LooseStreamDecoder):
    """One native stream; see `StreamDecoder`."""

    __slots__ = ("_said", "bound")

    bound: int
    """The most tokens that the answer may have."""

    def __init__(self, provider: str, model: str, api_key: str | None, reader: LooseReader) -> None:
        super().__init__(provider, model, api_key, reader)
        self.bound = MAX_TOKENS
        self._said = False

    @override
    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        done = next((at for at, (_, data) in enumerate(events) if data == DONE), None)
        if done is None:
            super().feed(events, into)
            return
        super().feed(events[:done], into)
        if not self.finished and not self._ended:
            super().feed([("message", _FINISH)], into)
        super().feed(events[done:], into)

    @override
    def _close(self, into: list[ChatCompletionChunk]) -> None:
        if (
            self.finished or self._ended
        ):  # else the count of tokens would stand before a finish that never came
            super()._close(into)

    @override
    def _fixed(self, body: JSON) -> JSON:
        if body == {}:  # `_FINISH`: what the dialect does not say
            called = any(calls.count for calls in self._calls.values())
            reason = _finish_reason(self._usage or {}, self.bound, called=called)
            body = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
        elif not _NATIVE.isdisjoint(body) and "choices" not in body:
            body = self._as_chunk(body)
        return super()._fixed({"id": self._id or "", "created": 0, "model": self._model, **body})

    def _as_chunk(self, body: JSON) -> JSON:
        delta: JSON = {} if self._said else {"role": "assistant"}
        self._said = True
        if text := _text(body.pop("response", None)):
            delta["content"] = text
        if calls := body.pop("tool_calls", None):
            delta["tool_calls"] = [_tool_call(call) for call in calls]
        body.pop("p", None)  # padding
        return {**body, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


_NATIVE: Final = frozenset({"response", "tool_calls", "usage"})
_FINISH: Final = b"{}"


def _bound(request: ChatRequest) -> int:
    bound = request.params.get("max_completion_tokens", request.params.get("max_tokens"))
    return MAX_TOKENS if bound is None else bound


def _finish_reason(usage: Mapping[str, Any], bound: int, *, called: bool) -> str:
    if called:
        return "tool_calls"
    return "length" if (usage.get("completion_tokens") or 0) >= bound else "stop"


def _completion(body: JSON, bound: int, model: str) -> JSON:
    """A whole answer in OpenAI's shape; what is not OpenAI's stays beside it."""
    result = dict(body["result"])
    notes = {"messages": body["messages"]} if body.get("messages") else {}
    head = {"id": "", "created": 0, "model": model, "object": "chat.completion", **notes}
    if "choices" in result:
        return {**head, **result}
    calls = [_tool_call(call) for call in result.pop("tool_calls", None) or ()]
    text = _text(result.pop("response", None)) if calls else _text(result.pop("response"))
    message: JSON = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = calls
    reason = _finish_reason(result.get("usage") or {}, bound, called=bool(calls))
    return {**head, **result, "choices": [{"index": 0, "message": message, "finish_reason": reason}]}


def _tool_call(call: Mapping[str, Any]) -> JSON:
    """A call in OpenAI's shape, which later models give already."""
    if "function" in call:
        return dict(call)
    function = {"name": call["name"], "arguments": call.get("arguments")}
    others = {key: value for key, value in call.items() if key not in function}
    return {"type": "function", **others, "function": function}


def _text(response: Any) -> str:
    """What a model wrote: a number is a token that looks like one, an object is JSON that was asked for."""
    if isinstance(response, str):
        return response
    return "" if response is None else orjson.dumps(response).decode()


def _with_content(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message with text in it, which the schema requires."""
    return message if message.get("content") is not None else {**message, "content": ""}

"""Ollama's own ``/api/chat``.

Most parameters go into ``options``; `num_ctx` is among them, and worth setting: longer prompts than the model's context
are cut without a word. Images must come inline (base64), since the server fetches nothing. The server has no ids: the
answer's and its tool calls' are made of the time it gives. Its timings (nanoseconds) stand beside the usage's counts.

Source: https://docs.ollama.com/api/chat (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.error_shapes import decode_stream_error
from aiocompl.codecs.ollama_answer import OllamaStreamDecoder, completion_of
from aiocompl.codecs.parts import SYSTEM_ROLES, Image, Text, calls_of, parts_of, result_id
from aiocompl.codecs.tools import (
    narrowed,
    plain_tool,
    refuse_other_tools,
    response_schema,
    stop_of,
    tool_choice_of,
    tools_of,
)
from aiocompl.errors import UnsupportedParamsError
from aiocompl.wire.jsonlines import JSONLinesDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import FrameDecoder, HTTPRequest, HTTPResponse

OPTIONS: Final[Mapping[str, str]] = {
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
    "repetition_penalty": "repeat_penalty",
    **{
        name: name
        for name in (
            "frequency_penalty",
            "main_gpu",
            "min_p",
            "mirostat",
            "mirostat_eta",
            "mirostat_tau",
            "num_batch",
            "num_ctx",
            "num_gpu",
            "num_keep",
            "num_predict",
            "num_thread",
            "penalize_newline",
            "presence_penalty",
            "repeat_last_n",
            "repeat_penalty",
            "seed",
            "stop",
            "temperature",
            "tfs_z",
            "top_k",
            "top_p",
            "typical_p",
            "use_mmap",
        )
    },
}
"""Parameters that go into ``options``, with their names there; the first of two that mean the same wins."""

THINK: Final[Mapping[object, object]] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
}
"""`reasoning_effort` as ``think``; models that know no levels take each as true."""

TOP_LEVEL: Final = frozenset({"format", "keep_alive", "options", "shift", "think", "thinking", "truncate"})
"""Ollama's own parameters beside ``options``, and Anthropic's `thinking`, of which on or off remains."""

OPENAI_OPTIONS: Final = frozenset(
    {
        "frequency_penalty",
        "max_completion_tokens",
        "max_tokens",
        "presence_penalty",
        "seed",
        "stop",
        "temperature",
        "top_p",
    }
)

UNSUPPORTED: Final = frozenset(
    {
        "audio",
        "logit_bias",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""OpenAI's parameters that the native endpoint has no place for."""

_ELSEWHERE: Final = frozenset(
    {
        "options",
        "reasoning_effort",
        "response_format",
        "stream_options",
        "thinking",
        "tool_choice",
        "tools",
    }
)


class OllamaCodec(BoundCodec):
    """Ollama's native chat, bound to one endpoint. See `Codec` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=endpoint_url(endpoint.base_url, "/api/chat", "/chat", "/api", "/v1"),
            native=TOP_LEVEL | (frozenset(OPTIONS) - OPENAI_OPTIONS),
            unsupported=UNSUPPORTED,
        )

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        params = request.params
        body: dict[str, Any] = {"model": request.model, "messages": _messages(request.messages)}
        options = dict(params.get("options") or {})
        given: dict[str, Any] = {}
        for name, value in params.items():
            if (option := OPTIONS.get(name)) is not None:
                given.setdefault(option, stop_of(params) if name == "stop" else value)
            elif name not in _ELSEWHERE:
                body[name] = value
        if options or given:
            body["options"] = options | given
        body |= _tool_params(params) | _format_params(params) | _think_params(params)
        body["stream"] = request.stream  # left out, it would mean true
        return self._http_request(request, body)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        endpoint = self._endpoint
        try:
            data = orjson.loads(response.body)
            if "error" in data:
                raise decode_stream_error(
                    data,
                    headers=response.headers,
                    provider=endpoint.provider,
                    model=request.model,
                    api_key=endpoint.api_key,
                )
            return completion_of(data, request.model)
        except MALFORMED as error:
            self._raise_malformed(error, request, response)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are JSON lines."""
        return JSONLinesDecoder()

    def stream_decoder(self, request: ChatRequest) -> OllamaStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return OllamaStreamDecoder(self._endpoint, request.model)


def _tool_params(params: Mapping[str, Any]) -> dict[str, Any]:
    tools, others = tools_of(params)
    refuse_other_tools(others)
    choice = tool_choice_of(params)
    if choice is not None and choice.mode in {"required", "named"}:
        raise UnsupportedParamsError(
            "Ollama's native chat cannot require a tool: leave tool_choice out", param="tool_choice"
        )
    if not tools or (choice is not None and choice.mode == "none"):
        return {}
    return {"tools": [plain_tool(tool) for tool in narrowed(tools, choice)]}


def _format_params(params: Mapping[str, Any]) -> dict[str, Any]:
    schema = response_schema(params)
    if schema is not None:
        return {"format": schema["schema"]}
    form = params.get("response_format") or {}
    return {"format": "json"} if form.get("type") == "json_object" else {}


def _think_params(params: Mapping[str, Any]) -> dict[str, Any]:
    if "think" in params:
        return {}
    if (thinking := params.get("thinking")) is not None:
        return {"think": thinking.get("type") != "disabled"}
    effort = params.get("reasoning_effort")
    if effort is None:
        return {}
    if effort not in THINK:
        raise UnsupportedParamsError(
            f"reasoning_effort must be one of {', '.join(map(str, THINK))}, not {effort!r:.40}",
            param="reasoning_effort",
        )
    return {"think": THINK[effort]}


def _messages(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}  # the function that a tool call's id stands for
    return [_message(index, message, names) for index, message in enumerate(messages)]


def _message(index: int, message: Mapping[str, Any], names: dict[str, str]) -> dict[str, Any]:
    role = message["role"]
    body: dict[str, Any] = {"role": "system" if role in SYSTEM_ROLES else role, **_content(index, message)}
    if role == "assistant":
        if reasoning := message.get("reasoning_content"):
            body["thinking"] = reasoning
        calls = calls_of(message)
        names |= {call.id: call.name for call in calls}
        if calls:
            body["tool_calls"] = [
                {
                    "id": call.id,
                    "function": {
                        "name": call.name,
                        "arguments": call.arguments_object(f"messages[{index}].tool_calls[{number}]"),
                    },
                }
                for number, call in enumerate(calls)
            ]
    elif role == "tool":
        call_id = result_id(message)
        body |= {"role": "tool", "tool_call_id": call_id}
        if name := names.get(call_id) or message.get("name"):
            body["tool_name"] = name
    return body


def _content(index: int, message: Mapping[str, Any]) -> dict[str, Any]:
    """The text as one string, and the images beside it."""
    texts: list[str] = []
    images: list[str] = []
    for number, part in enumerate(parts_of(message.get("content"))):
        where = f"messages[{index}].content[{number}]"
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Image) and part.url is None:
            images.append(part.data)
        elif isinstance(part, Image):
            raise UnsupportedParamsError(
                f"{where}: Ollama fetches no images: give it as a base64 data URI", param=where
            )
        else:
            raise UnsupportedParamsError(f"{where}: Ollama takes text and images only", param=where)
    return {"content": "".join(texts)} | ({"images": images} if images else {})

"""Cohere's v2 chat.

What has no place in OpenAI's shape is kept under ``message.provider_specific_fields``: ``citations``, and the
``tool_plan`` that non-reasoning models write before tool calls. The plan is also the message's `reasoning_content`, as
the thinking of reasoning models is; sent back, each returns to where it came from.

Source: https://docs.cohere.com/reference/chat (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl._compat import override
from aiocompl.codecs.answer_tool import AnswerStreamDecoder, read_answer, with_answer_tool
from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.cohere.common import (
    FINISH_REASONS,
    UNSUPPORTED,
    answer_error,
    check_answer,
    plain_params,
    usage_of,
)
from aiocompl.codecs.cohere.v2_messages import message_of
from aiocompl.codecs.cohere.v2_stream import CohereStreamDecoder, logprobs_of
from aiocompl.codecs.tools import (
    narrowed,
    plain_tool,
    refuse_other_tools,
    response_schema,
    tool_choice_of,
    tools_of,
)
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage, Choice, FunctionCall, ToolCall
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import StreamDecoder
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import ChatRequest, Request
    from aiocompl.wire.messages import FrameDecoder, HTTPRequest, HTTPResponse

NATIVE: Final = frozenset(
    {
        "citation_options",
        "documents",
        "k",
        "p",
        "safety_mode",
        "strict_tools",
        "thinking",
        "top_k",
    }
)
"""Cohere's own parameters, and names that others have for them (`top_k`, and `thinking` with ``budget_tokens``)."""


class CohereCodec(BoundCodec):
    """Cohere's v2 chat, bound to one endpoint. See `Codec` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        url = endpoint_url(endpoint.base_url, "/v2/chat", "/chat", "/v1", "/v2")
        super().__init__(vendor, endpoint, url=url, native=NATIVE, unsupported=UNSUPPORTED)

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        params = _by_tool(request.params)
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [message_of(index, message) for index, message in enumerate(request.messages)],
            **plain_params(params),
            **_tool_params(params),
            **_format_params(params),
        }
        if (thinking := _thinking(params)) is not None:
            body["thinking"] = thinking
            body.pop("reasoning_effort", None)
        body["stream"] = request.stream
        return self._http_request(request, body)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            check_answer(data, response.headers, self._endpoint, request.model)
            completion = _completion(data, request.model)
        except MALFORMED as error:
            self._raise_malformed(error, request, response)
        if _is_by_tool(request.params):
            read_answer(completion)
        return completion

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        return answer_error(response, self._endpoint, request.model)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events."""
        return SSEDecoder()

    def stream_decoder(self, request: ChatRequest) -> StreamDecoder:
        """A decoder for one stream; see `Codec`."""
        decoder = CohereStreamDecoder(self._endpoint, request.model)
        return AnswerStreamDecoder(decoder) if _is_by_tool(request.params) else decoder


def _is_by_tool(params: Mapping[str, Any]) -> bool:
    """Whether the answer comes as the arguments of a tool: no schema is taken beside tools."""
    if not params or not params.get("tools"):
        return False
    return response_schema(params) is not None


def _by_tool(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters with the tool in the place of the schema, where that is needed."""
    wanted = response_schema(params) if _is_by_tool(params) else None
    return params if wanted is None else with_answer_tool(params, wanted)


def _tool_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """`tools` and `tool_choice`. A named tool is the only one offered, and required: Cohere cannot name one."""
    tools, others = tools_of(params)
    refuse_other_tools(others)
    choice = tool_choice_of(params)
    tools = narrowed(tools, choice)
    body: dict[str, Any] = {}
    if tools:
        body["tools"] = [plain_tool(tool) for tool in tools]
        if any(tool.strict for tool in tools) and "strict_tools" not in params:
            body["strict_tools"] = True
    if tools and choice is not None and choice.mode != "auto":
        body["tool_choice"] = "NONE" if choice.mode == "none" else "REQUIRED"
    return body


def _format_params(params: Mapping[str, Any]) -> dict[str, Any]:
    form = params.get("response_format")
    if form is None:
        return {}
    schema = response_schema(params)
    if schema is not None:
        form = {"type": "json_object", "json_schema": schema["schema"]}
    beside = [name for name in ("tools", "documents") if params.get(name)]
    if form.get("type") != "text" and beside:
        raise UnsupportedParamsError(
            f"Cohere takes no response_format beside {beside[0]}: ask for one of the two",
            param="response_format",
        )
    return {"response_format": form}


def _thinking(params: Mapping[str, Any]) -> dict[str, Any] | None:
    """`thinking`, in Cohere's form or with Anthropic's ``budget_tokens``; or `reasoning_effort`, as on or off."""
    given = params.get("thinking")
    if given is not None:
        thinking = {"token_budget" if key == "budget_tokens" else key: value for key, value in given.items()}
        thinking.setdefault("type", "enabled")
        return thinking
    effort = params.get("reasoning_effort")
    return None if effort is None else {"type": "disabled" if effort == "none" else "enabled"}


def _completion(data: JSON, model: str) -> ChatCompletion:
    message, native = data.pop("message"), data.pop("finish_reason")
    logprobs = data.pop("logprobs", None)
    choice = Choice(
        index=0,
        message=_message(message),
        finish_reason=FINISH_REASONS.get(native, native),
        logprobs=logprobs_of(logprobs) if logprobs else None,
        model_extra={"native_finish_reason": native},
    )
    return ChatCompletion(
        id=data.pop("id", None) or "",
        model=model,
        choices=[choice],
        usage=usage_of(data.pop("usage", None) or {}),
        model_extra=data,
    )


def _message(message: JSON) -> ChatCompletionMessage:
    texts: list[str] = []
    thoughts: list[str] = []
    others: list[Any] = []
    for block in message.pop("content", None) or ():
        if block["type"] == "text":
            texts.append(block["text"])
        elif block["type"] == "thinking":
            thoughts.append(block["thinking"])
        else:
            others.append(block)
    calls = [_tool_call(call) for call in message.pop("tool_calls", None) or ()] or None
    role = message.pop("role", None) or "assistant"
    kept = {key: value for key, value in message.items() if value}
    if others:
        kept["content"] = others
    text = "".join(texts)
    return ChatCompletionMessage(
        role=role,
        content=None if not texts or (calls and not text) else text,
        reasoning_content="".join([*thoughts, kept.get("tool_plan", "")]) or None,
        tool_calls=calls,
        model_extra={"provider_specific_fields": kept} if kept else None,
    )


def _tool_call(call: JSON) -> ToolCall:
    function = call["function"]
    return ToolCall(
        id=call["id"],
        function=FunctionCall(name=function["name"], arguments=function.get("arguments") or "{}"),
    )

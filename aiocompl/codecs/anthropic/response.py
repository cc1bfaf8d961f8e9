"""The dialect's answer as a chat completion, the same for all its hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.answer_tool import ANSWER_TOOL
from aiocompl.codecs.anthropic.messages import RAW_BLOCKS
from aiocompl.codecs.anthropic.usage import usage_of
from aiocompl.types.completion import (
    Annotation,
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    FunctionCall,
    ToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiocompl.codecs.anthropic.blocks import Block
    from aiocompl.codecs.anthropic.tools import Reading
    from aiocompl.types.model import JSON

FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

THINKING: Final = frozenset({"thinking", "redacted_thinking"})

_ORDER: Final = {"thinking": 0, "redacted_thinking": 0, "text": 1, "tool_use": 2}
"""The blocks that OpenAI's shape has a place for, in the order in which they are sent back from there."""

_PLACED: Final = frozenset({"id", "type", "role", "model", "content", "stop_reason", "usage"})
_CALL_PLACED: Final = frozenset({"type", "id", "name", "input"})


def completion_of(body: Mapping[str, Any], reading: Reading) -> ChatCompletion:
    """Read a message. What has no place in OpenAI's shape is kept: see `message_of` and `choice_extra`.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: It is not as the dialect promises.
    """
    native = body["stop_reason"]
    message = message_of(body["content"], reading)
    message.refusal = refusal_of(native, body)
    if message.refusal is not None:
        message.content = message.content or None
    counts = body.get("usage")
    choice = Choice(
        index=0,
        message=message,
        finish_reason=finish_reason(native, reading, called=bool(message.tool_calls)),
        model_extra=choice_extra(native, body),
    )
    return ChatCompletion(
        id=body["id"],
        model=body["model"],
        choices=[choice],
        usage=usage_of(counts) if counts else None,
        service_tier=counts.get("service_tier") if counts else None,
    )


def message_of(blocks: Sequence[Block], reading: Reading) -> ChatCompletionMessage:
    """The content's blocks as a message.

    Signed thinking is kept in ``thinking_blocks``; citations, and all blocks where some have no place in OpenAI's shape
    (those of tools that the provider ran itself), in ``provider_specific_fields``.
    """
    texts: list[str] = []
    calls: list[ToolCall] = []
    annotations: list[JSON] = []
    length = 0
    for block in blocks:
        kind = block["type"]
        if kind == "text" or is_answer(block, reading):
            text = block["text"] if kind == "text" else _json(block["input"])
            texts.append(text)
            annotations += annotations_of(block, length, length + len(text))
            length += len(text)
        elif kind == "tool_use":
            function = FunctionCall(name=block["name"], arguments=_json(block["input"]))
            calls.append(ToolCall(id=block["id"], function=function, model_extra=call_extra(block)))
    content = "".join(texts)
    return ChatCompletionMessage(
        content=(content or None) if calls else content,
        reasoning_content="".join(block["thinking"] for block in blocks if block["type"] == "thinking")
        or None,
        tool_calls=calls or None,
        annotations=[Annotation.take(item) for item in annotations] or None,
        model_extra=_message_extra(blocks),
    )


def finish_reason(native: str | None, reading: Reading, *, called: bool) -> str | None:
    """OpenAI's finish reason, or the provider's own word where there is no such."""
    if native == "tool_use" and reading.answer_tool and not called:
        return "stop"
    return FINISH_REASONS.get(native, native) if native else None


def choice_extra(native: str | None, told: Mapping[str, Any]) -> JSON:
    """The provider's own finish reason, and what else it told about the message, such as ``stop_sequence``."""
    rest = {name: value for name, value in told.items() if name not in _PLACED and value is not None}
    return {"native_finish_reason": native, **rest}


def refusal_of(native: str | None, told: Mapping[str, Any]) -> str | None:
    """Why the model refused, where it says so."""
    details = told.get("stop_details") if native == "refusal" else None
    return details.get("explanation") if details else None


def is_answer(block: Block, reading: Reading) -> bool:
    """Whether the block is a call of the answer tool, whose input is the content."""
    return reading.answer_tool and block["type"] == "tool_use" and block["name"] == ANSWER_TOOL


def call_extra(block: Block) -> JSON:
    """What a tool call says beyond OpenAI's shape, such as ``caller``."""
    return {name: value for name, value in block.items() if name not in _CALL_PLACED}


def annotations_of(block: Block, start: int, end: int) -> list[JSON]:
    """The web pages that a text block cites, as annotations of its stretch of the content."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": url,
                "title": citation.get("title"),
                "start_index": start,
                "end_index": end,
            },
        }
        for citation in block.get("citations") or ()
        if (url := citation.get("url") or citation.get("source") or "").startswith("http")
    ]


def raw_blocks(blocks: Iterable[Block]) -> JSON:
    """The blocks as received, under their name, where OpenAI's shape could not give them back; else nothing."""
    kept, last = list(blocks), 0
    for block in kept:
        order = _ORDER.get(block["type"], -1)
        if order < last or block.get("citations"):
            return {RAW_BLOCKS: kept}
        last = order
    return {}


def _message_extra(blocks: Sequence[Block]) -> JSON:
    extra: JSON = {}
    thinking = [block for block in blocks if block["type"] in THINKING]
    if thinking:
        extra["thinking_blocks"] = thinking
    citations = [citation for block in blocks for citation in block.get("citations") or ()]
    fields = ({"citations": citations} if citations else {}) | raw_blocks(blocks)
    if fields:
        extra["provider_specific_fields"] = fields
    return extra


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()

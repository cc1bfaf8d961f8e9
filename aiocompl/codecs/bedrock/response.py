"""Whole answers: the dialect's blocks made into OpenAI's message, usage and finish reasons.

Blocks that OpenAI's message has no place for (citations, tools that the provider ran itself, images), or that stand
in an order it cannot hold, are kept as received in ``provider_specific_fields["converse_blocks"]``; a message that is
sent back with them is sent as it was received.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.answer_tool import ANSWER_TOOL
from aiocompl.codecs.bedrock.messages import RAW_BLOCKS, SERVER_TOOL, block_text
from aiocompl.types.completion import (
    Annotation,
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    FunctionCall,
    PromptTokensDetails,
    ToolCall,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.types.model import JSON

FINISH_REASONS: Final[Mapping[str, str]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
"""Others pass as they are."""

_USAGE: Final = frozenset(
    {
        "inputTokens",
        "outputTokens",
        "totalTokens",
        "cacheReadInputTokens",
        "cacheReadInputTokenCount",
        "cacheWriteInputTokens",
        "cacheWriteInputTokenCount",
    }
)
_PLACES: Final = {"reasoningContent": 0, "text": 1, "toolUse": 2}
"""The order in which a message is written from its fields."""


def completion_of(data: JSON, *, request_id: str, model: str, schema_tool: bool) -> ChatCompletion:
    """The answer; `data` is consumed.

    Args:
        data: The parsed body.
        request_id: The provider's name for the exchange, for the body has none.
        model: The model that was asked.
        schema_tool: Whether a call of `ANSWER_TOOL` is the answer's text.
    """
    blocks, native = data.pop("output")["message"]["content"], data.pop("stopReason")
    message = message_of(blocks, schema_tool=schema_tool)
    usage = data.pop("usage", None)
    choice = Choice(
        index=0,
        message=message,
        finish_reason=finish_reason(native, called=bool(message.tool_calls)),
        model_extra={"native_finish_reason": native},
    )
    return ChatCompletion(
        id=request_id,
        model=model,
        choices=[choice],
        usage=None if usage is None else usage_of(usage),
        service_tier=(data.pop("serviceTier", None) or {}).get("type"),
        model_extra=data,
    )


def message_of(blocks: Sequence[JSON], *, schema_tool: bool) -> ChatCompletionMessage:
    """The message of an answer's blocks."""
    text, reasoning, calls = list[str](), list[str](), list[ToolCall]()
    for block in blocks:
        use = block.get("toolUse")
        if use is None:
            text.append(block_text(block))
            reasoning.append(reasoning_text(block))
        elif schema_tool and use["name"] == ANSWER_TOOL:
            text.append(orjson.dumps(use["input"]).decode())
        elif use.get("type") != SERVER_TOOL:
            function = FunctionCall(name=use["name"], arguments=orjson.dumps(use["input"]).decode())
            calls.append(ToolCall(id=use["toolUseId"], function=function))
    extra = message_extra(blocks)
    return ChatCompletionMessage(
        content="".join(text) or None,
        reasoning_content="".join(reasoning) or None,
        tool_calls=calls or None,
        annotations=[Annotation.take(item) for item in extra.pop("annotations", ())] or None,
        model_extra=extra,
    )


def message_extra(blocks: Sequence[JSON]) -> JSON:
    """The message's fields beyond text, reasoning and calls: thinking blocks, annotations, blocks as received."""
    extra: JSON = {}
    if thinking := [made for block in blocks if (made := _thinking(block)) is not None]:
        extra["thinking_blocks"] = thinking
    citations: list[JSON] = []
    annotations: list[JSON] = []
    length = 0
    for block in blocks:
        end = length + len(block_text(block))
        cited = (block.get("citationsContent") or {}).get("citations") or ()
        citations += cited
        annotations += [made for item in cited if (made := _annotation(item, length, end)) is not None]
        length = end
    if annotations:
        extra["annotations"] = annotations
    kept: JSON = {}
    if citations:
        kept["citations"] = citations
    if not _can_be_rebuilt(blocks):
        kept[RAW_BLOCKS] = list(blocks)
    if kept:
        extra["provider_specific_fields"] = kept
    return extra


def reasoning_text(block: Mapping[str, Any]) -> str:
    """The reasoning in a block, as far as it can be read."""
    text: str = ((block.get("reasoningContent") or {}).get("reasoningText") or {}).get("text", "")
    return text


def finish_reason(native: str, *, called: bool) -> str:
    """OpenAI's word for why the answer ended; without a call for the caller to answer it is not ``tool_calls``."""
    if native == "tool_use" and not called:
        return "stop"
    return FINISH_REASONS.get(native, native)


def usage_of(raw: Mapping[str, Any]) -> Usage:
    """The usage; the dialect counts tokens from and into the cache apart from those of the prompt."""
    read = raw.get("cacheReadInputTokens", raw.get("cacheReadInputTokenCount"))
    write = raw.get("cacheWriteInputTokens", raw.get("cacheWriteInputTokenCount"))
    prompt = raw["inputTokens"] + (read or 0) + (write or 0)
    details = None
    if read is not None or write is not None:
        details = PromptTokensDetails(cached_tokens=read, cache_write_tokens=write)
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=raw["outputTokens"],
        total_tokens=raw.get("totalTokens", prompt + raw["outputTokens"]),
        prompt_tokens_details=details,
        model_extra={key: value for key, value in raw.items() if key not in _USAGE},
    )


def _thinking(block: JSON) -> JSON | None:
    """A block of reasoning that can be sent back: signed, or redacted."""
    reasoning = block.get("reasoningContent") or {}
    if "redactedContent" in reasoning:
        return {"type": "redacted_thinking", "data": reasoning["redactedContent"]}
    text = reasoning.get("reasoningText") or {}
    if not text.get("signature"):
        return None
    return {"type": "thinking", "thinking": text.get("text", ""), "signature": text["signature"]}


def _annotation(citation: JSON, start: int, end: int) -> JSON | None:
    """A citation of a web page in OpenAI's form, for its stretch of the text; those of documents have none."""
    web = (citation.get("location") or {}).get("web")
    if not web or not web.get("url"):
        return None
    found = {"url": web["url"], "title": citation.get("title"), "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": found}


def _can_be_rebuilt(blocks: Sequence[JSON]) -> bool:
    """Whether text, calls and thinking blocks are all there is, in the order in which they would be sent back."""
    last = 0
    for block in blocks:
        if "reasoningContent" in block and _thinking(block) is None:
            continue  # never sent back
        place = _PLACES.get(next(iter(block), ""), -1)
        if place < last or (block.get("toolUse") or {}).get("type") == SERVER_TOOL:
            return False
        last = place
    return True

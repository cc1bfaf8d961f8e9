"""What the replays of Bedrock's exchanges know of Converse's answers by themselves: independent of the codec under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion

Json = dict[str, Any]

FINISH = {
    "end_turn": "stop",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
    "tool_use": "tool_calls",
}


def add_delta(block: Json, delta: Json) -> None:
    for kind, value in delta.items():
        if kind == "text":
            block["text"] = block.get("text", "") + value
        elif kind == "toolUse":
            block["toolUse"]["input"] = block["toolUse"].get("input", "") + value["input"]
        elif kind == "reasoningContent":
            inner = block.setdefault("reasoningContent", {})
            for key, piece in value.items():
                inner[key] = inner.get(key, "") + piece
        elif kind == "citation":
            block.setdefault("citations", []).append(value)
        else:
            block[kind]["content"] = block[kind].get("content", []) + value


def read_text(blocks: list[Json]) -> str | None:
    cited = [block.get("citationsContent", {}).get("content", [{}]) for block in blocks]
    return (
        "".join(
            block.get("text", "") + "".join(piece.get("text", "") for piece in pieces)
            for block, pieces in zip(blocks, cited, strict=True)
        )
        or None
    )


def read_calls(blocks: list[Json]) -> list[tuple[str, str, Any]]:
    return [
        (use["toolUseId"], use["name"], parsed(use["input"]))
        for block in blocks
        if (use := block.get("toolUse", {})) and use.get("type") != "server_tool_use"
    ]


def parsed(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


def read_reasoning(blocks: list[Json]) -> tuple[str | None, list[Json]]:
    texts: list[str] = []
    signed: list[Json] = []
    for block in blocks:
        reasoning: Json = block.get("reasoningContent") or {}
        text: Json = reasoning.get("reasoningText", reasoning)
        texts.append(text.get("text", ""))
        if "redactedContent" in reasoning:
            signed.append({"type": "redacted_thinking", "data": reasoning["redactedContent"]})
        if "signature" in text:
            signed.append({"type": "thinking", "thinking": text["text"], "signature": text["signature"]})
    return "".join(texts) or None, signed


def check(answer: ChatCompletion, blocks: list[Json], stop: str, usage: Json) -> None:
    (choice,) = answer.choices
    message = choice.message
    assert message.content == read_text(blocks)
    made = [
        (call.id, call.function.name, parsed(call.function.arguments))
        for call in message.tool_calls or ()
        if call.function
    ]
    assert made == read_calls(blocks)
    assert (message.reasoning_content, message.model_extra.get("thinking_blocks", [])) == read_reasoning(
        blocks
    )
    assert choice.finish_reason == FINISH[stop]
    assert choice.native_finish_reason == stop
    kept = message.model_extra.get("provider_specific_fields", {})
    citations = [
        item for block in blocks for item in block.get("citationsContent", block).get("citations", ())
    ]
    assert kept.get("citations", []) == citations
    if any("toolResult" in block for block in blocks):
        assert [next(iter(block)) for block in kept["converse_blocks"]] == [
            next(iter(block)) for block in blocks
        ]
    counted = answer.usage
    assert counted is not None
    cached = usage.get("cacheReadInputTokens", 0), usage.get("cacheWriteInputTokens", 0)
    assert counted.prompt_tokens == usage["inputTokens"] + sum(cached)
    assert counted.completion_tokens == usage["outputTokens"]
    assert counted.total_tokens == usage["totalTokens"]
    details = counted.prompt_tokens_details
    assert (
        (details.cached_tokens or 0, details.cache_write_tokens or 0) == cached
        if details
        else cached == (0, 0)
    )

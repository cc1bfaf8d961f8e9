"""Messages as vendors of OpenAI's dialect write them, whole and in deltas, and as OpenAI would have written them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiocompl.types.model import JSON


def thinking(text: str, **more: Any) -> JSON:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}], **more}


def call(name: str, arguments: Any = "{}", **more: Any) -> JSON:
    return {"function": {"name": name, "arguments": arguments}, **more}


SUMMARY = [{"type": "summary_text", "text": "Hm", "signature": "s"}, {"type": "summary_text", "text": "!"}]

MESSAGES: dict[str, tuple[str, JSON, list[JSON], JSON]] = {
    "reasoning under another name": (
        "groq",
        {"content": "Hi", "reasoning": "Hm"},
        [{"reasoning": "H"}, {"reasoning": "m"}, {"content": "Hi", "reasoning": None}],
        {"content": "Hi", "reasoning_content": "Hm"},
    ),
    "reasoning under both names": (
        "vllm",
        {"content": "Hi", "reasoning": "Hm", "reasoning_content": "Hm"},
        [{"reasoning": "Hm", "reasoning_content": "Hm"}, {"content": "Hi"}],
        {"content": "Hi", "reasoning_content": "Hm"},
    ),
    "reasoning that is no text": (
        "vllm",
        {"content": "Hi", "reasoning": {"a": 1}},
        [{"content": "Hi", "reasoning": {"a": 1}}],
        {"content": "Hi", "reasoning": {"a": 1}},
    ),
    "think tags": (
        "together",
        {"content": "<think>\nHm\n</think>\n\nHi"},
        [{"content": "<th"}, {"content": "ink>\nH"}, {"content": "m\n</"}, {"content": "think>\n\nHi"}],
        {"content": "Hi", "reasoning_content": "Hm"},
    ),
    "think tags without thoughts": (
        "together",
        {"content": "<think>\n\n</think>\n\nHi"},
        [{"content": "<think>"}, {"content": "\n\n</think>\n\n"}, {"content": "Hi"}],
        {"content": "Hi"},
    ),
    "Gemini's tags": (
        "gemini_compat",
        {"content": "<thought>Hm</thought>Hi"},
        [{"content": "<thought>Hm"}, {"content": "</thought>Hi"}],
        {"content": "Hi", "reasoning_content": "Hm"},
    ),
    "something like a tag": (
        "together",
        {"content": "<thin"},
        [{"content": "<"}, {"content": "thin"}],
        {"content": "<thin"},
    ),
    "Mistral's blocks": (
        "mistral",
        {
            "content": [
                thinking("Hm"),
                {"type": "text", "text": "Hi"},
                {"type": "reference", "reference_ids": [1]},
            ]
        },
        [
            {"role": "assistant", "content": ""},
            {"content": [thinking("H")]},
            {"content": [thinking("m", closed=True), {"type": "text", "text": "H"}]},
            {"content": "i"},
            {"content": [{"type": "reference", "reference_ids": [1]}]},
        ],
        {
            "content": "Hi",
            "reasoning_content": "Hm",
            "provider_specific_fields": {"citations": [{"type": "reference", "reference_ids": [1]}]},
        },
    ),
    "a signed block": (
        "mistral",
        {"content": [{"type": "thinking", "thinking": "Hm", "signature": "s"}]},
        [{"content": [{"type": "thinking", "thinking": "Hm", "signature": "s"}]}],
        {
            "content": "",
            "reasoning_content": "Hm",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "s"}],
        },
    ),
    "Databricks' blocks": (
        "databricks",
        {
            "content": [
                {"type": "reasoning", "summary": SUMMARY},
                {"type": "text", "text": "Hi", "citations": [{"url": "u"}]},
            ]
        },
        [
            {"content": [{"type": "reasoning", "summary": SUMMARY}]},
            {"content": [{"type": "text", "text": "Hi", "citations": [{"url": "u"}]}]},
        ],
        {
            "content": "Hi",
            "reasoning_content": "Hm!",
            "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "s"}],
            "provider_specific_fields": {"citations": [{"url": "u"}]},
        },
    ),
    "a block of another kind": (
        "mistral",
        {
            "content": [
                {"type": "text", "text": "a"},
                {"type": "video", "url": "u"},
                {"type": "text", "text": "bc"},
            ]
        },
        [
            {"content": [{"type": "text", "text": "a"}, {"type": "video", "url": "u"}]},
            {"content": "b"},
            {"content": "c"},
        ],
        {
            "content": [
                {"type": "text", "text": "a"},
                {"type": "video", "url": "u"},
                {"type": "text", "text": "bc"},
            ]
        },
    ),
    "OpenRouter's details": (
        "openrouter",
        {
            "content": "Hi",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm", "index": 0, "signature": "s"},
                {"type": "reasoning.encrypted", "data": "x", "index": 1},
            ],
        },
        [
            {"role": "assistant", "reasoning_details": [{"type": "reasoning.text", "text": "H", "index": 0}]},
            {"role": "assistant", "reasoning_details": [{"type": "reasoning.text", "text": "m", "index": 0}]},
            {
                "role": "assistant",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": None, "index": 0, "signature": "s"},
                    {"type": "reasoning.encrypted", "data": "x", "index": 1},
                ],
            },
            {"role": "assistant", "content": "Hi"},
        ],
        {
            "content": "Hi",
            "reasoning_content": "Hm",
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm", "index": 0, "signature": "s"},
                {"type": "reasoning.encrypted", "data": "x", "index": 1},
            ],
        },
    ),
    "what Snowflake writes for nothing": (
        "snowflake",
        {
            "content": "Hi",
            "refusal": "",
            "audio": {"data": "", "expires_at": 0},
            "function_call": {"name": "", "arguments": ""},
        },
        [{"content": "Hi", "refusal": "", "tool_calls": None}],
        {"content": "Hi"},
    ),
    "calls without content": (
        "cerebras",
        {"tool_calls": [call("f", id="a"), call("g", {"b": 1}, id="b", index=0)]},
        [{"tool_calls": [call("f", id="a")]}, {"tool_calls": [call("g", {"b": 1}, id="b", index=0)]}],
        {"content": None, "tool_calls": [("a", "f", "{}"), ("b", "g", '{"b":1}')]},
    ),
    "parallel calls without an index": (
        "mistral",
        {"content": "", "tool_calls": [call("f", id="123456789"), call("g", id="abcdefghi")]},
        [{"content": "", "tool_calls": [call("f", id="123456789"), call("g", id="abcdefghi")]}],
        {"content": None, "tool_calls": [("123456789", "f", "{}"), ("abcdefghi", "g", "{}")]},
    ),
    "all calls number 0": (
        "together",
        {"tool_calls": [call("f", id="a", index=0), call("g", id="b", index=0)]},
        [
            {"tool_calls": [call("f", "{", id="a", index=0)]},
            {"tool_calls": [{"index": 0, "id": "", "function": {"arguments": "}"}}]},
            {"tool_calls": [call("g", "{", id="b", index=0)]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]},
        ],
        {"content": None, "tool_calls": [("a", "f", "{}"), ("b", "g", "{}")]},
    ),
    "pieces without an index, and one that repeats the id": (
        "together",
        {"tool_calls": [call("f", "{1}", id="a")]},
        [
            {"tool_calls": [call("f", "{", id="a")]},
            {"tool_calls": [{"function": {"arguments": "1"}}]},
            {"tool_calls": [{"id": "a", "function": {"arguments": "}"}}]},
        ],
        {"content": None, "tool_calls": [("a", "f", "{1}")]},
    ),
}
"""For each oddity: a vendor that has it, its message, its deltas, and what both are read as."""

"""What the tests of Cohere's v2 dialect have in common: a whole answer, and the same as a stream."""

from __future__ import annotations

from typing import Any

from native_driver import sse

ANSWER: dict[str, Any] = {
    "id": "answer-1",
    "finish_reason": "COMPLETE",
    "message": {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm. "},
            {"type": "text", "text": "The sky "},
            {"type": "text", "text": "is green."},
        ],
        "citations": [{"start": 11, "end": 16, "text": "green", "sources": []}],
    },
    "usage": {
        "billed_units": {"input_tokens": 5.0, "output_tokens": 2.0},
        "tokens": {"input_tokens": 70.0, "output_tokens": 12.0, "reasoning_tokens": 3},
        "cached_tokens": 64,
    },
    "logprobs": [{"text": "The sky", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}],
}


def message_event(kind: str, message: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, **more, "delta": {"message": message}}


STREAM = sse(
    {"id": "s1", **message_event("message-start", {"role": "assistant", "content": [], "tool_plan": ""})},
    message_event("content-start", {"content": {"type": "thinking", "thinking": ""}}, index=0),
    message_event("content-delta", {"content": {"thinking": "Hm. "}}, index=0),
    {"type": "content-end", "index": 0},
    message_event("content-start", {"content": {"type": "text", "text": ""}}, index=1),
    message_event(
        "content-delta",
        {"content": {"text": "The sky "}},
        index=1,
        logprobs={"text": "The sky", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]},
    ),
    message_event("content-delta", {"content": {"text": "is green."}}, index=1),
    message_event(
        "citation-start", {"citations": {"start": 11, "end": 16, "text": "green", "sources": []}}, index=0
    ),
    {"type": "citation-end", "index": 0},
    {"type": "content-end", "index": 1},
    {"type": "debug", "prompt": "..."},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": ANSWER["usage"]}},
)

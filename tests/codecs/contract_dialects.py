"""The dialects that are held to the codec contract, each with what its provider answers; see `test_contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson

from aiocompl.codecs.routing import Target, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec
    from aiocompl.types.model import JSON

KEY = "sk-contract-0123456789abcdef"


def sse(*bodies: JSON, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + orjson.dumps(body) + b"\n\n" for body in bodies) + end


OPENAI_HEADING = {"id": "chatcmpl-1", "created": 1790000000, "model": "m-2026"}
OPENAI_ANSWER: JSON = {
    **OPENAI_HEADING,
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "Hello", "refusal": None, "unforeseen": [1]},
        }
    ],
    "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
    "unforeseen": {"a": 1},
}


def openai_chunk(delta: JSON, finish_reason: str | None = None, **more: Any) -> JSON:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return {**OPENAI_HEADING, "object": "chat.completion.chunk", "choices": [choice], **more}


OPENAI_CHUNKS = [
    openai_chunk({"role": "assistant", "content": ""}),
    openai_chunk({"content": "Hel", "unforeseen": [1]}),
    openai_chunk({"content": "lo"}, unforeseen={"a": 1}) | {"id": "another"},
    openai_chunk({}, "stop", usage=OPENAI_ANSWER["usage"]),
]


@attrs.frozen(kw_only=True)
class Dialect:
    """A codec, and what its provider answers to a greeting: "Hello", with a field that nobody foresaw."""

    name: str
    make: Callable[[], Codec]
    answer: bytes
    stream: bytes
    cut: bytes
    """The stream up to somewhere before its end, at the end of an event."""
    error: bytes
    """The body of an error, with `KEY` in its text."""
    stream_error: bytes
    """An error event, with `KEY` in its text."""
    unforeseen: Callable[[JSON], Any]
    """Reads the unforeseen field's value, 1, out of an answer's `to_dict()`."""


def openai_dialect(provider: str, **target: Any) -> Dialect:
    env = {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}
    return Dialect(
        name=provider,
        make=lambda: resolve(Target(f"{provider}/m", api_key=KEY, **target), env).codec,
        answer=orjson.dumps(OPENAI_ANSWER),
        stream=sse(*OPENAI_CHUNKS),
        cut=sse(*OPENAI_CHUNKS[:-1], end=b""),
        error=orjson.dumps({"error": {"message": f"Incorrect API key: {KEY}", "code": "no"}}),
        stream_error=sse({"error": {"message": f"Sorry, {KEY}", "type": "server_error"}}, end=b""),
        unforeseen=lambda body: body["unforeseen"]["a"] * body["choices"][0]["message"]["unforeseen"][0],
    )


DIALECTS = [
    openai_dialect("openai"),
    openai_dialect("custom", api_base="http://127.0.0.1:8000/v1"),
    openai_dialect("azure", api_version="2024-10-21"),
    openai_dialect("groq"),
    openai_dialect("mistral"),
    openai_dialect("deepseek"),
    openai_dialect("together"),
    openai_dialect("openrouter"),
    openai_dialect("local"),
]

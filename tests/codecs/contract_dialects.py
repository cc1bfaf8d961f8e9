"""The dialects that are held to the codec contract, each with what its provider answers; see `test_contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
from contract_case import BROKEN, KEY, Dialect, sse
from contract_clouds import cloud_dialects
from contract_hosts import host_dialects
from contract_natives import NATIVE_DIALECTS, payloads

from aiocompl.codecs.routing import Target, resolve

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

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


def openai_call(name: str) -> JSON:
    function = {"name": name, "arguments": BROKEN}
    call = {"index": 0, "id": f"call_{name}", "type": "function", "function": function}
    return openai_chunk({"tool_calls": [call]})


OPENAI_CALLS = [OPENAI_CHUNKS[0], openai_call("f"), openai_call("g"), openai_chunk({}, "tool_calls")]


def openai_dialect(provider: str, **target: Any) -> Dialect:
    env = {"AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}
    return Dialect(
        name=provider,
        make=lambda: resolve(Target(f"{provider}/m", api_key=KEY, **target), env).codec,
        answer=orjson.dumps(OPENAI_ANSWER),
        stream=sse(*OPENAI_CHUNKS),
        cut=sse(*OPENAI_CHUNKS[:-1], end=b""),
        calls=sse(*OPENAI_CALLS),
        error=orjson.dumps({"error": {"message": f"Incorrect API key: {KEY}", "code": "no"}}),
        stream_error=sse({"error": {"message": f"Sorry, {KEY}", "type": "server_error"}}, end=b""),
        unforeseen=lambda body: body["unforeseen"]["a"] * body["choices"][0]["message"]["unforeseen"][0],
    )


def in_payloads(dialect: Dialect) -> Dialect:
    """The same in SageMaker's envelope."""
    return attrs.evolve(
        dialect,
        stream=payloads(dialect.stream),
        cut=payloads(dialect.cut),
        calls=payloads(dialect.calls),
        stream_error=payloads(dialect.stream_error),
        one_url=False,
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
    in_payloads(openai_dialect("sagemaker")),
    *NATIVE_DIALECTS,
    *host_dialects(openai_dialect("groq")),
    *cloud_dialects(openai_dialect("groq")),
]

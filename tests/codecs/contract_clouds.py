"""The dialects of the big clouds that are held to the codec contract; see `contract_dialects`."""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Any
from zlib import crc32

import attrs
import orjson
from contract_case import BROKEN, KEY, Dialect, sse

from aiocompl.codecs.routing import Target, resolve

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec
    from aiocompl.types.model import JSON

ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "global",
    "WATSONX_PROJECT_ID": "p",
}


def made(model: str, **target: Any) -> Codec:
    return resolve(Target(model, api_key=KEY, **target), ENVIRONMENT).codec


GEMINI_HEADING = {"responseId": "r1", "modelVersion": "m-2026"}
GEMINI_USAGE = {"promptTokenCount": 2, "candidatesTokenCount": 1, "totalTokenCount": 3}


def gemini(text: str, **more: Any) -> JSON:
    content = {"role": "model", "parts": [{"text": text}]}
    return {"candidates": [{"content": content, "index": 0, **more}], **GEMINI_HEADING}


def gemini_call(name: str) -> JSON:
    part = {"functionCall": {"id": f"call_{name}", "name": name, "args": BROKEN}}
    return {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], **GEMINI_HEADING}


GEMINI_LAST: JSON = {"usageMetadata": GEMINI_USAGE, "unforeseen": 1}
GEMINI_EVENTS = [gemini("Hel"), gemini("lo"), {**gemini("", finishReason="STOP"), **GEMINI_LAST}]


def gemini_dialect(provider: str) -> Dialect:
    return Dialect(
        name=provider,
        make=lambda: made(f"{provider}/m"),
        one_url=False,
        answer=orjson.dumps({**gemini("Hello", finishReason="STOP"), **GEMINI_LAST}),
        stream=sse(*GEMINI_EVENTS, end=b""),
        cut=sse(*GEMINI_EVENTS[:-1], end=b""),
        calls=sse(gemini_call("f"), gemini_call("g"), GEMINI_EVENTS[-1], end=b""),
        error=orjson.dumps({"error": {"code": 400, "message": f"Incorrect API key: {KEY}"}}),
        stream_error=sse({"error": {"code": 500, "status": "INTERNAL", "message": f"Sorry, {KEY}"}}, end=b""),
        unforeseen=lambda body: body["provider_specific_fields"]["unforeseen"],
        ends=False,
    )


def message(name: str, body: JSON, kind: str = "event") -> bytes:
    """An event as a message of an AWS event stream."""
    headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
    head = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
        for key, value in headers.items()
    )
    data = orjson.dumps(body)
    prelude = pack(">II", len(head) + len(data) + 16, len(head))
    whole = prelude + pack(">I", crc32(prelude)) + head + data
    return whole + pack(">I", crc32(whole))


CONVERSE_USAGE = {"inputTokens": 2, "outputTokens": 1, "totalTokens": 3}
CONVERSE_METRICS = {"latencyMs": 9, "unforeseen": 1}
CONVERSE_EVENTS = [
    message("messageStart", {"role": "assistant"}),
    message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hel"}}),
    message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "lo"}}),
    message("contentBlockStop", {"contentBlockIndex": 0}),
    message("messageStop", {"stopReason": "end_turn"}),
    message("metadata", {"usage": CONVERSE_USAGE, "metrics": CONVERSE_METRICS}),
]


def converse_call(name: str) -> bytes:
    start = {"toolUse": {"toolUseId": f"call_{name}", "name": name}}
    return message("contentBlockStart", {"contentBlockIndex": 0, "start": start}) + message(
        "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": BROKEN}}}
    )


CONVERSE = Dialect(
    name="bedrock",
    make=lambda: made("bedrock/m"),
    one_url=False,
    answer=orjson.dumps(
        {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
            "stopReason": "end_turn",
            "usage": CONVERSE_USAGE,
            "metrics": CONVERSE_METRICS,
        }
    ),
    stream=b"".join(CONVERSE_EVENTS),
    cut=b"".join(CONVERSE_EVENTS[:-1]),
    calls=b"".join([CONVERSE_EVENTS[0], converse_call("f"), converse_call("g"), *CONVERSE_EVENTS[-2:]]),
    error=orjson.dumps({"message": f"Incorrect API key: {KEY}"}),
    stream_error=message("internalServerException", {"message": f"Sorry, {KEY}"}, "exception"),
    unforeseen=lambda body: body["metrics"]["unforeseen"],
)


def cloud_dialects(compatible: Dialect) -> list[Dialect]:
    """Those of the clouds; `compatible` is a vendor of OpenAI's dialect that is read loosely."""
    watsonx = attrs.evolve(
        compatible,
        name="watsonx",
        one_url=False,
        make=lambda: made("watsonx/m", api_base="https://cpd.example"),
    )
    return [gemini_dialect("gemini"), gemini_dialect("vertex_ai"), CONVERSE, watsonx]

"""A codec for each of Gemini's surfaces, and what requests and answers are made of."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson

from aiocompl.codecs.gemini import GeminiCodec, VertexCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion

KEY = "AIza-made-up"
STUDIO = "https://generativelanguage.googleapis.com/v1beta"
VERTEX = "https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4"
EXPRESS = "https://aiplatform.googleapis.com/v1"
SKIP = base64.b64encode(b"skip_thought_signature_validator").decode()

USER = {"role": "user", "content": "Hi"}
SAID = {"role": "user", "parts": [{"text": "Hi"}]}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Now", "parameters": SCHEMA}}
DECLARED = {"name": "weather", "description": "Now", "parametersJsonSchema": SCHEMA}


def codec(
    base: str = STUDIO, *, api_key: str | None = KEY, auth: str = "bearer", **vendor: Any
) -> GeminiCodec:
    kind = GeminiCodec if base == STUDIO else VertexCodec
    row = Vendor(name="gemini", title="Gemini", base_url=base, auth=auth, **vendor)
    return kind(row, Endpoint(provider="gemini", base_url=base, api_key=api_key))


def encode(
    messages: list[dict[str, Any]],
    params: dict[str, Any] | None = None,
    model: str = "gemini-2.5-flash",
    **more: Any,
) -> dict[str, Any]:
    base = more.pop("base", STUDIO)
    request = ChatRequest(model=model, messages=messages, params=params or {}, **more)
    body: dict[str, Any] = orjson.loads(codec(base).encode_request(request).body)
    return body


def sent(params: dict[str, Any], model: str = "gemini-2.5-flash", base: str = STUDIO) -> dict[str, Any]:
    """The body that parameters make, without its contents."""
    body = encode([USER], params, model, base=base)
    assert body.pop("contents") == [SAID]
    return body


def call(identity: str, name: str, arguments: str = "{}", **more: Any) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


REQUEST = ChatRequest(model="gemini-2.5-flash", messages=[{"role": "user", "content": "Hi"}])
CALL = {"functionCall": {"name": "f"}}
WEB = [{"web": {"uri": "https://a", "title": "A"}}, {"retrievedContext": {"title": "none"}}, {}]
USAGE = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6}


def body(*parts: Any, finish: Any = "STOP", usage: Any = None, **candidate: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, **candidate}
    if finish is not None:
        made["finishReason"] = finish
    heading = {"modelVersion": "gemini-2.5-flash-001", "responseId": "r1"}
    return {"candidates": [made], **heading} | ({"usageMetadata": usage} if usage else {})


def decode(data: Any, base: str = STUDIO) -> ChatCompletion:
    raw = data if isinstance(data, bytes) else orjson.dumps(data)
    return codec(base).decode_response(REQUEST, HTTPResponse(200, {}, raw))


def sse(*bodies: Any) -> bytes:
    return b"".join(b"data: " + orjson.dumps(item) + b"\r\n\r\n" for item in bodies)


def play(slices: list[bytes], into: list[ChatCompletionChunk] | None = None) -> list[ChatCompletionChunk]:
    chunks = [] if into is None else into
    made = codec()
    frames, decoder = made.frame_decoder(), made.stream_decoder(REQUEST)
    for data in slices:
        decoder.feed(frames.feed(data), chunks)
    decoder.feed(frames.end(), chunks)
    decoder.end(chunks)
    assert decoder.finished
    return chunks


def assembled(*bodies: Any) -> ChatCompletion:
    return stream_chunk_builder(play([sse(*bodies)]))

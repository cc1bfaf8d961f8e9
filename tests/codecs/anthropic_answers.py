"""Messages in Anthropic's dialect, and the streams that the provider makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from anthropic_requests import CODEC, FORM, JSON, MODEL, OLD, USER

from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion


REQUEST = ChatRequest(MODEL, [USER])
FORCED = ChatRequest(OLD, [USER], {"response_format": FORM})

SEARCH = {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"url": "https://a"}]}
CITED = {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "t"}
QUOTED = {"type": "char_location", "cited_text": "t", "document_index": 0}
FILED = {"type": "search_result_location", "source": "notes", "title": "N"}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
REDACTED = {"type": "redacted_thinking", "data": "xxx"}
USAGE = {"input_tokens": 5, "output_tokens": 7}


def text(text: str, **more: Any) -> JSON:
    return {"type": "text", "text": text, **more}


def tool_use(name: str, arguments: JSON, call_id: str = "t1", **more: Any) -> JSON:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments, **more}


def message(*blocks: JSON, stop: str | None = "end_turn", usage: JSON | None = USAGE, **more: Any) -> JSON:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": list(blocks),
    }
    return {**body, "stop_reason": stop, "stop_sequence": None, "usage": usage, **more}


def read(body: Any, request: ChatRequest = REQUEST) -> ChatCompletion:
    return CODEC.decode_response(request, HTTPResponse(200, {}, orjson.dumps(body)))


def sse(*events: JSON) -> bytes:
    return b"".join(b"event: %b\ndata: %b\n\n" % (e["type"].encode(), orjson.dumps(e)) for e in events)


def block_events(index: int, block: JSON) -> list[JSON]:
    """The events of one block, as the provider sends them: its text in pieces."""
    kind, start, deltas = block["type"], dict(block), list[JSON]()
    if kind == "text":
        start = text("")
        deltas = [{"type": "citations_delta", "citation": item} for item in block.get("citations", ())]
        deltas += [{"type": "text_delta", "text": piece} for piece in block["text"]]
    elif kind == "thinking":
        start = {"type": "thinking", "thinking": "", "signature": ""}
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in ["", *block["thinking"]]]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif "input" in block:
        start = {**block, "input": {}}
        arguments = orjson.dumps(block["input"]).decode() if block["input"] else ""
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *arguments]]
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def stream_of(body: JSON) -> list[JSON]:
    """The events that stream a message."""
    usage = body["usage"]
    start = {**body, "content": [], "stop_reason": None, "usage": usage and {**usage, "output_tokens": 1}}
    told = {key: body.get(key) for key in ("stop_reason", "stop_sequence", "stop_details", "container")}
    end = {"type": "message_delta", "delta": told}
    return [
        {"type": "message_start", "message": start},
        {"type": "ping"},
        *(event for index, block in enumerate(body["content"]) for event in block_events(index, block)),
        {**end, "usage": {"output_tokens": usage["output_tokens"], "input_tokens": None}} if usage else end,
        {"type": "message_stop"},
    ]


def play(data: bytes | list[bytes], request: ChatRequest = REQUEST) -> list[ChatCompletionChunk]:
    chunks: list[ChatCompletionChunk] = []
    frames, decoder = CODEC.frame_decoder(), CODEC.stream_decoder(request)
    for piece in [data] if isinstance(data, bytes) else data:
        decoder.feed(frames.feed(piece), chunks)
    decoder.feed(frames.end(), chunks)
    decoder.end(chunks)
    return chunks


TEXT = message(text("Hello "), text("there"), stop="stop_sequence")
CALLS = message(
    text("I look."),
    tool_use("f", {"a": 1}, caller={"type": "direct"}),
    tool_use("g", {}, "t2"),
    stop="tool_use",
)
SEARCHED = message(
    SEARCH, FOUND, text("Sunny", citations=[CITED, QUOTED, FILED]), text("."), container={"id": "c"}
)
REFUSED = message(stop="refusal", stop_details={"type": "refusal", "explanation": "No."})

ANSWERS = {
    "text": (TEXT, REQUEST),
    "empty": (message(), REQUEST),
    "calls": (CALLS, REQUEST),
    "calls_alone": (message(tool_use("f", {}), stop="tool_use"), REQUEST),
    "thinking": (message(THOUGHT, REDACTED, text("So.")), REQUEST),
    "interleaved": (message(THOUGHT, tool_use("f", {"a": [1]}), {**THOUGHT, "signature": "two"}), REQUEST),
    "searched": (SEARCHED, REQUEST),
    "quoted": (message(text("Sunny", citations=[QUOTED])), REQUEST),
    "refused": (REFUSED, REQUEST),
    "refused_late": ({**REFUSED, "content": [text("Well")]}, REQUEST),
    "forced": (message(tool_use("json_tool_call", {"a": 1}), stop="tool_use"), FORCED),
    "forced_and_called": (
        message(tool_use("f", {}), tool_use("json_tool_call", {}), stop="tool_use"),
        FORCED,
    ),
    "no_usage": (message(text("Hi"), usage=None), REQUEST),
    "unknown_stop": (message(text("Hi"), stop="compaction"), REQUEST),
    "no_stop": (message(text("Hi"), stop=None), REQUEST),
}

START = stream_of(TEXT)[0]
END = stream_of(TEXT)[-2:]

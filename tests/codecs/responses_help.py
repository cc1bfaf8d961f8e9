"""What the tests of the Responses codec share: the codec, and answers as the provider gives them."""

from __future__ import annotations

from typing import Any

import orjson
from native_driver import Driver

from aiocompl.codecs.responses import ResponsesCodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.endpoint import Endpoint

JSON = dict[str, Any]

VENDOR = Vendor(name="openai", title="OpenAI", base_url="")
KEY = "sk-made-up-0123456789"


def codec_at(base_url: str = "https://api.openai.com/v1", **endpoint: Any) -> ResponsesCodec:
    return ResponsesCodec(VENDOR, Endpoint(provider="openai", base_url=base_url, api_key=KEY, **endpoint))


plain = Driver(codec_at(), "gpt-4.1")
reasoner = Driver(codec_at(), "gpt-5.4")

USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 29,
}


def text_part(text: str, **more: Any) -> JSON:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": [], **more}


def said(*parts: str | JSON, **more: Any) -> JSON:
    content = [text_part(part) if isinstance(part, str) else part for part in parts]
    head = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant"}
    return {**head, "content": content, **more}


def called(name: str = "f", arguments: str = "{}", call_id: str = "call_1", **more: Any) -> JSON:
    head = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": call_id}
    return {**head, "name": name, "arguments": arguments, **more}


def custom_called(text: str = "4 + 4") -> JSON:
    head = {"id": "ctc_1", "type": "custom_tool_call", "status": "completed", "call_id": "call_c"}
    return {**head, "name": "calculate", "input": text}


def thought(*summary: str, **more: Any) -> JSON:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    return {"id": "rs_1", "type": "reasoning", "summary": parts, "encrypted_content": "gAAA", **more}


SEARCH = {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search"}}


def response(*items: JSON, **more: Any) -> JSON:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1790000000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": "Be brief.",
        "model": "gpt-5.4-2026",
        "output": list(items),
        "service_tier": "default",
        "store": True,
        "usage": USAGE,
        **more,
    }


def event(kind: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **fields}))


STARTED = event("response.created", response=response(status="in_progress", usage=None))


def delta(kind: str, text: Any, position: int = 0, **more: Any) -> bytes:
    return event(f"response.{kind}.delta", output_index=position, item_id="i", delta=text, **more)


def added(item: JSON, position: int = 0) -> bytes:
    return event("response.output_item.added", output_index=position, item=item)


def done(item: JSON, position: int = 0) -> bytes:
    return event("response.output_item.done", output_index=position, item=item)


def ended(*items: JSON, kind: str = "completed", **more: Any) -> bytes:
    return event(f"response.{kind}", response=response(*items, status=kind, **more))

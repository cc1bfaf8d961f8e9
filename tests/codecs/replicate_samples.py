"""What the tests of Replicate's dialect have in common: a codec, and predictions."""

from __future__ import annotations

from typing import Any

import orjson
from native_driver import Driver

from aiocompl.codecs.natives import REPLICATE
from aiocompl.codecs.replicate import ReplicateCodec
from aiocompl.types.endpoint import Endpoint
from aiocompl.wire.messages import HTTPResponse

BASE = "https://api.replicate.com/v1"
ENDPOINT = Endpoint(provider="replicate", base_url=BASE, api_key="r8_secret")
CODEC = ReplicateCodec(REPLICATE, ENDPOINT)
DRIVER = Driver(CODEC, "meta/meta-llama-3-8b-instruct")

URLS = {
    "get": f"{BASE}/predictions/p1",
    "cancel": f"{BASE}/predictions/p1/cancel",
    "stream": "https://stream.replicate.com/v1/files/x",
}
STARTING: dict[str, Any] = {
    "id": "p1",
    "model": "meta/meta-llama-3-8b-instruct",
    "version": "hidden",
    "input": {"prompt": "Hi"},
    "logs": "",
    "error": None,
    "status": "starting",
    "created_at": "2024-02-12T16:44:47.049270763Z",
    "urls": URLS,
}
SUCCEEDED: dict[str, Any] = {
    **STARTING,
    "status": "succeeded",
    "output": ["Hello", " there", "\n!"],
    "metrics": {"predict_time": 2.5, "input_token_count": 7, "output_token_count": 3},
}
FAILED: dict[str, Any] = {**STARTING, "status": "failed", "output": None, "error": "CUDA out of memory"}


def reply(body: Any, status: int = 200, **headers: str) -> HTTPResponse:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return HTTPResponse(status, headers, raw)


def event(name: str, data: str = "{}") -> bytes:
    lines = "".join(f"data: {line}\n" for line in data.split("\n"))
    return f"event: {name}\nid: 17:0\n{lines}\n".encode()


def prediction(body: Any) -> bytes:
    return event("prediction", orjson.dumps(body).decode())

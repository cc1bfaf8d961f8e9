"""Recorded batches of OpenAI and Anthropic, read by the codecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from replay_corpus import select

from aiocompl.codecs.routing import Target, resolve_operation
from aiocompl.types.request import BatchCreate, BatchLookup
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from replay_corpus import Exchange

BATCHES = [
    each
    for each in [*select("openai", "other"), *select("anthropic", "other")]
    if each.marks or "/batches" in each.values[0].url
]
OVER = {"completed", "failed", "expired", "cancelled", "ended"}


@pytest.mark.parametrize("exchange", BATCHES)
def test_batches(exchange: Exchange) -> None:
    model = {"openai": "gpt-4o", "anthropic": "claude-haiku-4-5"}[exchange.provider]
    operation = resolve_operation("batches", Target(model, api_key="k"), {}).codec
    data: dict[str, Any] = exchange.json
    cancel = exchange.url.endswith("/cancel")
    look: Any = BatchLookup(model=model, id=data["id"], cancel=cancel)
    if exchange.url.endswith("/batches"):
        lines = [orjson.dumps(each) for each in exchange.request.get("requests", ())]
        look = BatchCreate(model=model, mark="m", file="f", lines=lines)
    sent = operation.encode_request(look)
    assert sent.url == exchange.url
    if lines := getattr(look, "lines", []):
        assert orjson.loads(sent.body)["requests"] == list(map(orjson.loads, lines))

    job = operation.decode_response(look, HTTPResponse(exchange.status, exchange.headers, exchange.body))
    status = data.get("status") or data["processing_status"]
    assert (job.id, job.status, job.over) == (data["id"], status, status in OVER)
    counts = data["request_counts"]
    assert job.total == counts.get("total", sum(counts.values()))
    assert job.succeeded == counts.get("completed", counts.get("succeeded"))
    assert job.file == data.get("input_file_id")
    output = data.get("output_file_id")
    assert job.results == ((output,) if output else ())

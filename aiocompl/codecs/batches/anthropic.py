"""Anthropic's message batches: all requests in one, a job, results in one download.

Nothing can be attached to a batch that a list of them would show, so one cannot be told from another there; the ids of
its requests come back with its results only.

Source: https://platform.claude.com/docs/en/build-with-claude/batch-processing and the official Python SDK's types
(2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.anthropic.errors import error_of
from aiocompl.codecs.batches.common import CANCELLED, EXPIRED, Batches, count
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.dialects import bind
from aiocompl.types.batches import BatchJob

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import BatchCreate, ChatRequest
    from aiocompl.wire.messages import HTTPRequest

_FAILED: Final = ("errored", "canceled", "expired")
_UNDONE: Final[Mapping[str, str]] = {"canceled": CANCELLED, "expired": EXPIRED}


class AnthropicBatches(Batches):
    """Batches of messages at one endpoint. See `Operation` for the contract."""

    uploads = False
    marks = False
    max_requests = 100_000
    after = "after_id"

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        url = endpoint_url(endpoint.base_url, "/v1/messages/batches", "/messages", "/v1")
        super().__init__(vendor, endpoint, url=url, chat=bind("anthropic", vendor, endpoint))

    @override
    def _line(self, custom_id: bytes, body: bytes) -> bytes:
        return b"".join((b'{"custom_id":', custom_id, b',"params":', body, b"}"))

    @override
    def _create(self, request: BatchCreate) -> HTTPRequest:
        body = b"".join((b'{"requests":[', b",".join(request.lines), b"]"))
        more = self._json(request, {})[1:]
        return self._send(request, "POST", self._url, body + (b"," if len(more) > 1 else b"") + more)

    @override
    def _results_url(self, id_: str) -> str:
        """Not what the provider says (`results_url`), which is the same: the key goes where the caller sends it."""
        return self._below(self._url, id_, "results")

    @override
    def _job(self, data: Any) -> BatchJob:
        counts, id_, status = data["request_counts"], data["id"], data["processing_status"]
        if not isinstance(id_, str) or not isinstance(status, str):
            raise TypeError("a batch's id and status must be text")
        failed = sum(count(counts.get(name)) for name in _FAILED)
        succeeded = count(counts.get("succeeded"))
        return BatchJob(
            id=id_,
            status=status,
            over=status == "ended",
            total=count(counts.get("processing")) + succeeded + failed,
            succeeded=succeeded,
            failed=failed,
            results=(id_,) if data.get("results_url") else (),
        )

    @override
    def _outcome(self, data: Mapping[str, Any], request: ChatRequest) -> ChatCompletion:
        result = data["result"]
        kind = result["type"]
        if kind == "succeeded":
            return self._completion(result["message"], request, None)
        if kind == "errored":
            endpoint = self._endpoint
            raise error_of(
                result["error"],
                None,
                headers={},
                provider=endpoint.provider,
                model=request.model,
                api_key=endpoint.api_key,
            )
        raise self.undone(_UNDONE[kind], request.model)

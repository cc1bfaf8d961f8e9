"""OpenAI's batches, and those of vendors who follow it: a file of requests, a job, files of results.

A batch that expired or was cancelled has the results it got to; the rest stands in its file of errors.

Source: https://developers.openai.com/api/docs/guides/batch,
https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch, https://console.groq.com/docs/batch,
https://help.aliyun.com/zh/model-studio (OpenAI-compatible batches), and the official Python SDK's types (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.batches.common import Batches, count, text_or_none
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.dialects import bind
from aiocompl.codecs.plain_operation import operation_url
from aiocompl.types.batches import BatchJob, BatchProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import BatchCreate, BatchUpload, ChatRequest
    from aiocompl.wire.messages import HTTPRequest

MARK: Final = "aiocompl"
"""The name of the mark in a batch's metadata."""

_OVER: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""The last words of a batch; whatever else it may be called, it is still to be waited for."""

_BOUNDARY: Final = b"aiocompl-batch-file"
"""JSON holds no raw line ends: so this, on a line of its own, cannot be part of what is uploaded."""

_OK: Final = range(200, 300)


class OpenAIBatches(Batches):
    """Batches of chats at one endpoint of one vendor. See `Operation` for the contract."""

    uploads = True
    marks = True
    max_requests = 50_000
    after = "after"
    dialect: ClassVar[str] = "openai"
    path: ClassVar[str] = "/v1/chat/completions"
    """What the requests of a batch are sent to, inside the provider."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        azure = vendor.name == "azure"
        base = _azure_root(endpoint.base_url) if azure else endpoint.base_url
        url = endpoint_url(base, vendor.batches) if azure else operation_url(vendor, endpoint, vendor.batches)
        super().__init__(vendor, endpoint, url=url, chat=bind(self.dialect, vendor, endpoint))
        path, mark, query = url.partition("?")
        self._files = f"{path.removesuffix(vendor.batches)}/files{mark}{query}"
        self._path = self.path.removeprefix("/v1") if azure and self.dialect == "openai" else self.path

    @override
    def _line(self, custom_id: bytes, body: bytes) -> bytes:
        head = b'{"custom_id":%b,"method":"POST","url":"%b","body":' % (custom_id, self._path.encode())
        return b"".join((head, body, b"}"))

    @override
    def _upload(self, request: BatchUpload) -> HTTPRequest:
        parts = (
            b"--%b\r\n" % _BOUNDARY,
            b'Content-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n',
            b"--%b\r\n" % _BOUNDARY,
            b'Content-Disposition: form-data; name="file"; filename="%b"\r\n' % request.name.encode(),
            b"Content-Type: application/jsonl\r\n\r\n",
            b"\n".join(request.lines),
            b"\n\r\n--%b--\r\n" % _BOUNDARY,
        )
        form = f"multipart/form-data; boundary={_BOUNDARY.decode()}"
        return self._send(request, "POST", self._files, b"".join(parts), content_type=form)

    @override
    def _create(self, request: BatchCreate) -> HTTPRequest:
        body: dict[str, Any] = {
            "input_file_id": request.file,
            "endpoint": self._path,
            "completion_window": "24h",
            "metadata": {MARK: request.mark},
        }
        return self._send(request, "POST", self._url, self._json(request, body))

    @override
    def _results_url(self, id_: str) -> str:
        return self._below(self._files, id_, "content")

    @override
    def _job(self, data: Any) -> BatchJob:
        counts = data.get("request_counts") or {}
        metadata = data.get("metadata") or {}
        errors = data.get("errors") or {}
        files = (data.get("output_file_id"), data.get("error_file_id"))
        id_, status = data["id"], data["status"]
        if not isinstance(id_, str) or not isinstance(status, str):
            raise TypeError("a batch's id and status must be text")
        return BatchJob(
            id=id_,
            status=status,
            over=status in _OVER,
            total=count(counts.get("total")),
            succeeded=count(counts.get("completed")),
            failed=count(counts.get("failed")),
            mark=text_or_none(metadata.get(MARK)),
            file=text_or_none(data.get("input_file_id")),
            results=tuple(name for file in files if (name := text_or_none(file)) is not None),
            problems=tuple(_problem(each) for each in errors.get("data") or ()),
        )

    @override
    def _outcome(self, data: Mapping[str, Any], request: ChatRequest) -> ChatCompletion:
        response = data.get("response")
        if not response:
            error = data["error"]
            code, message = error.get("code"), text_or_none(error.get("message"))
            raise self.undone(text_or_none(code) or "batch_error", request.model, message)
        status, request_id = response["status_code"], text_or_none(response.get("request_id"))
        if status in _OK:
            return self._completion(response["body"], request, request_id)
        if not isinstance(status, int):
            raise TypeError(f"a status of type {type(status).__name__}")
        raise self._error(status, response.get("body"), request, request_id)


class ResponsesBatches(OpenAIBatches):
    """Batches of requests to the Responses API. See `Operation` for the contract."""

    dialect = "responses"
    path = "/v1/responses"


def _problem(data: Any) -> BatchProblem:
    line = data.get("line")
    return BatchProblem(
        message=text_or_none(data.get("message")) or "the provider does not say why",
        code=text_or_none(data.get("code")),
        line=line if isinstance(line, int) else None,
    )


def _azure_root(base_url: str) -> str:
    """The base URL without the deployment: batches are of the resource."""
    base, mark, query = base_url.partition("?")
    return f"{base.partition('/deployments/')[0]}{mark}{query}"

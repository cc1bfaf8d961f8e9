"""What batches are in every dialect: requests as lines, a job to be looked after, results as lines in any order.

The lines hold the bodies that the dialect's chat makes, and the results are read by it, so that an answer is the same as
if it had been asked for directly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn
from urllib.parse import quote, urlencode

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.legacy import LegacyCodec
from aiocompl.codecs.openai import encode_body
from aiocompl.codecs.plain_operation import PlainOperation
from aiocompl.errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    UnsupportedParamsError,
)
from aiocompl.types.batches import BatchFile, BatchJob, BatchLine, BatchPage
from aiocompl.types.call import CallInfo
from aiocompl.types.endpoint import headers_with
from aiocompl.types.request import (
    BatchCreate,
    BatchDownload,
    BatchList,
    BatchLookup,
    BatchUpload,
)
from aiocompl.wire.jsonlines import JSONLinesDecoder
from aiocompl.wire.messages import HTTPRequest, HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import Event, FrameDecoder

BatchRequest = BatchUpload | BatchCreate | BatchLookup | BatchList | BatchDownload

EXPIRED = "batch_expired"
CANCELLED = "batch_cancelled"
NO_RESULT = "batch_no_result"
"""The `code` of errors of requests that were not worked off."""


class Batches(PlainOperation[BatchRequest, Any]):
    """Batches at one endpoint. See `Operation` for the contract.

    A subclass writes the requests beside the lists and the looks, and reads what is answered.
    """

    uploads: ClassVar[bool]
    """Whether requests are uploaded first; else they go along with `BatchCreate`."""

    marks: ClassVar[bool]
    """Whether a batch can be told from others by what it was created with."""

    max_requests: ClassVar[int]
    """The most requests of a batch."""

    max_bytes: ClassVar[int] = 32 * 1024 * 1024
    """The most bytes of a batch: far below what providers take, since it is held in memory while it is sent."""

    after: ClassVar[str]
    """The parameter that says after which batch a page of the list begins."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint, *, url: str, chat: Codec) -> None:
        super().__init__(vendor, endpoint, url=url, chat=chat)
        self.chat = chat
        """The chat of the dialect."""

    def encode_line(self, custom_id: str, request: ChatRequest) -> bytes:
        """A request of the batch, as one line of JSON without its end.

        Raises:
            UnsupportedParamsError: The dialect, or a batch, has no place for something.
            BadRequestError: Something in it cannot be sent.
        """
        http = self.chat.encode_request(request)
        if request.extra_query or http.headers is not self.chat.headers:
            raise UnsupportedParamsError(
                "a request of a batch has neither headers nor a query of its own: leave out extra_headers, "
                "extra_query and betas",
                provider=self._endpoint.provider,
                model=request.model,
            )
        return self._line(orjson.dumps(custom_id), http.body)

    def decode_line(self, line: BatchLine, request: ChatRequest) -> ChatCompletion | APIError:
        """Read the result of a request; its error is returned, not raised. Total.

        Args:
            line: The result.
            request: What was asked.
        """
        try:
            return self._outcome(line.data, request)
        except APIError as error:
            return error
        except MALFORMED as error:
            try:
                self._malformed_line(error, request, line)
            except APIResponseValidationError as malformed:
                return malformed

    def encode_request(self, request: BatchRequest) -> HTTPRequest:
        """Make the HTTP request; see `Operation`."""
        if isinstance(request, BatchUpload):
            return self._upload(request)
        if isinstance(request, BatchCreate):
            return self._create(request)
        if isinstance(request, BatchDownload):
            return self._send(request, "GET", self._results_url(request.id))
        if isinstance(request, BatchList):
            query = {"limit": "100"} | ({self.after: request.page} if request.page else {})
            return self._send(request, "GET", self._url, query=query)
        url = self._below(self._url, request.id)
        if request.cancel:
            return self._send(request, "POST", self._below(url, "cancel"))
        return self._send(request, "GET", url)

    def frame_decoder(self) -> FrameDecoder:
        """Results are JSON lines."""
        return JSONLinesDecoder()

    def stream_decoder(self, request: BatchDownload) -> ResultDecoder:
        """A decoder for one download."""
        return ResultDecoder(self._endpoint.provider, request.model)

    @override
    def _read(self, request: BatchRequest, data: Any) -> BatchFile | BatchJob | BatchPage:
        if isinstance(request, BatchUpload):
            return BatchFile(id=_text(data["id"]))
        if isinstance(request, BatchList):
            jobs = [self._job(item) for item in data["data"]]
            more = bool(data.get("has_more")) and bool(jobs)
            last = jobs[-1].id if more else None
            if last is not None and last == request.page:
                raise ValueError("the next page is this one")
            return BatchPage(data=jobs, next_page=last)
        return self._job(data)

    def _line(self, custom_id: bytes, body: bytes) -> bytes:
        """A line of what is sent, of an id and a body that are JSON already."""
        raise NotImplementedError  # pragma: no cover - every dialect has its own

    def _outcome(self, data: Mapping[str, Any], request: ChatRequest) -> ChatCompletion:
        """What a line of the results says; an error is raised, as any of `MALFORMED` is."""
        raise NotImplementedError  # pragma: no cover - every dialect has its own

    def _job(self, data: Any) -> BatchJob:
        """A batch as the provider tells of it."""
        raise NotImplementedError  # pragma: no cover - every dialect has its own

    def _upload(self, request: BatchUpload) -> HTTPRequest:
        """The request that uploads a file."""
        raise NotImplementedError  # pragma: no cover - those who upload have their own

    def _create(self, request: BatchCreate) -> HTTPRequest:
        """The request that begins a batch."""
        raise NotImplementedError  # pragma: no cover - every dialect has its own

    def _results_url(self, id_: str) -> str:
        """Where results are."""
        raise NotImplementedError  # pragma: no cover - every dialect has its own

    def _below(self, url: str, name: str, *more: str) -> str:
        """A URL with names added to its path."""
        base, mark, query = url.partition("?")
        return "/".join((base, *(quote(part, safe="") for part in (name, *more)))) + mark + query

    def _send(
        self,
        request: BatchRequest,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        query: Mapping[str, str] | None = None,
        content_type: str | None = None,
    ) -> HTTPRequest:
        query = {**(query or {}), **(request.extra_query or {})}
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        more = {"Content-Type": content_type} if content_type else {}
        headers = headers_with(headers_with(self.headers, more), request.extra_headers)
        return HTTPRequest(url, headers, body, method)

    def _json(self, request: BatchRequest, body: dict[str, Any]) -> bytes:
        body.update(request.extra_body or {})
        return encode_body(body, provider=self._endpoint.provider, model=request.model)

    def _completion(self, body: Any, request: ChatRequest, request_id: str | None) -> ChatCompletion:
        """An answer, as the dialect's chat reads it.

        Raises:
            APIError: It is malformed, or an error.
        """
        chat = LegacyCodec(self.chat) if request.legacy else self.chat
        answer = chat.decode_response(request, HTTPResponse(200, {}, orjson.dumps(body)))
        endpoint = self._endpoint
        answer.call = CallInfo(endpoint.provider, endpoint.base_url, request.model, request_id)
        return answer

    def _error(self, status: int, body: Any, request: ChatRequest, request_id: str | None) -> APIError:
        """An error, as the dialect's chat reads it."""
        headers = {"x-request-id": request_id} if request_id else {}
        return self.chat.decode_error(request, HTTPResponse(status, headers, orjson.dumps(body)))

    def undone(self, code: str, request_model: str, message: str | None = None) -> APIError:
        """The error of a request that was not worked off.

        Args:
            code: Why; the constants of this module, or the provider's own word.
            request_model: The model that was to be asked.
            message: The provider's own text.
        """
        kind, text = _UNDONE.get(code, (APIError, "it was not worked off"))
        return kind(
            message or text,
            provider=self._endpoint.provider,
            model=request_model,
            code=code,
        )

    def _malformed_line(self, cause: Exception, request: ChatRequest, line: BatchLine) -> NoReturn:
        raise_malformed(
            cause,
            provider=self._endpoint.provider,
            model=request.model,
            status=200,
            body=orjson.dumps(line.data),
        )


_UNDONE: Mapping[str, tuple[type[APIError], str]] = {
    EXPIRED: (APITimeoutError, "the batch expired before this request was worked off: ask it again"),
    "request_timeout": (APITimeoutError, "the provider gave up on this request: ask it again"),
    CANCELLED: (APIError, "the batch was cancelled before this request was worked off"),
    NO_RESULT: (APIConnectionError, "the results of the batch say nothing of this request: ask it again"),
}


class ResultDecoder:
    """The lines of one download; see `StreamDecoder`. JSON lines have no end marker: the body's end is theirs."""

    def __init__(self, provider: str, model: str) -> None:
        self._provider = provider
        self._model = model
        self.finished = False

    def feed(self, events: list[Event], into: list[BatchLine]) -> None:
        """Take lines in order.

        Raises:
            APIResponseValidationError: A line is no result.
        """
        for _, line in events:
            try:
                data = orjson.loads(line)
                into.append(BatchLine(custom_id=_text(data["custom_id"]), data=data))
            except MALFORMED as error:
                raise_malformed(error, provider=self._provider, model=self._model, status=200, body=line)

    def end(self, into: list[BatchLine]) -> None:
        """Take the end of the body."""
        self.finished = True


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"an id of type {type(value).__name__}")
    return value


def text_or_none(value: object) -> str | None:
    """A text that is not empty, or None."""
    return value if isinstance(value, str) and value else None


def count(value: object) -> int:
    """A number of requests; 0 where there is none."""
    return value if isinstance(value, int) and value >= 0 else 0

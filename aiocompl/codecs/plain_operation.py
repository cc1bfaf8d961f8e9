"""What operations that are one request and one JSON answer do alike, whatever they ask and in which dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED, Signer
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.error_shapes import decode_stream_error, is_error, parse_body
from aiocompl.codecs.openai import openai_headers
from aiocompl.types.request import ChatRequest, Request

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse

RequestT = TypeVar("RequestT", bound=Request)
AnswerT = TypeVar("AnswerT")


class PlainOperation(BoundCodec, Generic[RequestT, AnswerT]):
    """An operation bound to one endpoint; see `Operation`. A subclass writes the request and reads the parsed answer.

    Args:
        vendor: The vendor's row, whose parameters are those of chat and say nothing here.
        endpoint: Where requests go and with what right.
        url: The URL of the operation.
        native: Parameters beyond those of all providers that are taken.
        unsupported: Parameters of all providers that there is no place for.
        chat: The chat of a native dialect: headers, signatures and errors are those of the operation too.
    """

    def __init__(
        self,
        vendor: Vendor,
        endpoint: Endpoint,
        *,
        url: str,
        native: frozenset[str] = frozenset(),
        unsupported: frozenset[str] = frozenset(),
        chat: Codec | None = None,
    ) -> None:
        super().__init__(vendor, endpoint, url=url, native=native, unsupported=unsupported)
        self.native_params = native
        self.unsupported_params = unsupported
        self.headers = openai_headers(vendor, endpoint) if chat is None else chat.headers
        self._chat = chat
        signer: object = chat
        self._signer = signer if isinstance(signer, Signer) else None

    @property
    def signs(self) -> bool:
        """Whether requests are signed; see `Signer`.

        All operations of an endpoint must sign alike: its actor has the signer of whichever came first.
        """
        return self._signer is not None and self._signer.signs

    def sign(self, request: HTTPRequest, now: float) -> HTTPRequest:
        """Sign a request; see `Signer`."""
        return request if self._signer is None else self._signer.sign(request, now)

    def decode_response(self, request: RequestT, response: HTTPResponse) -> AnswerT:
        """Read a whole answer; see `Operation`."""
        try:
            return self._read(request, orjson.loads(response.body))
        except MALFORMED as error:
            body = parse_body(response.body)
            if is_error(body):
                endpoint = self._endpoint
                raise decode_stream_error(
                    body,
                    headers=response.headers,
                    provider=endpoint.provider,
                    model=request.model,
                    api_key=endpoint.api_key,
                ) from error
            self._raise_malformed(error, request, response)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Operation`."""
        if self._chat is None:
            return super().decode_error(request, response)
        return self._chat.decode_error(ChatRequest(request.model, ()), response)

    def _read(self, request: RequestT, data: Any) -> AnswerT:
        """The answer in `data`, which is parsed JSON and the reader's own.

        Raises:
            Exception: One of `MALFORMED`; the answer is not what its dialect promises.
        """
        raise NotImplementedError  # pragma: no cover - every operation has its own


def operation_url(vendor: Vendor, endpoint: Endpoint, path: str) -> str:
    """The URL of an operation: the endpoint's base URL with the vendor's `path` for it.

    A `path` that is a whole URL holds for the vendor's own base URL: some have an operation on a host of its own. Below
    another base URL the operation is where everybody has it.
    """
    if "://" in path:
        if endpoint.base_url == vendor.base_url:
            return path
        path = f"/{path.rpartition('/')[2]}"
    return endpoint_url(endpoint.base_url, path, vendor.path, path)

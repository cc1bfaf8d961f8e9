"""OpenAI's embeddings, and those of all vendors that speak its dialect.

Source: https://developers.openai.com/api/docs, create embeddings (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.embeddings.common import as_asked
from aiocompl.codecs.error_shapes import decode_stream_error, is_error, parse_body
from aiocompl.codecs.openai import openai_headers
from aiocompl.types.embedding import EmbeddingResponse

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse


_OTHERS_ONLY: Final = frozenset({"input_type", "truncate"})
"""What only other vendors' models take."""


class OpenAIEmbeddings(BoundCodec):
    """Embeddings at one endpoint of one vendor. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        url = endpoint_url(endpoint.base_url, vendor.embeddings, vendor.path, vendor.embeddings)
        super().__init__(vendor, endpoint, url=url, native=frozenset(), unsupported=frozenset())
        self.headers = openai_headers(vendor, endpoint)
        self.native_params = frozenset()  # the vendor's own are those of chat
        self.unsupported_params = _OTHERS_ONLY if vendor.openai_models else frozenset()
        self.max_inputs = vendor.max_inputs

    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        """Make the HTTP request; see `Operation`."""
        body: dict[str, Any] = {"model": request.model, "input": request.input, **request.params}
        return self._http_request(request, body)

    def decode_response(self, request: EmbeddingRequest, response: HTTPResponse) -> EmbeddingResponse:
        """Read a whole answer; see `Operation`."""
        try:
            return as_asked(EmbeddingResponse.take(orjson.loads(response.body)), request)
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

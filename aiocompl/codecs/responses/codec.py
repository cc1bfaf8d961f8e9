"""OpenAI's Responses API, bound to one endpoint.

For models that are offered there alone, or give more there: function tools with reasoning, built-in tools, reasoning that
is sent back. Each call carries its whole conversation unless `previous_response_id` or `conversation` says otherwise;
whether the provider stores answers is left to `store`, whose default is the provider's (OpenAI's: true). `background` is
refused: nobody would poll for the answer.

Source: https://developers.openai.com/api/docs, the Responses API (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bound import BoundCodec, endpoint_url
from aiocompl.codecs.openai_models import check_params
from aiocompl.codecs.responses.answer import completion_of
from aiocompl.codecs.responses.errors import failure, has_failed
from aiocompl.codecs.responses.request import NATIVE_PARAMS, UNSUPPORTED_PARAMS, request_body, sampling_of
from aiocompl.codecs.responses.stream import ResponsesStreamDecoder
from aiocompl.errors import BadRequestError
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import FrameDecoder, HTTPRequest, HTTPResponse


class ResponsesCodec(BoundCodec):
    """The Responses API, bound to one endpoint of one vendor. See `Codec` for the contract.

    What the vendor's row says of parameters is not looked at: it is about chat completions.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=_responses_url(endpoint.base_url),
            native=NATIVE_PARAMS,
            unsupported=UNSUPPORTED_PARAMS,
        )
        self.native_params = NATIVE_PARAMS
        self.takes_functions = False
        self.unsupported_params = UNSUPPORTED_PARAMS
        self.headers = headers_with(_account_headers(endpoint), self.headers)
        self._check_model = vendor.openai_models

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        endpoint = self._endpoint
        if self._check_model:
            check_params(request.model, sampling_of(request.params), provider=endpoint.provider)
        try:
            body = request_body(request)
        except BadRequestError as error:
            error.provider, error.model = endpoint.provider, request.model
            raise
        except MALFORMED as error:
            raise BadRequestError(
                f"messages or parameters are not in OpenAI's shape ({type(error).__name__}: {error})",
                provider=endpoint.provider,
                model=request.model,
            ) from error
        return self._http_request(request, body)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            if has_failed(data):
                raise failure(data, self._endpoint, request.model, response.headers)
            return completion_of(data, request.model)
        except MALFORMED as error:
            self._raise_malformed(error, request, response)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events."""
        return SSEDecoder()

    def stream_decoder(self, request: ChatRequest) -> ResponsesStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return ResponsesStreamDecoder(self._endpoint, request.model)


def _responses_url(base: str) -> str:
    """The URL below a base URL, which may be that of chat completions, or of a deployment of Azure's.

    The deployment is not part of it: it goes into the body, as the model.
    """
    path, mark, query = base.partition("?")
    head, _, _ = path.partition("/openai/deployments/")
    root = f"{head}/openai" if head != path else path
    return endpoint_url(f"{root}{mark}{query}", "/responses", "/chat/completions", "/responses")


def _account_headers(endpoint: Endpoint) -> dict[str, str]:
    headers = {"OpenAI-Organization": endpoint.organization, "OpenAI-Project": endpoint.project}
    return {name: value for name, value in headers.items() if value}

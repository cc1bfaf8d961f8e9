"""Containers that speak OpenAI's Messages API (vLLM's, TGI's, LMI's): OpenAI's dialect in SageMaker's envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl._compat import override
from aiocompl.codecs.openai import OpenAICodec, encode_body
from aiocompl.codecs.openai_loose import LooseReader
from aiocompl.codecs.openai_loose_stream import LooseStreamDecoder
from aiocompl.codecs.sagemaker.calls import Invocation
from aiocompl.codecs.sagemaker.errors import answer_error, event_error
from aiocompl.codecs.sagemaker.frames import FAILURES, PayloadDecoder
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest, Request
    from aiocompl.wire.messages import Event, FrameDecoder, HTTPResponse


class SageMakerCodec(OpenAICodec):
    """The Messages API of SageMaker endpoints; the model is an endpoint's name. See `Codec` for the contract.

    The body names no model: the endpoint has but one, whose own name nobody here knows. ``extra_body={"model": ...}``
    names it for a container that wants it.

    Args:
        vendor: The vendor's row, read loosely.
        endpoint: See `Invocation`.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint)
        self._calls = Invocation(endpoint)
        self._loose = LooseReader(vendor)
        self.region = self._calls.region
        self.signs = self._calls.signs
        self.sign = self._calls.sign

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body = self._body(request)
        if "model" not in (request.extra_body or ()):
            del body["model"]
        headers = headers_with(self.headers, request.extra_headers) if request.extra_headers else self.headers
        written = encode_body(body, provider=self._endpoint.provider, model=request.model)
        return HTTPRequest(self._calls.url(request), headers, written)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        return answer_error(response, self._endpoint, request.model)

    @override
    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events in AWS event streams."""
        return PayloadDecoder()

    @override
    def stream_decoder(self, request: ChatRequest) -> SageMakerStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return SageMakerStreamDecoder(self._endpoint, request.model, self._loose)


class SageMakerStreamDecoder(LooseStreamDecoder):
    """One stream of the Messages API; SageMaker's own exceptions end it. See `StreamDecoder`."""

    __slots__ = ("_endpoint",)

    def __init__(self, endpoint: Endpoint, model: str, reader: LooseReader) -> None:
        super().__init__(endpoint.provider, model, endpoint.api_key, reader)
        self._endpoint = endpoint

    @override
    def feed(self, events: list[Event], into: list[ChatCompletionChunk]) -> None:
        """Take events in order; see `StreamDecoder`."""
        for index, (name, data) in enumerate(events):
            if name.startswith(FAILURES):
                super().feed(events[:index], into)
                raise event_error(name, data, self._endpoint, self._model)
        super().feed(events, into)

"""The codec: addresses, credentials, and the way from request to bytes and back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED
from aiocompl.codecs.bedrock.errors import converse_error
from aiocompl.codecs.bedrock.request import NATIVE, UNSUPPORTED, converse_body
from aiocompl.codecs.bedrock.response import completion_of
from aiocompl.codecs.bedrock.stream import ConverseStreamDecoder
from aiocompl.codecs.bedrock.tools import uses_schema_tool
from aiocompl.codecs.bound import BoundCodec
from aiocompl.codecs.openai import encode_body
from aiocompl.codecs.sigv4 import sign
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.eventstream import EventStreamDecoder
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from datetime import datetime

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest, Request
    from aiocompl.wire.messages import FrameDecoder, HTTPResponse

SERVICE: Final = "bedrock"
"""The name that signatures are made for."""

DEFAULT_REGION: Final = "us-east-1"

_REGION_IN_HOST: Final = re.compile(r"//bedrock[a-z-]*\.([a-z0-9-]+)\.(?:amazonaws|api\.aws)")


class ConverseCodec(BoundCodec):
    """Bedrock's Converse, bound to one endpoint. See `Codec` for the contract.

    Args:
        vendor: The vendor's row.
        endpoint: Where requests go and with what right. `api_key` is a Bedrock API key and goes before `credentials`,
            which sign. Without a `base_url` it is that of `region`.

    Attributes:
        signs: Whether `sign` must be called on each request right before it is sent.
        region: The region that requests are signed for.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        found = _REGION_IN_HOST.search(endpoint.base_url)
        self.region = endpoint.region or (found[1] if found else DEFAULT_REGION)
        base = (endpoint.base_url or runtime_url(self.region)).rstrip("/")
        super().__init__(vendor, endpoint, url=f"{base}/model/", native=NATIVE, unsupported=UNSUPPORTED)
        self.signs = endpoint.api_key is None and endpoint.credentials is not None

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body = converse_body(request)
        if request.extra_body:
            body.update(request.extra_body)
        call = "converse-stream" if request.stream else "converse"
        url = f"{self._url}{quote(request.model, safe='')}/{call}"
        if request.extra_query:
            url = f"{url}?{urlencode(request.extra_query, quote_via=quote)}"
        headers = headers_with(self.headers, request.extra_headers) if request.extra_headers else self.headers
        return HTTPRequest(
            url, headers, encode_body(body, provider=self._endpoint.provider, model=request.model)
        )

    def sign(self, request: HTTPRequest, now: datetime | float) -> HTTPRequest:
        """The request with a signature that is good for some minutes; as it is where the endpoint has no credentials.

        Args:
            request: What is about to be sent.
            now: Seconds since 1970, or a datetime with a time zone.
        """
        credentials = self._endpoint.credentials
        if credentials is None or not self.signs:
            return request
        return sign(request, credentials, region=self.region, service=SERVICE, now=now)

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            data = orjson.loads(response.body)
            if "output" not in data and ("message" in data or "__type" in data):
                raise self._error(request, response, status=None)
            return completion_of(
                data,
                request_id=response.headers.get("x-amzn-requestid", ""),
                model=request.model,
                schema_tool=uses_schema_tool(request.params, request.model),
            )
        except MALFORMED as error:
            self._raise_malformed(error, request, response)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        return self._error(request, response, status=response.status)

    def frame_decoder(self) -> FrameDecoder:
        """Streams are AWS event streams."""
        return EventStreamDecoder()

    def stream_decoder(self, request: ChatRequest) -> ConverseStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        schema_tool = uses_schema_tool(request.params, request.model)
        return ConverseStreamDecoder(self._endpoint, request.model, schema_tool=schema_tool)

    def _error(self, request: Request, response: HTTPResponse, *, status: int | None) -> APIError:
        return converse_error(
            response.body,
            exception=response.headers.get("x-amzn-errortype", ""),
            status=status,
            headers=response.headers,
            endpoint=self._endpoint,
            model=request.model,
        )


def runtime_url(region: str) -> str:
    """The address of the runtime in a region."""
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://bedrock-runtime.{region}.{suffix}"

"""The dialect bound to one endpoint; see `Codec` for the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote, urlencode

import orjson

from aiocompl._compat import override
from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.gemini.config import NATIVE_PARAMS, body_fields
from aiocompl.codecs.gemini.contents import Conversation
from aiocompl.codecs.gemini.errors import Origin, status_error
from aiocompl.codecs.gemini.frames import GeminiFrames
from aiocompl.codecs.gemini.stream import GeminiStreamDecoder
from aiocompl.codecs.gemini.surfaces import AI_STUDIO, VERTEX
from aiocompl.codecs.gemini.traits import traits_of
from aiocompl.codecs.openai import USER_AGENT, encode_body
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.gemini.surfaces import Surface
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import FrameDecoder, HTTPResponse

API_KEY_HEADER: Final = "x-goog-api-key"


class GeminiCodec:
    """Gemini on AI Studio, bound to one endpoint.

    The base URL ends with the API's version: ``https://generativelanguage.googleapis.com/v1beta``. The key goes in a
    header, never in a URL.
    """

    surface: ClassVar[Surface] = AI_STUDIO

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        base, mark, query = endpoint.base_url.partition("?")
        self._base = base.rstrip("/")
        self._query = mark + query
        usual = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        headers = self._auth_headers(vendor) | usual
        self.headers: Mapping[str, str] = headers_with(headers, dict(endpoint.extra_headers))
        self._defaults = vendor.defaults
        self.native_params = vendor.native | NATIVE_PARAMS
        self.takes_functions = False
        self.unsupported_params = vendor.unsupported | self.surface.unsupported

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        traits = traits_of(request.model)
        conversation = Conversation(traits, self._base)
        conversation.add(request.messages)
        body: dict[str, Any] = {"contents": conversation.contents}
        if conversation.system:
            body["systemInstruction"] = {"parts": [{"text": text} for text in conversation.system]}
        params = {**dict(self._defaults), **request.params}
        body |= body_fields(params, self.surface, traits)
        for name, value in (request.extra_body or {}).items():
            both = isinstance(value, dict) and isinstance(body.get(name), dict)
            body[name] = body[name] | value if both else value
        headers = headers_with(self.headers, request.extra_headers)
        return HTTPRequest(
            self._url(request),
            headers,
            encode_body(body, provider=self._endpoint.provider, model=request.model),
        )

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        try:
            body = orjson.loads(response.body)
            chunks: list[ChatCompletionChunk] = []
            decoder = self.stream_decoder(request)
            for item in body if isinstance(body, list) else [body]:
                decoder.take(item, chunks)
            if (missing := decoder.missing) is not None:
                raise KeyError(missing)
            decoder.close(chunks)
            return stream_chunk_builder(chunks)
        except MALFORMED as error:
            raise_malformed(
                error,
                provider=self._endpoint.provider,
                model=request.model,
                status=response.status,
                body=response.body,
            )

    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        return status_error(response, self._origin(request))

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events, or one JSON array where an endpoint does not know ``alt=sse``."""
        return GeminiFrames()

    def stream_decoder(self, request: ChatRequest) -> GeminiStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        return GeminiStreamDecoder(self.surface, self._origin(request))

    def _origin(self, request: ChatRequest) -> Origin:
        endpoint = self._endpoint
        return Origin(provider=endpoint.provider, model=request.model, api_key=endpoint.api_key)

    def _url(self, request: ChatRequest) -> str:
        model = quote(request.model, safe="/@")
        path = model if "/" in model else f"{self.surface.models}/{model}"
        method, query = "generateContent", self._query
        if request.stream:
            method = "streamGenerateContent"
            query += f"{'&' if query else '?'}alt=sse"
        if request.extra_query:
            query += f"{'&' if query else '?'}{urlencode(request.extra_query)}"
        return f"{self._base}/{path}:{method}{query}"

    def _auth_headers(self, vendor: Vendor) -> dict[str, str]:
        key = self._endpoint.api_key
        if not key:
            return {}
        kind, _, name = vendor.auth.partition(":")
        if kind == "header" and name:
            return {name: key}
        return {self.surface.auth_header: self.surface.auth_prefix + key}


class VertexCodec(GeminiCodec):
    """Gemini on Vertex AI, bound to one endpoint.

    The base URL holds project and location: ``https://{location}-aiplatform.googleapis.com/v1/projects/{project}/
    locations/{location}``; the endpoint's key is an OAuth access token. A base URL without a project is Vertex's
    express mode, where the key is an API key.
    """

    surface: ClassVar[Surface] = VERTEX

    @override
    def _auth_headers(self, vendor: Vendor) -> dict[str, str]:
        headers = super()._auth_headers(vendor)
        if "/projects/" in self._base or "Authorization" not in headers:
            return headers
        return {API_KEY_HEADER: headers["Authorization"].removeprefix(self.surface.auth_prefix)}

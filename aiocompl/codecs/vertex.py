"""Other makers' models on Vertex AI: over its OpenAI-compatible endpoint, and Mistral's in Mistral's own dialect.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis,
https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import attrs

from aiocompl._compat import override
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.catalogue.majors import MISTRAL
from aiocompl.codecs.gemini.errors import Origin, google_error
from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse

_DEPLOYED: Final = re.compile(r"openai/(\d+)")
"""How a model of the Model Garden that runs at an endpoint of one's own is named: by that endpoint's number."""


class VertexOpenAICodec(OpenAICodec):
    """``{base}/endpoints/openapi/chat/completions`` for ``publisher/model``, an own endpoint for ``openai/{number}``.

    The base URL ends with the location: ``https://.../v1/projects/{project}/locations/{location}``.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        asked = "stream_options" not in vendor.implied
        row = attrs.evolve(
            vendor, max_tokens="max_tokens", loosely=True, think_tag="think", usage_asked=asked
        )
        super().__init__(row, endpoint)

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        body, url = self._body(request), self._url
        if (deployed := _DEPLOYED.fullmatch(request.model)) is not None:
            if body["model"] == request.model:
                body["model"] = ""  # there is but one at that endpoint
            url = url.replace("/endpoints/openapi/", f"/endpoints/{deployed[1]}/")
        return self._http_request(request, url, body)

    @override
    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status: Google's own, or the model server's passed on."""
        endpoint = self._endpoint
        origin = Origin(provider=endpoint.provider, model=request.model, api_key=endpoint.api_key)
        return google_error(response, origin) or super().decode_error(request, response)

    @override
    def _chat_url(self, path: str) -> str:
        base, mark, query = self._endpoint.base_url.partition("?")
        base = base.rstrip("/").removesuffix(path).removesuffix("/endpoints/openapi")
        return f"{base}/endpoints/openapi{path}{mark}{query}"


class VertexMistralCodec(VertexOpenAICodec):
    """Mistral's models: their own dialect at ``{base}/publishers/mistralai/models/{model}:rawPredict``."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(attrs.evolve(MISTRAL, name=vendor.name, auth=vendor.auth), endpoint)
        models = endpoint_url(endpoint.base_url, "/publishers/mistralai/models")
        self._models, mark, query = models.partition("?")
        self._query = mark + query

    @override
    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        call = "streamRawPredict" if request.stream else "rawPredict"
        url = f"{self._models}/{quote(request.model, safe='@')}:{call}{self._query}"
        return self._http_request(request, url, self._body(request))

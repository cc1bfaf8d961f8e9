"""Claude where others host it: on Google's Vertex AI, in Microsoft's Foundry and on Snowflake.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude,
https://learn.microsoft.com/azure/ai-foundry/foundry-models/how-to/use-foundry-models-claude and
https://docs.snowflake.com/en/user-guide/snowflake-cortex/cortex-rest-api (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiocompl._compat import override
from aiocompl.codecs.anthropic.codec import AnthropicCodec
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.gemini.errors import Origin, google_error
from aiocompl.codecs.openai import auth_headers
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPResponse

VERTEX_VERSION: Final = "vertex-2023-10-16"
"""Vertex AI's name for the version that takes `temperature` and `top_p`; `api_version` chooses another."""


class VertexClaudeCodec(AnthropicCodec):
    """Claude on Vertex AI: the model is in the URL, the version in the body, and the key is a bearer token.

    The base URL ends with the location: ``https://.../v1/projects/{project}/locations/{location}``.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint)
        self._models, mark, query = endpoint_url(endpoint.base_url, "/publishers/anthropic/models").partition(
            "?"
        )
        self._query = mark + query

    @override
    def url_for(self, request: ChatRequest) -> str:
        call = "streamRawPredict" if request.stream else "rawPredict"
        return f"{self._models}/{quote(request.model, safe='@')}:{call}{self._query}"

    @override
    def credentials(self) -> dict[str, str]:
        return auth_headers(self._vendor, self._endpoint)

    @override
    def placed(self, body: dict[str, Any], request: ChatRequest) -> tuple[dict[str, Any], Mapping[str, str]]:
        body, headers = super().placed(body, request)
        del body["model"]
        return {"anthropic_version": self._endpoint.api_version or VERTEX_VERSION, **body}, headers

    @override
    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status: Google's own, or Anthropic's passed on."""
        endpoint = self._endpoint
        origin = Origin(provider=endpoint.provider, model=request.model, api_key=endpoint.api_key)
        return google_error(response, origin) or super().decode_error(request, response)


class FoundryClaudeCodec(AnthropicCodec):
    """Claude in Foundry: Anthropic's API below ``/anthropic`` of a resource."""

    @override
    def url_for(self, request: ChatRequest) -> str:
        return self._messages

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(vendor, endpoint)
        surplus = ("/messages", "/v1", "/openai", "/models", "/anthropic")
        self._messages = endpoint_url(endpoint.base_url, "/anthropic/v1/messages", *surplus)


class SnowflakeClaudeCodec(AnthropicCodec):
    """Claude on Snowflake, which fetches no images: they are given as data."""

    @override
    def placed(self, body: dict[str, Any], request: ChatRequest) -> tuple[dict[str, Any], Mapping[str, str]]:
        for turn in body["messages"]:
            for block in turn["content"]:
                if (
                    not isinstance(block, str)
                    and block["type"] == "image"
                    and block["source"]["type"] == "url"
                ):
                    raise UnsupportedParamsError(
                        "this provider fetches no images: give them as base64 data", param="messages"
                    )
        return super().placed(body, request)

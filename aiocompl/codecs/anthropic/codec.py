"""Anthropic's own endpoint, and what another host of the dialect changes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import orjson

from aiocompl.codecs.anthropic.errors import error_of, error_response
from aiocompl.codecs.anthropic.models import claude_of
from aiocompl.codecs.anthropic.request import (
    NATIVE_PARAMS,
    UNSUPPORTED_PARAMS,
    request_body,
)
from aiocompl.codecs.anthropic.response import completion_of
from aiocompl.codecs.anthropic.sampling import DEFAULTS
from aiocompl.codecs.anthropic.stream import AnthropicStreamDecoder
from aiocompl.codecs.anthropic.tools import reading_of
from aiocompl.codecs.base import MALFORMED, raise_malformed
from aiocompl.codecs.openai import USER_AGENT, encode_body
from aiocompl.errors import BadRequestError
from aiocompl.types.endpoint import headers_with
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.wire.messages import HTTPRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import FrameDecoder, HTTPResponse

API_VERSION: Final = "2023-06-01"
"""The latest version that takes `temperature` and `top_p`; `api_version` chooses another."""

NO_SAMPLING_FROM: Final = "2026-10-21"
"""The first version, by its date, that refuses all sampling parameters whatever the model."""

_SAMPLING: Final = frozenset(DEFAULTS)


class AnthropicCodec:
    """The Messages dialect, bound to one endpoint. See `Codec` for the contract.

    Another host of Claude overrides `url_for`, `credentials` and `placed`: Vertex and Bedrock name the model in the URL
    and the version in the body. A host with other framing overrides `frame_decoder` too; events are (any name, JSON).
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        self._vendor = vendor
        self._endpoint = endpoint
        usual = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        self.headers: Mapping[str, str] = headers_with(
            self.credentials() | usual, dict(endpoint.extra_headers)
        )
        sampling = _SAMPLING if (endpoint.api_version or "")[-10:] >= NO_SAMPLING_FROM else frozenset[str]()
        self.native_params = (NATIVE_PARAMS | vendor.native) - sampling
        self.takes_functions = False
        self.unsupported_params = UNSUPPORTED_PARAMS | vendor.unsupported | (sampling & OPENAI_PARAMS)
        self._url = _messages_url(endpoint.base_url)

    def url_for(self, request: ChatRequest) -> str:
        """Where a request goes."""
        return self._url

    def credentials(self) -> dict[str, str]:
        """The headers that say who asks and in which version; made once."""
        headers = {"anthropic-version": self._endpoint.api_version or API_VERSION}
        if key := self._endpoint.api_key:
            kind, _, name = self._vendor.auth.partition(":")
            headers |= {name: key} if kind == "header" else {"Authorization": f"Bearer {key}"}
        return headers

    def placed(self, body: dict[str, Any], request: ChatRequest) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The body as this host wants it, and headers beyond the usual ones.

        Args:
            body: The body for Anthropic itself; it may be changed.
            request: The request, whose `betas` are not in the body.
        """
        betas = request.params.get("betas")
        if not betas:
            return body, {}
        return body, {"anthropic-beta": betas if isinstance(betas, str) else ",".join(betas)}

    @property
    def may_echo(self) -> bool:
        """The answer goes on without a word of what it was given; see `Prefiller`."""
        return False

    def takes_prefill(self, model: str) -> bool:
        """Whether a Claude goes on with what it was given; see `Prefiller`."""
        return claude_of(model).takes_prefill

    def encode_request(self, request: ChatRequest) -> HTTPRequest:
        """Make the HTTP request; see `Codec`."""
        try:
            body, more = self.placed(request_body(request), request)
        except BadRequestError as error:
            error.provider, error.model = self._endpoint.provider, request.model
            raise
        except MALFORMED as error:
            raise BadRequestError(
                f"messages or parameters are not in OpenAI's shape ({type(error).__name__}: {error})",
                provider=self._endpoint.provider,
                model=request.model,
            ) from error
        if request.extra_body:
            body.update(request.extra_body)
        url = self.url_for(request)
        if request.extra_query:
            url += ("&" if "?" in url else "?") + urlencode(request.extra_query)
        headers = headers_with(headers_with(self.headers, more), request.extra_headers)
        return HTTPRequest(
            url, headers, encode_body(body, provider=self._endpoint.provider, model=request.model)
        )

    def decode_response(self, request: ChatRequest, response: HTTPResponse) -> ChatCompletion:
        """Read a whole answer; see `Codec`."""
        endpoint = self._endpoint
        try:
            body = orjson.loads(response.body)
            if body["type"] == "error":
                raise error_of(
                    body,
                    None,
                    headers=response.headers,
                    provider=endpoint.provider,
                    model=request.model,
                    api_key=endpoint.api_key,
                )
            return completion_of(body, reading_of(request))
        except MALFORMED as error:
            raise_malformed(
                error,
                provider=endpoint.provider,
                model=request.model,
                status=response.status,
                body=response.body,
            )

    def decode_error(self, request: ChatRequest, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        endpoint = self._endpoint
        return error_response(
            response, provider=endpoint.provider, model=request.model, api_key=endpoint.api_key
        )

    def frame_decoder(self) -> FrameDecoder:
        """Streams are server-sent events."""
        return SSEDecoder()

    def stream_decoder(self, request: ChatRequest) -> AnthropicStreamDecoder:
        """A decoder for one stream; see `Codec`."""
        endpoint = self._endpoint
        return AnthropicStreamDecoder(endpoint.provider, request.model, endpoint.api_key, reading_of(request))


def _messages_url(base: str) -> str:
    """The URL of the messages below a base that may or may not name the version, or be that URL already."""
    base, mark, query = base.partition("?")
    base = base.rstrip("/").removesuffix("/messages").removesuffix("/v1")
    return f"{base}/v1/messages{mark}{query}"

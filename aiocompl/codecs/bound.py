"""What all dialects that are bound to one endpoint by a bearer or header key do alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from aiocompl.codecs.base import raise_malformed
from aiocompl.codecs.error_shapes import decode_error
from aiocompl.codecs.openai import USER_AGENT, auth_headers, encode_body
from aiocompl.types.endpoint import headers_with
from aiocompl.wire.messages import HTTPRequest

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import Request
    from aiocompl.wire.messages import HTTPResponse


class BoundCodec:
    """The part of a codec that a native dialect does not decide: URL, headers, bytes, plain errors.

    Args:
        vendor: The vendor's row; its `native` and `unsupported` add to the dialect's own.
        endpoint: Where requests go and with what right.
        url: The URL of the call; see `endpoint_url`.
        native: Parameters beyond OpenAI's that the dialect takes.
        unsupported: OpenAI's parameters that the dialect has no place for.
    """

    def __init__(
        self,
        vendor: Vendor,
        endpoint: Endpoint,
        *,
        url: str,
        native: frozenset[str],
        unsupported: frozenset[str],
    ) -> None:
        self._endpoint = endpoint
        self._url = url
        usual = {"Content-Type": "application/json", "User-Agent": USER_AGENT}
        self.headers = headers_with(auth_headers(vendor, endpoint) | usual, dict(endpoint.extra_headers))
        self.native_params = vendor.native | native
        self.takes_functions = False
        self.unsupported_params = vendor.unsupported | unsupported

    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        """Read an answer with an error status; see `Codec`."""
        endpoint = self._endpoint
        return decode_error(
            response, provider=endpoint.provider, model=request.model, api_key=endpoint.api_key
        )

    def _http_request(self, request: Request, body: dict[str, Any], url: str | None = None) -> HTTPRequest:
        """The body, with what the call adds past all checks, as an HTTP request; to `url` where it is not the usual."""
        if request.extra_body:
            body.update(request.extra_body)
        url, headers = url or self._url, self.headers
        if request.extra_query:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(request.extra_query)}"
        if request.extra_headers:
            headers = headers_with(headers, request.extra_headers)
        return HTTPRequest(
            url, headers, encode_body(body, provider=self._endpoint.provider, model=request.model)
        )

    def _raise_malformed(self, cause: Exception, request: Request, response: HTTPResponse) -> NoReturn:
        raise_malformed(
            cause,
            provider=self._endpoint.provider,
            model=request.model,
            status=response.status,
            body=response.body,
        )


def endpoint_url(base_url: str, path: str, *surplus: str) -> str:
    """The base URL with `path`, and without the endings that people write into base URLs (`surplus`, in order)."""
    base, mark, query = base_url.partition("?")
    base = base.rstrip("/")
    for ending in surplus:
        base = base.removesuffix(ending)
    return f"{base}{path}{mark}{query}"

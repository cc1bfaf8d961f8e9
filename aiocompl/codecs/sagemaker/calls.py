"""How an endpoint is called, whatever its container speaks: addresses and signatures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from aiocompl.codecs.sigv4 import sign

if TYPE_CHECKING:
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import ChatRequest
    from aiocompl.wire.messages import HTTPRequest

SERVICE: Final = "sagemaker"
"""The name that signatures are made for."""

DEFAULT_REGION: Final = "us-east-1"

_REGION_IN_HOST: Final = re.compile(r"//(?:[\w-]+\.)*runtime[\w.-]*?\.([a-z]+(?:-[a-z]+)+-\d)\.")


class Invocation:
    """Calls to the endpoints of one region.

    Args:
        endpoint: Where requests go and with what right. `api_key` is for a proxy that takes one, and goes before
            `credentials`, which sign.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        base = endpoint.base_url.partition("/endpoints/")[0].rstrip("/")
        found = _REGION_IN_HOST.search(base)
        self.region = endpoint.region or (found[1] if found else DEFAULT_REGION)
        self._base = f"{base}/endpoints/"
        self._credentials = endpoint.credentials if endpoint.api_key is None else None

    @property
    def signs(self) -> bool:
        """Whether the requests are signed."""
        return self._credentials is not None

    def url(self, request: ChatRequest) -> str:
        """Where a request goes."""
        call = "invocations-response-stream" if request.stream else "invocations"
        query = f"?{urlencode(request.extra_query, quote_via=quote)}" if request.extra_query else ""
        return f"{self._base}{quote(request.model, safe='')}/{call}{query}"

    def sign(self, request: HTTPRequest, now: float) -> HTTPRequest:
        """The request with a signature; as it is where there are no credentials."""
        if self._credentials is None:
            return request
        return sign(request, self._credentials, region=self.region, service=SERVICE, now=now)

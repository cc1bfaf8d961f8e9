"""Models in Microsoft's Foundry that speak OpenAI's dialect; Claude there speaks Anthropic's (`anthropic.hosts`).

Source: https://learn.microsoft.com/azure/ai-foundry/foundry-models/concepts/endpoints (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import attrs

from aiocompl._compat import override
from aiocompl.codecs.openai import OpenAICodec

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint

MODELS_VERSION: Final = "2024-05-01-preview"
"""The API version of ``/models``, the older surface, where the endpoint names none."""

_SERVERLESS: Final = ".models.ai.azure.com"


class FoundryCodec(OpenAICodec):
    """A resource's v1 endpoint, where the model is the deployment's name.

    A base URL that ends with ``/models`` is the older surface, which has a dated version; one at
    ``*.models.ai.azure.com`` is a serverless deployment, whose key is a bearer token.
    """

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        host = urlsplit(endpoint.base_url).hostname or ""
        if host.endswith(_SERVERLESS):  # what `stream_options` do there is not documented
            vendor = attrs.evolve(vendor, auth="bearer", usage_asked=False)
        super().__init__(vendor, endpoint)

    @override
    def _chat_url(self, path: str) -> str:
        base, mark, query = self._endpoint.base_url.partition("?")
        base = base.rstrip("/").removesuffix(path).removesuffix("/anthropic")
        if not urlsplit(base).path:
            base += "/v1" if base.endswith(_SERVERLESS) else "/openai/v1"
        if base.endswith("/models") and "api-version=" not in query:
            query = f"{query}{'&' if query else ''}api-version={self._endpoint.api_version or MODELS_VERSION}"
            mark = "?"
        return f"{base}{path}{mark}{query}"

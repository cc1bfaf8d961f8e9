"""Hugging Face's feature extraction, through its router; a server of one's own (`api_base`) is asked in OpenAI's dialect.

Sources: https://huggingface.co/docs/inference-providers/tasks/feature-extraction and
https://huggingface.github.io/text-embeddings-inference (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiocompl._compat import override
from aiocompl.codecs.embeddings.common import (
    BoundEmbeddings,
    as_asked,
    response_of,
    texts_of,
    usage_of,
    wants_base64,
)
from aiocompl.codecs.embeddings.openai import OpenAIEmbeddings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest
    from aiocompl.wire.messages import HTTPRequest

ROUTER: Final = "//router.huggingface.co"
PROVIDER: Final = "hf-inference"
"""The provider behind the router that all embedding models are asked of."""

_SENT: Final = ("dimensions", "normalize", "prompt_name", "truncate", "truncation_direction")
_TOKENS: Final = "x-compute-tokens"
"""The header with the number of tokens; the answer is nothing but vectors."""


def embeddings_at(vendor: Vendor, endpoint: Endpoint) -> HuggingFaceEmbeddings | OpenAIEmbeddings:
    """The embeddings that an endpoint has: the router's, or those of a server of one's own."""
    if ROUTER in endpoint.base_url or endpoint.base_url.endswith(f"/{PROVIDER}"):
        return HuggingFaceEmbeddings(vendor, endpoint)
    return OpenAIEmbeddings(vendor, endpoint)


class HuggingFaceEmbeddings(BoundEmbeddings):
    """Feature extraction, bound to one endpoint. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        root = endpoint.base_url.removesuffix("/v1").removesuffix(f"/{PROVIDER}")
        super().__init__(
            vendor,
            endpoint,
            url=f"{root}/{PROVIDER}/models/",
            native=frozenset({"normalize", "prompt_name", "truncation_direction"}),
            unsupported=frozenset({"user"}),
        )
        self._max_inputs = vendor.max_inputs

    @override
    def max_inputs(self, model: str) -> int:
        return self._max_inputs

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        wants_base64(request)
        params = request.params
        body: dict[str, Any] = {"inputs": texts_of(request, "Hugging Face")}
        if "input_type" in params:  # the name of a prompt that the model has for it
            body["prompt_name"] = params["input_type"]
        body |= {name: params[name] for name in _SENT if name in params}
        model = quote(request.model.removesuffix(f":{PROVIDER}"), safe="/")
        return self._http_request(request, body, f"{self._url}{model}/pipeline/feature-extraction")

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        if not isinstance(data, list):
            raise TypeError("no list of vectors")
        counted = headers.get(_TOKENS, "")
        usage = usage_of(int(counted)) if counted.isascii() and counted.isdigit() else None
        return as_asked(response_of(request, data, usage=usage, extra={}), request)

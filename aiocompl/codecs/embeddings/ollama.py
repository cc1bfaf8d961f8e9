"""Ollama's own ``/api/embed``; the answers of the older ``/api/embeddings``, one vector each, are read too.

Source: https://docs.ollama.com/api/embed (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.embeddings.common import (
    BoundEmbeddings,
    as_asked,
    response_of,
    texts_of,
    usage_of,
    wants_base64,
)
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest
    from aiocompl.wire.messages import HTTPRequest

_SENT: Final = ("dimensions", "keep_alive", "options", "truncate")


class OllamaEmbeddings(BoundEmbeddings):
    """Ollama's embeddings, bound to one endpoint. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=endpoint_url(endpoint.base_url, "/api/embed", "/embed", "/api", "/v1"),
            native=frozenset({"keep_alive", "options"}),
            unsupported=frozenset({"input_type", "user"}),
        )
        self._max_inputs = vendor.max_inputs

    @override
    def max_inputs(self, model: str) -> int:
        return self._max_inputs

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        params = request.params
        wants_base64(request)
        if not isinstance(params.get("truncate", True), bool):
            raise UnsupportedParamsError(
                "truncate must be true or false for Ollama", model=request.model, param="truncate"
            )
        body = {"model": request.model, "input": texts_of(request, "Ollama")}
        return self._http_request(request, body | {name: params[name] for name in _SENT if name in params})

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        vectors = [data.pop("embedding")] if "embedding" in data else data.pop("embeddings")
        tokens = data.pop("prompt_eval_count", None)
        model = data.pop("model", None) or request.model
        response = response_of(request, vectors, usage=usage_of(tokens), extra=data)
        response.model = model
        return as_asked(response, request)

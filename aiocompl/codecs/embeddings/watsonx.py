"""IBM watsonx.ai's embeddings.

Source: https://cloud.ibm.com/apidocs/watsonx-ai, text embeddings (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.embeddings.common import (
    BoundEmbeddings,
    as_asked,
    response_of,
    texts_of,
    usage_of,
    wants_base64,
)
from aiocompl.codecs.watsonx import VERSION, owner_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest
    from aiocompl.wire.messages import HTTPRequest

MAX_INPUTS: Final = 1000

_DEPLOYMENT: Final = "deployment/"
_PARAMETERS: Final = ("return_options", "truncate_input_tokens")


class WatsonxEmbeddings(BoundEmbeddings):
    """watsonx.ai's embeddings, bound to one endpoint, whose `project` is as in chat. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        base = endpoint.base_url.rstrip("/").removesuffix("/ml/v1")
        super().__init__(
            vendor,
            endpoint,
            url=f"{base}/ml/v1/text/embeddings?version={endpoint.api_version or VERSION}",
            native=frozenset(_PARAMETERS),
            unsupported=frozenset({"dimensions", "input_type", "truncate", "user"}),
        )
        self._owner = owner_of(endpoint)

    @override
    def max_inputs(self, model: str) -> int:
        return MAX_INPUTS

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        wants_base64(request)
        if request.model.startswith(_DEPLOYMENT):
            raise UnsupportedParamsError(
                "watsonx.ai has embeddings for models, not for deployments",
                model=request.model,
                param="model",
            )
        body: dict[str, Any] = {
            "model_id": request.model,
            **self._owner,
            "inputs": texts_of(request, "watsonx.ai"),
        }
        if given := {name: request.params[name] for name in _PARAMETERS if name in request.params}:
            body["parameters"] = given
        return self._http_request(request, body)

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        items = data.pop("results")
        tokens, model = data.pop("input_token_count", None), data.pop("model_id", None)
        vectors = [item.pop("embedding") for item in items]
        response = response_of(request, vectors, usage=usage_of(tokens), extra=data, beside=items)
        response.model = model or request.model
        return as_asked(response, request)

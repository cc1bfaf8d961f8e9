"""Cohere's embeddings, v2; v1's answers, with vectors by type or bare, are read too.

Source: https://docs.cohere.com/reference/embed (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.cohere.common import answer_error, usage_of
from aiocompl.codecs.embeddings.common import (
    BASE64,
    FLOATS,
    BoundEmbeddings,
    as_asked,
    kind_of,
    response_of,
    texts_of,
    truncate_word,
    wants_base64,
    word_for,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.errors import APIError
    from aiocompl.types.completion import Usage
    from aiocompl.types.embedding import EmbeddingResponse
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest, Request
    from aiocompl.wire.messages import HTTPRequest, HTTPResponse

MAX_INPUTS: Final = 96

INPUT_TYPES: Final[Mapping[str, str]] = {"query": "search_query", "document": "search_document"}
"""Cohere's words for what others call so."""

DEFAULT_INPUT_TYPE: Final = "search_document"
"""All models since v3 insist on one; texts that are embedded are mostly documents to be found."""

NATIVE: Final = frozenset({"embedding_types", "max_tokens"})


class CohereEmbeddings(BoundEmbeddings):
    """Cohere's embeddings, bound to one endpoint. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        url = endpoint_url(endpoint.base_url, "/v2/embed", "/embed", "/v1", "/v2")
        super().__init__(vendor, endpoint, url=url, native=NATIVE, unsupported=frozenset({"user"}))

    @override
    def max_inputs(self, model: str) -> int:
        return MAX_INPUTS

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        kind = BASE64 if wants_base64(request) else "float"
        body = {
            "model": request.model,
            **cohere_body(request),
            "embedding_types": request.params.get("embedding_types") or [kind],
        }
        return self._http_request(request, body)

    @override
    def decode_error(self, request: Request, response: HTTPResponse) -> APIError:
        return answer_error(response, self._endpoint, request.model)

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        meta = data.get("meta") or {}
        return cohere_response(request, data, usage_of(meta))


def cohere_body(request: EmbeddingRequest) -> dict[str, Any]:
    """Texts and parameters, but for the model and the types of vectors."""
    params = request.params
    body: dict[str, Any] = {
        "texts": texts_of(request, "Cohere"),
        "input_type": word_for(params.get("input_type", DEFAULT_INPUT_TYPE), INPUT_TYPES),
    }
    if "dimensions" in params:
        body["output_dimension"] = params["dimensions"]
    if "truncate" in params:
        body["truncate"] = truncate_word(params["truncate"])
    if "max_tokens" in params:
        body["max_tokens"] = params["max_tokens"]
    return body


def cohere_response(
    request: EmbeddingRequest, data: dict[str, Any], usage: Usage | None
) -> EmbeddingResponse:
    """The vectors of an answer.

    Of several types the floats are the vectors, or else the first that was asked for; the others stand beside each
    vector under their type's name.
    """
    found = data.pop("embeddings")
    named: dict[str, Any] = found if isinstance(found, dict) else {"float": found}
    kinds = {name: vectors for name, vectors in named.items() if vectors is not None}
    wanted = [BASE64, "float"] if wants_base64(request) else ["float", BASE64]
    wanted += request.params.get("embedding_types") or ()
    first = next((name for name in (*wanted, *kinds) if name in kinds), "float")
    vectors = kinds.pop(first)
    beside = [{name: values[index] for name, values in kinds.items()} for index in range(len(vectors))]
    response = response_of(request, vectors, usage=usage, extra=data, beside=beside)
    numbers = kind_of(first) or FLOATS
    return as_asked(response, request, wire=numbers, asked=numbers)

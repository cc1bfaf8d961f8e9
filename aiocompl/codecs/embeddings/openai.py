"""OpenAI's embeddings, and those of all vendors that speak its dialect; what differs is data (`EmbeddingRules`).

Source: https://developers.openai.com/api/docs, create embeddings (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl._compat import override
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.embeddings.common import (
    FORMATS,
    BoundEmbeddings,
    as_asked,
    check_format,
    in_order,
    kind_of,
    refuse,
    texts_of,
    word_for,
)
from aiocompl.codecs.openai import openai_headers
from aiocompl.types.embedding import EmbeddingResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import EmbeddingRequest
    from aiocompl.wire.messages import HTTPRequest

FIXED: Final = "text-embedding-ada-"
"""How OpenAI's models are called whose vectors have one length."""

_KINDS: Final = ("output_dtype", "embedding_type")
"""The parameters with which some vendors' models give other numbers than floats."""


class OpenAIEmbeddings(BoundEmbeddings):
    """Embeddings at one endpoint of one vendor. See `Operation` for the contract."""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        rules = vendor.embedding_rules
        url = endpoint_url(
            endpoint.base_url, vendor.embeddings, vendor.path, vendor.embeddings, _version(vendor.embeddings)
        )
        super().__init__(vendor, endpoint, url=url, native=rules.native, unsupported=rules.unsupported)
        self.headers = openai_headers(vendor, endpoint)
        self._rules = rules
        self._title = vendor.title
        self._max_inputs = vendor.max_inputs
        self._openai_models = vendor.openai_models

    @override
    def max_inputs(self, model: str) -> int:
        return self._max_inputs

    @override
    def encode_request(self, request: EmbeddingRequest) -> HTTPRequest:
        rules, params = self._rules, dict(request.params)
        check_format(request, FORMATS | rules.formats)
        if params.get("encoding_format") not in rules.formats:
            params.pop("encoding_format", None)
        if self._openai_models and request.model.startswith(FIXED):
            refuse(request, ("dimensions",))
        if "input_type" in params:
            params["input_type"] = word_for(params["input_type"], dict(rules.input_types))
        for given, sent in rules.renames:
            if given in params:
                value = params.pop(given)
                params.setdefault(sent, value)
        texts = request.input if rules.tokens else texts_of(request, self._title)
        body: dict[str, Any] = {"model": request.model, "input": texts, **params}
        return self._http_request(request, body)

    @override
    def _read(self, request: EmbeddingRequest, data: Any, headers: Mapping[str, str]) -> EmbeddingResponse:
        response = EmbeddingResponse.take(data)
        if response.usage is not None and not response.usage.prompt_tokens:
            response.usage.prompt_tokens = response.usage.total_tokens  # Voyage gives no other count
        params = request.params
        if params.get("encoding_format", "float") not in FORMATS:  # the vendor's own, for the caller to read
            return in_order(response, request)
        kind = kind_of(*(params.get(name) for name in _KINDS))
        if kind is not None:
            return as_asked(response, request, wire=kind, asked=kind)
        return as_asked(response, request, wire=self._rules.wire)


def _version(path: str) -> str:
    """The version that a path begins with, which base URLs may end with: ``/v1`` of ``/v1/embeddings``."""
    return path[: path.find("/", 1)] if path.startswith("/v") else ""

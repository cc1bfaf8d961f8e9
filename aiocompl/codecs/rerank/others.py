"""Reranking of those who have an API of their own for it: NVIDIA, DeepInfra, Hugging Face's server.

Source: https://docs.nvidia.com/nim/nemo-retriever, using reranking; https://deepinfra.com/Qwen/Qwen3-Reranker-8B/api;
https://huggingface.github.io/text-embeddings-inference (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

import attrs

from aiocompl._compat import override
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.rerank.common import SPECIAL, RerankOperation

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import Request, RerankRequest
    from aiocompl.wire.messages import HTTPRequest

NVIDIA_HOSTED: Final = "https://ai.api.nvidia.com/v1/retrieval"
"""Where NVIDIA itself serves rerankers; a NIM of one's own has them beside the rest."""


class _ModelInURL(RerankOperation):
    """A dialect whose URL names the model. `_url` has ``{model}`` in its place."""

    @override
    def _http_request(self, request: Request, body: dict[str, Any]) -> HTTPRequest:
        http = super()._http_request(request, body)
        return attrs.evolve(http, url=http.url.replace("{model}", quote(request.model, safe="/"), 1))


class NvidiaRerank(_ModelInURL):
    """Reranking of NVIDIA's NIMs, hosted or one's own. See `Operation` for the contract."""

    top_n: ClassVar[str] = "top_k"
    results: ClassVar[str] = "rankings"
    score: ClassVar[str] = "logit"
    objects: ClassVar[bool] = True

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        hosted = endpoint.base_url == vendor.base_url
        url = (
            f"{NVIDIA_HOSTED}/{{model}}/reranking"
            if hosted
            else endpoint_url(endpoint.base_url, vendor.rerank, vendor.path, vendor.rerank)
        )
        super().__init__(vendor, endpoint, url=url, native=frozenset({"truncate"}), unsupported=SPECIAL)

    @override
    def _body(self, request: RerankRequest) -> dict[str, Any]:
        passages = [
            {"text": document} if isinstance(document, str) else document for document in request.documents
        ]
        name = request.model.replace("_", ".")  # the URL has the one, the body the other
        return {"model": name, "query": {"text": request.query}, "passages": passages} | self._params(request)


class DeepInfraRerank(_ModelInURL):
    """DeepInfra's reranking: a score for each document, in their order. See `Operation` for the contract."""

    top_n: ClassVar[str] = ""

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=endpoint_url(endpoint.base_url, vendor.rerank, vendor.path, "/openai"),
            native=frozenset({"instruction", "service_tier"}),
            unsupported=SPECIAL,
        )

    @override
    def _body(self, request: RerankRequest) -> dict[str, Any]:
        texts = self._texts(request)
        return {"queries": [request.query] * len(texts), "documents": texts} | self._params(request)

    @override
    def _opened(self, data: Any) -> JSON:
        scores = data.pop("scores")
        data["results"] = [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]
        if isinstance(tokens := data.get("input_tokens"), int):
            data["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
        return super()._opened(data)


class TEIRerank(RerankOperation):
    """Reranking of Hugging Face's Text Embeddings Inference, at the server's root. See `Operation`."""

    top_n: ClassVar[str] = ""
    return_documents = "return_text"
    score: ClassVar[str] = "score"

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=endpoint_url(endpoint.base_url, vendor.rerank, vendor.rerank, "/v1"),
            native=frozenset({"raw_scores", "truncate", "truncation_direction"}),
            unsupported=SPECIAL,
        )

    @override
    def _body(self, request: RerankRequest) -> dict[str, Any]:
        return {"query": request.query, "texts": self._texts(request)} | self._params(request)

    @override
    def _opened(self, data: Any) -> JSON:
        if not isinstance(data, list):
            raise TypeError(f"the answer is {type(data).__name__}")
        for item in data:
            if "text" in item:
                item["document"] = item.pop("text")
        return {"results": data}

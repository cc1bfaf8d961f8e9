"""Reranking as most have it, after Cohere's v1 and Jina's: ``POST .../rerank``.

Source: https://docs.together.ai, https://openrouter.ai/docs, https://novita.ai/docs, https://docs.siliconflow.cn,
https://docs.vllm.ai, https://docs.sglang.ai and https://docs.litellm.ai, rerank; https://jina.ai/reranker;
https://docs.fireworks.ai and https://docs.voyageai.com, rerank (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.plain_operation import operation_url
from aiocompl.codecs.rerank.common import SPECIAL, RerankOperation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.model import JSON
    from aiocompl.types.request import RerankRequest
    from aiocompl.types.rerank import RerankResult

_ALL: Final = SPECIAL | {"return_documents"}

TAKES: Final[Mapping[str, frozenset[str]]] = {
    "custom": _ALL,
    "fireworks": frozenset({"return_documents"}),
    "jina": frozenset({"return_documents"}),
    "litellm_proxy": _ALL,
    "siliconflow": frozenset({"max_chunks_per_doc", "return_documents"}),
    "together": frozenset({"rank_fields", "return_documents"}),
    "xinference": frozenset({"return_documents"}),
    "zhipu": frozenset({"return_documents"}),
}
"""Who is known to take which of the parameters besides `top_n`."""

NATIVE: Final[Mapping[str, frozenset[str]]] = {
    "siliconflow": frozenset({"instruction", "overlap_tokens"}),
    "vllm": frozenset({"truncate_prompt_tokens"}),
}
"""Parameters of their own."""


class CompatibleRerank(RerankOperation):
    """Reranking at one endpoint of one vendor. See `Operation` for the contract."""

    objects: ClassVar[bool] = True

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        takes = TAKES.get(vendor.name, frozenset())
        super().__init__(
            vendor,
            endpoint,
            url=operation_url(vendor, endpoint, vendor.rerank),
            native=NATIVE.get(vendor.name, frozenset()),
            unsupported=SPECIAL - takes,
        )
        self.return_documents = "return_documents" if "return_documents" in takes else ""

    @override
    def _opened(self, data: Any) -> JSON:
        """The answer with its results in one place: some send a bare list, or have another name for it."""
        if isinstance(data, list):
            return {"results": data}
        if "results" not in data and "data" in data:
            data["results"] = data.pop("data")
        return super()._opened(data)

    @override
    def _result(self, item: JSON, request: RerankRequest) -> RerankResult:
        if "relevance_score" not in item:
            item["relevance_score"] = item.pop("score")
        return super()._result(item, request)


class VoyageRerank(RerankOperation):
    """Voyage's reranking, bound to one endpoint. See `Operation` for the contract."""

    top_n: ClassVar[str] = "top_k"
    return_documents = "return_documents"
    results: ClassVar[str] = "data"

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=operation_url(vendor, endpoint, vendor.rerank),
            native=frozenset({"truncation"}),
            unsupported=SPECIAL,
        )

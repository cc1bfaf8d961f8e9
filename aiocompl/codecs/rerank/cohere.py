"""Cohere's reranking, v2 and v1; Azure and others serve the same below base URLs of theirs.

Source: https://docs.cohere.com/reference/rerank and /reference/rerank-v1 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.cohere.v2 import CohereCodec
from aiocompl.codecs.rerank.common import SPECIAL, RerankOperation

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint


class CohereRerank(RerankOperation):
    """Cohere's v2 rerank, bound to one endpoint. See `Operation` for the contract."""

    path: ClassVar[str] = "/v2/rerank"
    takes: ClassVar[frozenset[str]] = frozenset({"max_tokens_per_doc"})
    native: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        super().__init__(
            vendor,
            endpoint,
            url=endpoint_url(endpoint.base_url, self.path, "/rerank", "/v1", "/v2"),
            native=self.native,
            unsupported=SPECIAL - self.takes,
            chat=CohereCodec(vendor, endpoint),
        )


class CohereV1Rerank(CohereRerank):
    """Cohere's v1 rerank, which takes objects and says which of their fields count. See `Operation`."""

    path: ClassVar[str] = "/v1/rerank"
    takes: ClassVar[frozenset[str]] = frozenset({"max_chunks_per_doc", "rank_fields"})
    return_documents = "return_documents"
    objects: ClassVar[bool] = True

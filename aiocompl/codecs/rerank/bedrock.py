"""Reranking on Amazon Bedrock: an API of its agents' runtime, on a host of its own, signed for like the runtime.

API keys of Bedrock are not good for it; it wants credentials that sign.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Rerank.html (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from aiocompl._compat import override
from aiocompl.codecs.bedrock import ConverseCodec
from aiocompl.codecs.bound import endpoint_url
from aiocompl.codecs.rerank.common import SPECIAL, RerankOperation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.vendor import Vendor
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import RerankRequest

RUNTIME: Final = "//bedrock-runtime."
"""How the runtime's host begins; the hosts of the region's other services differ in that alone."""


class BedrockRerank(RerankOperation):
    """Bedrock's reranking, bound to one endpoint. See `Operation` for the contract."""

    score: ClassVar[str] = "relevanceScore"
    objects: ClassVar[bool] = True

    def __init__(self, vendor: Vendor, endpoint: Endpoint) -> None:
        chat = ConverseCodec(vendor, endpoint)
        base = endpoint.base_url.replace(RUNTIME, "//bedrock-agent-runtime.", 1)
        super().__init__(vendor, endpoint, url=endpoint_url(base, "/rerank"), unsupported=SPECIAL, chat=chat)
        self._models = f"arn:{_partition(chat.region)}:bedrock:{chat.region}::foundation-model/"

    @override
    def _body(self, request: RerankRequest) -> dict[str, Any]:
        name = request.model
        count = request.params.get("top_n", len(request.documents))
        return {
            "queries": [{"type": "TEXT", "textQuery": {"text": request.query}}],
            "sources": [
                {"type": "INLINE", "inlineDocumentSource": _source(document)}
                for document in request.documents
            ],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {
                    "modelConfiguration": {
                        "modelArn": name if name.startswith("arn:") else self._models + name
                    },
                    "numberOfResults": min(count, len(request.documents)),
                },
            },
        }


def _source(document: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(document, str):
        return {"type": "TEXT", "textDocument": {"text": document}}
    return {"type": "JSON", "jsonDocument": document}


def _partition(region: str) -> str:
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"

"""Vendors of embeddings who have no chat.

Source: the vendors' documentation (`docs`) and official clients, 2026-11.
"""

from __future__ import annotations

from typing import Final

from aiocompl.codecs.vendor import EmbeddingRules, Vendor

VENDORS: Final = (
    # A closed schema; "float" is said by leaving the format out.
    Vendor(
        name="voyage",
        title="Voyage AI",
        base_url="https://api.voyageai.com/v1",
        api_key_env=("VOYAGE_API_KEY",),
        base_env=("VOYAGE_API_BASE",),
        path="",
        max_inputs=1000,
        rerank="/rerank",
        models="",
        embedding_rules=EmbeddingRules(
            native=frozenset({"output_dtype", "truncation"}),
            unsupported=frozenset({"user"}),
            renames=(("dimensions", "output_dimension"), ("truncate", "truncation")),
            formats=frozenset({"base64"}),
            tokens=False,
        ),
        docs="https://docs.voyageai.com/reference/embeddings-api",
    ),
    Vendor(
        name="jina_ai",
        title="Jina AI embeddings",
        base_url="https://api.jina.ai/v1",
        api_key_env=("JINA_AI_API_KEY", "JINA_API_KEY"),
        base_env=("JINA_AI_API_BASE",),
        path="",
        rerank="/rerank",
        models="",
        embedding_rules=EmbeddingRules(
            native=frozenset({"embedding_type", "late_chunking", "normalized", "task"}),
            unsupported=frozenset({"user"}),
            renames=(("input_type", "task"), ("encoding_format", "embedding_type")),
            input_types=(("query", "retrieval.query"), ("document", "retrieval.passage")),
            tokens=False,
        ),
        docs="https://jina.ai/embeddings",
    ),
)

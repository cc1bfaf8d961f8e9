"""The keywords of the calls beside chat: embeddings, reranking, moderation and model lists.

As in `params`, `None` means "not given" and is never sent. The names are OpenAI's and LiteLLM's; those that only some
providers have are refused by the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.types.params import CallOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class EmbeddingParams(CallOptions, total=False):
    """Every keyword of `aembedding` besides `model` and `input`."""

    dimensions: int | None
    """How long the vectors shall be, where the model lets one choose."""
    encoding_format: str | None
    """``"float"`` (default) for lists of numbers, ``"base64"`` for text that holds little-endian 32-bit floats."""
    user: str | None
    input_type: str | None
    """What the texts are for: ``"query"`` or ``"document"``, or a word of the provider's own (``"CLUSTERING"``)."""
    truncate: str | bool | None
    """What happens to texts that are too long: true cuts them, false has them refused; or the provider's own word."""


class RerankParams(CallOptions, total=False):
    """Every keyword of `arerank` besides `model`, `query` and `documents`."""

    top_n: int | None
    """How many documents to return; all by default."""
    return_documents: bool | None
    """Return the documents' texts with their places."""
    max_chunks_per_doc: int | None
    max_tokens_per_doc: int | None
    rank_fields: Sequence[str] | None


class ModerationParams(CallOptions, total=False):
    """Every keyword of `amoderation` besides `input` and `model`."""


class ModelsParams(CallOptions, total=False):
    """Every keyword of `amodels` besides `provider`."""


def _own(params: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(params) - frozenset(CallOptions.__annotations__)


OPERATION_PARAMS: Final[Mapping[str, frozenset[str]]] = {
    "embeddings": _own(EmbeddingParams.__annotations__),
    "rerank": _own(RerankParams.__annotations__),
    "moderations": frozenset(),
    "models": frozenset(),
    "batches": frozenset(),
}
"""The parameters of each operation that are sent; a provider takes its own beside them."""

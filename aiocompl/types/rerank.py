"""Reranked documents, in the shape of Cohere's response, which the others (and LiteLLM) follow.

Source: https://docs.cohere.com/reference/rerank (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import attrs

from aiocompl._compat import override
from aiocompl.types.completion import Usage
from aiocompl.types.model import JSON, Model, beside

if TYPE_CHECKING:
    from aiocompl.types.call import CallInfo


@attrs.define(kw_only=True, repr=False)
class RerankResult(Model):
    """One document's place in the order."""

    index: int
    """The document's place in `documents`."""
    relevance_score: float
    document: dict[str, Any] | None = None
    """The document itself, as ``{"text": ...}``, where `return_documents` asked for it."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            index=pop("index"),
            relevance_score=pop("relevance_score"),
            document=pop("document", None),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class RerankResponse(Model):
    """Documents by what they have to do with the query, the most relevant first.

    For example::

        {"id": "r1", "model": "rerank-v3.5", "results": [{"index": 2, "relevance_score": 0.98}]}
    """

    id: str = ""
    model: str = ""
    """The model that answered, where the provider says so."""
    results: list[RerankResult]
    meta: dict[str, Any] | None = None
    """What the provider says of the call, such as the units it bills."""
    usage: Usage | None = None
    call: CallInfo | None = beside()  # noqa: RUF009 - an attrs field
    """Timing and identity of the call; see `ChatCompletion.call`."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        usage = pop("usage", None)
        return cls(
            id=pop("id", None) or "",
            model=pop("model", None) or "",
            results=[RerankResult.take(item) for item in pop("results")],
            meta=pop("meta", None),
            usage=None if usage is None else Usage.take(usage),
            model_extra=data,
        )

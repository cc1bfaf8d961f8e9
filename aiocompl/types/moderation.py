"""OpenAI's moderation objects.

Source: https://developers.openai.com/api/docs, the moderation object (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import attrs

from aiocompl._compat import override
from aiocompl.types.model import JSON, Model, beside

if TYPE_CHECKING:
    from aiocompl.types.call import CallInfo


@attrs.define(kw_only=True, repr=False)
class Moderation(Model):
    """The judgement on one input."""

    flagged: bool
    """Whether any category applies."""
    categories: dict[str, bool]
    """Whether each category applies, by the provider's names, such as ``"harassment/threatening"``."""
    category_scores: dict[str, float]
    """How surely each applies, from 0 to 1."""
    category_applied_input_types: dict[str, list[str]] | None = None
    """Which kinds of input (``"text"``, ``"image"``) each was judged by."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            flagged=pop("flagged"),
            categories=pop("categories"),
            category_scores=pop("category_scores"),
            category_applied_input_types=pop("category_applied_input_types", None),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class ModerationResponse(Model):
    """Judgements in the order of the inputs, in the shape of OpenAI's response.

    For example::

        {"id": "modr-1", "model": "omni-moderation-latest",
         "results": [{"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.0001}}]}
    """

    id: str = ""
    model: str = ""
    results: list[Moderation]
    call: CallInfo | None = beside()  # noqa: RUF009 - an attrs field
    """Timing and identity of the call; see `ChatCompletion.call`."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            id=pop("id", None) or "",
            model=pop("model", None) or "",
            results=[Moderation.take(item) for item in pop("results")],
            model_extra=data,
        )

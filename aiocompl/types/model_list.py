"""OpenAI's list of models.

Source: https://developers.openai.com/api/docs, the model object (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import attrs

from aiocompl._compat import override
from aiocompl.types.model import JSON, Model, beside

if TYPE_CHECKING:
    from aiocompl.types.call import CallInfo


@attrs.define(kw_only=True, repr=False)
class ModelInfo(Model):
    """One model of a provider; what the provider says beyond OpenAI's fields is kept."""

    id: str
    """The name to ask it by, without the provider's prefix."""
    object: str = "model"
    created: int | None = None
    """Seconds since 1970, where the provider says."""
    owned_by: str | None = None

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            id=pop("id"),
            object=pop("object", None) or "model",
            created=pop("created", None),
            owned_by=pop("owned_by", None),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class ModelList(Model):
    """A provider's models, in the shape of OpenAI's list.

    For example::

        {"object": "list", "data": [{"id": "gpt-4o", "object": "model", "created": 1715367049, "owned_by": "openai"}]}
    """

    object: str = "list"
    data: list[ModelInfo]
    next_page: str | None = beside()
    """Where the next page begins, in the provider's own words; None after the last. `amodels` gives all pages as one."""
    call: CallInfo | None = beside()  # noqa: RUF009 - an attrs field
    """Timing and identity of the call; see `ChatCompletion.call`."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            object=pop("object", None) or "list",
            data=[ModelInfo.take(item) for item in pop("data")],
            model_extra=data,
        )

"""OpenAI's embedding objects.

Source: https://developers.openai.com/api/docs, the embedding object (2026-11).
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from sys import byteorder
from typing import TYPE_CHECKING, Self

import attrs

from aiocompl._compat import override
from aiocompl.types.completion import Usage
from aiocompl.types.model import JSON, Model, beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.types.call import CallInfo


@attrs.define(kw_only=True, repr=False)
class Embedding(Model):
    """The vector of one text."""

    object: str = "embedding"
    index: int = 0
    """The text's place in `input`."""
    embedding: list[float] | str
    """The vector, or the base64 of its little-endian 32-bit floats where ``encoding_format="base64"``."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        return cls(
            object=pop("object", None) or "embedding",
            index=pop("index", None) or 0,
            embedding=pop("embedding"),
            model_extra=data,
        )


@attrs.define(kw_only=True, repr=False)
class EmbeddingResponse(Model):
    """Vectors in the order of the texts, in the shape of OpenAI's response.

    For example::

        {"object": "list", "model": "text-embedding-3-small",
         "data": [{"object": "embedding", "index": 0, "embedding": [0.01, -0.02]}],
         "usage": {"prompt_tokens": 5, "total_tokens": 5}}
    """

    object: str = "list"
    data: list[Embedding]
    model: str = ""
    """The model that answered, by the provider's name."""
    usage: Usage | None = None
    call: CallInfo | None = beside()  # noqa: RUF009 - an attrs field
    """Timing and identity of the call; see `ChatCompletion.call`."""

    @classmethod
    @override
    def take(cls, data: JSON) -> Self:
        pop = data.pop
        usage = pop("usage", None)
        return cls(
            object=pop("object", None) or "list",
            data=[Embedding.take(item) for item in pop("data")],
            model=pop("model", None) or "",
            usage=None if usage is None else Usage.take(usage),
            model_extra=data,
        )


def packed(vector: Sequence[float]) -> str:
    """A vector as base64 of little-endian 32-bit floats, OpenAI's ``"base64"`` format."""
    return b64encode(_swapped(array("f", vector)).tobytes()).decode("ascii")


def unpacked(text: str) -> list[float]:
    """The vector that a base64 text of little-endian 32-bit floats holds.

    Raises:
        ValueError: It holds none.
    """
    return _swapped(array("f", b64decode(text, validate=True))).tolist()


def _swapped(floats: array[float]) -> array[float]:
    if byteorder == "big":  # pragma: no cover - on other machines than ours
        floats.byteswap()
    return floats

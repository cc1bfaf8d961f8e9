"""What the embeddings of all dialects do alike: vectors in the form that was asked for, one for each text."""

from __future__ import annotations

from typing import Protocol

from aiocompl.codecs.base import Operation
from aiocompl.types.embedding import EmbeddingResponse, packed, unpacked
from aiocompl.types.request import EmbeddingRequest


class EmbeddingOperation(Operation[EmbeddingRequest, EmbeddingResponse], Protocol):
    """A dialect's embeddings. See `Operation`."""

    @property
    def max_inputs(self) -> int:
        """The most texts that one request may hold."""
        ...


def as_asked(response: EmbeddingResponse, request: EmbeddingRequest) -> EmbeddingResponse:
    """Put vectors into the order of the texts and the form asked for, whatever the provider sent.

    Raises:
        ValueError: There is not one vector for each text, or it is no vector.
    """
    data = response.data
    data.sort(key=lambda item: item.index)
    if [item.index for item in data] != list(range(len(request.input))):
        raise ValueError(f"{len(data)} vectors for {len(request.input)} texts")
    as_text = request.params.get("encoding_format") == "base64"
    for item in data:
        if isinstance(item.embedding, str) != as_text:
            vector = item.embedding
            item.embedding = unpacked(vector) if isinstance(vector, str) else packed(vector)
    return response

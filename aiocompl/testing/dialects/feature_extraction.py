"""Hugging Face's feature extraction as its router speaks it; everything else there is OpenAI's dialect.

Source: https://huggingface.co/docs/inference-providers/tasks/feature-extraction (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings.common import (
    as_asked,
    need_known,
    need_length,
    need_texts,
    vectors,
)
from aiocompl.testing.dialects.openai import OpenAIDialect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Problem, Received

PATH: Final = re.compile(r"(?:/hf-inference)?/models/(.+)/pipeline/feature-extraction")
MOST: Final = 32

_FIELDS: Final = (
    "dimensions",
    "encoding_format",
    "inputs",
    "normalize",
    "prompt_name",
    "truncate",
    "truncation_direction",
)


def make(*, api_key: str | None = None, models: Sequence[str] | None = None) -> FeatureExtractionDialect:
    """Make the dialect; see `make_dialect`."""
    return FeatureExtractionDialect(api_key=api_key, models=models)


class FeatureExtractionDialect(OpenAIDialect):
    """``POST /hf-inference/models/{model}/pipeline/feature-extraction``, and what `OpenAIDialect` has."""

    @override
    def read_embeddings(self, received: Received) -> Asked | None:
        """Understand a request for embeddings; the answer is nothing but vectors, so a header counts the tokens."""
        if (match := PATH.fullmatch(received.path)) is None:
            return super().read_embeddings(received)
        body = parts.parsed(received.body, "Failed to parse the request body as JSON")
        need_known(body, _FIELDS, "Failed to deserialize the JSON body: unknown field `{}`", status=422)
        given = body.get("inputs")
        message = "batch size {given} > maximum allowed batch size {most}"
        texts = need_texts([given] if isinstance(given, str) else given, "inputs", most=MOST, message=message)
        length = need_length(body.get("dimensions"), "`dimensions` must be positive")
        asked = as_asked(received, body, model=match[1], texts=texts, dimensions=length)
        return attrs.evolve(asked, answer_headers={"x-compute-tokens": str(asked.prompt_tokens)})

    @override
    def embeddings(self, asked: Asked, answers: Sequence[Answer]) -> bytes:
        """The answer to a request for embeddings: one text alone gets one vector."""
        if "inputs" not in asked.body:
            return super().embeddings(asked, answers)
        made = vectors(asked)
        return orjson.dumps(made[0] if isinstance(asked.body["inputs"], str) else made)

    @override
    def error_body(self, problem: Problem) -> bytes:
        """The body of an error; see `Dialect`."""
        return orjson.dumps({"error": orjson.loads(super().error_body(problem))["error"]["message"]})

"""Ollama's embeddings, ``/api/embed`` and the older ``/api/embeddings``, as its server speaks them.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md and the types of the official Python client 0.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings.common import as_asked, counted, need_length, vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Received

OLD: Final = "/api/embeddings"
PATHS: Final = ("/api/embed", OLD)
_NANOSECONDS: Final = 1_000_000


def read(received: Received) -> Asked:
    """Understand a request.

    Raises:
        ProblemError: Ollama would refuse it.
    """
    body = parts.parsed(received.body, "missing request body")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise parts.refused("model is required")
    given: Any = body.get("prompt") if received.path == OLD else body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise parts.refused("invalid input type")
    if not isinstance(body.get("truncate", True), bool):
        raise parts.refused(
            "json: cannot unmarshal string into Go struct field EmbedRequest.truncate of type bool"
        )
    length = need_length(body.get("dimensions"), "dimensions must be positive")
    return as_asked(received, body, model=body["model"], texts=texts, dimensions=length)


def body(asked: Asked, answers: Sequence[Answer]) -> bytes:
    """An answer; to the older path it is one vector and nothing else."""
    made = vectors(asked)
    if "prompt" in asked.body:
        return orjson.dumps({"embedding": made[0]})
    durations = {"total_duration": 2 * _NANOSECONDS, "load_duration": _NANOSECONDS}
    count = counted(asked, answers)
    return orjson.dumps({"model": asked.model, "embeddings": made, **durations, "prompt_eval_count": count})

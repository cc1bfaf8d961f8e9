"""Embeddings on Amazon Bedrock (InvokeModel) as its server speaks them: Titan's, Nova's and Cohere's bodies.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html and recorded answers (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings import cohere
from aiocompl.testing.dialects.embeddings.common import as_asked, counted, need_known, need_length, vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Received

PATH: Final = re.compile(r"(?:/v1)?/model/(.+)/invoke")

_EXTRANEOUS: Final = "Malformed input request: #: extraneous key [{}] is not permitted, please reformat your input and try again."
_TITAN_V1: Final = ("inputText",)
_TITAN_V2: Final = ("inputText", "dimensions", "normalize", "embeddingTypes")
_COHERE: Final = (
    "texts",
    "images",
    "inputs",
    "input_type",
    "truncate",
    "embedding_types",
    "output_dimension",
    "max_tokens",
)
_PURPOSES: Final = (
    "GENERIC_INDEX",
    "GENERIC_RETRIEVAL",
    "TEXT_RETRIEVAL",
    "DOCUMENT_RETRIEVAL",
    "CLASSIFICATION",
    "CLUSTERING",
)


def read(received: Received, model: str) -> Asked:
    """Understand a request.

    Raises:
        ProblemError: Bedrock would refuse it.
    """
    asked = _read(received, model)
    return attrs.evolve(asked, answer_headers={"x-amzn-bedrock-input-token-count": str(asked.prompt_tokens)})


def _read(received: Received, model: str) -> Asked:
    body = parts.parsed(received.body, "Malformed input request, please reformat your input and try again.")
    if "cohere.embed" in model:
        need_known(body, _COHERE, _EXTRANEOUS)
        return cohere.checked(received, body, model)
    if "nova" in model:
        return _read_nova(received, body, model)
    if "titan-embed" not in model:
        raise parts.refused("The provided model identifier is invalid.")
    need_known(body, _TITAN_V2 if "v2" in model else _TITAN_V1, _EXTRANEOUS)
    text = body.get("inputText")
    if not isinstance(text, str) or not text:
        raise parts.refused("Malformed input request: expected minLength: 1, actual: 0")
    message = "Malformed input request: #/dimensions: value is not one of the allowed values: 256, 512, 1024"
    length = need_length(body.get("dimensions"), message, (256, 512, 1024))
    return as_asked(received, body, model=model, texts=[text], dimensions=length)


def body(asked: Asked, answers: Sequence[Answer]) -> bytes:
    """An answer."""
    if "cohere.embed" in asked.model:
        return orjson.dumps(cohere.vectors_by_type(asked))
    (made,) = vectors(asked)
    if "nova" in asked.model:
        return orjson.dumps({"embeddings": [{"embeddingType": "TEXT", "embedding": made}]})
    answer = {"embedding": made, "inputTextTokenCount": counted(asked, answers)}
    if "v2" in asked.model:
        answer["embeddingsByType"] = {"float": made}
    return orjson.dumps(answer)


def _read_nova(received: Received, body: dict[str, Any], model: str) -> Asked:
    need_known(body, ("schemaVersion", "taskType", "singleEmbeddingParams"), _EXTRANEOUS)
    given = body.get("singleEmbeddingParams")
    if body.get("taskType") != "SINGLE_EMBEDDING" or not isinstance(given, dict):
        raise parts.refused("Invalid taskType: expected SINGLE_EMBEDDING with singleEmbeddingParams.")
    if given.get("embeddingPurpose") not in _PURPOSES:
        raise parts.refused("Invalid embeddingPurpose.")
    text = given.get("text") or {}
    if not text.get("value") or text.get("truncationMode") not in ("START", "END", "NONE"):
        raise parts.refused("Invalid text: value and truncationMode are required.")
    message = "Invalid embeddingDimension: must be one of 256, 384, 1024, 3072."
    length = need_length(given.get("embeddingDimension"), message, (256, 384, 1024, 3072))
    return as_asked(received, body, model=model, texts=[text["value"]], dimensions=length)

"""Cohere's embeddings, versions 2 and 1, as a server speaks them.

Source: https://docs.cohere.com/reference/embed and the types of the official Python SDK 7.3 (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings.common import (
    as_asked,
    counted,
    need_known,
    need_length,
    need_texts,
    packed,
    small,
    vectors,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Received

PATHS: Final = ("/v2/embed", "/v1/embed")
MOST: Final = 96

_FIELDS: Final = (
    "embedding_types",
    "images",
    "input_type",
    "inputs",
    "max_tokens",
    "model",
    "output_dimension",
    "priority",
    "texts",
    "truncate",
)
_INPUT_TYPES: Final = ("search_document", "search_query", "classification", "clustering", "image")
_KINDS: Final = ("float", "int8", "uint8", "binary", "ubinary", "base64")
_LENGTHS: Final = (256, 512, 1024, 1536)


def read(received: Received) -> Asked:
    """Understand a request.

    Raises:
        ProblemError: Cohere would refuse it.
    """
    body = parts.parsed(received.body, "invalid request: the body is not valid JSON")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise parts.refused("invalid request: model is required", status=422)
    need_known(
        body, _FIELDS, "invalid request: unknown field: parameter '{}' is not a valid field", status=422
    )
    return checked(received, body, model)


def checked(received: Received, body: dict[str, Any], model: str) -> Asked:
    """Hold a parsed body to the rules that hold on Bedrock too.

    Raises:
        ProblemError: It breaks one.
    """
    if body.get("input_type") not in _INPUT_TYPES:
        raise parts.refused("invalid request: valid input_type must be provided with the provided model")
    if body.get("truncate") not in (None, "NONE", "START", "END"):
        raise parts.refused("invalid request: truncate must be one of NONE, START, END")
    for kind in body.get("embedding_types") or ():
        if kind not in _KINDS:
            raise parts.refused(f"invalid request: invalid embedding type '{kind}'")
    length = body.get("output_dimension")
    if length is not None and "v4" not in model:
        raise parts.refused("invalid request: output_dimension is not supported by this model")
    message = "invalid request: output_dimension must be one of 256, 512, 1024, 1536"
    texts = need_texts(
        body.get("texts"),
        "texts",
        most=MOST,
        message="invalid request: total number of texts must be at most {most} - received {given}",
    )
    length = need_length(length, message, _LENGTHS, param="output_dimension")
    return as_asked(received, body, model=model, texts=texts, dimensions=length)


def body(asked: Asked, answers: Sequence[Answer]) -> bytes:
    """An answer of version 2, or of 1 where the request names types of vectors."""
    count = counted(asked, answers)
    meta = {"api_version": {"version": "2"}, "billed_units": {"input_tokens": count}}
    return orjson.dumps({**vectors_by_type(asked), "meta": meta})


def vectors_by_type(asked: Asked) -> dict[str, Any]:
    """The vectors of every type that was asked for; bare where none was, as by version 1 and on Bedrock."""
    made, kinds = vectors(asked), asked.body.get("embedding_types")
    head = {"id": parts.uuid(asked.number), "texts": list(asked.inputs)}
    if not kinds and "v4" not in asked.model:
        return {**head, "embeddings": made, "response_type": "embeddings_floats"}
    found: Mapping[str, Any] = {kind: [_as(kind, each) for each in made] for kind in kinds or ("float",)}
    return {**head, "embeddings": found, "response_type": "embeddings_by_type"}


def _as(kind: str, numbers: list[float]) -> Any:
    if kind == "float":
        return numbers
    if kind == "base64":
        return packed(numbers)
    signed = small(numbers)
    return signed if kind in ("int8", "binary") else [number + 128 for number in signed]

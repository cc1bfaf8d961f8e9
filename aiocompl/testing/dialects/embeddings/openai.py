"""OpenAI's embeddings as a server speaks them, and those of vendors whose schema is near to it; the model tells which.

Sources: https://developers.openai.com/api/docs, https://docs.mistral.ai/api/endpoint/embeddings,
https://docs.voyageai.com/reference/embeddings-api, https://jina.ai/embeddings and
https://docs.perplexity.ai/api-reference/embeddings-post (2026-11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.testing.dialects import parts
from aiocompl.testing.dialects.embeddings.common import (
    as_asked,
    counted,
    need_known,
    need_length,
    packed,
    small,
    vectors,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.answer import Answer
    from aiocompl.testing.asked import Asked, Received


@attrs.frozen(kw_only=True)
class _Schema:
    """What a vendor takes."""

    fields: tuple[str, ...] | None
    """All that a request may have besides model and input; None takes any."""

    most: int = 2048
    length: str = "dimensions"
    """The field that says how long vectors shall be."""

    format: str = "encoding_format"
    formats: tuple[str, ...] = ("float", "base64")
    status: int = 400
    """That of a request with a field too many."""

    tokens: bool = False
    """Texts may be lists of token numbers."""

    named: bool = False
    """Answers have an id."""

    small: bool = False
    """Vectors are base64 of whole numbers, unless the request says otherwise."""


_OPENAI: Final = _Schema(fields=("dimensions", "encoding_format", "user"), tokens=True)
_SCHEMAS: Final = {
    "text-embedding-": _OPENAI,
    "mistral-embed": _Schema(
        fields=("encoding_format", "metadata", "output_dimension", "output_dtype"),
        most=256,
        length="output_dimension",
        status=422,
        named=True,
    ),
    "voyage-": _Schema(
        fields=("encoding_format", "input_type", "output_dimension", "output_dtype", "truncation"),
        most=1000,
        length="output_dimension",
        formats=("base64",),
    ),
    "jina-embeddings-": _Schema(
        fields=(
            "dimensions",
            "embedding_type",
            "late_chunking",
            "normalized",
            "task",
            "truncate",
        ),
        format="embedding_type",
        formats=("float", "base64", "binary", "ubinary"),
        status=422,
    ),
    "pplx-embed-": _Schema(
        fields=("dimensions", "encoding_format"),
        most=512,
        formats=("base64_int8", "base64_binary"),
        status=422,
        small=True,
    ),
}
"""By the start of the model's name."""

_ANY: Final = _Schema(fields=None, tokens=True)


def read(received: Received) -> Asked:
    """Understand a request.

    Raises:
        ProblemError: The real provider would refuse it.
    """
    body = parts.parsed(received.body, "We could not parse the JSON body of your request.")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise parts.refused("you must provide a model parameter")
    schema = _schema(model)
    if schema.fields is not None:
        known = ("model", "input", *schema.fields)
        need_known(body, known, "Unrecognized request argument supplied: {}", status=schema.status)
    given = body.get(schema.format)
    if given is not None and given not in schema.formats:
        raise parts.refused(
            f"Invalid value: '{given}'. Supported values are: {', '.join(schema.formats)}.",
            param=schema.format,
        )
    length = need_length(
        body.get(schema.length), f"Invalid value for '{schema.length}': must be >= 1.", param=schema.length
    )
    if length is not None and "ada-002" in model:
        raise parts.refused("This model does not support specifying dimensions.", param="dimensions")
    return as_asked(received, body, model=model, texts=_texts(body.get("input"), schema), dimensions=length)


def body(asked: Asked, answers: Sequence[Answer]) -> bytes:
    """An answer."""
    schema, count = _schema(asked.model), counted(asked, answers)
    made = [_written(each, asked, schema) for each in vectors(asked)]
    data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(made)]
    usage = {"total_tokens": count} if "voyage" in asked.model else _usage(count)
    head = {"id": f"{asked.number:032x}"} if schema.named else {}
    return orjson.dumps({**head, "object": "list", "data": data, "model": asked.model, "usage": usage})


def _schema(model: str) -> _Schema:
    name = "mistral-embed" if model.startswith("codestral-embed") else model
    return next((schema for start, schema in _SCHEMAS.items() if name.startswith(start)), _ANY)


def _usage(count: int) -> dict[str, int]:
    return {"prompt_tokens": count, "total_tokens": count}


def _texts(given: Any, schema: _Schema) -> list[str]:
    """The texts, token numbers written out."""
    listed = [given] if isinstance(given, str) else given
    if isinstance(listed, list) and listed and all(isinstance(each, int) for each in listed):
        listed = [listed]
    if not isinstance(listed, list) or not listed:
        raise parts.refused("Missing required parameter: 'input'.", param="input")
    if len(listed) > schema.most:
        raise parts.refused(
            f"Invalid 'input': array too long. Expected an array with maximum length {schema.most}, but got an array "
            f"with length {len(listed)} instead.",
            param="input",
        )
    return [_text(each, schema) for each in listed]


def _text(given: Any, schema: _Schema) -> str:
    if isinstance(given, list) and schema.tokens and given and all(type(each) is int for each in given):
        return " ".join(map(str, given))
    if not isinstance(given, str):
        raise parts.refused("'input' must be a string or an array of strings.", param="input")
    if not given:
        raise parts.refused("'input' cannot be an empty string.", param="input")
    return given


def _written(numbers: list[float], asked: Asked, schema: _Schema) -> Any:
    """A vector as the request wants it."""
    form = asked.body.get(schema.format)
    whole = asked.body.get("output_dtype") == "int8"
    if schema.small:
        return packed(small(numbers), "b")
    if form == "base64":
        return packed(small(numbers), "b") if whole else packed(numbers)
    return small(numbers) if whole else numbers

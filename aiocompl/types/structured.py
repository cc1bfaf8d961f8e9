"""Classes as `response_format`: what is asked of the model for one, and the answer read as one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.errors import BadRequestError, ResponseFormatError
from aiocompl.types import json_schema
from aiocompl.types.annotations import shape_of
from aiocompl.types.shapes import Book, MisfitError
from aiocompl.types.shapes_compound import Field, Record, Table
from aiocompl.types.shapes_pydantic import PydanticShape

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion, ChatCompletionMessage
    from aiocompl.types.model import JSON
    from aiocompl.types.shapes import Shape

WRAPPED: Final = "value"
"""The property that holds the answer where it is no object: only objects can be asked for."""

_FENCED: Final = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?\s*```\s*", re.DOTALL).fullmatch
_MAX_KNOWN: Final = 256


@attrs.frozen(eq=False)
class AnswerType:
    """A type that answers are to be read as."""

    response_format: Mapping[str, Any]
    """What is asked of the model, in OpenAI's words."""
    _shape: Shape
    _wrapped: bool

    def read(self, text: str) -> Any:
        """The instance that an answer's text makes; a Markdown fence around the JSON is passed over.

        Raises:
            MisfitError: The text is no JSON, or does not fit.
        """
        if fenced := _FENCED(text):
            text = fenced[1]
        try:
            if isinstance(self._shape, PydanticShape) and not self._wrapped:
                return self._shape.read_text(text, "")
            value = _parsed(text)
            if not self._wrapped:
                return self._shape.read(value, "")
            if not isinstance(value, dict) or WRAPPED not in value:
                raise MisfitError(WRAPPED, "is missing")
            return self._shape.read(value[WRAPPED], WRAPPED)
        except RecursionError as error:
            raise MisfitError("", "is nested too deeply") from error

    def read_into(self, completion: ChatCompletion) -> None:
        """Set `parsed`, or `parsing_error`, on each message that answers; refusals and tool calls have neither."""
        for choice in completion.choices:
            message = choice.message
            if not _answers(message):
                continue
            try:
                message.parsed = self.read(_text(message.content))
            except MisfitError as misfit:
                message.parsing_error = _error(completion, choice.finish_reason, misfit)


def answer_type_of(given: object) -> AnswerType:
    """What a class given as `response_format` means; found out once for each class.

    Raises:
        BadRequestError: It is no class that a JSON Schema can be made of; the message says where and why.
    """
    if isinstance(given, str) or given is None:
        raise BadRequestError(
            "response_format must be a mapping such as {'type': 'json_object'}, or a class",
            param="response_format",
        )
    try:
        return _known(given)
    except TypeError:  # not hashable: an annotation, say, that holds a list
        return _answer_type(given)


def _answer_type(given: Any) -> AnswerType:
    shape = shape_of(given)
    book = Book()
    try:
        body, wrapped = _body(shape, book)
    except Exception as error:  # pydantic's, of many classes
        raise BadRequestError(
            f"response_format: no JSON Schema can be made of {_name(given)}: {error}", param="response_format"
        ) from error
    schema = body | ({"$defs": book.defs} if book.defs else {})
    asked = {"name": _name(given), "schema": schema, "strict": book.strict}
    return AnswerType({"type": "json_schema", "json_schema": asked}, shape, wrapped)


_known = lru_cache(maxsize=_MAX_KNOWN)(_answer_type)
"""Bounded rather than weak: what is known of a class makes instances of it, so it would keep it alive in any case."""


def _body(shape: Shape, book: Book) -> tuple[JSON, bool]:
    """The schema of the whole answer, and whether the shape had to be wrapped in an object for it."""
    if isinstance(shape, (Record, PydanticShape)):
        body = shape.body(book)
        if body.get("type") == "object":
            return body, False
    elif isinstance(shape, Table):
        return shape.schema(book), False
    field = Field(name=WRAPPED, shape=shape, required=True)
    return Record(object, fields=[field]).body(book), True


def _name(given: Any) -> str:
    name = given.__name__ if isinstance(given, type) else "answer"
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "answer"


def fits(completion: ChatCompletion, response_format: Any) -> bool:
    """Whether every answer is JSON that fits what was asked for.

    Args:
        completion: The whole answer. Refusals and answers without text do not fit.
        response_format: A class, or a mapping in OpenAI's shape. Of a JSON Schema the keywords are looked at that
            structured outputs know; ``{"type": "text"}`` fits whatever there is.
    """
    if isinstance(response_format, Mapping) and response_format.get("type") not in {
        "json_object",
        "json_schema",
    }:
        return True
    return bool(completion.choices) and all(
        _answers(choice.message) and _fits(_text(choice.message.content), response_format)
        for choice in completion.choices
    )


def _fits(text: str, response_format: Any) -> bool:
    try:
        if not isinstance(response_format, Mapping):
            answer_type_of(response_format).read(text)
            return True
        value = _parsed(text)
        if response_format["type"] == "json_object":
            return isinstance(value, dict)
        asked = response_format.get("json_schema")
        schema = asked.get("schema") if isinstance(asked, Mapping) else None
        json_schema.check(value, schema, schema)
    except (MisfitError, RecursionError):
        return False
    return True


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MisfitError("", f"is no JSON: {error.msg}") from error


def _answers(message: ChatCompletionMessage) -> bool:
    return not (message.refusal or message.tool_calls or message.function_call)


def _text(content: Any) -> str:
    """The text of a message's content, which some vendors give in blocks."""
    if isinstance(content, list):
        texts = (block.get("text") for block in content if isinstance(block, dict))
        return "".join(text for text in texts if isinstance(text, str))
    return content if isinstance(content, str) else ""


def _error(completion: ChatCompletion, reason: str | None, misfit: MisfitError) -> ResponseFormatError:
    cut = " (the answer was cut off: finish_reason 'length')" if reason == "length" else ""
    error = ResponseFormatError(
        f"the answer does not fit response_format: {misfit}{cut}",
        provider=completion.call.provider if completion.call else None,
        model=completion.model,
        param="response_format",
    )
    cause = misfit.__cause__
    error.__cause__ = cause and cause.with_traceback(
        None
    )  # a traceback would keep the frames it passed alive
    return error

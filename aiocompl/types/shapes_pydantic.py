"""Pydantic models as shapes: they write their own JSON Schema, and read the JSON themselves.

Pydantic is never imported here: whoever gives a model has done so.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl._compat import override
from aiocompl.types.shapes import MisfitError, Shape, described, either

if TYPE_CHECKING:
    from aiocompl.types.model import JSON
    from aiocompl.types.shapes import Book

_KEPT: Final = frozenset(
    {
        "$ref",
        "const",
        "description",
        "enum",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "maxItems",
        "maximum",
        "minItems",
        "minimum",
        "multipleOf",
        "pattern",
        "type",
    }
)
"""Keywords of strict mode that stand as they are; the model checks the others when it reads the answer."""

_FORMATS: Final = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid"}
)


def is_pydantic(cls: object) -> bool:
    """Whether it is a model of pydantic's."""
    pydantic: Any = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(cls, type) and issubclass(cls, pydantic.BaseModel)


@attrs.frozen
class PydanticShape(Shape):
    """A model of pydantic's."""

    model: Any

    @override
    def named(self) -> str:
        return f"a {self.model.__name__} object"

    @override
    def schema(self, book: Book) -> JSON:
        return book.refer(self.model, lambda: self.body(book))

    def body(self, book: Book) -> JSON:
        """The JSON Schema itself, not a reference to it; definitions of models within go into the book.

        Raises:
            Exception: The model cannot write its schema.
        """
        whole: JSON = self.model.model_json_schema()
        defs: dict[str, JSON] = whole.get("$defs") or {}
        for name, schema in defs.items():
            made = strictened(schema, book)
            if book.defs.setdefault(name, made) not in ({}, made):
                raise ValueError(f"two classes are called {name}")
            book.defs[name] = made
        reference: str = whole.get("$ref") or ""
        own = defs.get(reference.removeprefix("#/$defs/"))
        return strictened(whole if own is None else own, book)

    @override
    def read(self, value: Any, where: str) -> Any:
        return self.read_text(orjson.dumps(value), where)

    def read_text(self, text: str | bytes, where: str) -> Any:
        """Make a model of JSON text; see `Shape.read`."""
        try:
            return self.model.model_validate_json(text)
        except Exception as error:  # pydantic's own, or whatever the model's own checks raise
            raise _misfit(error, where, self.named()) from error


def _misfit(error: Any, where: str, named: str) -> MisfitError:
    """What pydantic found first, without the value; its own text has that too."""
    if type(error).__name__ != "ValidationError":
        return MisfitError(where, f"cannot be made {named}: {type(error).__name__}")
    first: Mapping[str, Any] = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = where
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return MisfitError(path, f"does not fit: {first['msg']}")


def strictened(schema: Any, book: Book) -> JSON:
    """A JSON Schema in strict mode's subset: every property required, objects closed, other keywords left out.

    What strict mode cannot say (free keys, any value) stays, and the book tells.
    """
    if not isinstance(schema, Mapping) or not schema.keys() - {"title", "description", "default"}:
        book.strict = False  # anything at all
        return {"description": schema["description"]} if schema and schema.get("description") else {}
    made: JSON = {key: value for key, value in schema.items() if key in _KEPT}
    if schema.get("format") in _FORMATS:
        made["format"] = schema["format"]
    if schema.get("type") == "object":
        made |= _object(schema, book)
    if "items" in schema:
        made["items"] = strictened(schema["items"], book)
    elif places := schema.get("prefixItems"):  # items that differ by their place, whose number stands beside
        made["items"] = either([strictened(place, book) for place in places])
    options: Sequence[Any] = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or ()
    if options:
        made |= either([strictened(option, book) for option in options])
    if "$ref" in made and len(made) > 1:
        made = described({"$ref": made["$ref"]}, made.get("description"))
    return made


def _object(schema: Mapping[str, Any], book: Book) -> JSON:
    properties: Mapping[str, Any] = schema.get("properties") or {}
    made: JSON = {
        "properties": {name: strictened(item, book) for name, item in properties.items()},
        "required": [*properties],
    }
    rest = schema.get("additionalProperties", False if properties else None)
    if rest is False:
        return made | {"additionalProperties": False}
    book.strict = False
    rest = strictened(rest, book) if isinstance(rest, Mapping) and rest else True
    return (made if properties else {}) | {"additionalProperties": rest}

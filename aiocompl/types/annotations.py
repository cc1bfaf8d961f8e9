"""Python's types as shapes: attrs classes, dataclasses, TypedDicts, pydantic models, and what stands in their fields."""

from __future__ import annotations

import dataclasses
import typing
from collections import abc
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    Union,
    get_args,
    get_origin,
)
from uuid import UUID

import attrs

from aiocompl.errors import BadRequestError
from aiocompl.types.shapes import TYPE_WORDS, Anything, Choice, Scalar, Shape, Written
from aiocompl.types.shapes_compound import AnyOf, Array, Described, Field, Record, Row, Table
from aiocompl.types.shapes_pydantic import PydanticShape, is_pydantic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_LEAVES: Final[Mapping[Any, Shape]] = {
    str: Scalar("text", (str,)),
    bool: Scalar("a boolean", (bool,)),
    int: Scalar("a whole number", (int, float)),
    float: Scalar("a number", (float, int)),
    None: Scalar("null", (NoneType,)),
    NoneType: Scalar("null", (NoneType,)),
    Any: Anything(),
    object: Anything(),
    datetime: Written("a date and time such as 2026-11-30T12:00:00Z", datetime.fromisoformat, "date-time"),
    date: Written("a date such as 2026-11-30", date.fromisoformat, "date"),
    time: Written("a time such as 12:00:00", time.fromisoformat, "time"),
    UUID: Written("a UUID", UUID, "uuid"),
    Decimal: Written("a decimal number as text", Decimal),
}

_ARRAYS: Final[Mapping[Any, Callable[[Iterable[Any]], Any]]] = {
    list: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Collection: list,
    abc.Iterable: list,
    set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    abc.Set: frozenset,
}

_TABLES: Final = (dict, abc.Mapping, abc.MutableMapping)
_QUALIFIERS: Final = (
    typing.Required,
    typing.NotRequired,
    typing.Final,
    *filter(None, [getattr(typing, "ReadOnly", None)]),  # from Python 3.13 on
)
_STANDS_FOR: Final[Mapping[Any, str]] = {
    typing.NewType: "__supertype__",
    getattr(typing, "TypeAliasType", None): "__value__",  # what ``type X = ...`` makes, from Python 3.12 on
}
"""Names for types, and where they have the type they stand for."""


def shape_of(hint: Any) -> Shape:
    """The shape of a type: a class with fields, or anything that can stand in one.

    Raises:
        BadRequestError: JSON Schema has no words for it, or for a field's type; the message names both.
    """
    return _Reader().shape(hint, "")


class _Reader:
    """Reads types; a class met again is the same record, so that it can hold itself."""

    def __init__(self) -> None:
        self._records: dict[type, Record] = {}

    def shape(self, hint: Any, where: str) -> Shape:
        """The shape of a type; `where` names the field it stands at."""
        if (hint is None or isinstance(hint, type)) and (leaf := _LEAVES.get(hint)):
            return leaf
        if (inner := _STANDS_FOR.get(type(hint))) is not None:
            return self.shape(getattr(hint, inner), where)
        if isinstance(hint, type) and get_origin(hint) is None:
            return self._class(hint, where)
        return self._generic(hint, get_origin(hint), get_args(hint), where)

    def _class(self, cls: type, where: str) -> Shape:
        if cls in _ARRAYS or cls in _TABLES or cls is tuple:
            return self._generic(cls, cls, (), where)
        if issubclass(cls, Enum):
            return _choice([(member.value, member) for member in cls], cls, where)
        if is_pydantic(cls):
            return PydanticShape(cls)
        fields = _FIELDS_OF.get(_family(cls))
        if fields is None:
            raise _refused(cls, where)
        record = self._records.get(cls)
        if record is None:
            record = self._records[cls] = Record(cls, _docstring(cls))
            record.fields = [
                self._field(f"{cls.__name__}.{name}", name, hint, required, description)
                for name, hint, required, description in fields(cls, _hints(cls))
            ]
        return record

    def _field(self, where: str, name: str, hint: Any, required: bool, description: str | None) -> Field:
        shape = self.shape(hint, where)
        if isinstance(shape, Described):
            description, shape = description or shape.description, shape.shape
        return Field(name=name, shape=shape, required=required, description=description)

    def _generic(self, hint: Any, origin: Any, args: tuple[Any, ...], where: str) -> Shape:
        if origin is Annotated:
            shape = self.shape(args[0], where)
            texts = [text for text in args[1:] if isinstance(text, str)]
            return Described(shape, " ".join(texts)) if texts else shape
        if origin is Literal:
            return _choice(
                [(value.value if isinstance(value, Enum) else value, value) for value in args], hint, where
            )
        if origin in (Union, UnionType):
            return AnyOf([self.shape(arg, where) for arg in args])
        if origin in _QUALIFIERS:
            return self.shape(args[0], where)
        if origin is tuple and args and args[-1] is not Ellipsis:
            return Row([self.shape(arg, where) for arg in args])
        if origin is tuple:
            return Array(self.shape(args[0] if args else Any, where), tuple)
        if origin in _ARRAYS:
            return Array(self.shape(args[0] if args else Any, where), _ARRAYS[origin])
        if origin in _TABLES and (not args or args[0] is str):
            return Table(self.shape(args[1] if args else Any, where))
        raise _refused(hint, where)


def _choice(values: list[tuple[Any, Any]], hint: Any, where: str) -> Choice:
    if not values or any(type(value) not in TYPE_WORDS for value, _ in values):
        raise _refused(hint, where)
    return Choice(values)


def _family(cls: type) -> str:
    if attrs.has(cls):
        return "attrs"
    if dataclasses.is_dataclass(cls):
        return "dataclass"
    return "TypedDict" if issubclass(cls, dict) and "__required_keys__" in vars(cls) else ""


_Given = tuple[str, Any, bool, str | None]
"""Of a field the name, the type, whether it must be given, and what is said of it."""


def _attrs_fields(cls: Any, hints: Mapping[str, Any]) -> list[_Given]:
    return [
        (
            field.alias,
            hints.get(field.name, Any),
            field.default is attrs.NOTHING,
            _description(field.metadata),
        )
        for field in attrs.fields(cls)
        if field.init
    ]


def _dataclass_fields(cls: Any, hints: Mapping[str, Any]) -> list[_Given]:
    missing = dataclasses.MISSING
    return [
        (
            field.name,
            hints[field.name],
            field.default is missing and field.default_factory is missing,
            _description(field.metadata),
        )
        for field in dataclasses.fields(cls)
        if field.init
    ]


def _typed_dict_fields(cls: Any, hints: Mapping[str, Any]) -> list[_Given]:
    return [(name, hint, _is_required(name, hint, cls), None) for name, hint in hints.items()]


_FIELDS_OF: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], list[_Given]]]] = {
    "attrs": _attrs_fields,
    "dataclass": _dataclass_fields,
    "TypedDict": _typed_dict_fields,
}


def _is_required(name: str, hint: Any, cls: Any) -> bool:
    """Whether a TypedDict's key must be there; it does not know itself where its annotations are text."""
    origin = get_origin(hint)
    while origin is Annotated or origin in _QUALIFIERS:
        if origin in (typing.Required, typing.NotRequired):
            return origin is typing.Required
        hint = get_args(hint)[0]
        origin = get_origin(hint)
    return name in cls.__required_keys__


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise BadRequestError(
            f"response_format: the annotations of {cls.__name__} cannot be evaluated: {error}; classes named in "
            "them must stand at a module's top",
            param="response_format",
        ) from error


def _description(metadata: Mapping[Any, Any]) -> str | None:
    description = metadata.get("description")
    return description if isinstance(description, str) else None


def _docstring(cls: type) -> str | None:
    """The class's own docstring, if somebody wrote it."""
    text = vars(cls).get("__doc__")
    if not text or (dataclasses.is_dataclass(cls) and text.startswith(f"{cls.__name__}(")):
        return None
    return cleandoc(text)


def _refused(hint: Any, where: str) -> BadRequestError:
    name = hint.__name__ if isinstance(hint, type) else str(hint)
    place = f"{where} is of a type" if where else "it is a type"
    return BadRequestError(
        f"response_format: {place} that no JSON Schema can be made of: {name}. Attrs classes, dataclasses, TypedDicts "
        "and pydantic models can be, with fields of these, plain values, dates, enums, literals and collections",
        param="response_format",
    )

"""Shapes made of others: collections, alternatives, and classes with fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl._compat import override
from aiocompl.types.shapes import MisfitError, Shape, described, either, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aiocompl.types.model import JSON
    from aiocompl.types.shapes import Book


@attrs.frozen
class Array(Shape):
    """A list of any length, made into whatever collection was asked for."""

    item: Shape
    make: Callable[[Iterable[Any]], Any]

    @override
    def named(self) -> str:
        return "a list"

    @override
    def schema(self, book: Book) -> JSON:
        return {"type": "array", "items": self.item.schema(book)}

    @override
    def read(self, value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise MisfitError(where, f"must be a list, not {kind_of(value)}")
        items = [self.item.read(item, f"{where}[{index}]") for index, item in enumerate(value)]
        try:
            return self.make(items)
        except TypeError as error:
            raise MisfitError(where, "holds what cannot be put into a set") from error


@attrs.frozen
class Row(Shape):
    """A tuple: so many items, each of a shape of its own. Schemas tell their number, but not which is which."""

    items: Sequence[Shape]

    @override
    def named(self) -> str:
        return f"a list of {len(self.items)}"

    @override
    def schema(self, book: Book) -> JSON:
        number = len(self.items)
        items = either([item.schema(book) for item in self.items])
        return {"type": "array", "items": items, "minItems": number, "maxItems": number}

    @override
    def read(self, value: Any, where: str) -> Any:
        if not isinstance(value, list) or len(value) != len(self.items):
            raise MisfitError(where, f"must be {self.named()}")
        pairs = zip(self.items, value, strict=True)
        return tuple(shape.read(item, f"{where}[{index}]") for index, (shape, item) in enumerate(pairs))


@attrs.frozen
class Table(Shape):
    """An object with free keys, which strict mode does not have."""

    item: Shape

    @override
    def named(self) -> str:
        return "an object"

    @override
    def schema(self, book: Book) -> JSON:
        book.strict = False
        return {"type": "object", "additionalProperties": self.item.schema(book) or True}

    @override
    def read(self, value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise MisfitError(where, f"must be an object, not {kind_of(value)}")
        return {key: self.item.read(item, f"{where}[{key!r:.40}]") for key, item in value.items()}


@attrs.frozen
class AnyOf(Shape):
    """One of several shapes: the nearest that fits, else the first that does."""

    options: Sequence[Shape]

    @override
    def named(self) -> str:
        return " or ".join(option.named() for option in self.options)

    @override
    def schema(self, book: Book) -> JSON:
        return either([option.schema(book) for option in self.options])

    @override
    def read(self, value: Any, where: str) -> Any:
        if value is None and self.accepts_null():
            return None
        misfits: list[MisfitError] = []
        for option in sorted(self.options, key=lambda option: option.distance(value)):
            try:
                return option.read(value, where)
            except MisfitError as error:
                if not option.accepts_null():
                    misfits.append(error)
        if len(misfits) == 1:
            raise misfits[0]  # it tells best what is wrong
        raise MisfitError(where, f"must be {self.named()}")

    @override
    def distance(self, value: Any) -> int:
        return min(option.distance(value) for option in self.options)

    @override
    def accepts_null(self) -> bool:
        return any(option.accepts_null() for option in self.options)


@attrs.frozen
class Described(Shape):
    """A shape with a word for the model on what is meant."""

    shape: Shape
    description: str

    @override
    def named(self) -> str:
        return self.shape.named()

    @override
    def schema(self, book: Book) -> JSON:
        return described(self.shape.schema(book), self.description)

    @override
    def read(self, value: Any, where: str) -> Any:
        return self.shape.read(value, where)

    @override
    def distance(self, value: Any) -> int:
        return self.shape.distance(value)

    @override
    def accepts_null(self) -> bool:
        return self.shape.accepts_null()


@attrs.frozen(kw_only=True)
class Field:
    """A field of a class."""

    name: str
    """The property's name, which is also the keyword that makes it."""
    shape: Shape
    required: bool
    description: str | None = None

    def schema(self, book: Book) -> JSON:
        """Its JSON Schema; what may be left out may be null instead."""
        schema = self.shape.schema(book)
        if not self.required and not self.shape.accepts_null():
            schema = either([schema, {"type": "null"}])
        return described(schema, self.description)


@attrs.define(eq=False)
class Record(Shape):
    """A class with fields. A property that it does not know is passed over."""

    cls: type
    description: str | None = None
    fields: Sequence[Field] = ()
    """Filled in once the record stands, since it may be one of its own fields' shapes."""

    @override
    def named(self) -> str:
        return f"a {self.cls.__name__} object"

    @override
    def schema(self, book: Book) -> JSON:
        return book.refer(self.cls, lambda: self.body(book))

    def body(self, book: Book) -> JSON:
        """The JSON Schema itself, not a reference to it."""
        body: JSON = {
            "type": "object",
            "properties": {field.name: field.schema(book) for field in self.fields},
            "required": [field.name for field in self.fields],
            "additionalProperties": False,
        }
        return described(body, self.description)

    @override
    def read(self, value: Any, where: str) -> Any:
        if not isinstance(value, dict):
            raise MisfitError(where, f"must be {self.named()}, not {kind_of(value)}")
        found: dict[str, Any] = {}
        for field in self.fields:
            at = f"{where}.{field.name}" if where else field.name
            if field.name not in value:
                if field.required:
                    raise MisfitError(at, "is missing")
            elif field.required or value[field.name] is not None or field.shape.accepts_null():
                found[field.name] = field.shape.read(value[field.name], at)
        try:
            return self.cls(**found)
        except Exception as error:  # whatever the class's own checks raise
            raise MisfitError(where, f"is refused by {self.cls.__name__}: {error!r}") from error

    @override
    def distance(self, value: Any) -> int:
        if not isinstance(value, dict):
            return 0
        known = {field.name for field in self.fields}
        return len(value.keys() ^ known)

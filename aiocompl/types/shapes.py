"""What an answer may look like: one tree of shapes writes the JSON Schema, and reads the JSON that is to fit it.

Schemas keep to what OpenAI's strict mode takes: every property is required, objects are closed, and what may be left
out may be null instead. What strict mode has no words for (objects with free keys, values of any kind) is written all
the same, and `Book.strict` tells.

Source: https://developers.openai.com/api/docs, structured outputs, supported schemas (2026-11).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl._compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.types.model import JSON

TYPE_WORDS: Final[Mapping[type, str]] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}
"""JSON Schema's words for the types whose values can be told one by one."""

_KINDS: Final[Mapping[type, str]] = {
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
    list: "a list",
    dict: "an object",
}


class MisfitError(Exception):
    """A value that does not fit; its text begins with the path (``people[0].name``), never tells the value."""

    def __init__(self, where: str, text: str) -> None:
        super().__init__(f"{where or 'it'} {text}")


def kind_of(value: object) -> str:
    """What a value of parsed JSON is, for people."""
    return _KINDS.get(type(value), type(value).__name__)


@attrs.define
class Book:
    """The definitions that a schema refers to."""

    defs: dict[str, JSON] = attrs.field(factory=dict)
    strict: bool = True
    """Whether OpenAI's strict mode can take it all."""
    _names: dict[type, str] = attrs.field(factory=dict)

    def refer(self, cls: type, write: Callable[[], JSON]) -> JSON:
        """A reference to the class's definition, which is written at its first use."""
        name = self._names.get(cls)
        if name is None:
            number, name = 1, cls.__name__
            while name in self.defs:
                number += 1
                name = f"{cls.__name__}_{number}"
            self._names[cls] = name
            self.defs[name] = {}
            self.defs[name] = write()
        return {"$ref": f"#/$defs/{name}"}


class Shape(ABC):
    """One kind of value."""

    __slots__ = ()

    @abstractmethod
    def named(self) -> str:
        """What it is, for people."""
        ...

    @abstractmethod
    def schema(self, book: Book) -> JSON:
        """Its JSON Schema; classes within are written into the book and referred to."""
        ...

    @abstractmethod
    def read(self, value: Any, where: str) -> Any:
        """Make the Python value of parsed JSON.

        Raises:
            MisfitError: It does not fit; `where` is the path of the value.
        """
        ...

    def distance(self, value: Any) -> int:
        """How far a value is from fitting exactly, if it fits: of several shapes the nearest reads it."""
        return 0

    def accepts_null(self) -> bool:
        """Whether null is one of its values."""
        return False


@attrs.frozen
class Scalar(Shape):
    """A value of JSON's own; the first of `types` is Python's, the others are as good where they mean the same."""

    name: str
    types: tuple[type, ...]

    @override
    def named(self) -> str:
        return self.name

    @override
    def schema(self, book: Book) -> JSON:
        return {"type": TYPE_WORDS[self.types[0]]}

    @override
    def read(self, value: Any, where: str) -> Any:
        to = self.types[0]
        if type(value) is to:
            return value
        if type(value) not in self.types or (to is int and not value.is_integer()):
            raise MisfitError(where, f"must be {self.name}, not {kind_of(value)}")
        return to(value)

    @override
    def distance(self, value: Any) -> int:
        return int(type(value) is not self.types[0])

    @override
    def accepts_null(self) -> bool:
        return self.types[0] is type(None)


@attrs.frozen
class Anything(Shape):
    """Any value."""

    @override
    def named(self) -> str:
        return "anything"

    @override
    def schema(self, book: Book) -> JSON:
        book.strict = False
        return {}

    @override
    def read(self, value: Any, where: str) -> Any:
        return value

    @override
    def distance(self, value: Any) -> int:
        return 1

    @override
    def accepts_null(self) -> bool:
        return True


@attrs.frozen
class Written(Shape):
    """Something that JSON has as text, such as a date."""

    name: str
    parse: Callable[[str], Any]
    format: str | None = None

    @override
    def named(self) -> str:
        return self.name

    @override
    def schema(self, book: Book) -> JSON:
        return {"type": "string"} | ({"format": self.format} if self.format else {})

    @override
    def read(self, value: Any, where: str) -> Any:
        try:
            return self.parse(value)
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise MisfitError(where, f"must be {self.name}") from error


@attrs.frozen
class Choice(Shape):
    """One of some values: a Literal's, or an Enum's by what they stand for."""

    values: Sequence[tuple[Any, Any]]
    """As (JSON's, Python's)."""

    @override
    def named(self) -> str:
        return "one of " + ", ".join(repr(value) for value, _ in self.values)

    @override
    def schema(self, book: Book) -> JSON:
        by_type: dict[str, list[Any]] = {}  # strict mode wants the type beside the values
        for value, _ in self.values:
            by_type.setdefault(TYPE_WORDS[type(value)], []).append(value)
        return either(
            [
                {"type": word} if word == "null" else {"type": word, "enum": values}
                for word, values in by_type.items()
            ]
        )

    @override
    def read(self, value: Any, where: str) -> Any:
        for given, meant in self.values:
            if type(given) is type(value) and given == value:
                return meant
        raise MisfitError(where, f"must be {self.named()}")

    @override
    def accepts_null(self) -> bool:
        return any(value is None for value, _ in self.values)


def either(options: Sequence[JSON]) -> JSON:
    """The schema of what fits one of some; alternatives within alternatives become one list of them."""
    flat: list[JSON] = []
    for option in options:
        flat += option["anyOf"] if option.keys() == {"anyOf"} else [option]
    unique = [option for index, option in enumerate(flat) if option not in flat[:index]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def described(schema: JSON, description: str | None) -> JSON:
    """The schema with a description; strict mode lets nothing stand beside a reference."""
    if not description:
        return schema
    return ({"anyOf": [schema]} if "$ref" in schema else schema) | {"description": description}

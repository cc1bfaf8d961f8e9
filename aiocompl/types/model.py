"""What all response objects share: attribute and item access, dumping, and fields that nobody foresaw.

A response object is an attrs class whose fields are those of OpenAI's schema. What a provider sends beyond them is
kept in `model_extra` and read and dumped like the rest, so that nothing is lost on a round trip.

Objects are made from parsed JSON by `take`, which consumes the dict it is given: what the class knows is popped, and
what is left over *is* the extra. That costs a third of an `__init__` with keywords, and streams make three objects a
chunk. `model_validate` is the same for data that belongs to somebody else.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import attrs
import orjson

from aiocompl._compat import override

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]
"""A parsed JSON object."""


@attrs.define(kw_only=True, repr=False)
class Model:
    """Base of the response objects.

    Fields are read as attributes (`message.content`) or items (`message["content"]`), known or not; `in`, `get`,
    `keys`, `items` and iteration over the keys work as on a dict of what the object holds. Objects compare by value
    and can be pickled and changed.
    """

    WIRE_NULLS: ClassVar[frozenset[str]] = frozenset()
    """Fields that OpenAI's schema requires even where they are null."""

    _extra: JSON | None = attrs.field(default=None, alias="model_extra", eq=lambda extra: extra or None)

    @property
    def model_extra(self) -> JSON:
        """What the provider sent beyond the fields of OpenAI's schema, as parsed JSON."""
        if self._extra is None:  # most objects have none, and go without a dict
            self._extra = {}
        return self._extra

    @classmethod
    def take(cls, data: JSON) -> Self:
        """Make an object of parsed JSON, consuming `data`: the caller gives the dict away."""
        raise NotImplementedError(cls.__name__)  # pragma: no cover - every class of the schema has its own

    @classmethod
    def model_validate(cls, data: JSON) -> Self:
        """Make an object of parsed JSON in OpenAI's shape; `data` stays as it was."""
        return cls.take(deepcopy(data))

    def __getattr__(self, name: str) -> Any:
        # Only called for what is no field; a half-made object (unpickling) has no _extra yet.
        if not name.startswith("_") and self._extra is not None and name in self._extra:
            return self._extra[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __getitem__(self, key: str) -> Any:
        if key in _fields(type(self)):
            return getattr(self, key)
        return self.model_extra[key]

    def __setitem__(self, key: str, value: object) -> None:
        if key in _fields(type(self)):
            setattr(self, key, value)
        else:
            self.model_extra[key] = value

    def __contains__(self, key: object) -> bool:
        return key in _fields(type(self)) or (self._extra is not None and key in self._extra)

    def __iter__(self) -> Iterator[str]:
        yield from _fields(type(self))
        yield from self._extra or ()

    def get(self, key: str, default: Any = None) -> Any:
        """The field `key`, known or not, or `default` where there is none or it is null."""
        value = self[key] if key in self else default  # noqa: SIM401 - this is `get`
        return default if value is None else value

    def keys(self) -> list[str]:
        """The names of all fields, those beyond the schema last."""
        return list(self)

    def items(self) -> list[tuple[str, Any]]:
        """All fields with their values."""
        return [(key, self[key]) for key in self]

    def model_dump(self, *, exclude_none: bool = False) -> JSON:
        """The object as plain dicts and lists, all fields of the schema included.

        Args:
            exclude_none: Leave out every field that is null.
        """
        return {
            key: _dump(value, "dump", exclude_none=exclude_none)
            for key, value in self.items()
            if not (exclude_none and value is None)
        }

    def to_dict(self) -> JSON:
        """The object as OpenAI would send it: null only where the schema requires the field."""
        required, known = self.WIRE_NULLS, _fields(type(self))
        return {
            key: _dump(value, "wire", exclude_none=True)
            for key, value in self.items()
            if value is not None or key in required or key not in known
        }

    def model_dump_json(self, *, indent: int | None = None, exclude_none: bool = False) -> str:
        """`model_dump` as JSON text.

        Args:
            indent: Spaces a level (2 is what there is), or None for one line.
            exclude_none: Leave out every field that is null.
        """
        option = orjson.OPT_INDENT_2 if indent else None
        return orjson.dumps(self.model_dump(exclude_none=exclude_none), option=option).decode()

    def to_json(self, *, indent: int | None = None) -> str:
        """`to_dict` as JSON text."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2 if indent else None).decode()

    @override
    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value!r}" for key, value in self.items() if value is not None)
        return f"{type(self).__name__}({shown})"


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(cls: type[Model]) -> tuple[str, ...]:
    """The names of the class's fields in the schema's order, looked up once a class."""
    try:
        return _FIELDS[cls]
    except KeyError:
        names = tuple(
            field.name
            for field in attrs.fields(cls)
            if field.name != "_extra" and not field.metadata.get("beside")
        )
        return _FIELDS.setdefault(cls, names)


def wire_fields(value: object) -> JSON:
    """One level of `to_dict`, for ``orjson.dumps(..., default=wire_fields)``: the same bytes in a third of the time.

    Raises:
        TypeError: It is none of these objects.
    """
    if not isinstance(value, Model):
        raise TypeError(f"{type(value).__name__} is no JSON")
    required = value.WIRE_NULLS
    held: JSON = {}
    for name in _fields(type(value)):
        field = getattr(value, name)
        if field is not None or name in required:
            held[name] = field
    if value._extra:
        held |= value._extra
    return held


def _dump(value: object, form: str, *, exclude_none: bool) -> Any:
    if isinstance(value, Model):
        return value.to_dict() if form == "wire" else value.model_dump(exclude_none=exclude_none)
    if isinstance(value, list):
        return [_dump(item, form, exclude_none=exclude_none) for item in cast("list[object]", value)]
    return (
        deepcopy(value) if isinstance(value, dict) else value
    )  # JSON of the provider's: the dump is the caller's


def beside(**options: Any) -> Any:
    """An attrs field that stands beside OpenAI's shape: never dumped, compared or shown."""
    return attrs.field(default=None, eq=False, repr=False, metadata={"beside": True}, **options)

"""Classes that answers are read as; their annotations are no text, so that the imports are used."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, Required, TypedDict
from uuid import UUID

import attrs
import pydantic

UserId = NewType("UserId", int)


class Mood(enum.Enum):
    GOOD = "good"
    BAD = "bad"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@attrs.frozen
class Address:
    """Where somebody lives."""

    street: str
    _code: str | None = None
    known_since: int = attrs.field(default=0, init=False)


@dataclasses.dataclass
class Person:
    name: Annotated[str, "The full name"]
    home: Annotated[Address, "Not the office"]
    friends: list["Person"] = dataclasses.field(default_factory=list)
    nick: str = dataclasses.field(default="?", metadata={"description": "If any"})
    seen: bool = dataclasses.field(default=False, init=False)


class Movie(TypedDict):
    """A film."""

    title: str
    year: NotRequired[int]


class Loose(TypedDict, total=False):
    a: Required[int]
    b: str
    c: Annotated[Required[int], "How many"]


@attrs.frozen
class Positive:
    number: int

    def __attrs_post_init__(self) -> None:
        if self.number <= 0:
            raise ValueError("too small")


@dataclasses.dataclass
class Circle:
    kind: Literal["circle"]
    radius: float


@dataclasses.dataclass
class Square:
    kind: Literal["square"]
    side: float


@dataclasses.dataclass
class Drawing:
    shapes: list[Circle | Square]


class Step(pydantic.BaseModel):
    """One step."""

    text: str = pydantic.Field(min_length=2, description="What to do")
    then: list["Step"] = []


class Plan(pydantic.BaseModel):
    first: Step = pydantic.Field(description="Where to begin")
    mood: Mood = Mood.GOOD
    when: date | None = None
    pair: tuple[int, str] = (1, "a")
    site: pydantic.HttpUrl | None = None
    shape: Annotated[Circle | Square, pydantic.Field(discriminator="kind")] | None = None


class Free(pydantic.BaseModel):
    table: dict[str, int] = {}
    anything: Any = None
    items: list[Any] = []


@attrs.frozen
class Holder:
    step: Step


class Unschemable(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    what: memoryview


@dataclasses.dataclass
class Unknown:
    what: memoryview


@dataclasses.dataclass
class Keyed:
    what: dict[int, str]


@dataclasses.dataclass
class Misnamed:
    what: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]


class Binary(enum.Enum):
    A = b"a"


FIELD_TYPES: list[tuple[Any, dict[str, Any], Any, Any]] = [
    (str, {"type": "string"}, "a", "a"),
    (int, {"type": "integer"}, 3.0, 3),
    (float, {"type": "number"}, 3, 3.0),
    (bool, {"type": "boolean"}, True, True),
    (None, {"type": "null"}, None, None),
    (datetime, {"type": "string", "format": "date-time"}, "2026-11-30T12:00:00", datetime(2026, 11, 30, 12)),  # noqa: DTZ001
    (date, {"type": "string", "format": "date"}, "2026-11-30", date(2026, 11, 30)),
    (time, {"type": "string", "format": "time"}, "12:30:00", time(12, 30)),
    (
        UUID,
        {"type": "string", "format": "uuid"},
        "12345678123456781234567812345678",
        UUID(int=0x12345678 * 0x1_00000001_00000001_00000001),
    ),
    (Decimal, {"type": "string"}, "0.10", Decimal("0.10")),
    (UserId, {"type": "integer"}, 7, 7),
    (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, "b", "b"),
    (
        Literal["a", 1, None],  # noqa: PYI061 - null among the values
        {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}, {"type": "null"}]},
        1,
        1,
    ),
    (Literal[Mood.GOOD], {"type": "string", "enum": ["good"]}, "good", Mood.GOOD),
    (Mood, {"type": "string", "enum": ["good", "bad"]}, "bad", Mood.BAD),
    (Level, {"type": "integer", "enum": [1, 2]}, 2, Level.HIGH),
    (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, None),  # noqa: UP045
    (int | str | None, {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}, "a", "a"),
    (float | int, {"anyOf": [{"type": "number"}, {"type": "integer"}]}, 3, 3),
    (list[int], {"type": "array", "items": {"type": "integer"}}, [1], [1]),
    (Sequence[int], {"type": "array", "items": {"type": "integer"}}, [1], [1]),
    (set[int], {"type": "array", "items": {"type": "integer"}}, [1, 1], {1}),
    (frozenset[int], {"type": "array", "items": {"type": "integer"}}, [1], frozenset({1})),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, [1, 2], (1, 2)),
    (
        tuple[int, int],
        {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        [1, 2],
        (1, 2),
    ),
    (
        tuple[int, str],
        {
            "type": "array",
            "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            "minItems": 2,
            "maxItems": 2,
        },
        [1, "a"],
        (1, "a"),
    ),
    (Annotated[int, 3, "How many"], {"type": "integer", "description": "How many"}, 1, 1),
    (Annotated[int, 3], {"type": "integer"}, 1, 1),
    (Annotated[int | None, ["no", "hash"]], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, None),
]
"""Types, their schema, a value of parsed JSON, and what is made of it."""

FREE_TYPES: list[tuple[Any, dict[str, Any], Any]] = [
    (Any, {}, [1]),
    (list, {"type": "array", "items": {}}, [1, "a"]),
    (tuple, {"type": "array", "items": {}}, (1,)),
    (dict[str, Any], {"type": "object", "additionalProperties": True}, {"a": 1}),
    (Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}),
]
"""Types that strict mode has no words for."""


class Numbers(pydantic.RootModel[list[int]]):
    pass


@dataclasses.dataclass
class Noted:
    note: Any = None


ROOTS: list[Any] = [Annotated[int, ["no", "hash"]], list[Annotated[int, ["no", "hash"]]]]
"""Types that cannot be looked up, since they have no hash."""


class Odd(pydantic.BaseModel):
    """A model whose own check fails otherwise than pydantic expects."""

    told: Annotated[Any, pydantic.Field(description="Whatever comes to mind")]

    @pydantic.model_validator(mode="after")
    def check(self) -> "Odd":
        raise KeyError(self.told)

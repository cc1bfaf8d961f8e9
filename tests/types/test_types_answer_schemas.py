"""Classes as JSON Schemas of OpenAI's strict mode."""

from __future__ import annotations

import dataclasses
from typing import Any

import answer_classes as classes
import pytest

from aiocompl.errors import BadRequestError
from aiocompl.types.annotations import shape_of
from aiocompl.types.shapes import Book
from aiocompl.types.structured import answer_type_of

STRING = {"type": "string"}
NULL = {"type": "null"}


def asked(given: Any) -> dict[str, Any]:
    form = answer_type_of(given).response_format
    assert form["type"] == "json_schema"
    inner: dict[str, Any] = form["json_schema"]
    return inner


def schema(given: Any) -> dict[str, Any]:
    inner: dict[str, Any] = asked(given)["schema"]
    return inner


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def all_objects(value: Any) -> list[dict[str, Any]]:
    """Every object schema within, the outermost first."""
    if isinstance(value, list):
        return [found for item in value for found in all_objects(item)]
    if not isinstance(value, dict):
        return []
    own = [value] if value.get("type") == "object" else []
    return own + [found for item in value.values() for found in all_objects(item)]


@pytest.mark.parametrize(("hint", "expected"), [row[:2] for row in classes.FIELD_TYPES], ids=str)
def test_field_types(hint: Any, expected: dict[str, Any]) -> None:
    book = Book()
    assert shape_of(hint).schema(book) == expected
    assert book.strict


@pytest.mark.parametrize(("hint", "expected"), [row[:2] for row in classes.FREE_TYPES], ids=str)
def test_what_strict_mode_lacks_is_asked_for_without_it(hint: Any, expected: dict[str, Any]) -> None:
    book = Book()
    assert shape_of(hint).schema(book) == expected
    assert not book.strict


def test_anything_with_a_default_is_anything() -> None:
    assert schema(classes.Noted) == closed(note={})
    assert shape_of(Any).named() == "anything"


def test_an_attrs_class() -> None:
    body = closed(street=STRING, code={"anyOf": [STRING, NULL]})
    assert asked(classes.Address) == {
        "name": "Address",
        "schema": body | {"description": "Where somebody lives."},
        "strict": True,
    }


def test_a_dataclass_that_holds_itself_and_another_class() -> None:
    made = schema(classes.Person)
    defs = made.pop("$defs")
    assert made == defs["Person"]
    assert defs.keys() == {"Person", "Address"}
    assert made == closed(
        name=STRING | {"description": "The full name"},
        home={"anyOf": [{"$ref": "#/$defs/Address"}], "description": "Not the office"},
        friends={"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/Person"}}, NULL]},
        nick={"anyOf": [STRING, NULL], "description": "If any"},
    )


def test_typed_dicts() -> None:
    year = {"anyOf": [{"type": "integer"}, NULL]}
    assert schema(classes.Movie) == closed(title=STRING, year=year) | {"description": "A film."}
    c = {"type": "integer", "description": "How many"}
    assert schema(classes.Loose) == closed(a={"type": "integer"}, b={"anyOf": [STRING, NULL]}, c=c)


def test_a_pydantic_models_own_schema_is_made_strict() -> None:
    made = schema(classes.Plan)
    defs = made["$defs"]
    assert made["properties"]["first"] == {
        "anyOf": [{"$ref": "#/$defs/Step"}],
        "description": "Where to begin",
    }
    assert made["properties"]["pair"] == {
        "type": "array",
        "items": {"anyOf": [{"type": "integer"}, STRING]},
        "minItems": 2,
        "maxItems": 2,
    }
    assert made["properties"]["site"] == {"anyOf": [STRING, NULL]}
    assert made["properties"]["shape"] == {
        "anyOf": [{"$ref": "#/$defs/Circle"}, {"$ref": "#/$defs/Square"}, NULL]
    }
    assert defs["Step"] == closed(
        text=STRING | {"description": "What to do"},
        then={"type": "array", "items": {"$ref": "#/$defs/Step"}},
    ) | {"description": "One step."}
    assert defs["Mood"] == {"type": "string", "enum": ["good", "bad"]}
    for item in all_objects(made):
        assert item["required"] == [*item["properties"]]
        assert item["additionalProperties"] is False
    assert asked(classes.Plan)["strict"]


def test_a_pydantic_model_that_holds_itself_is_written_at_the_root() -> None:
    made = schema(classes.Step)
    assert made["type"] == "object"
    assert made["properties"] == made["$defs"]["Step"]["properties"]


def test_a_pydantic_model_with_free_keys() -> None:
    made = asked(classes.Free)
    assert not made["strict"]
    assert made["schema"]["properties"] == {
        "table": {"type": "object", "additionalProperties": {"type": "integer"}},
        "anything": {},
        "items": {"type": "array", "items": {}},
    }


def test_a_pydantic_model_within_another_class() -> None:
    made = schema(classes.Holder)
    assert made["properties"] == {"step": {"$ref": "#/$defs/Step"}}
    assert made["$defs"]["Step"]["properties"]["then"]["items"] == {"$ref": "#/$defs/Step"}


@pytest.mark.parametrize(
    ("given", "name", "inner"),
    [
        (list[int], "answer", {"type": "array", "items": {"type": "integer"}}),
        (classes.Mood, "Mood", {"type": "string", "enum": ["good", "bad"]}),
        (int | None, "answer", {"anyOf": [{"type": "integer"}, NULL]}),
    ],
)
def test_what_is_no_object_is_wrapped_in_one(given: Any, name: str, inner: dict[str, Any]) -> None:
    assert asked(given) == {"name": name, "schema": closed(value=inner), "strict": True}


def test_objects_with_free_keys_are_not_wrapped() -> None:
    assert schema(dict[str, int]) == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_two_classes_of_one_name_have_two_definitions() -> None:
    one, other = (dataclasses.make_dataclass("Same", [(name, int)]) for name in ("a", "b"))
    holder = dataclasses.make_dataclass("Holder", [("one", one), ("other", other)])
    defs = schema(holder)["$defs"]
    assert {name: [*item["properties"]] for name, item in defs.items()} == {"Same": ["a"], "Same_2": ["b"]}


def test_pydantic_models_whose_definitions_would_be_confused_are_refused() -> None:
    other = dataclasses.make_dataclass("Step", [("a", int)])
    holder = dataclasses.make_dataclass("Holder", [("other", other), ("plan", classes.Plan)])
    with pytest.raises(BadRequestError, match="two classes are called Step"):
        answer_type_of(holder)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (classes.Unknown, r"Unknown\.what is of a type that .*: memoryview\."),
        (classes.Keyed, r"Keyed\.what is of a type that .*: dict\[int, str\]\."),
        (classes.Misnamed, r"the annotations of Misnamed cannot be evaluated: name 'Nowhere' is not defined"),
        (classes.Unschemable, r"can be made of Unschemable: "),
        (classes.Binary, r"it is a type .*: Binary\."),
        (memoryview, r"it is a type .*: memoryview\."),
        (classes.Address("x"), r"it is a type .*: Address\(street='x'"),
        ("json_object", "must be a mapping such as"),
    ],
    ids=str,
)
def test_what_cannot_be_said_names_the_field_and_its_type(given: Any, message: str) -> None:
    with pytest.raises(BadRequestError, match=message) as caught:
        answer_type_of(given)
    assert caught.value.param == "response_format"


def test_names_are_such_as_openai_takes() -> None:
    assert asked(dataclasses.make_dataclass("Größe", [("a", int)]))["name"] == "Gr__e"


@pytest.mark.parametrize("given", classes.ROOTS, ids=str)
def test_what_has_no_hash_is_looked_at_each_time(given: Any) -> None:
    assert answer_type_of(given) is not answer_type_of(given)


def test_a_pydantic_models_word_on_anything_is_kept() -> None:
    assert schema(classes.Odd)["properties"] == {"told": {"description": "Whatever comes to mind"}}


def test_a_class_is_looked_at_once() -> None:
    assert answer_type_of(classes.Person) is answer_type_of(classes.Person)
    assert answer_type_of(classes.Person) is not answer_type_of(classes.Address)

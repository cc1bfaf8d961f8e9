"""Answers read as classes: what fits is made, what does not is told by its place, and nothing else is touched."""

from __future__ import annotations

import pickle
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Literal

import answer_classes as classes
import orjson
import pytest
from answer_classes import Address, Circle, Drawing, Mood, Movie, Person, Plan, Positive, Square, Step
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocompl.errors import APIResponseValidationError, ResponseFormatError
from aiocompl.types import json_schema
from aiocompl.types.annotations import shape_of
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import (
    ChatCompletion,
    ChatCompletionMessage,
    Choice,
    FunctionCall,
    ToolCall,
)
from aiocompl.types.shapes import MisfitError
from aiocompl.types.structured import answer_type_of, fits

ADA = {"name": "Ada", "home": {"street": "St James's Square", "code": None}, "friends": None, "nick": None}


def completion(content: Any, finish_reason: str = "stop", **message: Any) -> ChatCompletion:
    choice = Choice(
        index=0, message=ChatCompletionMessage(content=content, **message), finish_reason=finish_reason
    )
    return ChatCompletion(id="1", model="m", choices=[choice])


def read(given: Any, value: Any) -> Any:
    return answer_type_of(given).read(orjson.dumps(value).decode())


@pytest.mark.parametrize(
    ("hint", "value", "made"), [(row[0], *row[2:]) for row in classes.FIELD_TYPES], ids=str
)
def test_fields(hint: Any, value: Any, made: Any) -> None:
    found = shape_of(hint).read(value, "x")
    assert found == made
    assert type(found) is type(made)


@pytest.mark.parametrize(("hint", "made"), [(row[0], row[2]) for row in classes.FREE_TYPES], ids=str)
def test_free_fields(hint: Any, made: Any) -> None:
    value = orjson.loads(orjson.dumps(made))
    assert shape_of(hint).read(value, "x") == made


@pytest.mark.parametrize(
    ("given", "value", "made"),
    [
        (Person, ADA, Person(name="Ada", home=Address("St James's Square"))),
        (
            Person,
            ADA | {"friends": [ADA | {"nick": "B"}], "unknown": 1},
            Person(
                "Ada", Address("St James's Square"), [Person("Ada", Address("St James's Square"), nick="B")]
            ),
        ),
        (Address, {"street": "x"}, Address("x")),
        (Address, {"street": "x", "code": "9"}, Address("x", "9")),
        (Movie, {"title": "Alien", "year": None}, {"title": "Alien"}),
        (Movie, {"title": "Alien", "year": 1979}, {"title": "Alien", "year": 1979}),
        (Step, {"text": "Go", "then": [{"text": "on", "then": []}]}, Step(text="Go", then=[Step(text="on")])),
        (classes.Holder, {"step": {"text": "Go"}}, classes.Holder(Step(text="Go"))),
        (
            Plan,
            {"first": {"text": "Go"}, "mood": "bad", "when": "2026-11-30", "pair": [2, "b"]},
            Plan(first=Step(text="Go"), mood=Mood.BAD, when=date(2026, 11, 30), pair=(2, "b")),
        ),
        (
            Drawing,
            {"shapes": [{"kind": "square", "side": 1}, {"kind": "circle", "radius": 2.5}]},
            Drawing([Square("square", 1.0), Circle("circle", 2.5)]),
        ),
        (list[Address], {"value": [{"street": "x"}]}, [Address("x")]),
        (Mood, {"value": "good"}, Mood.GOOD),
        (classes.Numbers, {"value": [1, 2]}, classes.Numbers([1, 2])),
        (classes.Noted, {"note": None}, classes.Noted()),
        (classes.Noted, {}, classes.Noted()),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (list[int] | Any, {"value": {"a": 1}}, {"a": 1}),
        (Annotated[int, "how many"] | Any, {"value": 3}, 3),
        (list[int | Annotated[float | bool, "or so"]], {"value": [1, 1.5, True]}, [1, 1.5, True]),
        (list[Annotated[int | None, "or nothing"] | bool], {"value": [None, True]}, [None, True]),
        (list[Literal["a", None] | Any], {"value": ["a", None]}, ["a", None]),  # noqa: PYI061 - null among the values
    ],
    ids=repr,
)
def test_instances(given: Any, value: Any, made: Any) -> None:
    assert read(given, value) == made


@pytest.mark.parametrize(
    ("given", "value", "message"),
    [
        (Person, [], "it must be a Person object, not a list"),
        (Person, ADA | {"name": 3}, "name must be text, not a number"),
        (Person, ADA | {"name": None}, "name must be text, not null"),
        (Person, ADA | {"home": {}}, "home.street is missing"),
        (Person, ADA | {"friends": [ADA, {"name": "B"}]}, r"friends\[1\].home is missing"),
        (Address, {"street": "x", "code": 1}, "code must be text, not a number"),
        (Positive, {"number": -1}, "it is refused by Positive: ValueError"),
        (Positive, {"number": 1.5}, "number must be a whole number, not a number"),
        (Positive, {"number": True}, "number must be a whole number, not a boolean"),
        (Drawing, {"shapes": [{"kind": "line"}]}, r"shapes\[0\] must be a Circle object or a Square object"),
        (Step, {"text": "a"}, "text does not fit: String should have at least 2 characters"),
        (Step, {"text": "aa", "then": [{"text": "bb"}, {}]}, r"then\[1\].text does not fit: Field required"),
        (classes.Holder, {"step": {"text": "a"}}, "step.text does not fit"),
        (list[int], [1], "value is missing"),
        (list[int], {"value": 1}, "value must be a list, not a number"),
        (list[date], {"value": ["soon"]}, r"value\[0\] must be a date such as"),
        (list[date], {"value": [3]}, r"value\[0\] must be a date such as"),
        (set[Any], {"value": [[]]}, "value holds what cannot be put into a set"),
        (tuple[int, int], {"value": [1]}, "value must be a list of 2"),
        (dict[str, int], {"a": {}}, r"\['a'\] must be a whole number, not an object"),
        (dict[str, int], [], "it must be an object, not a list"),
        (Mood, {"value": "so so"}, "value must be one of 'good', 'bad'"),
        (int | str, {"value": []}, "value must be a whole number or text"),
        (
            list[int] | tuple[int, int] | dict[str, int] | date | Literal["a"] | Step,
            {"value": 1},
            "value must be a list or a list of 2 or an object or a date such as .* or one of 'a' or a Step object",
        ),
        (
            Annotated[int, "How many"] | Address | date,
            {"value": []},
            "value must be a whole number or a Address object or a date",
        ),
        (classes.Odd, {"told": 1}, "it cannot be made a Odd object: KeyError"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_told_by_its_place(given: Any, value: Any, message: str) -> None:
    with pytest.raises(MisfitError, match=f"^{message}"):
        read(given, value)


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ('{"street": "x"}', True),
        ('```json\n{"street": "x"}\n```', True),
        ('\n```\n{"street": "x"}```\n', True),
        ('Here: {"street": "x"}', False),
        ('{"street": "x"', False),
        ("", False),
    ],
)
def test_texts(text: str, fitting: bool) -> None:
    assert fits(completion(text), Address) is fitting
    answer = completion(text)
    answer_type_of(Address).read_into(answer)
    message = answer.choices[0].message
    assert (message.parsed is not None, message.parsing_error is None) == (fitting, fitting)


def test_nesting_without_end_is_an_error_like_others() -> None:
    deep = '{"value":' * 400 + "null" + "}" * 400
    answer = completion('{"street":' + "[" * 900 + "]" * 900 + "}")
    answer_type_of(Address).read_into(answer)
    assert answer.choices[0].message.parsing_error is not None
    recursive = answer_type_of(classes.Person)
    friend = '{"name":"a","home":{"street":"b"},"friends":['
    with pytest.raises(MisfitError, match="it is nested too deeply"):
        recursive.read(friend * 490 + "]}" * 490)
    assert not fits(completion(deep), Address)


def test_the_error_tells_what_is_wrong_and_survives_pickling() -> None:
    answer = completion('{"street": 1, "code": ', "length")
    answer.call = CallInfo("openai", "https://x", "m")
    answer_type_of(Address).read_into(answer)
    message = answer.choices[0].message
    assert message.parsed is None
    assert message.content == '{"street": 1, "code": '
    error = message.parsing_error
    assert isinstance(error, ResponseFormatError)
    assert isinstance(error, APIResponseValidationError)
    assert str(error).startswith("openai/m: the answer does not fit response_format: it is no JSON: ")
    assert "cut off: finish_reason 'length'" in str(error)
    assert error.__cause__ is not None
    assert error.__cause__.__traceback__ is None
    again = pickle.loads(pickle.dumps(answer))  # noqa: S301 - our own
    assert str(again.choices[0].message.parsing_error) == str(error)


@pytest.mark.parametrize(
    "message",
    [
        {"refusal": "No."},
        {"tool_calls": [ToolCall(id="1", function=FunctionCall(name="f", arguments="{}"))]},
        {"function_call": FunctionCall(name="f", arguments="{}")},
    ],
    ids=lambda message: next(iter(message)),
)
def test_refusals_and_calls_are_no_answers(message: dict[str, Any]) -> None:
    answer = completion(None, **message)
    answer_type_of(Address).read_into(answer)
    assert answer.choices[0].message.parsed is None
    assert answer.choices[0].message.parsing_error is None
    assert not fits(answer, Address)


def test_content_in_blocks_is_read_by_its_text() -> None:
    blocks = [
        {"type": "thinking", "thinking": []},
        {"type": "text", "text": '{"street":'},
        "?",
        {"text": ' "x"}'},
    ]
    answer = completion(blocks)
    answer_type_of(Address).read_into(answer)
    assert answer.choices[0].message.parsed == Address("x")


def test_what_was_read_stands_beside_openais_shape() -> None:
    answer, plain = completion('{"street": "x"}'), completion('{"street": "x"}')
    answer_type_of(Address).read_into(answer)
    message = answer.choices[0].message
    assert message.parsed == Address("x")
    assert answer == plain
    assert answer.to_dict() == plain.to_dict()
    assert answer.model_dump() == plain.model_dump()
    assert "parsed" not in message
    assert "parsed" not in repr(message)


SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": "integer"},
        "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "c": {"type": "array", "items": {"$ref": "#/$defs/C"}, "minItems": 1, "maxItems": 2},
        "d": {"enum": [1, "x"]},
        "e": {"const": True},
        "f": {"allOf": [{"type": ["number", "string"]}], "oneOf": [{"type": "integer"}, {}]},
        "g": {"$ref": "#/nowhere/at/all"},
        "h": {"type": "surprise", "items": True},
    },
    "required": ["a"],
    "additionalProperties": False,
    "$defs": {"C": {"type": "object", "additionalProperties": {"type": "number"}}},
}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, None),
        ({"a": 1.0, "b": None, "c": [{"x": 1.5}], "d": "x", "e": True, "f": 1, "g": [], "h": [1]}, None),
        ([], "it must be of type object, not a list"),
        ({}, "a is missing"),
        ({"a": True}, "a must be of type integer, not a boolean"),
        ({"a": 1, "z": 1}, "z is not among the properties"),
        ({"a": 1, "b": 1}, "b fits none of the alternatives"),
        ({"a": 1, "c": []}, "c has 0 items"),
        ({"a": 1, "c": [{}, {}, {}]}, "c has 3 items"),
        ({"a": 1, "c": [{"x": "y"}]}, r"c\[0\].x must be of type number, not text"),
        ({"a": 1, "d": True}, "d is none of the values allowed"),
        ({"a": 1, "e": 1}, "e is none of the values allowed"),
        ({"a": 1, "f": []}, "f must be of type number or string, not a list"),
    ],
    ids=str,
)
def test_a_json_schema_is_checked(value: Any, message: str | None) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    assert fits(completion(orjson.dumps(value).decode()), form) is (message is None)
    if message is not None:
        with pytest.raises(MisfitError, match=f"^{message}$"):
            json_schema.check(value, SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    ("text", "form", "fitting"),
    [
        ("Hello", {"type": "text"}, True),
        ("{}", {"type": "json_object"}, True),
        ("[]", {"type": "json_object"}, False),
        ("Hello", {"type": "json_object"}, False),
        ("[]", {"type": "json_schema"}, True),
        ("x", {"type": "json_schema", "json_schema": {"schema": True}}, False),
    ],
)
def test_mappings(text: str, form: dict[str, Any], fitting: bool) -> None:
    assert fits(completion(text), form) is fitting


def test_no_answer_does_not_fit() -> None:
    assert not fits(ChatCompletion(id="1", choices=[]), Address)
    assert not fits(completion(None), {"type": "json_object"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["a", "type", "items"]), inner)
    ),
)
TYPES = [
    Person,
    Movie,
    Plan,
    Drawing,
    classes.Free,
    list[int],
    int | str | None,
    dict[str, Any],
    tuple[int, str],
]


@settings(max_examples=60)
@given(
    st.sampled_from(TYPES), JSON | st.dictionaries(st.sampled_from(["name", "home", "value", "title"]), JSON)
)
def test_any_json_is_read_or_does_not_fit(given: Any, value: Any) -> None:
    try:
        text = orjson.dumps(value).decode()
    except (orjson.JSONEncodeError, TypeError):  # integers beyond 64 bits, lone surrogates
        return
    answer = completion(text)
    answer_type_of(given).read_into(answer)
    message = answer.choices[0].message
    assert fits(answer, given) is (message.parsing_error is None)


@settings(max_examples=60)
@given(JSON, JSON)
def test_any_json_schema_can_be_checked(value: Any, schema: Any) -> None:
    with suppress(MisfitError):
        json_schema.check(value, schema, schema)

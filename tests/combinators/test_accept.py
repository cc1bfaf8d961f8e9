"""Which answers count."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from arena import MESSAGES, Arena, says

from aiocompl import BadRequestError, ChatCompletion, accept


@attrs.frozen
class Person:
    name: str
    age: int


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ADA = '{"name": "Ada", "age": 36}'


def answer(*choices: dict[str, Any]) -> ChatCompletion:
    """An answer with such choices; `finish` is the finish reason, all else the message's."""
    made = []
    for index, fields in enumerate(choices):
        message = {"role": "assistant", "content": None} | fields
        finish = message.pop("finish", "stop")
        made.append({"index": index, "message": message, "finish_reason": finish})
    return ChatCompletion.model_validate({"id": "c", "model": "m", "choices": made})


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}

ANSWERS: list[tuple[Any, bool, bool, bool]] = [
    # the choices; whether not empty, complete, no refusal
    ([{"content": "text"}], True, True, True),
    ([{"content": ""}], False, False, False),
    ([{}], False, False, False),
    ([], False, False, False),
    ([{"content": "cut", "finish": "length"}], True, False, True),
    ([{"content": "fil", "finish": "content_filter"}], True, True, False),
    ([{"refusal": "I can't."}], True, True, False),
    ([{"tool_calls": [CALL], "finish": "tool_calls"}], True, True, True),
    ([{"function_call": CALL["function"], "finish": "function_call"}], True, True, True),
    ([{"audio": {"id": "a", "data": "", "transcript": "hi", "expires_at": 1}}], True, True, True),
    ([{"content": ""}, {"content": "text"}], True, True, True),
    ([{"content": "a"}, {"content": "b", "finish": "length"}], True, False, True),
    ([{"content": "a"}, {"refusal": "no"}], True, True, False),
]


@pytest.mark.parametrize(("choices", "not_empty", "complete", "no_refusal"), ANSWERS, ids=str)
def test_ready_made(choices: Any, not_empty: bool, complete: bool, no_refusal: bool) -> None:
    given = answer(*choices)
    assert accept.not_empty(given) is not_empty
    assert accept.complete(given) is complete
    assert accept.no_refusal(given) is no_refusal


FORMATS: list[Any] = [
    Person,
    SCHEMA,
    {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}},
]


@pytest.mark.parametrize("form", FORMATS, ids=["class", "schema", "response_format"])
@pytest.mark.parametrize(
    ("choices", "good"),
    [
        ([{"content": ADA}], True),
        ([{"content": ADA}, {"content": ADA}], True),
        ([{"content": ADA}, {"content": "Ada"}], False),
        ([{"content": '{"name": "Ada"}'}], False),
        ([{"content": '{"name": "Ada", "age": "36"}'}], False),
        ([{"content": ADA[:-5], "finish": "length"}], False),
        ([{"content": "[" * 5000}], False),
        ([{"content": ""}], False),
        ([{"refusal": ADA}], False),
        ([{"content": ADA, "refusal": "no"}], False),
        ([{"content": ADA, "tool_calls": [CALL]}], False),
        ([], False),
    ],
)
def test_json_that_fits(form: Any, choices: Any, good: bool) -> None:
    assert accept.fits_format(form)(answer(*choices)) is good


def test_looser_formats() -> None:
    anything, some_object = (
        accept.fits_format({"type": "text"}),
        accept.fits_format({"type": "json_object"}),
    )
    assert anything(answer({"content": "text"}))
    assert some_object(answer({"content": "{}"}))
    assert not some_object(answer({"content": "[]"}))
    assert accept.fits_format(list[int])(answer({"content": '{"value": [1, 2]}'}))
    assert accept.fits_format({"enum": [1, 2]})(answer({"content": "2"}))
    assert not accept.fits_format({"enum": [1, 2]})(answer({"content": "3"}))


def test_what_cannot_be_asked_for_is_refused_at_once() -> None:
    with pytest.raises(BadRequestError):
        accept.fits_format(object())


@pytest.mark.looptime
async def test_in_a_race(looptime: Any) -> None:
    async def slow(response: ChatCompletion) -> bool:
        return bool(response.id)

    async with Arena(says("no JSON", 1), says('{"name": 1}', 2), says(ADA, 3)) as arena:
        both = accept.every(slow, accept.complete, accept.fits_format(Person))
        response = await arena.race(arena.models, MESSAGES, accept=both)
        assert looptime == 3
        assert response.choices[0].message.content == ADA


async def test_nothing_asked_of_all_is_always_given() -> None:
    verdict = accept.every()(answer())
    assert not isinstance(verdict, bool)
    assert await verdict

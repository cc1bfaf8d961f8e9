"""Streams whose pieces are not what they should be: what came is kept, and nothing escapes as a TypeError."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.chunk import ChatCompletionChunk

if TYPE_CHECKING:
    from aiocompl.types.completion import ChatCompletion


def built(*deltas: dict[str, Any]) -> ChatCompletion:
    return stream_chunk_builder(
        ChatCompletionChunk.model_validate({"id": "a", "choices": [{"index": 0, "delta": delta}]})
        for delta in deltas
    )


TEXT = {"type": "text", "text": "a"}


@pytest.mark.parametrize(
    ("pieces", "content"),
    [
        (["a", None, "b"], "ab"),
        ([[TEXT]], [TEXT]),
        (["", [TEXT]], [TEXT]),
        (["a", "b", [TEXT], "", "c", "d"], [TEXT | {"text": "ab"}, TEXT, TEXT | {"text": "cd"}]),
        ([TEXT, [TEXT]], [TEXT, TEXT]),
        ([3, "a"], [3, TEXT]),
    ],
)
def test_content_that_is_no_text(pieces: list[Any], content: object) -> None:
    assert built(*({"content": piece} for piece in pieces)).choices[0].message.content == content


def test_other_text_that_is_none_goes_in_as_json() -> None:
    whole = built(
        {"reasoning_content": "a"},
        {"reasoning_content": {"b": 1}},
        {"tool_calls": [{"index": 0, "id": "i", "function": {"name": "f", "arguments": {"c": 2}}}]},
    )
    message = whole.choices[0].message
    assert message.reasoning_content == 'a{"b":1}'
    assert message.tool_calls is not None
    assert message.tool_calls[0].function is not None
    assert message.tool_calls[0].function.arguments == '{"c":2}'


def test_reasoning_details_that_are_none_are_kept_as_they_are() -> None:
    whole = built({"reasoning_details": [None, "x"]}, {"reasoning_details": [{"type": "a", "text": "b"}]})
    assert whole.choices[0].message.reasoning_details == [None, "x", {"type": "a", "text": "b"}]


@pytest.mark.parametrize("odd", ["", None, 3, ["a"]])
def test_reasoning_details_of_another_form_are_kept(odd: Any) -> None:
    whole = built(*({"reasoning_details": [item]} for item in (odd, odd, {"index": 0})))
    assert whole.choices[0].message.reasoning_details == [odd, odd, {"index": 0}]


def test_reasoning_details_are_put_together_by_type_and_index() -> None:
    def detail(kind: str, index: int, **more: Any) -> dict[str, Any]:
        return {"type": kind, "index": index, **more}

    whole = built(
        {"reasoning_details": [detail("reasoning.text", 0, text="a", signature=None)]},
        {"reasoning_details": [detail("reasoning.text", 0, text="b"), detail("reasoning.text", 1, text="c")]},
        {"reasoning_details": [detail("reasoning.text", 1, text=None, signature="s")]},
        {"reasoning_details": [detail("reasoning.encrypted", 1, data="x")]},
        {"reasoning_details": [detail("reasoning.encrypted", 1, data="y")]},
    )
    assert whole.choices[0].message.reasoning_details == [
        detail("reasoning.text", 0, text="ab", signature=None),
        detail("reasoning.text", 1, text="c", signature="s"),
        detail("reasoning.encrypted", 1, data="xy"),
    ]


def test_calls_of_one_index_are_told_apart_by_their_ids() -> None:
    whole = built(
        {"tool_calls": [{"index": 1, "id": "c", "function": {"name": "h", "arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x"'}}]},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": ":1}"}}]},
        {"tool_calls": [{"index": 0, "id": "b", "function": {"name": "g", "arguments": "["}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "]"}}]},
    )
    calls = [(call.id, call.function) for call in whole.choices[0].message.tool_calls or ()]
    assert [(call, made and made.name, made and made.arguments) for call, made in calls] == [
        ("a", "f", '{"x":1}'),
        ("b", "g", "[]"),
        ("c", "h", "{}"),
    ]


def test_indices_that_are_no_numbers_come_last() -> None:
    chunks = [
        ChatCompletionChunk.model_validate(
            {"id": "a", "choices": [{"index": index, "delta": {"content": str(index)}}]}
        )
        for index in ("x", 1, None, "b")
    ]
    whole = stream_chunk_builder(chunks)
    assert [choice.message.content for choice in whole.choices] == ["None", "1", "b", "x"]

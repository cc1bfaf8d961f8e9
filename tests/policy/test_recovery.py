"""What of another answer is still to be handed out, once a reader has got the beginning of the first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import BadRequestError
from aiocompl.policy.recovery import (
    Continuation,
    Delivered,
    TextsDifferError,
    recovery_of,
    restart_chunk,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.chunk import ChatCompletionChunk

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(
    delta: dict[str, Any], reason: str | None = None, *, index: int = 0, stream: str = "b", **more: Any
) -> ChatCompletionChunk:
    choice = {"index": index, "delta": delta, "finish_reason": reason, **more.pop("choice", {})}
    return ChatCompletionChunk.take(
        {"id": stream, "created": ord(stream), "model": f"m-{stream}", "choices": [choice], **more}
    )


def words(*texts: str, index: int = 0, stream: str = "b") -> list[ChatCompletionChunk]:
    return [chunk({"content": text}, index=index, stream=stream) for text in texts]


def got(*texts: str) -> Delivered:
    return Delivered.of([chunk({"role": "assistant"}, stream="a"), *words(*texts, stream="a")])


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for each in chunks for choice in each.choices)


def taken(joined: Continuation, *chunks: ChatCompletionChunk) -> str:
    """What is handed out, one by one, and then the end."""
    shown = [new for each in chunks for new in joined.take([each])]
    joined.end()
    assert all(new.choices for new in shown)
    assert {(new.id, new.created) for new in shown} <= {("a", ord("a"))}
    return text_of(shown)


@pytest.mark.parametrize("given", ["raise", "resume", "restart", "buffer"])
def test_ways(given: str) -> None:
    assert recovery_of({"stream_recovery": given}) == given


def test_the_usual_way() -> None:
    assert recovery_of({}) == recovery_of({"stream_recovery": None}) == "raise"


@pytest.mark.parametrize("given", ["rais", 3, ["raise"]])
def test_no_way(given: object) -> None:
    with pytest.raises(BadRequestError, match="raise, resume, restart, buffer") as raised:
        recovery_of({"stream_recovery": given})
    assert raised.value.param == "stream_recovery"


def test_nothing_delivered() -> None:
    delivered = Delivered.of([])
    assert (delivered.id, delivered.prefill, delivered.plain) == ("", "", True)


@pytest.mark.parametrize(
    "delta",
    [
        {"tool_calls": [{"index": 0}]},
        {"function_call": {"name": "f"}},
        {"refusal": "no"},
        {"audio": {"data": "x"}},
        {"content": [{"type": "text"}]},
    ],
)
def test_what_is_more_than_text(delta: dict[str, Any]) -> None:
    assert not Delivered.of([*words("a"), chunk(delta)]).plain


def test_what_a_model_may_be_given_to_go_on_with() -> None:
    assert got("a ", "b").prefill == "a b"
    assert Delivered.of([*words("a"), chunk({}, "stop")]).prefill == ""
    assert Delivered.of([*words("a"), *words("b", index=1)]).prefill == ""
    assert Delivered.of([chunk({"reasoning_content": "hm"})]).prefill == ""


@pytest.mark.parametrize(
    ("before", "new", "after"),
    [
        (("one ", "two"), ("one ", "two", " three"), " three"),
        (("one ", "two"), ("one two three",), " three"),
        (("one ", "two"), ("o", "ne t", "wo th", "ree"), " three"),
        (("one",), ("one",), ""),
        (("",), ("one",), "one"),
        ((), ("one",), "one"),
    ],
)
def test_what_was_delivered_is_not_repeated(before: Any, new: Any, after: str) -> None:
    assert taken(Continuation(got(*before)), *words(*new), chunk({}, "stop")) == after


@pytest.mark.parametrize(
    "new",
    [
        words("two"),
        words("one ", "three"),
        [*words("one "), chunk({}, "stop")],
        words("one "),
        [*words("one "), chunk({"tool_calls": [{"index": 0}]})],
        [*words("one "), chunk({"content": [{"type": "text"}]})],
        [chunk({"refusal": "no"})],
        [],
    ],
)
def test_another_answer(new: list[ChatCompletionChunk]) -> None:
    with pytest.raises(TextsDifferError):
        taken(Continuation(got("one ", "two")), *new)


@pytest.mark.parametrize(
    ("before", "prefilled", "new", "after"),
    [
        ("one two", "one two", (" three",), " three"),
        ("one two ", "one two", (" three",), "three"),
        ("one two ", "one two", (" ", " three"), " three"),
        ("one two \n", "one two", (" three",), "three"),
        ("one two ", "one two", ("three",), "three"),
        ("one two", "one two", ("one two",), "one two"),
    ],
)
def test_a_model_that_goes_on(before: str, prefilled: str, new: Any, after: str) -> None:
    joined = Continuation(got(before), prefilled=prefilled)
    assert taken(joined, *words(*new), chunk({}, "stop")) == after


@pytest.mark.parametrize(
    ("before", "prefilled", "new", "after"),
    [
        ("one two", "one two", ("one two three",), " three"),
        ("one two", "one two", ("one", " two", " three"), " three"),
        ("one two ", "one two", ("one", " two", " three"), "three"),
        ("one two", "one two", (" three",), " three"),
        ("one two", "one two", ("on", "ce more"), "once more"),
        ("one two", "one two", ("on",), "on"),
        ("one two", "one two", ("one two",), ""),
    ],
)
def test_a_model_that_may_repeat_what_it_was_given(before: str, prefilled: str, new: Any, after: str) -> None:
    joined = Continuation(got(before), prefilled=prefilled, may_echo=True)
    assert taken(joined, *words(*new), chunk({}, "stop")) == after


def test_an_answer_that_may_be_a_repetition_and_has_no_end() -> None:
    joined = Continuation(got("one two"), prefilled="one two", may_echo=True)
    with pytest.raises(TextsDifferError):
        taken(joined, *words("one"))


def test_thoughts_and_roles_are_left_out() -> None:
    joined = Continuation(got("one"))
    thought = {"reasoning_content": "hm", "thinking_blocks": [{}], "reasoning_details": [{}]}
    shown = joined.take([chunk({"role": "assistant"}), chunk(thought), *words("one"), chunk(thought)])
    assert shown == []
    [last] = joined.take([chunk({"role": "assistant", "content": " two", **thought})])
    assert last.choices[0].delta.to_dict() == {"content": " two"}
    [extra] = joined.take([chunk({"annotations": [{}]})])
    assert extra.choices[0].delta.model_extra == {"annotations": [{}]}


def test_log_probabilities_of_half_a_piece_are_left_out() -> None:
    logprobs = {"content": [{"token": "one two", "logprob": 0.0}]}
    joined = Continuation(got("one"))
    [half] = joined.take([chunk({"content": "one two"}, choice={"logprobs": logprobs})])
    [whole] = joined.take([chunk({"content": " three"}, choice={"logprobs": logprobs})])
    assert half.choices[0].logprobs is None
    assert whole.choices[0].logprobs is not None


def test_calls_after_the_text_belong_to_the_answer() -> None:
    joined = Continuation(got("one"))
    call = chunk({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]})
    assert joined.take([*words("one"), call]) == [call]


def test_several_choices_each_go_on() -> None:
    before = [*words("a1", stream="a"), *words("b1", index=1, stream="a"), chunk({}, "stop", index=1)]
    joined = Continuation(Delivered.of(before))
    new = [
        *words("a1 a2"),
        *words("other", index=1),
        chunk({}, "stop", index=1),
        *words("c1", index=2),
        chunk({}, "stop"),
    ]
    shown = joined.take(new)
    joined.end()
    assert [(each.choices[0].index, each.choices[0].delta.content) for each in shown] == [
        (0, " a2"),
        (2, "c1"),
        (0, None),
    ]


def test_the_count_is_kept() -> None:
    joined = Continuation(got("one"))
    alone = ChatCompletionChunk.take({"id": "b", "choices": [], "usage": dict(USAGE)})
    [beside, last] = joined.take([chunk({"content": "on"}, usage=dict(USAGE)), alone])
    assert beside.choices[0].delta.content is None
    assert beside.usage is not None
    assert last.usage is not None


@given(
    text=st.text(alphabet="ab ", max_size=12),
    cut=st.integers(0, 12),
    sizes=st.lists(st.integers(1, 4), max_size=12),
    prefill=st.booleans(),
    echo=st.booleans(),
)
def test_however_it_is_cut_the_text_is_the_whole(
    text: str, cut: int, sizes: list[int], prefill: bool, echo: bool
) -> None:
    """A model that answers the same, goes on exactly, or repeats what it was given and goes on."""
    before, rest = text[:cut], text[cut:]
    trimmed = before.rstrip()
    if prefill and echo and rest.startswith(tuple(trimmed)):
        return  # which nobody can tell from an echo
    new = text if not prefill or echo else text[len(trimmed) :]
    pieces = []
    for size in [*sizes, 99]:
        pieces.append(new[:size])
        new = new[size:]
    joined = Continuation(got(before), prefilled=trimmed if prefill else None, may_echo=prefill and echo)
    assert before + taken(joined, *words(*pieces), chunk({}, "stop")) == text


def test_a_restart_has_whoever_assembles_it_begin_anew() -> None:
    first, *more = words("one", " two")
    mark = restart_chunk(first)
    assert mark.restarted
    assert not first.restarted
    assert (mark.id, mark.created, mark.model) == (first.id, first.created, first.model)
    assert mark.choices[0].delta.content is None
    assert ChatCompletionChunk.model_validate(mark.to_dict()).restarted
    whole = stream_chunk_builder([*words("lost", stream="a"), mark, first, *more])
    assert whole.choices[0].message.content == "one two"
    assert whole.id == "b"
    assert whole.model_extra == {}

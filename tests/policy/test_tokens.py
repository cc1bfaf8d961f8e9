from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl import BadRequestError, ChatCompletionMessage, FunctionCall, ToolCall
from aiocompl.policy.families import family_of
from aiocompl.policy.tokens import count_prompt, count_texts, estimate_prompt_tokens, estimate_tokens
from aiocompl.types.checks import check_messages

CALL = ToolCall(id="1", function=FunctionCall(name="abcd", arguments="{}"))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("a", 1),
        ("Hello, who are you?", 5),
        ("déjà vu", 2),
        ("Привет, как дела?", 6),
        ("你好你是谁", 3),
        ("🙂" * 3, 2),
    ],
)
def test_texts(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_of_long_texts_some_characters_are_looked_at() -> None:
    text = "Привет, как дела? " * 10_000
    assert estimate_tokens(text) == pytest.approx(10_000 * estimate_tokens("Привет, как дела? "), rel=0.1)


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ({"role": "user", "content": "a" * 40}, 14),
        ({"role": "user", "content": "a" * 40, "name": "Bo"}, 16),
        ({"role": "user", "content": None}, 4),
        ({"role": "user", "tool_calls": []}, 4),
        ({"role": "user", "tool_calls": 5}, 4),
        ({"role": "user", "tool_calls": [{"function": {"name": "abcd", "arguments": "{}"}}, None]}, 14),
        ({"role": "user", "function_call": {"name": "abcd", "arguments": "{}"}}, 10),
        (ChatCompletionMessage(role="user", content="a" * 40), 14),
        (ChatCompletionMessage(role="user", tool_calls=[CALL]), 10),
        ({"role": "user", "content": [{"type": "text", "text": "a" * 40}]}, 14),
        ({"role": "user", "content": ({"type": "text", "text": "a" * 40},)}, 14),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x" * 999}}]}, 769),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x", "detail": "low"}}]},
            89,
        ),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x" * 999}}]}, 4),
        ({"role": "user", "content": [{"type": "text", "text": None}]}, 4),
        ({"role": "user", "content": ["no part"]}, 4),
    ],
)
def test_messages(message: Any, tokens: int) -> None:
    assert estimate_prompt_tokens([message], model="gpt-4o") == tokens + 3
    assert estimate_prompt_tokens([message, message], model="gpt-4o") == 2 * tokens + 3


TOOL = {"type": "function", "function": {"name": "look_up", "description": "Look a word up."}}


def test_families_differ() -> None:
    messages = [{"role": "user", "content": "a" * 4000}]
    assert estimate_prompt_tokens(messages, model="gpt-4o") == 1007
    assert estimate_prompt_tokens(messages, model="anthropic/claude-sonnet-4-5") == 1211
    assert estimate_prompt_tokens(messages) == 1057
    plain, tools = (
        estimate_prompt_tokens(messages, model="claude-sonnet-4-5", tools=tools) for tools in (None, [TOOL])
    )
    assert tools > plain + 500


def words(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    ("model", "message", "tools", "counted"),
    [
        ("gpt-4o", {"role": "user", "content": "a b c"}, None, (10, True)),
        ("gpt-4o", {"role": "user", "content": [{"type": "text", "text": "a b c"}]}, [], (10, True)),
        ("gpt-5", {"role": "user", "content": "a b c"}, None, (9, False)),
        ("gpt-4o", {"role": "user", "content": "a b c"}, [TOOL], (10 + 18 + 9, False)),
        ("gpt-4o", {"role": "system", "content": "a b c"}, [TOOL], (10 + 18 + 9 - 4, False)),
        ("gpt-4o", {"role": "user", "content": [{"type": "file"}]}, None, (7, False)),
        ("gpt-4o", {"role": "assistant", "tool_calls": [{}]}, None, (11, False)),
        ("gemini-2.5-pro", {"role": "system", "content": "a b c"}, [TOOL], (7 + 18 + 50, False)),
    ],
)
def test_counting_says_whether_it_is_exact(
    model: str, message: Any, tools: Any, counted: tuple[int, bool]
) -> None:
    assert count_prompt([message], tools, family_of(model), words) == counted


def test_texts_have_nothing_around_them() -> None:
    assert count_texts(["a b", "c"], family_of("gpt-5"), words) == (3, True)
    assert count_texts(["a b"] * 5, family_of("claude-3"), words) == (12, False)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
PART = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url", "file", "x"])},
    optional={"text": ANYTHING, "image_url": ANYTHING},
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool", "function"])},
    optional={
        "content": st.text() | st.none() | st.lists(PART) | ANYTHING,
        "tool_call_id": st.just("c1"),
        "name": st.just("f"),
        "tool_calls": ANYTHING,
    },
)


@given(
    st.lists(MESSAGE | st.builds(ChatCompletionMessage, content=st.text() | st.none())), st.lists(ANYTHING)
)
def test_whatever_passes_the_checks_can_be_estimated(messages: Any, tools: Any) -> None:
    try:
        check_messages(messages)
    except BadRequestError:
        return
    assert estimate_prompt_tokens(messages, tools=tools) >= 0

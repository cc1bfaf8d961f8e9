from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl import BadRequestError, ChatCompletionMessage
from aiocompl.policy.tokens import estimate_prompt_tokens, estimate_tokens
from aiocompl.types.checks import check_messages


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


@pytest.mark.parametrize(
    ("message", "tokens"),
    [
        ({"role": "user", "content": "a" * 40}, 13),
        ({"role": "assistant", "content": None}, 3),
        ({"role": "assistant", "tool_calls": []}, 0),
        (ChatCompletionMessage(content="a" * 40), 13),
        ({"role": "user", "content": [{"type": "text", "text": "a" * 40}]}, 13),
        ({"role": "user", "content": ({"type": "text", "text": "a" * 40},)}, 13),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x" * 999}}]}, 768),
        ({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x" * 999}}]}, 3),
        ({"role": "user", "content": [{"type": "text", "text": None}]}, 3),
        ({"role": "user", "content": ["no part"]}, 3),
    ],
)
def test_messages(message: Any, tokens: int) -> None:
    assert estimate_prompt_tokens([message]) == tokens
    assert estimate_prompt_tokens([message, message]) == 2 * tokens


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


@given(st.lists(MESSAGE | st.builds(ChatCompletionMessage, content=st.text() | st.none())))
def test_whatever_passes_the_checks_can_be_estimated(messages: Any) -> None:
    try:
        check_messages(messages)
    except BadRequestError:
        return
    assert estimate_prompt_tokens(messages) >= 0

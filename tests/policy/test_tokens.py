from __future__ import annotations

from typing import Any

import pytest

from aiocompl.policy.tokens import estimate_prompt_tokens, estimate_tokens
from aiocompl.types.completion import ChatCompletionMessage


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é" * 8, 2), ("Привет, мир", 4), ("你好世界", 3)],
)
def test_about_how_many_tokens_a_text_is(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


@pytest.mark.parametrize(
    ("content", "tokens"),
    [
        ("abcdefgh", 2),
        (None, 0),
        ([{"type": "text", "text": "abcd"}, {"type": "text", "text": "efgh"}], 2),
        ([{"type": "image_url", "image_url": {"url": "data:..."}}], 765),
        ([{"type": "input_audio", "input_audio": {}}], 0),
    ],
    ids=str,
)
def test_a_conversation_is_its_contents_and_a_little_for_each_message(content: Any, tokens: int) -> None:
    message = {"role": "user", "content": content}
    assert estimate_prompt_tokens([message]) == 3 + tokens
    assert estimate_prompt_tokens([message, {"role": "assistant", "tool_calls": []}]) == 3 + tokens


def test_messages_out_of_answers_count_too() -> None:
    assert estimate_prompt_tokens([ChatCompletionMessage(content="abcd")]) == 4

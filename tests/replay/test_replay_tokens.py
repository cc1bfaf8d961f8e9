"""Recorded prompts, counted here and by OpenAI."""

from __future__ import annotations

import re
from statistics import median
from typing import TYPE_CHECKING

import pytest
from replay_corpus import CORPUS, recorded

from aiocompl.errors import BadRequestError
from aiocompl.token_counts import token_counter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.token_counts import TokenCount

pytestmark = pytest.mark.skipif(not CORPUS.exists(), reason="no corpus: set AIOCOMPL_SHARED")

COUNTED = re.compile(rb'"prompt_tokens"\s*:\s*(\d+)')


def counts(models: str, *, tools: bool) -> Iterator[tuple[TokenCount, int]]:
    """For each prompt to these models: our count, and OpenAI's."""
    for item in recorded("openai"):
        asked = item.request
        if not isinstance(asked, dict) or "messages" not in asked or "response_format" in asked:
            continue
        found = COUNTED.findall(item.body)
        counted = int(found[-1]) if found else 0
        given = asked.get("tools") or asked.get("functions")
        if not counted or not re.match(models, asked["model"]) or bool(given) is not tools:
            continue
        if "image" in str(asked["messages"]) or "audio" in str(asked):
            continue
        try:
            yield token_counter(asked["model"], messages=asked["messages"], tools=given), counted
        except BadRequestError:
            continue  # recorded because it was wrong


def test_plain_prompts_are_counted_exactly() -> None:
    pytest.importorskip("rs_bpe", reason="needs the extra `tokens`")
    ours = [(own, theirs) for own, theirs in counts(r"gpt-[34]", tools=False) if not own.estimated]
    exact = sum(own == theirs for own, theirs in ours)
    assert exact >= 85
    assert (
        exact >= len(ours) - 2
    )  # an older snapshot counts otherwise, and a name that says the role is not counted


@pytest.mark.parametrize(
    ("models", "tools", "off"),
    [("gpt-[34]", True, 0.05), ("gpt-5", False, 0.05), ("gpt-5", True, 0.05)],
)
def test_other_prompts_are_about_right(models: str, tools: bool, off: float) -> None:
    pytest.importorskip("rs_bpe", reason="needs the extra `tokens`")
    shares = [own / theirs for own, theirs in counts(models, tools=tools)]
    assert len(shares) > 5
    assert median(shares) == pytest.approx(1.0, abs=off)

"""Reasoning between tags: where it begins and ends, and that cuts make no difference."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.codecs.think_tags import ThinkTags


def split(*pieces: str) -> tuple[str, str]:
    tags = ThinkTags("think")
    told = [tags.feed(piece) for piece in pieces] + [tags.end()]
    return "".join(reasoning for reasoning, _ in told), "".join(text for _, text in told)


@pytest.mark.parametrize(
    ("content", "reasoning", "text"),
    [
        ("", "", ""),
        (" \n", "", " \n"),
        ("Hi", "", "Hi"),
        ("<think>\nHm.\n\nYes.\n</think>\n\nHi </think> there ", "Hm.\n\nYes.", "Hi </think> there "),
        ("\n <think>Hm</think>", "Hm", ""),
        ("<think>\n\n</think>\n\nHi", "", "Hi"),
        ("<think>", "", ""),
        ("<think>Hm </thi", "Hm </thi", ""),
        ("<think>Hm </b> < /</think>Hi", "Hm </b> < /", "Hi"),
        ("<thi", "", "<thi"),
        ("<thin air>", "", "<thin air>"),
        ("Use <think>so</think>", "", "Use <think>so</think>"),
    ],
)
def test_what_is_reasoning(content: str, reasoning: str, text: str) -> None:
    assert split(content) == (reasoning, text)
    assert split(*content) == (reasoning, text)


@given(
    pieces=st.lists(st.sampled_from(["<", "think", ">", "/", "</think>", "<think>", " ", "\n", "a"])),
    cuts=st.lists(st.integers(0, 30)),
)
def test_cuts_make_no_difference(pieces: list[str], cuts: list[int]) -> None:
    content = "".join(pieces)
    marks = sorted({0, len(content), *(min(cut, len(content)) for cut in cuts)})
    assert split(*(content[start:end] for start, end in itertools.pairwise(marks))) == split(content)

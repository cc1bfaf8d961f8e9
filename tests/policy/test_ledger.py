from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    IncompleteStreamError,
    NotNeededError,
    RateLimitError,
)
from aiocompl.policy.ledger import Ledger, LedgerEntry, LedgerSnapshot, spent_by
from aiocompl.types.completion import PromptTokensDetails, Usage

DAY = 86_400.0


def entry(tokens: tuple[int, int] | None = (10, 5), **more: Any) -> LedgerEntry:
    usage = None if tokens is None else Usage(prompt_tokens=tokens[0], completion_tokens=tokens[1])
    return LedgerEntry(**{"provider": "openai", "model": "gpt-4o", "cost": 1.0, "usage": usage, **more})


def test_sums() -> None:
    ledger = Ledger()
    ledger.note(entry())
    ledger.note(entry(cost=3.0, estimated=True))
    ledger.note(entry(cost=None))
    ledger.note(entry(None, cost=0.0, outcome="failed"))
    cached = Usage(
        prompt_tokens=10, prompt_tokens_details=PromptTokensDetails(cached_tokens=4), completion_tokens=1
    )
    ledger.note(entry(usage=cached, cost=0.0))
    ledger.note(entry(usage=Usage(prompt_tokens_details=PromptTokensDetails()), cost=0.0))
    assert ledger.snapshot() == LedgerSnapshot(
        attempts=6,
        spent=4.0,
        estimated=3.0,
        unknown_cost=1,
        prompt_tokens=40,
        completion_tokens=16,
        cached_tokens=4,
    )
    assert ledger.snapshot().estimated_share == 0.75
    assert Ledger().snapshot().estimated_share == 0.0


def test_sums_by_what_entries_say() -> None:
    ledger = Ledger()
    ledger.note(entry(key="alice", when=0.5 * DAY))
    ledger.note(entry(key="bob", when=1.5 * DAY))
    ledger.note(entry(key="alice", provider="groq", model="llama", when=1.6 * DAY))
    assert ledger.snapshot(key="alice").spent == 2.0
    assert ledger.snapshot(key="alice", provider="groq").spent == 1.0
    assert ledger.snapshot(key="carol") == LedgerSnapshot()
    by_day = ledger.by("day")
    assert {day: sums.attempts for day, sums in by_day.items()} == {(0,): 1, (1,): 2}
    assert list(ledger.by("provider", "key")) == [("openai", "alice"), ("openai", "bob"), ("groq", "alice")]
    assert ledger.by()[()] == ledger.snapshot()
    assert entry(when=1.5 * DAY).day == 1
    with pytest.raises(TypeError, match="no column 'days': there are day, provider"):
        ledger.snapshot(days=1)
    with pytest.raises(TypeError, match="no column 'x'"):
        ledger.by("x")  # type: ignore[arg-type]


def test_rows_are_bounded_and_sums_exact() -> None:
    ledger = Ledger(max_rows=2)
    for day in range(5):
        ledger.note(entry(when=day * DAY))
    assert ledger.snapshot().spent == 5.0
    assert {day: sums.spent for day, sums in ledger.by("day").items()} == {(3,): 1.0, (4,): 1.0, (None,): 3.0}
    with pytest.raises(ValueError, match="max_rows"):
        Ledger(max_rows=0)


@given(
    st.lists(
        st.builds(
            entry,
            st.none() | st.tuples(st.integers(0, 9), st.integers(0, 9)),
            cost=st.none() | st.integers(0, 9),
            key=st.sampled_from(["a", "b", "c", None]),
            when=st.floats(0, 9 * DAY),
            outcome=st.sampled_from(["answered", "failed"]),
        )
    ),
    st.integers(1, 9),
)
def test_parts_add_up_to_the_whole(entries: list[LedgerEntry], max_rows: int) -> None:
    ledger = Ledger(max_rows=max_rows)
    for each in entries:
        ledger.note(each)
    parts = ledger.by("key", "day").values()
    for name in ("attempts", "spent", "unknown_cost", "prompt_tokens", "completion_tokens"):
        assert sum(getattr(part, name) for part in parts) == getattr(ledger.snapshot(), name)
    assert len(ledger._rows) <= max_rows


@pytest.mark.parametrize(
    ("error", "answer", "spent"),
    [
        (RateLimitError("slow down"), 0, None),
        (BadRequestError("no"), 0, None),
        (APIConnectionError("refused"), 0, None),
        (APIConnectionError("broke"), 5, (100, 5)),
        (APITimeoutError("too late"), 0, (100, 0)),
        (IncompleteStreamError("cut"), 7, (100, 7)),
        (NotNeededError("another was first"), 0, (100, 0)),
        (asyncio.CancelledError(), 0, (100, 0)),
        (GeneratorExit(), 3, (100, 3)),
    ],
)
def test_what_is_spent_without_an_answer(
    error: BaseException, answer: int, spent: tuple[int, int] | None
) -> None:
    usage = spent_by(error, 100, answer)
    assert (usage and (usage.prompt_tokens, usage.completion_tokens)) == spent
    assert usage is None or usage.total_tokens == 100 + answer

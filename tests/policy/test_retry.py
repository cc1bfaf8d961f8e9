"""Whether and when to ask again: the whole decision as tables, and jitter from a seeded die."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl._compat import override
from aiocompl.errors import (
    ActorDiedError,
    AiocomplError,
    APIConnectionError,
    BadRequestError,
    InboxFullError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.policy.retry import RetryBudget, RetryPolicy, RetryPurse

POLICY = RetryPolicy()
RETRYABLE = ServiceUnavailableError("down")


def delay(
    error: AiocomplError, *, attempt: int = 1, now: float = 100.0, deadline: float = 700.0
) -> float | None:
    return POLICY.delay(error, attempt=attempt, now=now, deadline=deadline, rng=Random(1))


@pytest.mark.parametrize(("attempt", "asked"), [(1, True), (2, True), (3, False), (4, False)])
def test_two_retries_by_default(attempt: int, *, asked: bool) -> None:
    assert (delay(RETRYABLE, attempt=attempt) is not None) is asked


def test_no_retry_at_all() -> None:
    never = RetryPolicy(max_retries=0)
    assert never.delay(RETRYABLE, attempt=1, now=0, deadline=600, rng=Random(1)) is None


@pytest.mark.parametrize(
    ("error", "asked"),
    [
        (APIConnectionError("cut"), True),
        (ActorDiedError("crashed"), True),
        (RateLimitError("slow down"), True),
        (BadRequestError("no"), False),
        (InboxFullError("full"), False),
    ],
)
def test_only_what_may_succeed_is_asked_again(error: AiocomplError, *, asked: bool) -> None:
    assert (delay(error) is not None) is asked


def test_the_error_itself_may_know_better() -> None:
    error = RateLimitError("no money")
    error.retryable = False
    assert delay(error) is None


@given(attempt=st.integers(1, 60), seed=st.integers())
def test_backoff_is_jittered_between_nothing_and_its_bound(attempt: int, seed: int) -> None:
    policy = RetryPolicy(max_retries=100)
    wait = policy.delay(RETRYABLE, attempt=attempt, now=0.0, deadline=600.0, rng=Random(seed))
    assert wait is not None
    assert 0.0 <= wait <= min(8.0, 0.5 * 2.0 ** (attempt - 1))


def test_the_dice_decide_and_the_bound_doubles() -> None:
    class Highest(Random):
        @override
        def uniform(self, a: float, b: float) -> float:
            return b

    policy = RetryPolicy(max_retries=9)
    waits = [
        policy.delay(RETRYABLE, attempt=attempt, now=0.0, deadline=600.0, rng=Highest())
        for attempt in range(1, 8)
    ]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]


@pytest.mark.parametrize(
    ("retry_after", "deadline", "wait"),
    [
        (3.0, 110.0, 3.0),
        (0.0, 110.0, 0.0),
        (120.0, 700.0, 120.0),
        (9.99, 110.0, 9.99),
        (10.0, 110.0, None),  # it would end with the deadline: nothing could be sent any more
        (11.0, 110.0, None),
    ],
)
def test_what_the_provider_asks_goes_before_the_dice(
    retry_after: float, deadline: float, wait: float | None
) -> None:
    assert delay(RateLimitError("slow down", retry_after=retry_after), deadline=deadline) == wait


@given(st.floats(0, 100), st.floats(0, 100), st.integers())
def test_no_wait_goes_beyond_the_deadline(now: float, left: float, seed: int) -> None:
    deadline = now + left
    wait = POLICY.delay(RETRYABLE, attempt=2, now=now, deadline=deadline, rng=Random(seed))
    assert wait is None or now + wait < deadline


def test_a_budget_bounds_the_retries_of_an_outage() -> None:
    purse = RetryPurse(RetryBudget(ratio=0.1, per_second=0.0, burst=5.0))
    assert [purse.spend(calls=0, now=0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert [purse.spend(calls=30, now=1.0) for _ in range(4)] == [True] * 3 + [False]
    assert [purse.spend(calls=1000, now=2.0) for _ in range(6)] == [True] * 5 + [False]


def test_a_budget_has_a_floor() -> None:
    purse = RetryPurse(RetryBudget(ratio=0.0, per_second=2.0, burst=4.0))
    assert [purse.spend(calls=0, now=0.0) for _ in range(5)] == [True] * 4 + [False]
    assert [purse.spend(calls=0, now=0.5) for _ in range(2)] == [True, False]
    assert [purse.spend(calls=0, now=100.0) for _ in range(5)] == [True] * 4 + [False]


@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 5)), max_size=50),
    st.floats(0, 1),
    st.floats(0, 20),
    st.floats(1, 50),
)
def test_no_history_gets_more_than_its_share(
    steps: list[tuple[int, float]], ratio: float, per_second: float, burst: float
) -> None:
    purse = RetryPurse(RetryBudget(ratio=ratio, per_second=per_second, burst=burst))
    calls, now, granted = 0, 0.0, 0
    purse.spend(calls=0, now=0.0)
    for more, seconds in steps:
        calls, now = calls + more, now + seconds
        granted += purse.spend(calls=calls, now=now)
    assert granted <= burst + ratio * calls + per_second * now + 1e-6

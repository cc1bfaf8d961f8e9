"""What a provider's headers allow, be its limit a bucket that fills evenly or a window that begins anew."""

from __future__ import annotations

import pytest

from aiocompl.policy.learnt import allowance, per_minute, refill_period
from aiocompl.rate_limits import RateLimit


@pytest.mark.parametrize(
    ("limit", "remaining", "reset", "window", "period"),
    [
        pytest.param(60, 59, 1.0, None, 60.0, id="OpenAI's requests"),
        pytest.param(160_000, 159_976, 0.009, None, 60.0, id="OpenAI's tokens"),
        pytest.param(14_400, 14_370, 180.0, None, 86_400.0, id="Groq's day"),
        pytest.param(50, 46, 5.0, 60.0, 60.0, id="whole seconds"),
        pytest.param(100, 50, 5.0, None, None, id="a window that is nearly over"),
        pytest.param(100, 50, 1800.0, 60.0, None, id="not of the window that it names"),
        pytest.param(100, 100, 0.0, None, None, id="untouched"),
        pytest.param(None, 50, 5.0, None, None, id="no limit"),
        pytest.param(100, None, 5.0, None, None, id="nothing left"),
        pytest.param(100, 50, None, None, None, id="no reset"),
    ],
)
def test_a_bucket_is_told_by_its_numbers(
    limit: int | None, remaining: int | None, reset: float | None, window: float | None, period: float | None
) -> None:
    assert refill_period(RateLimit(limit=limit, remaining=remaining, reset=reset, window=window)) == period


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        (RateLimit(limit=60, remaining=59, reset=1.0), 60),
        (RateLimit(limit=60, window=60.0), 60),
        (RateLimit(limit=14_400, window=86_400.0), None),
        (RateLimit(limit=60), None),
        (RateLimit(remaining=3, window=60.0), None),
    ],
)
def test_limits_for_a_minute(said: RateLimit, limit: float | None) -> None:
    assert per_minute(said) == limit


@pytest.mark.parametrize(
    ("said", "amount", "now", "wait"),
    [
        pytest.param(RateLimit(limit=100, remaining=5, reset=20.0), 5, 0, 0, id="what is left"),
        pytest.param(RateLimit(limit=100, remaining=5, reset=20.0), 6, 0, 20, id="a window: all at its end"),
        pytest.param(RateLimit(limit=100, remaining=5, reset=20.0), 6, 15, 5, id="a window, later"),
        pytest.param(RateLimit(limit=100, remaining=5, reset=20.0), 6, 20, 0, id="a window that is over"),
        pytest.param(
            RateLimit(limit=60, remaining=0, reset=60.0), 1, 0, 1, id="a bucket: one after the other"
        ),
        pytest.param(RateLimit(limit=60, remaining=0, reset=60.0), 1, 0.5, 0.5, id="a bucket, later"),
        pytest.param(RateLimit(limit=60, remaining=0, reset=60.0), 99, 0, 60, id="more than the whole limit"),
        pytest.param(RateLimit(remaining=0, window=10.0), 1, 0, 10, id="no reset but a window"),
        pytest.param(RateLimit(remaining=0), 1, 0, 60, id="neither"),
    ],
)
def test_what_may_pass(said: RateLimit, amount: float, now: float, wait: float) -> None:
    found = allowance(said, 0.0, 0.0)
    assert found is not None
    assert found.wait(amount, now) == pytest.approx(wait)


def test_what_passed_since_the_answer_s_request_is_gone() -> None:
    found = allowance(RateLimit(limit=100, remaining=5, reset=20.0), 0.0, since=3.0)
    assert found is not None
    assert (found.wait(2, 0.0), found.wait(3, 0.0)) == (0.0, 20.0)


def test_who_says_nothing_of_what_is_left_allows_anything() -> None:
    assert allowance(RateLimit(limit=100, reset=20.0), 0.0, 0.0) is None

"""A deployment's limits, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.limits import (
    DEFAULT_OUTPUT_TOKENS,
    NOTHING,
    Cost,
    Limiter,
    RateLimitPolicy,
    estimated_cost,
    used_cost,
)
from aiocompl.policy.tokens import estimate_prompt_tokens
from aiocompl.rate_limits import RateLimit, RateLimits
from aiocompl.types.completion import Usage
from aiocompl.types.request import ChatRequest, EmbeddingRequest, ModelsRequest

if TYPE_CHECKING:
    from aiocompl.types.request import Request

ONE = Cost()


def limiter(**policy: Any) -> Limiter:
    return Limiter(RateLimitPolicy(**policy))


def drained(limits: Limiter, cost: Cost = ONE, now: float = 0.0) -> float:
    """Take until there is nothing to be had; then the wait."""
    while not (wait := limits.take(cost, now)):
        pass
    return wait


def test_no_limits() -> None:
    assert limiter().take(Cost(1, 10**9), 0.0) == 0


@pytest.mark.parametrize("name", ["rpm", "tpm", "input_tpm", "output_tpm", "burst"])
def test_limits_are_above_0(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be above 0, or None"):
        limiter(**{name: 0})


def test_nothing_is_taken_of_any_limit_where_one_of_them_says_no() -> None:
    limits = limiter(rpm=60, burst=60, tpm=1000)
    assert limits.take(Cost(1, 1000), 0.0) == 0
    assert limits.take(Cost(1, 1000), 0.0) == pytest.approx(62, abs=2)
    assert sum(limits.take(Cost(1, 0), 0.0) == 0 for _ in range(80)) == 59


@pytest.mark.parametrize(
    ("policy", "cost", "limited"),
    [
        ({"tpm": 100}, Cost(1, 60, 60), True),
        ({"input_tpm": 100}, Cost(1, 60, 1000), True),
        ({"output_tpm": 100}, Cost(1, 1000, 60), True),
        ({"input_tpm": 100}, Cost(1, 0, 1000), False),
        ({"output_tpm": 100}, Cost(1, 1000, 0), False),
    ],
)
def test_kinds_of_tokens(policy: dict[str, float], cost: Cost, *, limited: bool) -> None:
    limits = limiter(**policy)
    assert limits.counts_tokens
    assert limits.take(cost, 0.0) == 0
    assert (limits.take(cost, 1.0) > 0) is limited


def test_whether_tokens_matter() -> None:
    assert not limiter().counts_tokens
    assert not limiter(rpm=1).counts_tokens
    assert limiter(rpm=1, tpm=1).counts_tokens


def test_a_call_larger_than_the_whole_limit_passes_alone() -> None:
    limits = limiter(tpm=100)
    assert limits.take(Cost(1, 10), 0.0) == 0
    wait = limits.take(Cost(1, 500), 0.0)
    assert wait == pytest.approx(60, abs=0.1)
    assert limits.take(Cost(1, 500), wait) == 0
    assert limits.take(Cost(1, 1), wait) >= 60


def test_settling_gives_back() -> None:
    limits = limiter(tpm=1000)
    assert limits.take(Cost(1, 500, 400), 0.0) == 0
    assert limits.take(Cost(1, 500), 10.0) > 40
    limits.settle(Cost(1, 500, 400), Cost(1, 100), 10.0, at=0.0)
    assert limits.take(Cost(1, 500), 10.0) == 0


def test_settling_charges() -> None:
    limits = limiter(tpm=1000)
    assert limits.take(Cost(1, 100), 0.0) == 0
    limits.settle(Cost(1, 100), Cost(1, 100, 850), 10.0, at=0.0)
    assert limits.take(Cost(1, 100), 20.0) > 35


def test_without_its_instant_nothing_is_back_within_the_minute() -> None:
    limits = limiter(rpm=1)
    assert limits.take(ONE, 0.0) == 0
    limits.settle(ONE, NOTHING, 1.0)
    assert limits.take(ONE, 1.0) == pytest.approx(59, abs=0.1)


def test_a_call_that_was_never_sent_is_none() -> None:
    limits = limiter(rpm=1)
    assert limits.take(ONE, 0.0) == 0
    limits.settle(ONE, NOTHING, 1.0, at=0.0)
    assert limits.take(ONE, 1.0) == 0


def test_looking_takes_nothing() -> None:
    limits = limiter(rpm=60, burst=1)
    assert [limits.wait(ONE, 0.0) for _ in range(3)] == [0, 0, 0]
    assert limits.wait(ONE, 0.0, ONE.times(10)) == pytest.approx(10, abs=0.1)
    assert limiter().wait(ONE, 0.0) == 0


@given(
    rpm=st.integers(1, 30),
    tpm=st.integers(1, 2000),
    steps=st.lists(
        st.tuples(st.floats(0, 30), st.integers(0, 500), st.integers(0, 500), st.booleans()), max_size=50
    ),
)
def test_no_minute_has_more_than_its_limits(
    rpm: int, tpm: int, steps: list[tuple[float, int, int, bool]]
) -> None:
    limits, now, passed = limiter(rpm=rpm, tpm=tpm), 0.0, list[tuple[float, Cost]]()
    for pause, prompt, answer, sent in steps:
        now += pause
        cost = Cost(1, prompt, answer)
        while wait := limits.take(cost, now):
            now += wait
        used = Cost(1, prompt, answer // 2) if sent else NOTHING
        limits.settle(cost, used, now + pause / 2, at=now)
        passed.append((now, used))
        now += pause / 2
    for start, _ in passed:
        window = [cost for at, cost in passed if start <= at < start + 60]
        assert sum(cost.requests for cost in window) <= rpm
        assert sum(cost.tokens for cost in window) <= tpm or sum(cost.tokens > 0 for cost in window) == 1


def test_a_burst_that_is_spent() -> None:
    limits = limiter(rpm=60, burst=5)
    limits.spend_burst(ONE, 0.0)
    assert limits.take(ONE, 0.0) == 0
    assert limits.take(ONE, 0.0) == pytest.approx(60 / 56, rel=0.01)
    limits.spend_burst(NOTHING, 100.0)
    assert limits.take(ONE, 100.0) == limits.take(ONE, 100.0) == 0


class TestLearning:
    """Limits from headers."""

    def test_a_limit_is_adopted(self) -> None:
        limits = limiter(learn=True)
        limits.learn(RateLimits(requests=RateLimit(limit=60, remaining=59, reset=1.0)), 0.0)
        assert limits.limit("requests") == 60
        assert limits.limit("tokens") is None
        assert drained(limits) == pytest.approx(60 / 58, rel=0.01)

    @pytest.mark.parametrize(("ours", "theirs", "kept"), [(100, 60, 60), (60, 100, 60), (60, 60, 60)])
    def test_the_lower_limit_counts(self, ours: int, theirs: int, kept: int) -> None:
        limits = limiter(rpm=ours, learn=True)
        for _ in range(2):
            limits.learn(RateLimits(requests=RateLimit(limit=theirs, window=60.0)), 0.0)
        assert limits.limit("requests") == kept

    def test_a_limit_that_rises_again(self) -> None:
        limits = limiter(rpm=100, learn=True)
        for theirs in (50, 80):
            limits.learn(RateLimits(requests=RateLimit(limit=theirs, window=60.0)), 0.0)
        assert limits.limit("requests") == 80

    def test_no_more_passes_than_is_left(self) -> None:
        limits = limiter(learn=True)
        limits.learn(RateLimits(tokens=RateLimit(limit=1000, remaining=100, reset=30.0)), 0.0)
        assert limits.take(Cost(1, 100), 0.0) == 0
        assert limits.take(Cost(1, 1), 0.0) == 30
        assert limits.take(Cost(1, 1), 30.0) == 0

    def test_what_passed_meanwhile_is_not_left_any_more(self) -> None:
        limits = limiter(learn=True)
        assert limits.take(ONE, 0.0) == 0
        then = limits.taken
        assert limits.take(ONE, 0.5) == 0
        limits.learn(RateLimits(requests=RateLimit(limit=10, remaining=2, reset=30.0)), 1.0, then)
        assert limits.take(ONE, 1.0) == 0
        assert limits.take(ONE, 1.0) == 30

    def test_who_says_nothing_teaches_nothing(self) -> None:
        limits = limiter(learn=True)
        limits.learn(RateLimits(requests=RateLimit(reset=30.0)), 0.0)
        assert limits.take(ONE, 0.0) == 0

    def test_a_bucket_of_a_minute_never_runs_into_a_429(self) -> None:
        """A provider with a bucket that fills by one a second, half of it taken by somebody else before we come."""
        limits, left, now = limiter(learn=True), 30.0, 0.0
        for _ in range(300):
            if step := limits.take(ONE, now):
                now += step
                assert limits.take(ONE, now) == 0
            left = min(60.0, left + step) - 1
            assert left > -0.01
            remaining = round(left)
            limits.learn(
                RateLimits(requests=RateLimit(limit=60, remaining=remaining, reset=60.0 - remaining)),
                now,
                limits.taken,
            )
        assert now == pytest.approx(300 - 30, abs=40), "and hardly any of it is left unused"


@pytest.mark.parametrize(
    ("params", "output"),
    [
        ({}, DEFAULT_OUTPUT_TOKENS),
        ({"max_tokens": 10}, 10),
        ({"max_completion_tokens": 20, "max_tokens": 10}, 20),
        ({"max_tokens": 10, "n": 3}, 30),
        ({"max_tokens": "many", "n": -1}, 1),
    ],
)
def test_estimates(params: dict[str, Any], output: int) -> None:
    request = ChatRequest("m", [{"role": "user", "content": "a" * 40}], params)
    assert estimated_cost(request) == Cost(1, estimate_prompt_tokens(request.messages), output)


@pytest.mark.parametrize(
    ("request_", "tokens"),
    [
        (EmbeddingRequest(model="m", input=["a" * 40, "b" * 40]), 20),
        (EmbeddingRequest(model="m", input=[[1, 2, 3], [4]]), 4),
        (ModelsRequest(), 0),
    ],
)
def test_estimates_of_what_has_no_answer(request_: Request, tokens: int) -> None:
    assert estimated_cost(request_) == Cost(1, tokens)


def test_what_was_used() -> None:
    assert used_cost(Usage(prompt_tokens=3, completion_tokens=4)) == Cost(1, 3, 4)
    assert Cost(1, 3, 4).tokens == 7

"""When the breaker opens, for how long, and what closes it."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import (
    ActorDiedError,
    AiocomplError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    WaitTooLongError,
)
from aiocompl.policy.breaker import Breaker, BreakerPolicy

DOWN = ServiceUnavailableError("down")
POLICY = BreakerPolicy(consecutive=3, min_calls=4, failure_rate=0.5, window=30, cooldown=5, max_cooldown=20)


def opened(at: float = 0.0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(3):
        breaker.fail(at, DOWN)
    return breaker


def test_it_is_closed_at_first() -> None:
    breaker = Breaker(POLICY)
    assert (breaker.state(0), breaker.wait(0)) == ("closed", None)


def test_failures_in_a_row_open_it() -> None:
    breaker = Breaker(POLICY)
    assert [breaker.fail(0, DOWN) for _ in range(3)] == [False, False, True]
    assert (breaker.state(1), breaker.wait(1)) == ("open", 4.0)


def test_a_success_in_between_begins_the_row_anew() -> None:
    breaker = Breaker(attrs.evolve(POLICY, min_calls=100))
    assert not any([breaker.fail(0, DOWN), breaker.fail(0, DOWN), breaker.succeed(0), breaker.fail(0, DOWN)])


def test_a_share_of_failures_opens_it_once_there_are_calls_enough() -> None:
    breaker = Breaker(attrs.evolve(POLICY, consecutive=100))
    assert not breaker.succeed(0)
    assert [breaker.fail(0, DOWN), breaker.fail(1, DOWN), breaker.fail(2, DOWN)] == [False, False, True]


def test_what_is_out_of_the_window_is_forgotten() -> None:
    breaker = Breaker(attrs.evolve(POLICY, consecutive=100))
    assert not any(breaker.fail(now, DOWN) for now in (0, 1, 2))
    assert not breaker.fail(40, DOWN)
    assert not breaker.succeed(41)


def test_the_cooldown_over_one_probe_at_a_time_passes() -> None:
    breaker = opened()
    assert breaker.state(5) == "half_open"
    assert [breaker.wait(5), breaker.wait(5)] == [None, 5.0]
    assert breaker.succeed(6)
    assert breaker.state(6) == "closed"
    assert [breaker.wait(6), breaker.wait(6)] == [None, None]


def test_a_probe_that_fails_doubles_the_cooldown_up_to_a_cap() -> None:
    breaker, now, waits = opened(), 5.0, []
    for _ in range(4):
        assert breaker.wait(now) is None
        assert breaker.fail(now, DOWN)
        waits.append(breaker.wait(now))
        now += waits[-1] or 0
    assert waits == [10, 20, 20, 20]
    breaker.wait(now)
    breaker.succeed(now)
    for _ in range(3):
        breaker.fail(now, DOWN)
    assert breaker.wait(now) == 5


def test_a_probe_that_says_nothing_makes_room_for_another() -> None:
    breaker = opened()
    assert breaker.wait(5) is None
    breaker.release()
    assert breaker.wait(5) is None
    assert not breaker.fail(5, BadRequestError("your mistake"))
    assert breaker.wait(5) is None


def test_calls_that_were_on_their_way_do_not_open_it_again() -> None:
    breaker = opened()
    assert not breaker.fail(1, DOWN)
    assert breaker.wait(1) == 4
    assert breaker.opened == 1


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (AuthenticationError("no"), 60),
        (PermissionDeniedError("no"), 60),
        (quota := RateLimitError("used up"), 60),
        (RateLimitError("slow down", retry_after=17), 17),
        (APITimeoutError("late"), 5),
        (ActorDiedError("bug"), 5),
    ],
)
def test_how_long_it_opens(error: AiocomplError, wait: float) -> None:
    quota.retryable = False
    breaker = Breaker(attrs.evolve(POLICY, consecutive=1))
    assert breaker.fail(0, error)
    assert breaker.wait(0) == wait


@pytest.mark.parametrize("error", [BadRequestError("no"), NotFoundError("no")])
def test_the_callers_mistakes_do_not_count(error: AiocomplError) -> None:
    breaker = Breaker(POLICY)
    assert not any(breaker.fail(0, error) for _ in range(100))


EVENTS = st.lists(
    st.tuples(st.sampled_from(["ask", "ok", "down", "wrong", "gone"]), st.floats(0, 20)), max_size=60
)


@given(EVENTS)
def test_whatever_happens_it_lets_calls_pass_again(events: list[tuple[str, float]]) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for kind, seconds in events:
        now += seconds
        if kind == "ask":
            wait = breaker.wait(now)
            assert wait is None or 0 < wait <= POLICY.hard_cooldown
        elif kind == "ok":
            breaker.succeed(now)
            assert breaker.state(now) == "closed"
        elif kind == "down":
            breaker.fail(now, DOWN)
        elif kind == "wrong":
            breaker.fail(now, BadRequestError("no"))
        else:
            breaker.release()
    breaker.release()
    assert breaker.wait(now + POLICY.max_cooldown) is None


def test_a_line_of_our_own_says_nothing_of_the_endpoint() -> None:
    breaker = Breaker(POLICY)
    assert not any(breaker.fail(0, WaitTooLongError("busy")) for _ in range(10))

"""Whom a line refuses."""

from __future__ import annotations

import pytest

from aiocompl.policy.shedding import Shedder


def seen(*, turns: int = 10, every: float = 0.5, takes: float = 2.0) -> Shedder:
    """A line that moves by one each `every` seconds, before calls that all take as long."""
    shedder = Shedder()
    shedder.began(0.0)
    for number in range(turns):
        shedder.turn((number + 1) * every)
    for _ in range(200):
        shedder.took(takes)
    return shedder


def test_before_it_has_seen_anything_it_refuses_nobody() -> None:
    shedder = Shedder()
    shedder.began(0.0)
    assert shedder.refused(now=0, deadline=0.001, ahead=10**6) is None
    assert not shedder.is_late(now=0, deadline=0.001, started=0)


@pytest.mark.parametrize(
    ("ahead", "deadline", "wait"),
    [(3, 10.0, None), (3, 4.1, None), (3, 3.9, 2.0), (19, 11.9, 10.0), (19, 12.1, None), (0, 600, None)],
)
def test_who_would_be_too_late(ahead: int, deadline: float, wait: float | None) -> None:
    found = seen().refused(now=0.0, deadline=deadline, ahead=ahead)
    assert found == (None if wait is None else pytest.approx(wait, rel=0.01))


def test_the_wait_for_a_limit_counts() -> None:
    assert seen().refused(now=0.0, deadline=10.0, ahead=0, least=9.0) == 9.0
    assert Shedder().refused(now=0.0, deadline=10.0, ahead=0, least=11.0) == 11.0


def test_before_the_first_turn_the_slots_tell_how_long_one_takes() -> None:
    shedder = Shedder()
    shedder.took(10.0)
    assert shedder.refused(now=0.0, deadline=12.0, ahead=1, slots=4) == 5.0
    assert shedder.refused(now=0.0, deadline=12.0, ahead=1) is None


@pytest.mark.parametrize(
    ("left", "limit", "late"),
    [(1.9, 10, True), (2.1, 10, False), (1.1, 2.2, True), (1.1, 1.9, False), (0.9, 1.9, True)],
)
def test_a_turn_that_comes_too_late(left: float, limit: float, *, late: bool) -> None:
    """Less than the typical time left; for who has less than that in all, less than half of it."""
    assert seen().is_late(now=limit - left, deadline=limit, started=0.0) is late


def test_where_calls_differ_more_time_is_needed_but_not_more_than_half() -> None:
    shedder = Shedder()
    for _ in range(200):
        shedder.took(1.0)
        shedder.took(3.0)
    assert shedder.mean == pytest.approx(2, rel=0.05)
    assert shedder.needed(100.0) == pytest.approx(4, rel=0.05)
    assert shedder.needed(6.0) == pytest.approx(3, rel=0.05)


def test_a_call_that_was_given_up_would_have_taken_longer() -> None:
    shedder = seen(takes=2.0)
    shedder.aborted(0.1)
    assert shedder.mean == pytest.approx(2)
    shedder.aborted(10.0)
    assert shedder.mean > 2


def test_a_new_backlog_begins_with_what_the_last_one_showed() -> None:
    shedder = seen(every=0.5)
    shedder.began(1000.0)
    assert shedder.per_turn == pytest.approx(0.5)
    for number in range(100):
        shedder.turn(1001.0 + number)
    assert shedder.per_turn == pytest.approx(1.0, rel=0.1)


def test_it_follows_a_pace_that_changes() -> None:
    shedder, now = seen(turns=5000, every=0.1), 500.0
    for _ in range(2500):
        shedder.turn(now := now + 0.2)
    assert shedder.per_turn == pytest.approx(0.2, rel=0.2)

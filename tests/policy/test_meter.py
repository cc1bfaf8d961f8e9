"""In any 60 s no more than the limit, whatever the history; and as much as that, evenly."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.learnt import Allowance
from aiocompl.policy.meter import Meter

limits = st.one_of(st.integers(1, 300).map(float), st.floats(1, 50))
starts = st.sampled_from([0.0, 0.3, 1e6 + 1 / 3])
pauses = st.one_of(st.just(0.0), st.floats(0, 0.01), st.floats(0, 5), st.floats(0, 200))


def passed(meter: Meter, now: float, seconds: float, amount: float = 1.0) -> list[float]:
    """Ask as soon as one may, for so long; the instants at which something passed."""
    end, instants = now + seconds, list[float]()
    while now < end:
        wait = meter.wait(amount, now)
        if wait:
            now += wait
        else:
            meter.take(amount, now)
            instants.append(now)
    return instants


def fullest(history: list[tuple[float, float]]) -> float:
    """The most that passed in a half-open window of 60 s."""
    most = total = 0.0
    first = 0
    for now, amount in history:
        total += amount
        while history[first][0] + 60 <= now:
            total -= history[first][1]
            first += 1
        most = max(most, total)
    return most


@pytest.mark.parametrize(
    ("limit", "burst", "at_once"),
    [
        (60.0, None, 3),
        (1.0, None, 1),
        (10.0, None, 1),
        (600.0, None, 30),
        (60.0, 1.0, 1),
        (60.0, 60.0, 60),
        (60.0, 100.0, 60),
        (5.5, 2.9, 2),
    ],
)
def test_a_burst_then_evenly_and_the_limit_in_the_fullest_minute(
    limit: float, burst: float | None, at_once: int
) -> None:
    instants = passed(Meter(limit, burst), 100.0, 60.0)
    assert len(instants) == int(limit)
    assert instants.count(100.0) == at_once
    interval = 60 / max(int(limit) - at_once + 1, int(limit) * 0.75)
    assert at_once + ceil(60 / interval) - 1 == int(limit) or at_once > limit / 4
    gaps = [
        later - earlier for earlier, later in zip(instants[at_once - 1 :], instants[at_once:], strict=False)
    ]
    assert gaps == pytest.approx([interval] * len(gaps), rel=1e-4)


def test_a_large_burst_does_not_slow_down_what_comes_after_it() -> None:
    assert len(passed(Meter(60.0, 60.0), 0.0, 600.0)) > 0.75 * 600


def test_its_pace() -> None:
    assert Meter(60.0).pace == pytest.approx((60, 3, 60 / 58), rel=1e-4)


def test_below_one_a_minute() -> None:
    instants = passed(Meter(0.5), 0.0, 300.0)
    assert instants == [0.0, pytest.approx(120), pytest.approx(240)]


@given(
    limit=limits,
    burst=st.none() | st.integers(1, 100).map(float),
    now=starts,
    asks=st.lists(pauses, max_size=60),
)
def test_never_more_than_the_limit_in_any_minute(
    limit: float, burst: float | None, now: float, asks: list[float]
) -> None:
    meter, history = Meter(limit, burst), list[tuple[float, float]]()
    for pause in asks:
        now += pause
        for instant in passed(meter, now, pause / 2 or 0.001):
            history.append((instant, 1.0))
            now = instant
        if len(history) > 1000:
            break
    assert fullest(history) <= limit


@given(
    limit=st.integers(1, 1000).map(float),
    now=starts,
    steps=st.lists(st.tuples(pauses, st.integers(0, 1500), st.floats(0, 1.2)), max_size=60),
)
def test_never_more_than_the_limit_whatever_is_given_back(
    limit: float, now: float, steps: list[tuple[float, int, float]]
) -> None:
    """Amounts of any size, each given back in part as soon as something else happens."""
    meter, history = Meter(limit), list[tuple[float, float]]()
    for pause, amount, share in steps:
        now += pause
        now += meter.wait(amount, now)
        now += meter.wait(amount, now)
        assert meter.wait(amount, now) == 0, "who waits as long as told may pass"
        meter.take(amount, now)
        history.append((now, amount))
        at, taken = history[len(history) // 2]
        back = float(int(taken * min(1.0, share)))
        meter.give_back(back, now, at)
        history[len(history) // 2] = (at, taken - back)
    for start, first in history:
        window = [amount for other, amount in history if start <= other < start + 60 and amount]
        assert sum(window) <= limit or len(window) == 1, (start, first, window)


@pytest.mark.parametrize(
    ("amount", "expected"), [(50.0, 1000 / 50), (200.0, 5), (300.0, 3), (500.0, 2), (1000.0, 1)]
)
def test_large_amounts_pass_too(amount: float, expected: int) -> None:
    instants = passed(Meter(1000.0), 0.0, 60.0, amount)
    assert expected * 0.9 <= len(instants) <= expected


def test_what_exceeds_the_whole_limit_passes_alone() -> None:
    meter = Meter(100.0)
    meter.take(1, 0.0)
    assert meter.wait(250, 30.0) == pytest.approx(30)
    assert meter.wait(250, 61.0) == 0
    meter.take(250, 61.0)
    assert meter.wait(1, 61.0) >= 60


def test_nothing_costs_nothing() -> None:
    meter = Meter(1.0)
    meter.take(0, 0.0)
    meter.take(1, 0.0)
    assert meter.wait(0, 0.0) == 0


def test_what_others_take_first() -> None:
    meter = Meter(60.0, 1.0)
    assert meter.wait(1, 10.0, ahead=5) == pytest.approx(5)
    meter.take(1, 10.0)
    assert meter.wait(1, 10.0, ahead=5) == pytest.approx(6)


def test_what_was_given_back_may_pass() -> None:
    meter = Meter(10.0, 10.0)
    for now in range(10):
        meter.take(1, float(now))
    assert meter.wait(1, 9.0) == pytest.approx(51, abs=1e-3)
    meter.give_back(1, 9.0, at=5.0)
    assert meter.wait(1, 9.0) == 0


@pytest.mark.parametrize("at", [-1.0, 0.0, 100.5])
def test_what_nobody_took_then_cannot_be_given_back(at: float) -> None:
    meter = Meter(1.0)
    meter.take(1, 0.0)
    meter.take(1, 100.0)
    meter.give_back(1, 101.0, at)
    assert meter.wait(1, 101.0) == pytest.approx(59)


def test_a_lower_limit_counts_what_has_passed() -> None:
    meter = Meter(100.0)
    for now in range(50):
        meter.take(1, float(now))
    meter.resize(20.0)
    assert meter.wait(1, 50.0) == pytest.approx(40)


def test_what_the_provider_says_is_left() -> None:
    meter = Meter(1000.0)
    meter.allowance = Allowance(1, 0.0, 30.0)
    assert meter.wait(1, 0.0) == 0
    meter.take(1, 0.0)
    assert meter.wait(1, 0.0) == 30
    assert meter.wait(1, 30.0) == 0

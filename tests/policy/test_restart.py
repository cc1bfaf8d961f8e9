"""How often an actor may crash: an intensity within a sliding period."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.restart import RestartIntensity


def test_three_in_five_seconds_and_not_one_more() -> None:
    intensity = RestartIntensity()
    assert [intensity.grant(now) for now in (0.0, 1.0, 2.0, 3.0)] == [True, True, True, False]
    assert intensity.total == 3


def test_the_period_slides() -> None:
    intensity = RestartIntensity(max_restarts=2, period=10.0)
    assert [intensity.grant(now) for now in (0.0, 6.0, 9.9, 10.0, 15.9, 16.0)] == [
        True,
        True,
        False,  # 0 and 6 are within ten seconds
        True,  # 0 is ten seconds ago
        False,
        True,
    ]
    assert intensity.total == 4


def test_no_restart_at_all() -> None:
    assert not RestartIntensity(max_restarts=0).grant(0.0)


@given(st.lists(st.floats(0, 100), max_size=50).map(sorted), st.integers(0, 5), st.floats(0.1, 20))
def test_no_window_holds_more_than_granted(times: list[float], most: int, period: float) -> None:
    intensity = RestartIntensity(max_restarts=most, period=period)
    granted = [now for now in times if intensity.grant(now)]
    assert intensity.total == len(granted)
    for end in granted:
        assert sum(end - period < now <= end for now in granted) <= most

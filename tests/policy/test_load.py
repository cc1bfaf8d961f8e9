"""The live figures of a deployment: latencies that fade, minutes that pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.config import DeploymentConfig
from aiocompl.policy.load import Load, MinuteTally, PeakEwma

TIMES = st.lists(st.floats(0, 300), max_size=30)


def ewma(*observed: tuple[float, float]) -> PeakEwma:
    made = PeakEwma(decay=10, fade=100)
    for now, latency in observed:
        made.observe(latency, now)
    return made


@pytest.mark.parametrize(
    ("observed", "now", "expected"),
    [
        ([], 5, None),
        ([(0, 2)], 0, 2),
        ([(0, 2), (1, 7)], 1, 7),
        ([(0, 2), (0, 1)], 0, 2),
        ([(0, 2), (10, 1)], 10, 1.3679),
        ([(0, 2), (1000, 1)], 1000, 1),
        ([(0, 2)], 100, 0.7358),
        ([(5, 2), (4, 1)], 3, 2),
    ],
    ids=["nothing", "first", "rise", "at once", "fall", "long after", "faded", "clock set back"],
)
def test_peak_ewma(observed: list[tuple[float, float]], now: float, expected: float | None) -> None:
    assert ewma(*observed).at(now) == (expected and pytest.approx(expected, abs=1e-4))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1))
def test_a_mean_stays_between_what_was_observed(observed: list[tuple[float, float]]) -> None:
    observed = sorted(observed)
    latencies = [latency for _, latency in observed]
    value = ewma(*observed).at(observed[-1][0])
    assert value is not None
    assert min(latencies) - 1e-9 <= value <= max(latencies) + 1e-9
    assert value >= latencies[-1] - 1e-9  # a rise is believed at once


@pytest.mark.parametrize(
    ("added", "now", "expected"),
    [
        ([], 0, 0),
        ([(0, 3), (30, 2)], 30, 5),
        ([(0, 4)], 60, 4),
        ([(0, 4)], 75, 3),
        ([(0, 4), (75, 1)], 90, 3),
        ([(0, 4)], 119, pytest.approx(4 / 60)),
        ([(0, 4)], 120, 0),
        ([(0, 4)], 1e9, 0),
        ([(0, 4), (1, -1)], 2, 3),
        ([(0, 4), (61, -9)], 120, 0),
    ],
)
def test_minute_tally(added: list[tuple[float, float]], now: float, expected: float) -> None:
    tally = MinuteTally()
    for at, amount in added:
        tally.add(amount, at)
    assert tally.at(now) == expected


@given(TIMES)
def test_a_tally_is_never_less_than_none_nor_more_than_all(times: list[float]) -> None:
    tally = MinuteTally()
    for count, now in enumerate(sorted(times), 1):
        tally.add(1, now)
        assert 1 <= tally.at(now) <= count


@pytest.mark.parametrize(
    ("settings", "figures"),
    [
        ({}, ("group", None, None, None, None, None)),
        (
            {"id": "eu", "weight": 2.0, "rpm": 3, "tpm": 4, "order": 1, "input_cost_per_token": 1e-6},
            ("eu", 2.0, 3, 4, 1, 1e-6),
        ),
        (
            {"input_cost_per_token": 1.0, "output_cost_per_token": 3.0},
            ("group", None, None, None, None, 4.0),
        ),
    ],
)
def test_the_load_of_a_configured_deployment(
    settings: dict[str, object], figures: tuple[object, ...]
) -> None:
    made = Load.of(DeploymentConfig(model_name="group", params={"model": "x/y"}, **settings))  # type: ignore[arg-type]
    assert (made.id, made.weight, made.rpm, made.tpm, made.order, made.cost) == figures

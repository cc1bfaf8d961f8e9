from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.hedge import QUANTILES, HedgeBudget, HedgePurse, LatencyDigest


def digest_of(*seconds: float) -> LatencyDigest:
    digest = LatencyDigest()
    for each in seconds:
        digest.observe(each)
    return digest


def test_few_latencies_say_nothing() -> None:
    assert digest_of(*[1.0] * 19).quantile(0.95) is None
    assert digest_of(*[1.0] * 20).quantile(0.95) == 1.0


@pytest.mark.parametrize(
    ("name", "expected"), [("p50", 50), ("p75", 75), ("p90", 90), ("p95", 95), ("p99", 99)]
)
def test_quantiles(name: str, expected: float) -> None:
    assert digest_of(*map(float, range(100))).quantile(QUANTILES[name]) == expected


def test_a_quantile_is_computed_anew_now_and_then() -> None:
    digest = digest_of(*[1.0] * 20)
    assert digest.quantile(0.5) == 1.0
    for _ in range(15):
        digest.observe(9.0)
    assert digest.quantile(0.95) == 1.0
    digest.observe(9.0)
    assert digest.quantile(0.95) == 9.0


def test_old_latencies_are_forgotten() -> None:
    digest = digest_of(*[1.0] * 256, *[2.0] * 256)
    assert digest.quantile(0.5) == 2.0
    assert digest_of(*[1.0] * 256, *[2.0] * 100).quantile(0.5) == 1.0


@given(st.lists(st.floats(0.0, 1e6), min_size=20, max_size=600), st.sampled_from(sorted(QUANTILES)))
def test_a_quantile_is_one_of_the_latest(seconds: list[float], name: str) -> None:
    latest = sorted(seconds[-256:])
    quantile = digest_of(*seconds).quantile(QUANTILES[name])
    assert quantile is not None
    assert quantile in latest
    not_above = sum(each <= quantile for each in latest)
    assert not_above >= QUANTILES[name] * len(latest)


def test_one_second_attempt_is_there_at_the_start() -> None:
    purse = HedgePurse(HedgeBudget())
    assert purse.spend()
    assert not purse.spend()


def test_a_twentieth_of_the_calls_may_have_one() -> None:
    purse = HedgePurse(HedgeBudget())
    spent = 0
    for _ in range(1000):
        purse.earn()
        spent += purse.spend()
    assert 50 <= spent <= 51


def test_no_more_is_saved_up_than_the_burst() -> None:
    purse = HedgePurse(HedgeBudget(ratio=1.0, burst=3.0))
    for _ in range(100):
        purse.earn()
    assert [purse.spend() for _ in range(4)] == [True, True, True, False]

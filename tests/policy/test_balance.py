"""Which deployment takes a call: shares, tiers, ties, the power of two choices, and keys that stick."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocompl._compat import override
from aiocompl.policy.balance import choose, shares
from aiocompl.policy.config import STRATEGIES, Strategy
from aiocompl.policy.load import Load, seed_of


def load(
    name: str = "a", *, latency: float | None = None, used: tuple[float, float] = (0, 0), **figures: Any
) -> Load:
    made = Load(id=name, **figures)
    if latency is not None:
        made.latency.observe(latency, 0.0)
    made.requests.add(used[0], 0.0)
    made.tokens.add(used[1], 0.0)
    return made


def pick(strategy: Strategy, *loads: Load, calls: int = 2000, key: str | None = None) -> Counter[int]:
    rng = Random(7)
    return Counter(choose(strategy, loads, rng=rng, now=0.0, key=key) for _ in range(calls))


def loads_of(*figures: dict[str, Any]) -> list[Load]:
    return [load(f"deployment-{number}", **said) for number, said in enumerate(figures)]


NUMBERS = st.none() | st.floats(0, 1e6)
LOADS = st.lists(
    st.builds(
        load,
        st.uuids().map(str),
        latency=st.none() | st.floats(0, 100),
        used=st.tuples(st.floats(0, 1e5), st.floats(0, 1e5)),
        weight=NUMBERS,
        rpm=NUMBERS,
        tpm=NUMBERS,
        cost=NUMBERS,
        order=st.none() | st.integers(-2, 2),
        in_flight=st.integers(0, 100),
    ),
    min_size=1,
    max_size=8,
)


@given(st.sampled_from(STRATEGIES), LOADS, st.randoms(use_true_random=False), st.none() | st.text())
def test_any_strategy_chooses_among_those_of_the_lowest_order(
    strategy: Strategy, loads: list[Load], rng: Random, key: str | None
) -> None:
    chosen = choose(strategy, loads, rng=rng, now=1.0, key=key)
    least = min((one.order for one in loads if one.order is not None), default=None)
    assert loads[chosen].order == least


@settings(max_examples=20)
@given(
    st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(any), st.sampled_from(["weight", "rpm", "tpm"])
)
def test_shares_follow_what_is_said(weights: list[int], name: str) -> None:
    counted = pick("simple-shuffle", *loads_of(*({name: weight} for weight in weights)), calls=3000)
    for index, weight in enumerate(weights):
        assert counted[index] / 3000 == pytest.approx(weight / sum(weights), abs=0.05)
        assert weight or not counted[index]


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([{"weight": 3, "rpm": 1}, {"weight": 1, "rpm": 99}], [3, 1]),
        ([{"rpm": 3, "tpm": 1}, {"rpm": 1, "tpm": 99}], [3, 1]),
        ([{"tpm": 3}, {"tpm": 1}], [3, 1]),
        ([{}, {}], None),
        ([{"weight": 0, "rpm": 3}, {"weight": 0, "rpm": 1}], [3, 1]),
        ([{"weight": 0}, {"weight": 0}], None),
        ([{"weight": 2}, {}, {"weight": 4}], [2, 3, 4]),
    ],
    ids=["weight", "else rpm", "else tpm", "nothing", "no weight at all", "nothing at all", "the mean"],
)
def test_what_the_shares_are_made_of(figures: list[dict[str, float]], expected: list[float] | None) -> None:
    assert shares(loads_of(*figures)) == expected


def test_what_rounding_leaves_over_is_the_last_ones() -> None:
    class Edge(Random):
        @override
        def random(self) -> float:
            return 1.0

    assert choose("simple-shuffle", loads_of({"weight": 1}, {"weight": 2}), rng=Edge(), now=0.0) == 1


def test_without_shares_all_are_asked_alike() -> None:
    assert all(
        count == pytest.approx(1000, rel=0.1) for count in pick("simple-shuffle", *loads_of({}, {})).values()
    )


@pytest.mark.parametrize(
    ("strategy", "figures", "expected"),
    [
        ("least-busy", [{"in_flight": 2}, {"in_flight": 1}, {"in_flight": 3}], {1}),
        ("least-busy", [{"in_flight": 1}, {"in_flight": 1}, {"in_flight": 3}], {0, 1}),
        ("cost-based", [{"cost": 2e-6}, {"cost": 1e-6}, {}], {1}),
        ("cost-based", [{}, {}], {0, 1}),
        ("usage-based", [{"rpm": 10, "used": (5, 0)}, {"rpm": 100, "used": (20, 0)}], {1}),
        ("usage-based", [{"tpm": 10, "used": (0, 5)}, {"tpm": 100, "used": (0, 20)}], {1}),
        ("usage-based", [{"rpm": 9, "tpm": 9, "used": (1, 8)}, {"rpm": 9, "tpm": 9, "used": (5, 5)}], {1}),
        ("usage-based", [{"rpm": 10, "used": (1, 0)}, {"used": (99, 99)}], {1}),
        ("latency-based", [{"latency": 2.0}, {"latency": 1.0}], {1}),
        ("latency-based", [{"latency": 1.0, "in_flight": 3}, {"latency": 3.0}], {1}),
        ("latency-based", [{"latency": 1.0}, {}], {1}),
        ("latency-based", [{"latency": 9.0}, {"in_flight": 1}], {0}),
        ("latency-based", [{"latency": 3.0}, {"latency": 1.0}, {"latency": 2.0}], {1, 2}),
        ("simple-shuffle", [{"order": 2}, {"order": 1}, {}], {1}),
        ("simple-shuffle", [{"order": 1}, {"order": 2}, {"order": 1}], {0, 2}),
    ],
)
def test_which_ones_are_asked(strategy: Strategy, figures: list[dict[str, Any]], expected: set[int]) -> None:
    assert set(pick(strategy, *loads_of(*figures))) == expected


def test_a_quick_deployment_gets_more_of_the_calls_until_it_is_busy() -> None:
    """A thousand calls in virtual time: the one that answers in a third of the time gets most of them."""
    quick, slow = load("quick"), load("slow")
    rng, seconds, ends = Random(3), {"quick": 1.0, "slow": 3.0}, list[tuple[float, Load]]()
    counted = Counter[str]()
    for step in range(1000):
        now = step / 10
        for end, one in [item for item in ends if item[0] <= now]:
            ends.remove((end, one))
            one.in_flight -= 1
            one.latency.observe(seconds[one.id], now)
        chosen = (quick, slow)[choose("latency-based", [quick, slow], rng=rng, now=now)]
        chosen.in_flight += 1
        counted[chosen.id] += 1
        ends.append((now + seconds[chosen.id], chosen))
    assert counted["quick"] > 4 * counted["slow"] > 0


KEYS = [f"key-{number}" for number in range(2000)]


def homes(loads: list[Load]) -> dict[str, str]:
    return {key: loads[choose("least-busy", loads, rng=Random(1), now=0.0, key=key)].id for key in KEYS}


@settings(max_examples=20)
@given(st.integers(2, 6), st.integers(0, 5))
def test_removing_a_deployment_moves_its_keys_only(number: int, gone: int) -> None:
    loads = loads_of(*({"weight": index + 1} for index in range(number)))
    left = [one for index, one in enumerate(loads) if index != gone % number]
    before, after = homes(loads), homes(left)
    removed = loads[gone % number].id
    assert {key for key in KEYS if before[key] != after[key]} == {
        key for key in KEYS if before[key] == removed
    }


@pytest.mark.parametrize("weights", [[1, 1], [1, 3], [0, 1, 1], [5, 1, 2, 2]])
def test_keys_are_shared_out_by_weight(weights: list[int]) -> None:
    loads = loads_of(*({"weight": weight} for weight in weights))
    counted = Counter(homes(loads).values())
    for one, weight in zip(loads, weights, strict=True):
        assert counted[one.id] / len(KEYS) == pytest.approx(weight / sum(weights), abs=0.05)


def test_keys_are_shared_out_evenly_where_nothing_is_said() -> None:
    counted = Counter(homes(loads_of({}, {}, {})).values())
    assert all(count == pytest.approx(len(KEYS) / 3, rel=0.15) for count in counted.values())


def test_the_order_goes_before_the_key() -> None:
    assert set(pick("simple-shuffle", *loads_of({"order": 2}, {"order": 1}), key="any")) == {1}


def test_a_key_has_the_same_home_in_every_process() -> None:
    assert seed_of("deployment-1") == 14826345884467421757

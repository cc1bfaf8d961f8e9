from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.budget import Budget, BudgetKeeper, BudgetSnapshot

DAY = 86_400.0


@pytest.mark.parametrize(
    ("period", "seconds"),
    [
        (None, None),
        (90, 90),
        (0.5, 0.5),
        ("30s", 30),
        ("5m", 300),
        ("12h", 43_200),
        ("1d", DAY),
        ("2w", 14 * DAY),
        ("1mo", 30 * DAY),
    ],
)
def test_periods(period: str | float | None, seconds: float | None) -> None:
    assert Budget(1.0, period).period == seconds


@pytest.mark.parametrize("period", ["", "1", "d", "1.5d", "1y", "-1d", "0d", 0, -1, float("nan")])
def test_no_periods(period: str | float) -> None:
    with pytest.raises(ValueError, match="a budget's period must be"):
        Budget(1.0, period)


@pytest.mark.parametrize("dollars", [-0.01, float("nan")])
def test_no_amounts(dollars: float) -> None:
    with pytest.raises(ValueError, match="max_budget must be US dollars from 0 up"):
        Budget(dollars)


def test_what_is_held_counts_until_it_is_settled() -> None:
    keeper = BudgetKeeper({"a": Budget(1.0)})
    assert keeper.hold("a", 0.0, 0.6) is None
    excess = keeper.hold("a", 0.0, 0.6)
    assert excess is not None
    assert excess.name == "a"
    assert excess.budget == BudgetSnapshot(max_budget=1.0, spent=0.0, held=0.6, resets_in=None)
    assert excess.budget.left == 0.4
    assert keeper.hold("a", 0.0, 0.4) is None
    keeper.settle("a", 0.0, held=0.6, spent=0.1)
    keeper.settle("a", 0.0, held=0.4, spent=0.2)
    assert keeper.check("a", 0.0, 0.7) is None
    assert keeper.check("a", 0.0, 0.71) is not None


def test_a_budget_that_is_used_up_lets_nothing_pass() -> None:
    keeper = BudgetKeeper({None: Budget(1.0)})
    assert keeper.hold(None, 0.0, 0.0) is None
    keeper.settle(None, 0.0, held=0.0, spent=1.5)
    assert keeper.hold(None, 0.0, 0.0) is not None
    assert keeper.snapshot(0.0)[None].left == 0.0


def test_all_calls_count_against_the_budget_of_all() -> None:
    keeper = BudgetKeeper({None: Budget(1.0), "a": Budget(5.0), "b": Budget(0.1)})
    assert keeper.names == ["a", "b"]
    assert "a" in keeper
    assert "c" not in keeper
    assert keeper.hold("a", 0.0, 0.5) is None
    excess = keeper.hold("b", 0.0, 0.2)
    assert excess is not None
    assert excess.name == "b"
    assert keeper.snapshot(0.0)[None].held == 0.5  # of a call that is refused nothing is held
    excess = keeper.hold("a", 0.0, 0.6)
    assert excess is not None
    assert excess.name is None
    keeper.settle("a", 0.0, held=0.5, spent=0.3)
    assert [each.spent for each in keeper.snapshot(0.0).values()] == [0.3, 0.3, 0.0]
    keeper.settle(None, 0.0, held=0.0, spent=0.1)
    assert [each.spent for each in keeper.snapshot(0.0).values()] == [0.4, 0.3, 0.0]


def test_a_period_ends() -> None:
    keeper = BudgetKeeper({"a": Budget(1.0, 10)})
    assert keeper.snapshot(3.0)["a"].resets_in is None  # it has not begun
    assert keeper.hold("a", 5.0, 0.9) is None
    keeper.settle("a", 6.0, held=0.9, spent=1.0)
    excess = keeper.check("a", 14.0, 0.1)
    assert excess is not None
    assert excess.budget.resets_in == 1.0
    assert keeper.hold("a", 15.0, 0.8) is None
    assert keeper.snapshot(20.0)["a"] == BudgetSnapshot(max_budget=1.0, spent=0.0, held=0.8, resets_in=5.0)
    assert keeper.snapshot(47.0)["a"].resets_in == 8.0
    keeper.settle("a", 48.0, held=0.8, spent=0.7)
    assert keeper.snapshot(48.0)["a"].spent == 0.7  # in the period in which it ended


def test_other_budgets_while_calls_are_under_way() -> None:
    keeper = BudgetKeeper({"a": Budget(1.0), "b": Budget(1.0)})
    assert keeper.hold("a", 0.0, 0.5) is None
    assert keeper.hold("b", 0.0, 0.5) is None
    keeper.settle("a", 0.0, held=0.0, spent=0.25)
    keeper.reload({"a": Budget(2.0, 10), "c": Budget(3.0)})
    keeper.settle("b", 0.0, held=0.5, spent=0.5)
    keeper.settle("a", 1.0, held=0.5, spent=0.5)
    left = keeper.snapshot(2.0)
    assert list(left) == ["a", "c"]
    assert (left["a"].spent, left["a"].max_budget, left["a"].resets_in) == (0.75, 2.0, 9.0)
    keeper.reload({"a": Budget(2.0, 10), "b": Budget(1.0)})
    assert keeper.snapshot(3.0)["a"].resets_in == 8.0
    keeper.settle("b", 3.0, held=0.5, spent=0.0)  # nothing was held in this one
    assert keeper.snapshot(3.0)["b"].held == 0.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 0.3), st.floats(0.0, 1.0)), max_size=60))
def test_whatever_comes_no_more_is_spent_than_there_is(history: list[tuple[bool, float, float]]) -> None:
    """Calls that cost at most what was held for them."""
    keeper = BudgetKeeper({None: Budget(1.0)})
    under_way: list[float] = []
    for begins, estimate, share in history:
        if begins:
            if keeper.hold(None, 0.0, estimate) is None:
                under_way.append(estimate)
        elif under_way:
            held = under_way.pop(0)
            keeper.settle(None, 0.0, held=held, spent=held * share)
        now = keeper.snapshot(0.0)[None]
        assert now.spent + now.held <= 1.0 + 1e-9
        assert now.held == pytest.approx(sum(under_way), abs=1e-9)

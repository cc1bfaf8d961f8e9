"""Budgets are asked before each attempt, and the ledger is told of its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from aiocompl import prices
from aiocompl.errors import APITimeoutError, BadRequestError, BudgetExceededError, RateLimitError
from aiocompl.policy.budget import Budget
from aiocompl.policy.ledger import Ledger, LedgerEntry
from aiocompl.prices import Price
from aiocompl.runtime.accounts import Accounts, accounts_of, budgets_of
from aiocompl.runtime.price_table import load_prices
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    from aiocompl.runtime.accounts import Hold

PRICE = Price(input=1e-3, output=2e-3)
USAGE = Usage(prompt_tokens=100, completion_tokens=50, total_tokens=150)


async def accounts(**more: Any) -> Accounts:
    return Accounts(wall=lambda: 86_400.0, **more)


def hold(of: Accounts, **more: Any) -> Hold:
    return of.hold("openai", "m", **{"prompt_tokens": 100, "max_tokens": 100, "price": PRICE, **more})


async def test_an_attempt_is_accounted_once() -> None:
    seen: list[LedgerEntry] = []
    own = await accounts(on_entry=seen.append)
    one = hold(own, user="u", group="g", deployment="d", kind="retry")
    one.settle(USAGE)
    (entry,) = seen
    assert entry.cost == pytest.approx(0.2)
    assert (
        entry.provider,
        entry.model,
        entry.user,
        entry.group,
        entry.deployment,
        entry.kind,
        entry.day,
    ) == (
        "openai",
        "m",
        "u",
        "g",
        "d",
        "retry",
        1,
    )
    one.settle(USAGE)
    one.fail(RateLimitError("slow down"))
    assert seen == [entry]
    assert own.ledger.snapshot().attempts == 1
    assert own.budgets() == {}


async def test_what_nobody_counted_is_estimated() -> None:
    entries: list[LedgerEntry] = []
    own = await accounts(on_entry=entries.append)
    hold(own).settle(None)
    hold(own).fail(asyncio.CancelledError())
    hold(own).fail(APITimeoutError("too late"), completion_tokens=10)
    hold(own).fail(APITimeoutError("too late"), sent=False)
    hold(own).fail(RateLimitError("slow down"))
    hold(own, price=None).settle(USAGE, estimated=True, outcome="cancelled")
    assert [(entry.outcome, entry.estimated, entry.cost) for entry in entries] == [
        ("answered", True, 0.1),
        ("cancelled", True, 0.1),
        ("failed", True, 0.1 + 0.02),
        ("failed", False, 0.0),
        ("failed", False, 0.0),
        ("cancelled", True, None),
    ]
    sums = own.ledger.snapshot()
    assert (sums.attempts, sums.unknown_cost, sums.prompt_tokens, sums.completion_tokens) == (6, 1, 400, 60)
    assert sums.spent == sums.estimated == pytest.approx(0.32)


@pytest.mark.looptime
async def test_a_budget_stops_before_the_call() -> None:
    own = await accounts(budgets={None: Budget(10.0), "a": Budget(0.5, "1d")})
    first = hold(own, key="a")  # 100 tokens and at most 100 more: 0.3
    with pytest.raises(BudgetExceededError, match=r"the budget 'a' has \$0.200000 of \$0.5 left") as caught:
        hold(own, key="a")
    error = caught.value
    assert (error.budget, error.max_budget, error.resets_in) == ("a", 0.5, 86_400)
    assert error.spent == pytest.approx(0.3)
    assert (error.http_status, error.retryable, error.provider) == (402, False, "openai")
    assert "begins anew in 86400 s" in str(error)
    first.settle(USAGE)
    hold(own, key="a").fail(RateLimitError("slow down"))  # which costs nothing
    assert own.budgets()["a"].held == 0.0
    hold(own).settle(USAGE)
    assert own.budgets()["a"].spent == pytest.approx(0.2)
    assert own.budgets()[None].spent == pytest.approx(0.4)
    hold(own, key="a").settle(USAGE)
    with pytest.raises(BudgetExceededError):
        hold(own, key="a")
    await asyncio.sleep(86_400)
    hold(own, key="a").settle(USAGE)


async def test_calls_at_once_do_not_exceed_a_budget() -> None:
    own = await accounts(budgets={None: Budget(1.0)})
    under_way = []
    for _ in range(100):
        with suppress(BudgetExceededError):
            under_way.append(hold(own, max_tokens=50))  # 0.2
    with pytest.raises(BudgetExceededError, match="the budget of all calls has") as caught:
        hold(own, max_tokens=50)
    assert caught.value.resets_in is None
    for each in under_way:
        each.settle(USAGE)
    assert own.ledger.snapshot().spent == pytest.approx(1.0)


async def test_an_answer_that_is_not_bounded_is_held_for_too() -> None:
    own = await accounts(budgets={None: Budget(10.0)})
    hold(own, max_tokens=None)
    assert own.budgets()[None].held == pytest.approx(0.1 + 2.0)


async def test_a_price_that_nobody_knows_is_said_once() -> None:
    own = await accounts(budgets={None: Budget(1.0)})
    with capture_logs() as logs:
        for _ in range(3):
            own.hold("nobody", "nothing", prompt_tokens=5).settle(USAGE)
    assert [(event["event"], event["provider"], event["model"]) for event in logs] == [
        ("budget.unpriced", "nobody", "nothing")
    ]
    assert own.ledger.snapshot().unknown_cost == 3


async def test_a_hook_that_fails_breaks_nothing() -> None:
    def bad(_: LedgerEntry) -> None:
        raise RuntimeError("no disk")

    own = await accounts(on_entry=bad)
    with capture_logs() as logs:
        hold(own).settle(USAGE)
    assert [event["event"] for event in logs] == ["on_entry.failed"]


async def test_a_budget_has_to_have_been_named() -> None:
    own = await accounts(budgets={"alice": Budget(1.0)})
    with pytest.raises(BadRequestError, match=r"no budget is called 'alcie'.*alice") as caught:
        hold(own, key="alcie")
    assert caught.value.param == "budget"
    with pytest.raises(BadRequestError, match="no budget is called 'alice'"):
        hold(await accounts(), key="alice")


async def test_other_budgets_from_now_on() -> None:
    own = await accounts()
    own.reload({"a": Budget(1.0)})
    hold(own, key="a").settle(USAGE)
    own.reload({"a": Budget(2.0), "b": Budget(1.0)})
    left = own.budgets()
    assert left["a"].spent == pytest.approx(0.2)
    assert (left["a"].max_budget, left["b"].spent) == (2.0, 0.0)


async def test_nothing_is_accounted_where_nobody_wants_to_know() -> None:
    ledger = Ledger()
    assert accounts_of() is None
    assert accounts_of(ledger=False, budgets={}) is None
    kept = accounts_of(ledger=ledger)
    assert kept is not None
    assert kept.ledger is ledger
    wishes: tuple[dict[str, Any], ...] = (
        {"ledger": True},
        {"max_budget": 1},
        {"budgets": {"a": 1.0}},
        {"on_entry": print},
    )
    for wanted in wishes:
        assert accounts_of(**wanted) is not None


def test_budgets_may_be_numbers() -> None:
    own = Budget(2.0, "1d")
    assert budgets_of(1.0, {"a": 3, "b": own}) == {"a": Budget(3), "b": own, None: Budget(1.0)}
    assert budgets_of(own, None) == {None: own}
    with pytest.raises(ValueError, match="max_budget"):
        budgets_of(-1, None)


async def test_prices_load_beside_the_loop() -> None:
    prices._price_table.cache_clear()
    assert not prices.table_loaded()
    assert await load_prices()
    assert prices.table_loaded()
    assert await load_prices()

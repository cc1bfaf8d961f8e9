"""Supervisors that share limits, breakers and budgets at a real Redis, each as if in a process of its own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from groups_kit import Grouped, answer, deployment, refused
from structlog.testing import capture_logs

from aiocompl.errors import (
    BudgetExceededError,
    CircuitOpenError,
    ServiceUnavailableError,
    SupervisorClosedError,
    WaitTooLongError,
)
from aiocompl.policy.breaker import BreakerPolicy
from aiocompl.policy.budget import Budget
from aiocompl.prices import Price
from aiocompl.runtime.accounts import Accounts
from aiocompl.shared import RedisState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from redis_server import RedisServer

pytestmark = [pytest.mark.real_time, pytest.mark.usefixtures("no_tasks_left")]

ANSWER = answer(usage={"prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15})
PRICES: dict[str, Any] = {"input_cost_per_token": 0.01, "output_cost_per_token": 0.1}


@asynccontextmanager
async def two(redis: RedisServer, step: Any = ANSWER, **settings: Any) -> AsyncIterator[list[Grouped]]:
    """Two supervisors with the same settings."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                Grouped({"a": step}, shared=RedisState(redis.url, pulse=0.05), **settings)
            )
            for _ in range(2)
        ]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what happens elsewhere sets no event here
        await asyncio.sleep(0.005)


def breaker_events(events: Iterable[Any]) -> list[str]:
    return [event["event"] for event in events if event["event"].startswith("breaker.")]


async def test_one_limit_for_both(redis_server: RedisServer) -> None:
    limited = [deployment("a", rpm=60)]
    async with two(redis_server, model_list=limited) as (one, other):
        for supervisor in (one, other, one):
            await supervisor.ask(timeout=5)
        with pytest.raises(WaitTooLongError) as caught:
            await other.ask(timeout=0.5)
        assert caught.value.retry_after is not None
        assert 0.5 < caught.value.retry_after < 2
        limits = other.snapshot().deployments[0].limits
        assert limits is not None
        assert limits.rpm == 60


async def test_who_waits_for_a_shared_limit_is_sent_away_at_the_end(redis_server: RedisServer) -> None:
    async with two(redis_server, model_list=[deployment("a", rpm=1)]) as (one, other):
        await one.ask()
        waiting = asyncio.create_task(other.ask())
        await asyncio.sleep(0.05)
        await other.aclose()
        with pytest.raises(SupervisorClosedError):
            await waiting


async def test_a_breaker_that_one_has_opened_is_open_for_the_other(redis_server: RedisServer) -> None:
    down = refused(503)
    policy = BreakerPolicy(consecutive=2, cooldown=30)
    settings = {"model_list": [deployment("a")], "breaker": policy, "num_retries": 0}
    async with two(redis_server, down, **settings) as (one, other):
        with pytest.raises(ServiceUnavailableError):
            await other.ask()
        with capture_logs() as events:
            with pytest.raises(ServiceUnavailableError):
                await one.ask()
            await until(lambda: breaker_events(events) == ["breaker.opened"] * 2)
        for supervisor in (one, other):
            with pytest.raises(CircuitOpenError):
                await supervisor.ask()


async def test_a_breaker_closes_for_both(redis_server: RedisServer) -> None:
    policy = BreakerPolicy(consecutive=1, cooldown=0.1)
    settings = {"model_list": [deployment("a")], "breaker": policy, "num_retries": 0}
    async with two(redis_server, [refused(503), ANSWER], **settings) as (one, other):
        with capture_logs() as events:
            with pytest.raises(ServiceUnavailableError):
                await one.ask()
            await until(lambda: one.snapshot().deployments[0].breaker == "half_open")
            await one.ask()
            await until(lambda: one.snapshot().deployments[0].breaker == "closed")
        assert breaker_events(events) == ["breaker.opened", "breaker.closed"]
        assert not other.snapshot().deployments


async def test_one_budget_for_both(redis_server: RedisServer) -> None:
    settings = {"model_list": [deployment("a", **PRICES)], "max_budget": 2.5}
    async with two(redis_server, **settings) as (one, other):
        await one.ask(max_tokens=10)
        await other.ask(max_tokens=10)
        with pytest.raises(BudgetExceededError, match="the budget of all calls"):
            await one.ask(max_tokens=10)
        assert len(one.asked) == 1
        assert one.accounts is not None
        assert one.accounts.budgets()[None].spent == pytest.approx(2.1)


class TestAccounts:
    """What stands between a call and shared budgets."""

    BUDGETS: ClassVar[dict[str | None, Budget]] = {None: Budget(1.0), "mine": Budget(1.0)}

    @pytest.fixture
    async def state(self, redis_server: RedisServer) -> AsyncIterator[RedisState]:
        state = RedisState(redis_server.url)
        yield state
        await state.aclose()

    def hold(self, accounts: Accounts, key: str | None = None) -> Any:
        price = Price(input=0.01, output=0.01)
        return accounts.hold("openai", "m", prompt_tokens=30, max_tokens=30, price=price, key=key)

    async def test_held_until_it_ends(self, state: RedisState) -> None:
        accounts = Accounts(budgets=self.BUDGETS, shared=state)
        first, second = self.hold(accounts), self.hold(accounts, "mine")
        await first.confirm()
        with pytest.raises(BudgetExceededError):
            await second.confirm()
        assert second.settle(None) is None, "it has ended"
        first.fail(ServiceUnavailableError("down"))
        await self.hold(accounts, "mine").confirm()
        accounts.reload({None: Budget(0.5)})
        assert accounts.budgets()[None].left == 0

    async def test_cancelled_nothing_is_held(self, state: RedisState) -> None:
        accounts = Accounts(budgets=self.BUDGETS, shared=state)
        hold = self.hold(accounts)
        confirming = asyncio.create_task(hold.confirm())
        await asyncio.sleep(0)
        confirming.cancel()
        with pytest.raises(asyncio.CancelledError):
            await confirming
        await until(lambda: state._link._carrier is None)  # what was held is given back in the background
        await self.hold(accounts).confirm()

    async def test_without_budgets_there_is_nothing_to_confirm(self, state: RedisState) -> None:
        accounts = Accounts(shared=state)
        await self.hold(accounts).confirm()
        assert accounts.budgets() == {}

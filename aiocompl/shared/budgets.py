"""Budgets in Redis."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.policy.budget import BudgetSnapshot, Excess
from aiocompl.shared.budget_script import BUDGETS
from aiocompl.shared.link import Letter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.policy.budget import Budget
    from aiocompl.shared.link import Link


@attrs.define(eq=False)
class _Account:
    """What is known of one budget; US dollars."""

    name: str | None
    budget: Budget
    key: str
    spent: float = 0.0
    """By all, as Redis said last; alone, what was spent since stands beside it."""
    held: float = 0.0
    """By all, as Redis said last."""
    until: float | None = None
    """The end of the period, by our clock."""
    since: str = ""
    """Which of Redis' counts that was; it begins another one if it has forgotten."""
    own: float = 0.0
    """Held by this process."""
    untold: float = 0.0
    """Spent by this process, which Redis does not know."""
    room: float | None = None
    """Alone: what this process may spend and hold, its share of what was left when Redis was lost."""

    def turn(self, now: float) -> None:
        """Begin a new period, if it is time."""
        period = self.budget.period
        if period is None or self.until is None:
            self.until = None
        elif now >= self.until:
            self.spent = self.untold = 0.0
            self.until += period * (1 + (now - self.until) // period)
            self.room = None

    def snapshot(self, now: float) -> BudgetSnapshot:
        return BudgetSnapshot(
            max_budget=self.budget.max_budget,
            spent=self.spent + self.untold,
            held=max(self.held, self.own),
            resets_in=None if self.until is None else max(0.0, self.until - now),
        )

    def heard(self, spent: bytes, held: bytes, left: bytes, since: bytes, now: float) -> None:
        self.spent, self.held, self.since = float(spent), float(held), since.decode()
        self.until = now + float(left) if left else None

    def alone(self, estimate: float, processes: int) -> bool:
        """Whether so many dollars are too many for this process's share."""
        taken = self.own + self.untold
        if self.room is None:
            others = max(0.0, self.held - self.own)
            left = self.budget.max_budget - self.spent - others - taken
            self.room = taken + max(0.0, left) / processes
        return taken >= self.room or taken + estimate > self.room


class RedisBudgets:
    """Budgets that all processes spend from. Each hold is decided in Redis; what was spent is told in the background.

    Where Redis is lost, each process may spend its share of what was left, and tells it afterwards.

    Args:
        link: Redis.
        budgets: By name; None is the name of the one that all calls count against.
        clock: The time, in seconds.
    """

    def __init__(self, link: Link, budgets: Mapping[str | None, Budget], clock: Callable[[], float]) -> None:
        self._link = link
        self._clock = clock
        self._accounts: dict[str | None, _Account] = {}
        self.reload(budgets)

    def __contains__(self, name: object) -> bool:
        return name in self._accounts

    @property
    def names(self) -> list[str]:
        """See `SharedBudgets`."""
        return [name for name in self._accounts if name is not None]

    async def hold(self, name: str | None, estimate: float) -> Excess | None:
        """See `SharedBudgets`. Cancelled: what was held is given back."""
        accounts = self._of(name)
        if not accounts:
            return None
        answer: asyncio.Future[Excess | None] = asyncio.get_running_loop().create_future()

        def answered(reply: Any) -> None:
            excess = self._held(accounts, estimate, reply)
            if not answer.done():
                answer.set_result(excess)
            elif excess is None:
                self.settle(name, held=estimate, spent=0.0)

        def failed() -> None:
            if not answer.done():
                answer.set_result(self._hold_alone(accounts, estimate))

        self._post("hold", accounts, estimate, 0.0, answered, failed)
        try:
            return await answer
        except asyncio.CancelledError:
            if not answer.cancelled() and answer.result() is None:  # it came in the same moment
                self.settle(name, held=estimate, spent=0.0)
            raise

    def settle(self, name: str | None, *, held: float, spent: float) -> None:
        """See `SharedBudgets`."""
        accounts = self._of(name)
        for account in accounts:
            account.own = max(0.0, account.own - held)
            account.untold += spent

        def answered(reply: Any) -> None:
            for account in accounts:
                account.untold = max(0.0, account.untold - spent)
            self._heard(accounts, reply)

        if accounts:
            self._post("settle", accounts, held, spent, answered, lambda: None)

    def snapshot(self) -> dict[str | None, BudgetSnapshot]:
        """See `SharedBudgets`."""
        now = self._clock()
        for account in self._accounts.values():
            account.turn(now)
        return {name: account.snapshot(now) for name, account in self._accounts.items()}

    def reload(self, budgets: Mapping[str | None, Budget]) -> None:
        """See `SharedBudgets`."""
        old, self._accounts = self._accounts, {}
        for name, budget in budgets.items():
            key = self._link.key("budget", "all calls" if name is None else f"of:{name}")
            account = self._accounts[name] = old.get(name) or _Account(name, budget, key)
            account.budget = budget

    def lost(self) -> None:
        """See `Watcher`."""
        for account in self._accounts.values():
            account.room = None

    def rejoined(self) -> None:
        """Tell Redis what was spent without it, and what is held here; it may have forgotten what it knew."""
        for account in self._accounts.values():
            self._tell(account)

    def pulsed(self, opened: frozenset[str]) -> None:
        """See `Watcher`."""

    def _tell(self, account: _Account) -> None:
        spent = account.untold

        def answered(reply: Any) -> None:
            account.untold = max(0.0, account.untold - spent)
            self._heard((account,), reply)

        self._post("rejoin", (account,), account.own, spent, answered, lambda: None)

    def _of(self, name: str | None) -> tuple[_Account, ...]:
        """The account of all calls and that of this name, where there are such."""
        names = (None,) if name is None else (None, name)
        return tuple(self._accounts[each] for each in names if each in self._accounts)

    def _post(
        self,
        what: str,
        accounts: Sequence[_Account],
        held: float,
        spent: float,
        answered: Callable[[Any], None],
        failed: Callable[[], None],
    ) -> None:
        link = self._link

        def arguments() -> list[str]:
            now = self._clock()
            words = [link.time, link.process, link.patience, what, repr(held), repr(spent)]
            for account in accounts:
                account.turn(now)
                period = account.budget.period
                left = "" if account.until is None or period is None else repr(account.until - now)
                words += [repr(float(account.budget.max_budget)), "" if period is None else repr(period)]
                words += [repr(account.spent), left, account.since]
            return words

        keys = (link.members, *(account.key for account in accounts))
        link.post(Letter(BUDGETS, keys, arguments, answered, failed))

    def _held(self, accounts: Sequence[_Account], estimate: float, reply: Any) -> Excess | None:
        self._heard(accounts, reply)
        if exceeded := int(reply[0]):
            account = accounts[exceeded - 1]
            return Excess(name=account.name, budget=account.snapshot(self._clock()))
        for account in accounts:
            account.own += estimate
        return None

    def _heard(self, accounts: Sequence[_Account], reply: Any) -> None:
        now = self._clock()
        replies = zip(reply[1::4], reply[2::4], reply[3::4], reply[4::4], strict=True)
        # there is none for what comes after one that is exceeded
        for account, words in zip(accounts, replies, strict=False):
            account.heard(*words, now)

    def _hold_alone(self, accounts: Sequence[_Account], estimate: float) -> Excess | None:
        now = self._clock()
        for account in accounts:
            account.turn(now)
            if account.alone(estimate, self._link.processes):
                return Excess(name=account.name, budget=account.snapshot(now))
        for account in accounts:
            account.own += estimate
        return None

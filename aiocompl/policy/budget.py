"""Whether a call may still be paid for: budgets, with what calls under way may come to held back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "mo": 2_592_000.0}
_PERIOD: Final = re.compile(r"(\d+)(mo|[smhdw])").fullmatch
_ROUNDING: Final = 1e-12


def _seconds(period: str | float | None) -> float | None:
    """A period in seconds.

    Raises:
        ValueError: It is neither a positive number nor such as ``"30d"``.
    """
    if isinstance(period, str):
        found = _PERIOD(period)
        if found is None:
            raise ValueError(
                f"a budget's period must be a number with s, m, h, d, w or mo (30 days), not {period!r}"
            )
        period = int(found[1]) * _UNITS[found[2]]
    if period is not None and not period > 0:
        raise ValueError(f"a budget's period must be longer than {period!r}")
    return period


def _check_dollars(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{attribute.name} must be US dollars from 0 up, not {value!r}")


@attrs.frozen
class Budget:
    """How much may be spent: ``Budget(20.0)`` for ever, ``Budget(1.0, "1d")`` a day."""

    max_budget: float = attrs.field(validator=_check_dollars)
    """US dollars that may be spent in a period."""

    period: float | None = attrs.field(default=None, converter=_seconds)
    """Seconds, or such as ``"30s"``, ``"12h"``, ``"1d"``, ``"2w"``, ``"1mo"`` (30 days), after which it begins anew; None
    for never. The first period begins with the first call."""


@attrs.frozen(kw_only=True)
class BudgetSnapshot:
    """A budget as it is; US dollars, and seconds."""

    max_budget: float
    spent: float
    """In this period."""
    held: float
    """For calls that are under way."""
    resets_in: float | None
    """Until the next period begins; None where there is none."""

    @property
    def left(self) -> float:
        """What further calls may spend."""
        return max(0.0, self.max_budget - self.spent - self.held)


@attrs.define(eq=False)
class _Account:
    """What is spent of one budget."""

    name: str | None
    budget: Budget
    spent: float = 0.0
    held: float = 0.0
    until: float | None = None  # the end of the period

    def turn(self, now: float) -> None:
        """Begin a period where there is none that holds `now`. What is held for stays held: it will be spent in this one."""
        period = self.budget.period
        if period is None or (self.until is not None and now < self.until):
            return
        if self.until is None:
            self.until = now + period
        else:
            self.spent = 0.0
            self.until += period * (1 + (now - self.until) // period)

    def snapshot(self, now: float) -> BudgetSnapshot:
        return BudgetSnapshot(
            max_budget=self.budget.max_budget,
            spent=self.spent,
            held=self.held,
            resets_in=None if self.until is None else self.until - now,
        )


@attrs.frozen(kw_only=True)
class Excess:
    """Why a call may not be made."""

    name: str | None
    """The budget that it could exceed; None for that of all calls."""
    budget: BudgetSnapshot


class SharedBudgets(Protocol):
    """Budgets that several processes spend from, so that asking them takes a while. It sees to its own failures."""

    def __contains__(self, name: object) -> bool: ...

    @property
    def names(self) -> list[str]:
        """The names of the budgets, but for that of all calls."""
        ...

    async def hold(self, name: str | None, estimate: float) -> Excess | None:
        """Hold so many dollars until `settle`, unless that could exceed a budget: then nothing is held.

        Cancelled: what was held is given back.
        """
        ...

    def settle(self, name: str | None, *, held: float, spent: float) -> None:
        """A call has ended: hold no longer what was held for it, and note what it cost. It does not wait for that."""
        ...

    def snapshot(self) -> dict[str | None, BudgetSnapshot]:
        """All budgets, as far as is known."""
        ...

    def reload(self, budgets: Mapping[str | None, Budget]) -> None:
        """Have other budgets from now on; what was spent of those that stay counts on."""
        ...


class BudgetKeeper:
    """Budgets by name, and what is spent of each. None is the name of the one that all calls count against.

    Before a call its most is held; afterwards what it cost is spent. So calls at the same time cannot exceed a budget by
    more than what they cost beyond their estimates.
    """

    def __init__(self, budgets: Mapping[str | None, Budget]) -> None:
        self._accounts = {name: _Account(name, budget) for name, budget in budgets.items()}
        self._share()

    def __contains__(self, name: object) -> bool:
        return name in self._accounts

    @property
    def names(self) -> list[str]:
        """The names of the budgets, but for that of all calls."""
        return [name for name in self._accounts if name is not None]

    def check(self, name: str | None, now: float, estimate: float) -> Excess | None:
        """Which budget so many dollars could exceed, that of this name or that of all calls; None where none."""
        return _excess(self._of(name), now, estimate)

    def hold(self, name: str | None, now: float, estimate: float) -> Excess | None:
        """Hold so many dollars until `settle`, unless that could exceed a budget: then nothing is held."""
        accounts = self._of(name)
        excess = _excess(accounts, now, estimate)
        if excess is None:
            for account in accounts:
                account.held += estimate
        return excess

    def settle(self, name: str | None, now: float, *, held: float, spent: float) -> None:
        """A call has ended: hold no longer what was held for it, and note what it cost."""
        for account in self._of(name):
            if account.budget.period is not None:
                account.turn(now)
            account.held = max(0.0, account.held - held)
            account.spent += spent

    def snapshot(self, now: float) -> dict[str | None, BudgetSnapshot]:
        """All budgets as they are."""
        for account in self._accounts.values():
            if account.until is not None:
                account.turn(now)
        return {name: account.snapshot(now) for name, account in self._accounts.items()}

    def reload(self, budgets: Mapping[str | None, Budget]) -> None:
        """Have other budgets from now on; what was spent of those that stay counts on, also where they have changed."""
        old, self._accounts = self._accounts, {}
        for name, budget in budgets.items():
            account = old.get(name)
            if account is None:
                account = _Account(name, budget)
            elif budget.period != account.budget.period:
                account.until = None
            account.budget = budget
            self._accounts[name] = account
        self._share()

    def _share(self) -> None:
        self.is_periodic = any(account.budget.period is not None for account in self._accounts.values())
        """Whether any of them begins anew, so that the time matters."""
        shared = self._accounts.get(None)
        self._shared = () if shared is None else (shared,)

    def _of(self, name: str | None) -> tuple[_Account, ...]:
        """The account of all calls and that of this name, where there are such."""
        if name is None or (own := self._accounts.get(name)) is None:
            return self._shared
        return (*self._shared, own)


def _excess(accounts: Iterable[_Account], now: float, estimate: float) -> Excess | None:
    """The first of these that so many dollars could exceed."""
    for account in accounts:
        budget = account.budget
        if budget.period is not None:
            account.turn(now)
        most, taken = budget.max_budget, account.spent + account.held
        if taken >= most or taken + estimate > most + _ROUNDING:
            return Excess(name=account.name, budget=account.snapshot(now))
    return None

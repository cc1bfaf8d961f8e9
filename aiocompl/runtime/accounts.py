"""What calls cost, while they run: budgets are asked before each attempt, and the ledger is told of its end."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from aiocompl import prices, telemetry
from aiocompl.errors import BadRequestError, BudgetExceededError
from aiocompl.policy.budget import Budget, BudgetKeeper
from aiocompl.policy.ledger import DAY, Ledger, LedgerEntry, spent_by
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.checks import did_you_mean
from aiocompl.types.completion import ChatCompletion, Usage
from aiocompl.types.embedding import EmbeddingResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiocompl.policy.budget import BudgetSnapshot, Excess, SharedBudgets
    from aiocompl.policy.ledger import AttemptOutcome
    from aiocompl.prices import Price
    from aiocompl.runtime.stream import Receipt
    from aiocompl.shared.base import SharedState
    from aiocompl.types.call import AttemptKind
    from aiocompl.types.request import Request

_UNBOUNDED_ANSWER: Final = 1000
"""Tokens held for an answer that the call does not bound."""


class Accounts:
    """The ledger and the budgets of a supervisor.

    Prices must be loaded before the first call: `await load_prices()`, or it holds up the loop.

    Args:
        ledger: Who is told of every attempt.
        budgets: Budgets by name; None is the name of the one that all calls count against.
        on_entry: Called with every entry, to keep it somewhere. It must be quick; what it does wrong is logged.
        wall: The clock of entries, in seconds since 1970.
        shared: Where other processes spend from the same budgets.
    """

    def __init__(
        self,
        *,
        ledger: Ledger | None = None,
        budgets: Mapping[str | None, Budget] | None = None,
        on_entry: Callable[[LedgerEntry], object] | None = None,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - entries have dates
        shared: SharedState | None = None,
    ) -> None:
        self.ledger = ledger or Ledger()
        self._named = dict(budgets or {})
        self._budgets = BudgetKeeper(budgets) if budgets else None
        self._state = shared
        self._shared: SharedBudgets | None = None
        self._on_entry = on_entry
        self._wall = wall
        self._unpriced: set[tuple[str, str]] = set()

    def hold(
        self,
        provider: str,
        model: str,
        *,
        prompt_tokens: int,
        max_tokens: int | None = None,
        price: Price | None = None,
        key: str | None = None,
        user: str | None = None,
        group: str | None = None,
        deployment: str | None = None,
        kind: AttemptKind = "first",
    ) -> Hold:
        """An attempt is about to be made.

        Args:
            provider: The provider's name.
            model: The model's name there.
            prompt_tokens: An estimate of the prompt.
            max_tokens: The most that the answer may have; None where the call does not say, 0 where there is none.
            price: What the deployment says a token costs.
            key: The name of the budget that the call counts against, besides that of all calls.
            user: The call's `user`.
            group: The model group that is asked for.
            deployment: Which of its deployments is asked.
            kind: Why the attempt is made.

        Returns:
            What has to be told of its end.

        Raises:
            BudgetExceededError: The attempt could exceed a budget.
            BadRequestError: There is no budget of that name.
        """
        held = 0.0
        if (budgets := self._budgets) is not None:
            if key is not None and key not in budgets:
                raise unknown_budget(key, budgets.names)
            answer = _UNBOUNDED_ANSWER if max_tokens is None else max_tokens
            most = None if price is None else price.of(prompt_tokens, answer)
            held = self._most(provider, model, prompt_tokens, answer) if most is None else most
            if self._state is None:
                excess = budgets.hold(key, self._now(), held)
                if excess is not None:
                    raise _exceeded(excess, held, provider, model)
        elif key is not None:
            raise unknown_budget(key, ())
        return Hold(self, provider, model, prompt_tokens, price, held, key, user, group, deployment, kind)

    async def hold_shared(self, key: str | None, held: float) -> Excess | None:
        """Hold so much where other processes spend, too; for `Hold`. Cancelled: nothing is held."""
        shared = self._sharing
        return None if shared is None else await shared.hold(key, held)

    @property
    def is_shared(self) -> bool:
        """Whether other processes spend from the same budgets, so that each `Hold` has to be confirmed."""
        return self._state is not None

    @property
    def _sharing(self) -> SharedBudgets | None:
        if self._shared is None and self._state is not None and self._named:
            self._shared = self._state.budgets(self._named)
        return self._shared

    def budgets(self) -> dict[str | None, BudgetSnapshot]:
        """The budgets as they are, by name."""
        if (shared := self._sharing) is not None:
            return shared.snapshot()
        return {} if self._budgets is None else self._budgets.snapshot(self._now())

    def reload(self, budgets: Mapping[str | None, Budget]) -> None:
        """Have other budgets from now on; what was spent of those that stay counts on."""
        if self._budgets is None:
            self._budgets = BudgetKeeper(budgets)
        else:
            self._budgets.reload(budgets)
        self._named = dict(budgets)
        if self._shared is not None:
            self._shared.reload(budgets)

    def note(self, hold: Hold, usage: Usage | None, outcome: AttemptOutcome, *, estimated: bool) -> None:
        """An attempt has ended; for `Hold`, which tells each once."""
        provider, model, key = hold.provider, hold.model, hold.key
        cost = 0.0 if usage is None else prices.cost(provider, model, usage, price=hold.price)
        when = self._wall()
        day = when // DAY
        row = day, provider, model, hold.group, hold.deployment, key, hold.user, outcome, hold.kind
        self.ledger.add(row, usage, cost, estimated=estimated)
        if self._state is not None and (shared := self._sharing) is not None:
            shared.settle(key, held=hold.held, spent=cost or 0.0)
        elif self._budgets is not None:
            self._budgets.settle(key, self._now(), held=hold.held, spent=cost or 0.0)
        if self._on_entry is not None:
            entry = LedgerEntry(
                provider=provider,
                model=model,
                group=hold.group,
                deployment=hold.deployment,
                key=key,
                user=hold.user,
                kind=hold.kind,
                usage=usage,
                estimated=estimated,
                cost=cost,
                outcome=outcome,
                when=when,
            )
            try:
                self._on_entry(entry)
            except Exception as error:  # noqa: BLE001 - a hook must not break the call
                telemetry.warning("on_entry.failed", error=repr(error))

    def _now(self) -> float:
        """The present, where there is a budget whose period may be over."""
        periodic = self._budgets is not None and self._budgets.is_periodic
        return asyncio.get_running_loop().time() if periodic else 0.0

    def _most(self, provider: str, model: str, prompt: int, answer: int) -> float:
        """The most that an attempt costs if the estimates hold; nothing where nobody knows a price, and then it is said."""
        dollars = prices.cost_of(provider, model, prompt, answer)
        if dollars is not None:
            return dollars
        if (provider, model) not in self._unpriced and len(self._unpriced) < _UNBOUNDED_ANSWER:
            self._unpriced.add((provider, model))
            telemetry.warning(
                "budget.unpriced", provider=provider, model=model, hint="register_model() sets a price"
            )
        return 0.0


class Hold:
    """An attempt that is under way, and what is held for it. It ends once, by `settle` or by `fail`."""

    __slots__ = (
        "_accounts",
        "_over",
        "deployment",
        "group",
        "held",
        "key",
        "kind",
        "model",
        "price",
        "prompt_tokens",
        "provider",
        "user",
    )

    def __init__(
        self,
        accounts: Accounts,
        provider: str,
        model: str,
        prompt_tokens: int,
        price: Price | None,
        held: float,
        key: str | None,
        user: str | None,
        group: str | None,
        deployment: str | None,
        kind: AttemptKind,
    ) -> None:
        self._accounts = accounts
        self._over = False
        self.provider = provider
        self.model = model
        self.prompt_tokens = prompt_tokens
        self.price = price
        self.held = held
        self.key = key
        self.user = user
        self.group = group
        self.deployment = deployment
        self.kind: AttemptKind = kind

    async def confirm(self) -> None:
        """Hold it where other processes spend from the same budgets, if they do; before anything is sent.

        Cancelled, or refused: nothing is held, and the attempt has ended.

        Raises:
            BudgetExceededError: The attempt could exceed a budget.
        """
        held, self.held = self.held, 0.0
        try:
            excess = await self._accounts.hold_shared(self.key, held)
        except BaseException as error:
            self.fail(error, sent=False)
            raise
        if excess is not None:
            refused = _exceeded(excess, held, self.provider, self.model)
            self.fail(refused, sent=False)
            raise refused
        self.held = held

    def settle(
        self, usage: Usage | None, *, estimated: bool = False, outcome: AttemptOutcome = "answered"
    ) -> None:
        """The attempt has ended, and these are its tokens; None: nobody counted, so that the prompt's estimate stands.

        Idempotent: all but the first are as if they were not.
        """
        if self._over:
            return
        self._over = True
        if usage is None:
            tokens = self.prompt_tokens
            usage, estimated = Usage(prompt_tokens=tokens, total_tokens=tokens), True
        self._accounts.note(self, usage, outcome, estimated=estimated)

    def dressed(self, request: Request) -> Request:
        """The request as it is: nobody traces."""
        return request

    def answered(self, answer: object) -> None:
        """The attempt has been answered, or a stream has been opened."""
        if isinstance(answer, (ChatCompletion, EmbeddingResponse)):
            self.settle(answer.usage)
        elif isinstance(answer, CompletionStream):
            answer.when_ended(partial(_settle_stream, self, answer.receipt))
        else:
            self.settle(None)

    def fail(self, error: BaseException, *, completion_tokens: int = 0, sent: bool = True) -> None:
        """The attempt has ended without an answer. Idempotent like `settle`.

        Args:
            error: What ended it.
            completion_tokens: How many had arrived, by estimate.
            sent: Whether anything was sent at all; nothing was spent where not.
        """
        if self._over:
            return
        self._over = True
        outcome: AttemptOutcome = "failed" if isinstance(error, Exception) else "cancelled"
        usage = spent_by(error, self.prompt_tokens, completion_tokens) if sent else None
        self._accounts.note(self, usage, outcome, estimated=usage is not None)


def _settle_stream(hold: Hold, receipt: Receipt, error: Exception | None) -> None:
    usage, estimated = receipt.spent()
    broken: AttemptOutcome = "cancelled" if error is None else "failed"
    hold.settle(usage, estimated=estimated, outcome="answered" if receipt.finished else broken)


def accounts_of(
    *,
    ledger: Ledger | bool | None = None,
    max_budget: Budget | float | None = None,
    budgets: Mapping[str, Budget | float] | None = None,
    on_entry: Callable[[LedgerEntry], object] | None = None,
    shared: SharedState | None = None,
) -> Accounts | None:
    """What a supervisor's arguments ask for, or None where nobody wants to know what calls cost.

    Raises:
        ValueError: A budget is no amount.
    """
    own = ledger if isinstance(ledger, Ledger) else None
    named = budgets_of(max_budget, budgets)
    if not (named or on_entry or own or ledger):
        return None
    return Accounts(ledger=own, budgets=named, on_entry=on_entry, shared=shared)


def budgets_of(
    max_budget: Budget | float | None, budgets: Mapping[str, Budget | float] | None
) -> dict[str | None, Budget]:
    """Budgets by name, that of all calls under None; a number is one that lasts for ever.

    Raises:
        ValueError: It is no amount.
    """
    given: dict[str | None, Budget | float] = dict((budgets or {}).items())
    if max_budget is not None:
        given[None] = max_budget
    return {name: each if isinstance(each, Budget) else Budget(each) for name, each in given.items()}


def unknown_budget(name: str, known: Iterable[str]) -> BadRequestError:
    """A call counts against a budget that there is not."""
    return BadRequestError(
        f"no budget is called {name!r}{did_you_mean(name, known)}: Supervisor(budgets={{...}}) names them",
        param="budget",
    )


def _exceeded(excess: Excess, held: float, provider: str, model: str) -> BudgetExceededError:
    budget = excess.budget
    whose = "the budget of all calls" if excess.name is None else f"the budget {excess.name!r}"
    again = "" if budget.resets_in is None else f", and begins anew in {budget.resets_in:.0f} s"
    error = BudgetExceededError(
        f"the call was not made: {whose} has ${budget.left:.6f} of ${budget.max_budget:g} left, the call may cost "
        f"${held:.6f}{again}",
        provider=provider,
        model=model,
    )
    error.budget, error.max_budget = excess.name, budget.max_budget
    error.spent, error.resets_in = budget.spent + budget.held, budget.resets_in
    return error

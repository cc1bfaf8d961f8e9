"""What is told of each attempt, and what is counted: to those who watch the call, and to the accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs

from aiocompl import telemetry
from aiocompl.errors import BudgetExceededError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.limits import Cost
    from aiocompl.runtime.accounts import Accounts, Hold
    from aiocompl.runtime.plan import Prepared
    from aiocompl.telemetry.attempt_watch import AttemptWatch
    from aiocompl.telemetry.hooks import Hooks
    from aiocompl.telemetry.watch import CallWatch
    from aiocompl.types.call import AttemptKind
    from aiocompl.types.request import Request


def is_watched(options: Mapping[str, Any]) -> bool:
    """Whether somebody wants to know of a call with these options, hooks aside."""
    if options:
        return options.get("logger_fn") is not None or telemetry.watched(verbose=bool(options.get("verbose")))
    return telemetry.watched(verbose=False)


def begin_watch(
    request: Request,
    route: OperationRoute[Any] | None,
    options: Mapping[str, Any],
    *,
    started: float,
    clock: Callable[[], float],
    hooks: Hooks | None = None,
    group: str | None = None,
) -> CallWatch | None:
    """Begin to watch a call, in the task that awaits it, or None where nobody wants to know.

    Args:
        request: What is asked.
        route: Who is asked first, where that is known yet.
        options: The call's own options.
        started: When the call began, by `clock`.
        clock: `loop.time`.
        hooks: The supervisor's, if it has any.
        group: The model group that is asked for, where it is one.
    """
    if hooks is None and not is_watched(options):
        return None
    from aiocompl.telemetry.watch import CallWatch  # noqa: PLC0415 - only for those who watch

    logger_fn, verbose = options.get("logger_fn"), bool(options.get("verbose"))
    watch = CallWatch(request, route, started, clock, hooks, logger_fn, verbose, group)
    watch.begin()
    return watch


class Book(Protocol):
    """One attempt that somebody watches, or that counts against a budget. It ends once."""

    async def confirm(self) -> None:
        """Hold its cost where other processes spend from the same budgets. Cancelled: nothing is held.

        Raises:
            BudgetExceededError: It could cost more than there is.
        """
        ...

    def dressed(self, request: Request) -> Request:
        """The request with the headers that tracing adds."""
        ...

    def answered(self, answer: Any) -> None:
        """It has been answered, or a stream has been opened."""
        ...

    def fail(self, error: BaseException) -> None:
        """It came to nothing, which may have cost something nevertheless."""
        ...


@attrs.define(eq=False)
class WatchedBook:
    """The book of an attempt that somebody watches."""

    clock: Callable[[], float]
    begun: float
    watch: AttemptWatch
    hold: Hold | None

    async def confirm(self) -> None:
        """See `Book`. Cancelled: nothing is held."""
        if self.hold is not None:
            await self.hold.confirm()

    def dressed(self, request: Request) -> Request:
        """See `Book`."""
        return self.watch.dressed()

    def answered(self, answer: Any) -> None:
        """See `Book`."""
        self.watch.finished(answer, self.clock() - self.begun)
        if self.hold is not None:
            self.hold.answered(answer)

    def fail(self, error: BaseException) -> None:
        """See `Book`."""
        if self.hold is not None:
            self.hold.fail(error)
        self.watch.failed(error, self.clock() - self.begun)


def open_book(
    prepared: Prepared[Any],
    kind: AttemptKind,
    group: str | None,
    watch: CallWatch,
    accounts: Accounts | None,
    cost: Cost,
) -> WatchedBook:
    """An attempt is about to be made, which somebody watches.

    Raises:
        BudgetExceededError: It could cost more than there is.
    """
    clock = prepared.deployment.child.loop.time
    begun, hold = clock(), None
    if accounts is not None:
        try:
            hold = open_hold(prepared, kind, group, accounts, cost)
        except BudgetExceededError as error:
            watch.budget_exceeded(error.max_budget, error.spent, prepared.route)
            raise
    return WatchedBook(clock, begun, watch.attempt_started(prepared.route, prepared.request, kind), hold)


def open_hold(
    prepared: Prepared[Any], kind: AttemptKind, group: str | None, accounts: Accounts, cost: Cost
) -> Hold:
    """An attempt is about to be made, which may take so many tokens.

    Raises:
        BudgetExceededError: It could cost more than there is.
    """
    route, params = prepared.route, prepared.request.params
    most = user = None
    if params:
        most, user = params.get("max_completion_tokens") or params.get("max_tokens"), params.get("user")
    return accounts.hold(
        route.endpoint.provider,
        route.model,
        prompt_tokens=int(cost.input_tokens),
        max_tokens=most if isinstance(most, int) else None,
        price=prepared.deployment.price,
        key=prepared.options.get("budget"),
        user=None if user is None else str(user),
        group=group,
        deployment=prepared.deployment.id or None,
        kind=kind,
    )

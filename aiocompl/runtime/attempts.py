"""What is told of each attempt, and what is counted: to those who watch the call, and to the accounts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl import telemetry
from aiocompl.errors import BudgetExceededError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.embedding import EmbeddingResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.policy.ledger import AttemptOutcome
    from aiocompl.policy.limits import Cost
    from aiocompl.runtime.accounts import Accounts, Hold
    from aiocompl.runtime.plan import Prepared
    from aiocompl.runtime.stream import Receipt
    from aiocompl.telemetry.attempt_watch import AttemptWatch
    from aiocompl.telemetry.hooks import Hooks
    from aiocompl.telemetry.watch import CallWatch
    from aiocompl.types.call import AttemptKind
    from aiocompl.types.request import Request


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
    logger_fn = verbose = None
    if options:
        logger_fn, verbose = options.get("logger_fn"), options.get("verbose")
    if hooks is None and logger_fn is None and not telemetry.watched(verbose=bool(verbose)):
        return None
    from aiocompl.telemetry.watch import CallWatch  # noqa: PLC0415 - only for those who watch

    watch = CallWatch(request, route, started, clock, hooks, logger_fn, bool(verbose), group)
    watch.begin()
    return watch


@attrs.define(eq=False)
class AttemptBook:
    """One attempt that somebody watches, or that counts against a budget. It ends once."""

    begun: float
    watch: AttemptWatch | None = None
    hold: Hold | None = None

    @classmethod
    def open(
        cls,
        prepared: Prepared[Any],
        *,
        now: float,
        kind: AttemptKind,
        group: str | None,
        watch: CallWatch | None,
        accounts: Accounts | None,
        cost: Cost,
    ) -> AttemptBook:
        """An attempt is about to be made, which may take so many tokens.

        Raises:
            BudgetExceededError: It could cost more than there is.
        """
        hold = None
        if accounts is not None:
            try:
                hold = _hold(accounts, prepared, kind, group, cost)
            except BudgetExceededError as error:
                if watch is not None:
                    watch.budget_exceeded(error.max_budget, error.spent, prepared.route)
                raise
        told = None
        if watch is not None:
            told = watch.attempt_started(prepared.route, prepared.request, kind)
        return cls(now, told, hold)

    async def confirm(self) -> None:
        """Hold its cost where other processes spend from the same budgets. Cancelled: nothing is held.

        Raises:
            BudgetExceededError: It could cost more than there is.
        """
        if self.hold is not None:
            await self.hold.confirm()

    def dressed(self, request: Request) -> Request:
        """The request with the headers that tracing adds."""
        return request if self.watch is None else self.watch.dressed()

    def answered(self, answer: Any, now: float) -> None:
        """It has been answered, or a stream has been opened."""
        if self.watch is not None:
            self.watch.finished(answer, now - self.begun)
        if self.hold is None:
            return
        if isinstance(answer, CompletionStream):
            answer.when_ended(partial(_settle_stream, self.hold, answer.receipt))
        elif isinstance(answer, (ChatCompletion, EmbeddingResponse)):
            self.hold.settle(answer.usage)
        else:
            self.hold.settle(None)

    def failed(self, error: BaseException, now: float) -> None:
        """It came to nothing, which may have cost something nevertheless."""
        if self.hold is not None:
            self.hold.fail(error)
        if self.watch is not None:
            self.watch.failed(error, now - self.begun)


def _hold(
    accounts: Accounts, prepared: Prepared[Any], kind: AttemptKind, group: str | None, cost: Cost
) -> Hold:
    route, params = prepared.route, prepared.request.params
    most = params.get("max_completion_tokens") or params.get("max_tokens")
    user = params.get("user")
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


def _settle_stream(hold: Hold, receipt: Receipt, error: Exception | None) -> None:
    usage, estimated = receipt.spent()
    broken: AttemptOutcome = "cancelled" if error is None else "failed"
    hold.settle(usage, estimated=estimated, outcome="answered" if receipt.finished else broken)

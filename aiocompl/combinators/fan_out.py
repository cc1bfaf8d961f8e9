"""Several models at once, and all their answers: one for each, in the order of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import attrs

from aiocompl.accept import not_empty
from aiocompl.combinators.contest import Contest, split_timeout
from aiocompl.combinators.entries import read_entries
from aiocompl.errors import (
    AllModelsFailedError,
    BadRequestError,
    ModelsFailedError,
    NotNeededError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.accept import Accept
    from aiocompl.combinators.entries import Ask
    from aiocompl.combinators.report import Contestant
    from aiocompl.combinators.runner import Runner
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages


@attrs.frozen(kw_only=True)
class FanOutRules:
    """How a fan-out goes."""

    return_exceptions: bool = True
    """Whether an exception stands where a model failed; else the first failure cancels the others and is raised."""

    n_required: int | None = None
    """How many accepted answers are enough: the rest is cancelled then. None waits for all."""

    accept: Accept | None = None
    """Which answers count towards `n_required`; those that are not empty by default."""

    on_result: Callable[[Contestant], object] | None = None
    """Called with each contestant as it ends; what it does wrong is logged and breaks nothing."""

    def check(self, models: int) -> None:
        """Refuse rules that make no sense.

        Raises:
            BadRequestError: One of them makes none; `param` says which.
        """
        required = self.n_required
        if required is not None and not 1 <= required <= models:
            raise BadRequestError(
                f"n_required must be a whole number from 1 to the number of models, {models}",
                param="n_required",
            )


async def fan_out(
    ask: Ask,
    models: object,
    messages: Messages,
    *,
    rules: FanOutRules,
    params: Mapping[str, Any],
    default_timeout: float,
) -> list[ChatCompletion | Exception]:
    """Ask models at once and return an answer or an exception for each, in their order.

    Cancelled: all are cancelled and awaited.

    Raises:
        ModelsFailedError: One failed, and exceptions are not to be returned; or too many for `n_required`.
        BadRequestError: The call makes no sense.
        TypeError: A keyword is misspelt.
    """
    timeout, shared = split_timeout(params, default_timeout)
    entries = read_entries(models, shared)
    rules.check(len(entries))
    contest = Contest(
        ask,
        messages,
        stream=False,
        accept=rules.accept or (not_empty if rules.n_required else _anything),
        on_result=rules.on_result,
        timeout=timeout,
    )
    try:
        for entry in entries:
            contest.start(entry)
        await _run(contest, rules)
    finally:
        await contest.stop()
    if not rules.return_exceptions:
        _raise_failures(contest, rules)
    return [_result(runner) for runner in contest.runners]


async def _run(contest: Contest, rules: FanOutRules) -> None:
    """Wait until all have ended, or those that have are enough."""
    accepted = 0
    while contest.running:
        ended = await contest.wait(contest.deadline) or await contest.time_out()
        for runner in ended:
            if runner.accepted:
                accepted += 1
                runner.outcome = "won"
            contest.tell(runner)
        if rules.n_required is not None:
            enough = accepted >= rules.n_required
        else:
            enough = not rules.return_exceptions and any(runner.outcome == "failed" for runner in ended)
        if enough:
            return


def _result(runner: Runner) -> ChatCompletion | Exception:
    """What stands for a model: an answer that was not accepted is an answer all the same."""
    if runner.answer is not None:
        return cast("ChatCompletion", runner.answer)
    return runner.error or NotNeededError("cancelled: enough others had answered", model=runner.entry.model)


def _raise_failures(contest: Contest, rules: FanOutRules) -> None:
    causes = [runner.error for runner in contest.runners if runner.error is not None]
    good = sum(runner.accepted for runner in contest.runners)
    if not causes or (rules.n_required is not None and good >= rules.n_required):
        return
    kind = AllModelsFailedError if len(causes) == len(contest.runners) else ModelsFailedError
    raise kind(f"{len(causes)} of {len(contest.runners)} models failed", causes)


def _anything(_: ChatCompletion) -> bool:
    return True

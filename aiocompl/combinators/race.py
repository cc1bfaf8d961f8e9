"""Several models at once; the first accepted success wins, the others are cancelled and awaited."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.accept import not_empty
from aiocompl.combinators.contest import Contest, split_timeout
from aiocompl.combinators.entries import read_entries
from aiocompl.combinators.report import Contestant, RaceReport
from aiocompl.errors import AllModelsFailedError, BadRequestError
from aiocompl.policy.tokens import estimate_prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.accept import Accept
    from aiocompl.combinators.entries import Ask, Entry
    from aiocompl.combinators.runner import Runner
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.request import Messages


@attrs.frozen(kw_only=True)
class RaceRules:
    """How a race goes; times are in seconds."""

    accept: Accept | None = None
    """Which answers count; those that are not empty by default."""

    stagger: float | None = None
    """Start the next contestant so long after the one before, or at once when one fails; None starts all at once."""

    max_started: int | None = None
    """How many may be started at all."""

    on_result: Callable[[Contestant], object] | None = None
    """Called with each contestant as it ends; what it does wrong is logged and cannot break the race."""

    linger: float = 0.0
    """How long losers may go on after the win, for comparison; the answer waits for them."""

    def check(self, *, stream: bool) -> None:
        """Refuse rules that make no sense.

        Raises:
            BadRequestError: One of them makes none; `param` says which.
        """
        if stream and (self.accept is not None or self.linger):
            param = "linger" if self.accept is None else "accept"
            raise BadRequestError(f"{param}= needs whole answers, and stream=True gives none", param=param)
        for name, seconds in (("stagger", self.stagger), ("linger", self.linger)):
            given: object = seconds
            if given is not None and not (isinstance(given, (int, float)) and given >= 0):
                raise BadRequestError(f"{name} must be a number of seconds from 0 up", param=name)
        if self.max_started is not None and self.max_started < 1:
            raise BadRequestError("max_started must be a whole number from 1 up", param="max_started")


async def race(
    ask: Ask,
    models: object,
    messages: Messages,
    *,
    stream: bool,
    rules: RaceRules,
    params: Mapping[str, Any],
    default_timeout: float,
) -> ChatCompletion | CompletionStream:
    """Ask models at once and return the first answer that is accepted; with `stream`, the first that has a token.

    The others are cancelled and awaited before this returns, on a win as on failure. Ties go to the order of `models`.

    Cancelled: all contestants are cancelled and awaited, and their streams closed.

    Raises:
        AllModelsFailedError: None was accepted by the deadline; it holds each cause.
        BadRequestError: The race makes no sense.
        TypeError: A keyword is misspelt.
    """
    rules.check(stream=stream)
    timeout, shared = split_timeout(params, default_timeout)
    entries = read_entries(models, shared)
    contest = Contest(
        ask,
        messages,
        stream=stream,
        accept=rules.accept or not_empty,
        on_result=rules.on_result,
        timeout=timeout,
    )
    winner: Runner | None = None
    try:
        winner = await _winner(contest, entries, rules)
    except BaseException:
        await contest.stop()
        raise
    await contest.stop(keep=winner)
    elapsed = asyncio.get_running_loop().time() - contest.began
    answer = None if winner is None else winner.answer
    if answer is None:
        raise _failure(_report(contest.runners, entries, messages, contest.began, elapsed))
    if answer.call is not None:
        for runner in contest.runners:
            runner.answer = None  # the answer leads to its report, which must not lead back
        answer.call.race = partial(_report, contest.runners, entries, tuple(messages), contest.began, elapsed)
    return answer


async def _winner(contest: Contest, entries: Sequence[Entry], rules: RaceRules) -> Runner | None:
    """Start those who are due and look at those who end, until one wins, or none is left or there is no time."""
    clock = asyncio.get_running_loop().time
    waiting = list(entries[: rules.max_started])[::-1]
    due = contest.began
    while True:
        while waiting and (clock() >= due or not contest.running):
            contest.start(waiting.pop())
            due = clock() + (rules.stagger or 0.0)
            if waiting:
                await asyncio.sleep(0)  # its request goes out before the next one is put together
        if not contest.running:
            return None
        until = min(contest.deadline, due) if waiting else contest.deadline
        ended = await contest.wait(until)
        if clock() >= contest.deadline:
            ended += await contest.time_out()
            waiting.clear()
        winner = next((runner for runner in ended if runner.accepted), None)
        if winner is not None:
            winner.outcome = "won"
        elif ended:
            due = clock()  # somebody else's turn at once
        for runner in ended:
            contest.tell(runner)
        if winner is not None:
            await _linger(contest, rules.linger)
            return winner


async def _linger(contest: Contest, seconds: float) -> None:
    """Let the losers go on for a while."""
    clock = asyncio.get_running_loop().time
    until = min(contest.deadline, clock() + seconds)
    while contest.running and clock() < until:
        for runner in await contest.wait(until):
            contest.tell(runner)


def _report(
    runners: Sequence[Runner], entries: Sequence[Entry], messages: Messages, began: float, elapsed: float
) -> RaceReport:
    """Say what became of each; they started in the order of the entries."""
    uncounted = any(runner.uncounted for runner in runners)
    prompt_tokens = estimate_prompt_tokens(messages) if uncounted else 0
    ran = [runner.contestant(began, prompt_tokens) for runner in runners]
    others = [
        Contestant(index=entry.index, model=entry.model, outcome="never_started")
        for entry in entries[len(ran) :]
    ]
    return RaceReport(contestants=(*ran, *others), elapsed=elapsed)


def _failure(report: RaceReport) -> AllModelsFailedError:
    causes = [item.error for item in report.contestants if item.error is not None]
    return AllModelsFailedError(
        f"none of the {len(causes)} models asked gave an answer that was accepted", causes, race=report
    )

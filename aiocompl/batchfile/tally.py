"""How far a batch from a file is, and what it spent."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Literal

import attrs

from aiocompl.prices import cost, reported_cost
from aiocompl.types.completion import PromptTokensDetails, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from aiocompl.types.completion import ChatCompletion

_WINDOW: Final = 30.0
"""Seconds over which the rate is taken."""

_GROUP_TOKENS: Final = 10_000
"""About so many tokens are priced as one: enough that rounding does not show, and few enough for no higher tier."""


@attrs.frozen(kw_only=True)
class BatchFileProgress:
    """How far a batch from a file is."""

    phase: Literal["reading", "asking"]
    """Reading the input for the first time, or asking."""

    read: int
    """Lines of the input read so far, in the first phase."""

    total: int
    """Lines that are to be asked in this run; 0 in the first phase."""

    done: int
    """Lines that have an answer or an error from this run."""

    failed: int
    """Those that have an error."""

    elapsed: float
    """Seconds since the start."""

    rate: float
    """Lines per second, lately."""

    eta: float | None
    """Seconds that are left at this rate, where it can be said."""

    prompt_tokens: int
    completion_tokens: int

    cost: float | None
    """US dollars so far, or None where the price of a model is not known (extra `prices`)."""


@attrs.frozen(kw_only=True)
class BatchFileSummary:
    """What a batch from a file came to."""

    output: Path
    """The file of answers."""

    errors: Path
    """The file of failures; it is not there where nothing failed."""

    total: int
    """Requests in the input (or `limit`)."""

    skipped: int
    """Those that an earlier run had done already, failures that were not to be asked again included."""

    answered: int
    """Those answered now."""

    failed: int
    """Those that failed now, and lines that hold no request."""

    failed_before: int
    """Those that failed in an earlier run, and still do."""

    invalid: int
    """Lines that hold no request, in both counts of failures: nobody was asked. Mend them, and resume."""

    left: int | None
    """Those not asked, or asked in vain: the run was stopped, or out of time. None where that was while the input was
    read for the first time."""

    stopped: Literal["", "stop", "timeout"]
    """What ended the run early, if anything did."""

    elapsed: float
    """Seconds."""

    prompt_tokens: int
    completion_tokens: int

    cost: float | None
    """US dollars, or None where the price of a model is not known (extra `prices`)."""


@attrs.define(eq=False)
class _Spent:
    """What went to one model."""

    calls: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    written: int = 0


class Tally:
    """Counts, as they grow.

    Args:
        now: The time at the start.
    """

    def __init__(self, now: float) -> None:
        self.answered = self.failed = 0
        self.prompt_tokens = self.completion_tokens = 0
        self._began = now
        self._reported = 0.0
        self._spent: dict[tuple[str, str], _Spent] = {}
        self._samples: deque[tuple[float, int]] = deque([(now, 0)])

    def count(self, answer: ChatCompletion) -> None:
        """Count an answer and its tokens."""
        self.answered += 1
        usage = answer.usage
        if usage is None:
            return
        self.prompt_tokens += usage.prompt_tokens
        self.completion_tokens += usage.completion_tokens
        if usage.model_extra and (said := reported_cost(usage.model_extra)) is not None:
            self._reported += said
            return
        call = answer.call
        key = ("", answer.model) if call is None else (call.provider, call.model)
        spent = self._spent.get(key)
        if spent is None:
            spent = self._spent[key] = _Spent()
        spent.calls += 1
        spent.prompt += usage.prompt_tokens
        spent.completion += usage.completion_tokens
        if (details := usage.prompt_tokens_details) is not None:
            spent.cached += details.cached_tokens or 0
            spent.written += details.cache_write_tokens or 0

    def cost(self) -> float | None:
        """US dollars so far, or None where the price of a model is not known."""
        dollars = self._reported
        for (provider, model), spent in self._spent.items():
            price = _price(provider, model, spent)
            if price is None:
                return None
            dollars += price
        return dollars

    def elapsed(self, now: float) -> float:
        """Seconds since the start."""
        return now - self._began

    def restart_rate(self, now: float) -> None:
        """Have the rate begin here."""
        self._samples = deque([(now, self.answered + self.failed)])

    def progress(
        self, now: float, *, phase: Literal["reading", "asking"], read: int, total: int
    ) -> BatchFileProgress:
        """How far it is at this time."""
        done = self.answered + self.failed
        samples = self._samples
        samples.append((now, done))
        while samples[1][0] < now - _WINDOW:
            samples.popleft()
        seconds = now - samples[0][0]
        rate = (done - samples[0][1]) / seconds if seconds > 0 else 0.0
        return BatchFileProgress(
            phase=phase,
            read=read,
            total=total,
            done=done,
            failed=self.failed,
            elapsed=self.elapsed(now),
            rate=rate,
            eta=(total - done) / rate if rate > 0 else None,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost=self.cost(),
        )


def _price(provider: str, model: str, spent: _Spent) -> float | None:
    """What all calls to a model cost, from the mean of a few: prices may rise with the length of one call's prompt."""
    mean = max(1, spent.prompt + spent.completion) / spent.calls
    share = max(1.0, _GROUP_TOKENS / mean) / spent.calls
    details = PromptTokensDetails(
        cached_tokens=round(spent.cached * share), cache_write_tokens=round(spent.written * share)
    )
    usage = Usage(
        prompt_tokens=round(spent.prompt * share),
        completion_tokens=round(spent.completion * share),
        prompt_tokens_details=details,
    )
    price = cost(provider, model, usage)
    return None if price is None else price / share

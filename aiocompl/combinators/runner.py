"""One contestant as it runs, and what is said of it afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from aiocompl.combinators.report import Contestant
from aiocompl.errors import AnswerNotAcceptedError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    from aiocompl.combinators.entries import Entry
    from aiocompl.combinators.report import Outcome
    from aiocompl.types.completion import ChatCompletion


@attrs.define(eq=False)
class Runner:
    """A contestant as it runs."""

    entry: Entry
    started: float
    ended: float | None = None
    outcome: Outcome = "lost"
    accepted: bool = False
    answer: ChatCompletion | CompletionStream | None = None
    provider: str | None = None
    first_token: float | None = None
    usage: Usage | None = None
    error: Exception | None = None

    @property
    def uncounted(self) -> bool:
        """What it spent was never counted by anybody: it was cancelled, or its answer says nothing of it."""
        return self.usage is None and self.error is None

    def fail(self, error: Exception) -> None:
        """It has failed."""
        self.outcome, self.error = "failed", error

    def finish(self, answer: ChatCompletion | CompletionStream) -> None:
        """It has answered."""
        self.answer = answer
        if not isinstance(answer, CompletionStream):
            self.usage = answer.usage
        if answer.call is not None:
            self.provider, self.first_token = answer.call.provider, answer.call.first_token
        if not self.accepted:
            self.outcome, self.error = "refused", not_accepted(self.entry.model)

    def contestant(self, began: float, prompt_tokens: int) -> Contestant:
        """What is known of it, once it has ended.

        Args:
            began: When all began, by `loop.time()`.
            prompt_tokens: What it is taken to have spent where nobody counted.
        """
        usage = self.usage
        if self.uncounted:
            usage = Usage(prompt_tokens=prompt_tokens, total_tokens=prompt_tokens)
        return Contestant(
            index=self.entry.index,
            model=self.entry.model,
            outcome=self.outcome,
            provider=self.provider,
            started=self.started - began,
            elapsed=None if self.ended is None else self.ended - self.started,
            first_token=self.first_token,
            usage=usage,
            estimated=self.uncounted,
            error=self.error,
        )


def not_accepted(model: str) -> AnswerNotAcceptedError:
    """What is the matter with an answer that `accept` refused."""
    return AnswerNotAcceptedError("the answer was not accepted", model=model)

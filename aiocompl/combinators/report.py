"""What became of each contestant of a race."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from aiocompl.prices import cost

if TYPE_CHECKING:
    from aiocompl.types.completion import Usage

Outcome = Literal["won", "lost", "failed", "refused", "never_started"]


@attrs.frozen(kw_only=True)
class Contestant:
    """One of the models of a race, or of a fan-out; times are in seconds."""

    index: int
    """Its place in `models`."""

    model: str
    """The name it was asked by."""

    outcome: Outcome
    """``"lost"`` was good or still under way when another won, ``"refused"`` gave an answer that `accept` refused.

    In a fan-out all whose answers count have ``"won"``, and those are ``"lost"`` that were not needed any more.
    """

    provider: str | None = None
    """Who answered; None where nobody did."""

    started: float | None = None
    """When it started, after the start of the race; None where it never did."""

    elapsed: float | None = None
    """From its start to its end: the answer (a stream: the first token), the error, or its being cancelled."""

    first_token: float | None = None
    """From its start to its first token, where it streamed one."""

    usage: Usage | None = attrs.field(default=None, repr=False)
    """The tokens spent, where they are known; cancelled is not free."""

    estimated: bool = False
    """`usage` is our estimate: the prompt of a call that was cancelled before the provider counted anything."""

    error: Exception | None = None
    """Why it failed."""

    @property
    def cost(self) -> float | None:
        """US dollars spent, or None where nobody knows; asks the price table of the extra `prices` at first use."""
        provider, slash, name = self.model.partition("/")
        if not slash:
            provider, name = self.provider or "", self.model
        return cost(self.provider or provider, name, self.usage)


@attrs.frozen(kw_only=True)
class RaceReport:
    """A race as it went."""

    contestants: tuple[Contestant, ...]
    """In the order of `models`."""

    elapsed: float
    """Seconds from the start to the end of the race, losers awaited."""

    @property
    def winner(self) -> Contestant | None:
        """Who won; None where all failed."""
        return next((item for item in self.contestants if item.outcome == "won"), None)

    @property
    def cost(self) -> float | None:
        """US dollars spent by all whose cost is known; None where none is."""
        known = [spent for item in self.contestants if (spent := item.cost) is not None]
        return sum(known) if known else None

"""What was spent: every attempt of every call, losers and retries included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import attrs

from aiocompl.errors import (
    APIResponseValidationError,
    APITimeoutError,
    IncompleteStreamError,
    NotNeededError,
    ResponseTooLargeError,
)
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aiocompl.types.call import AttemptKind

AttemptOutcome = Literal["answered", "failed", "cancelled"]
"""``"cancelled"``: it was given up by us, since another was first, say, or the caller was gone."""

DAY: Final = 86_400.0
"""Seconds."""

_SPENT_ALL_THE_SAME: Final = (
    APIResponseValidationError,
    APITimeoutError,
    IncompleteStreamError,
    NotNeededError,
    ResponseTooLargeError,
)


@attrs.frozen(kw_only=True)
class LedgerEntry:
    """One attempt, as it was accounted."""

    provider: str
    model: str
    """The model's name at the provider."""
    group: str | None = None
    """The model group it was made for."""
    deployment: str | None = None
    key: str | None = None
    """Who pays: the name of a budget. Never a secret."""
    user: str | None = None
    """The call's `user`."""
    kind: AttemptKind = "first"
    """Why the attempt was made."""
    usage: Usage | None = None
    """The tokens spent; None where there were none."""
    estimated: bool = False
    """`usage` is our estimate: the provider never said."""
    cost: float | None = None
    """US dollars; None where tokens were spent whose price nobody knows."""
    outcome: AttemptOutcome = "answered"
    when: float = 0.0
    """The end of the attempt, in seconds since 1970."""

    @property
    def day(self) -> int:
        """Days since 1970, by UTC."""
        return int(self.when // DAY)


@attrs.frozen(kw_only=True)
class LedgerSnapshot:
    """Sums over attempts."""

    attempts: int = 0
    spent: float = 0.0
    """US dollars, as far as prices are known."""
    estimated: float = 0.0
    """The part of `spent` that rests on estimated tokens."""
    unknown_cost: int = 0
    """Attempts that spent tokens whose price nobody knows."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """The part of `prompt_tokens` that providers read from their caches."""

    @property
    def estimated_share(self) -> float:
        """Which part of `spent` rests on estimated tokens, from 0 to 1."""
        return self.estimated / self.spent if self.spent > 0 else 0.0


class _Sums:
    """A snapshot in the making."""

    __slots__ = ("attempts", "cached", "completion", "estimated", "prompt", "spent", "unknown")

    def __init__(self) -> None:
        self.attempts = self.unknown = self.prompt = self.completion = self.cached = 0
        self.spent = self.estimated = 0.0

    def note(self, usage: Usage | None, cost: float | None, *, estimated: bool) -> None:
        self.attempts += 1
        if usage is None:
            return
        self.prompt += usage.prompt_tokens
        self.completion += usage.completion_tokens
        if (details := usage.prompt_tokens_details) is not None:
            self.cached += details.cached_tokens or 0
        if cost is None:
            self.unknown += 1
            return
        self.spent += cost
        if estimated:
            self.estimated += cost

    def add(self, other: _Sums) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def snapshot(self) -> LedgerSnapshot:
        return LedgerSnapshot(
            attempts=self.attempts,
            spent=self.spent,
            estimated=self.estimated,
            unknown_cost=self.unknown,
            prompt_tokens=self.prompt,
            completion_tokens=self.completion,
            cached_tokens=self.cached,
        )


LedgerColumn = Literal["day", "provider", "model", "group", "deployment", "key", "user", "outcome", "kind"]
"""What sums can be asked for by."""

LedgerRow = tuple[
    float, str, str, str | None, str | None, str | None, str | None, AttemptOutcome, "AttemptKind"
]
"""A value for each column."""

_COLUMNS: Final = ("day", "provider", "model", "group", "deployment", "key", "user", "outcome", "kind")


class Ledger:
    """Sums of what was spent, by all that an entry says; entries themselves are not kept.

    Args:
        max_rows: How many different rows are kept. When there are more, the oldest are put together in one, which has
            None in all columns; sums over all stay exact.
    """

    def __init__(self, *, max_rows: int = 10_000) -> None:
        if max_rows < 1:
            raise ValueError(f"max_rows must be at least 1, not {max_rows}")
        self._max_rows = max_rows
        self._rest = _Sums()
        self._rows: dict[LedgerRow, _Sums] = {}

    def note(self, entry: LedgerEntry) -> None:
        """An attempt has ended."""
        row = (
            entry.when // DAY,
            entry.provider,
            entry.model,
            entry.group,
            entry.deployment,
            entry.key,
            entry.user,
            entry.outcome,
            entry.kind,
        )
        self.add(row, entry.usage, entry.cost, estimated=entry.estimated)

    def add(self, row: LedgerRow, usage: Usage | None, cost: float | None, *, estimated: bool) -> None:
        """The same as `note`, for whom an entry is more than is needed.

        Args:
            row: What it counts under.
            usage: The tokens spent; None where there were none.
            cost: US dollars; None where nobody knows.
            estimated: `usage` is our estimate.
        """
        sums = self._rows.get(row)
        if sums is None:
            sums = self._rows[row] = _Sums()
            if len(self._rows) > self._max_rows:
                self._rest.add(self._rows.pop(next(iter(self._rows))))
        sums.note(usage, cost, estimated=estimated)

    def snapshot(self, **where: Any) -> LedgerSnapshot:
        """The sums over all attempts, or over those that have these values: ``snapshot(provider="openai", key="alice")``.

        Raises:
            TypeError: There is no such column; see `LedgerColumn`.
        """
        if not where:
            return _sum_of([self._rest, *self._rows.values()]).snapshot()
        wanted = [(_column(name), value) for name, value in where.items()]
        return _sum_of(
            sums for row, sums in self._rows.items() if all(row[at] == value for at, value in wanted)
        ).snapshot()

    def by(self, *columns: LedgerColumn) -> Mapping[tuple[Any, ...], LedgerSnapshot]:
        """The sums for each value of these columns: ``by("provider", "model")`` has a tuple of two for each pair.

        Raises:
            TypeError: There is no such column.
        """
        at = [_column(name) for name in columns]
        sums: dict[tuple[Any, ...], _Sums] = {}
        for row, part in self._rows.items():
            sums.setdefault(tuple(row[index] for index in at), _Sums()).add(part)
        if self._rest.attempts:
            sums.setdefault((None,) * len(at), _Sums()).add(self._rest)
        return {key: total.snapshot() for key, total in sums.items()}


def spent_by(error: BaseException, prompt_tokens: int, completion_tokens: int = 0) -> Usage | None:
    """About what an attempt that ended so has cost, where the provider never said; None for nothing.

    A provider that refuses bills nothing. One that was given up, or whose answer did not arrive whole, may have read the
    prompt: cancelled is not free.

    Args:
        error: What ended it.
        prompt_tokens: An estimate of the prompt.
        completion_tokens: An estimate of what had arrived of the answer.
    """
    if isinstance(error, Exception) and not isinstance(error, _SPENT_ALL_THE_SAME) and not completion_tokens:
        return None
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
    )


def _column(name: str) -> int:
    if name not in _COLUMNS:
        raise TypeError(f"a ledger has no column {name!r}: there are {', '.join(_COLUMNS)}")
    return _COLUMNS.index(name)


def _sum_of(parts: Iterable[_Sums]) -> _Sums:
    total = _Sums()
    for part in parts:
        total.add(part)
    return total

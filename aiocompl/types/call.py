"""What is known of a call besides its answer: who answered, in which attempt, and where the time went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

from aiocompl._compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.combinators.report import RaceReport
    from aiocompl.rate_limits import RateLimits


@attrs.define(kw_only=True)
class Attempt:
    """One attempt of a call: attempt 1 is the first, each further one a retry."""

    number: int
    """Counted from 1."""

    provider: str
    """The provider asked, such as ``"openai"``."""

    endpoint: str
    """Its base URL, without credentials."""

    model: str
    """The model name as the provider knows it."""

    error: Exception | None = None
    """Why the attempt failed, or None for the one that answered."""

    queued: float = 0.0
    """Seconds spent in the actor's inbox."""

    elapsed: float = 0.0
    """Seconds from asking the actor to its reply (for a stream: to the stream's opening)."""


@attrs.define(eq=False)
class CallInfo:
    """Timing and identity of one call; times are in seconds. A stream fills it in as it goes."""

    provider: str
    """The provider that answered, such as ``"openai"``."""

    endpoint: str
    """Its base URL, without credentials."""

    model: str
    """The model name as the provider knows it."""

    request_id: str | None = None
    """The provider's identifier of the request, to quote to its support."""

    queued: float = 0.0
    """Seconds the last attempt spent in the actor's inbox."""

    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """The answer's headers, looked up in lower case."""

    first_token: float | None = None
    """Seconds from the start of the call to the first chunk with content; None if not streamed (yet)."""

    total: float | None = None
    """Seconds from the start of the call to the end of the answer; None while a stream runs."""

    answered: float | None = None
    """Seconds from the start of the last attempt to its reply (a stream: to its opening)."""

    failed: tuple[Attempt, ...] = ()
    """The attempts before the one that answered."""

    _race: RaceReport | Callable[[], RaceReport] | None = attrs.field(default=None, alias="race", repr=False)

    dropped_params: tuple[str, ...] = ()
    """Parameters that `drop_params` left out because the provider does not support them."""

    parts: tuple[CallInfo, ...] = ()
    """The calls that were made of this one (by `n_by_fanout`, for more texts than one request takes, for further pages), in order.

    The times are the longest among them; the rest tells of the first."""

    @property
    def race(self) -> RaceReport | None:
        """What became of each contestant, where the answer won a race; put together when it is first looked at."""
        if callable(self._race):
            self._race = self._race()
        return self._race

    @race.setter
    def race(self, report: RaceReport | Callable[[], RaceReport] | None) -> None:
        self._race = report

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every attempt in order; the last one answered."""
        last = Attempt(
            number=len(self.failed) + 1,
            provider=self.provider,
            endpoint=self.endpoint,
            model=self.model,
            queued=self.queued,
            elapsed=self.answered or 0.0,
        )
        return (*self.failed, last)

    @property
    def rate_limits(self) -> RateLimits | None:
        """The provider's rate limits, read from `headers` at each access; None where they say nothing of any."""
        from aiocompl.rate_limits import read_rate_limits  # noqa: PLC0415 - only for those who ask

        return read_rate_limits(self.headers)

    @override
    def __getstate__(self) -> dict[str, Any]:
        state = {field.name: getattr(self, field.name) for field in attrs.fields(type(self))}
        return state | {
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "_race": self.race,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


def joined_call(parts: Sequence[CallInfo]) -> CallInfo:
    """What is known of a call that was made in parts."""
    return attrs.evolve(
        parts[0],
        parts=tuple(parts),
        total=max((part.total for part in parts if part.total is not None), default=None),
        answered=max((part.answered for part in parts if part.answered is not None), default=None),
    )


class Answer(Protocol):
    """What the whole answers of all operations have."""

    call: CallInfo | None
    """Timing and identity of the call."""


AnswerT = TypeVar("AnswerT", bound=Answer)

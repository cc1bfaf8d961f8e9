"""How many requests and tokens a deployment may be asked for in a minute, and how long a call has to wait for its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from aiocompl.policy.learnt import allowance, per_minute
from aiocompl.policy.meter import Meter
from aiocompl.policy.tokens import estimate_prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.rate_limits import RateLimits
    from aiocompl.types.completion import Usage
    from aiocompl.types.request import Request

DEFAULT_OUTPUT_TOKENS: Final = 256
"""Tokens that an answer is taken to have until it is there, where the call does not bound it."""


def _positive(_: object, attribute: attrs.Attribute[float | None], value: float | None) -> None:
    if value is not None and not value > 0:
        raise ValueError(f"{attribute.name} must be above 0, or None for no limit, not {value!r}")


_LIMIT: Final[Any] = _positive


@attrs.frozen(kw_only=True)
class RateLimitPolicy:
    """How much may pass in any 60 s; None for no limit."""

    rpm: float | None = attrs.field(default=None, validator=_LIMIT)
    """Requests."""

    tpm: float | None = attrs.field(default=None, validator=_LIMIT)
    """Tokens, of prompts and answers together."""

    input_tpm: float | None = attrs.field(default=None, validator=_LIMIT)
    output_tpm: float | None = attrs.field(default=None, validator=_LIMIT)

    burst: float | None = attrs.field(default=None, validator=_LIMIT)
    """Requests that may pass at once after a rest. None: 5 % of `rpm`, at least one. Tokens always have their 5 %."""

    learn: bool = False
    """Heed what the provider's headers say of its limits, too."""


@attrs.frozen
class Cost:
    """What one call takes of the limits."""

    requests: float = 1.0
    input_tokens: float = 0.0
    output_tokens: float = 0.0

    @property
    def tokens(self) -> float:
        """Of prompt and answer together."""
        return self.input_tokens + self.output_tokens

    def plus(self, other: Cost) -> Cost:
        """Both together."""
        return Cost(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    def times(self, factor: float) -> Cost:
        """So often the same."""
        return Cost(self.requests * factor, self.input_tokens * factor, self.output_tokens * factor)


NOTHING: Final = Cost(0.0)


class SharedLimits(Protocol):
    """Limits that several processes share, so that asking them takes a while. It sees to its own failures."""

    async def take(self, cost: Cost, now: float) -> float:
        """Take what a call costs and return 0.0; where that cannot be yet, take nothing and say in how many seconds.

        Cancelled: it may or may not be taken.
        """
        ...

    def settle(self, reserved: Cost, used: Cost, now: float, at: float) -> None:
        """Charge, or give back, the difference between what was taken at the instant `at` and what was used.

        It does not wait for that.
        """
        ...


@attrs.define(eq=False)
class Limiter:
    """One deployment's limits, all asked at once: GCRA over each, and never more than a limit in any 60 s.

    In any half-open window of 60 s at most `rpm` requests pass and at most the tokens of each limit, as they were
    reserved or settled; a call that costs more tokens than a whole limit passes alone.

    It is handed the time, on any clock that does not go back.
    """

    policy: RateLimitPolicy
    taken: Cost = attrs.field(default=NOTHING, init=False)
    """All that was ever taken, for `learn`; kept only where `policy.learn` is set."""
    _meters: dict[str, Meter] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._meters = meters_of(self.policy)

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens a call has, so that they are worth estimating."""
        return len(self._meters) > ("requests" in self._meters)

    def limit(self, name: str) -> float | None:
        """The limit that is in force on ``requests``, ``tokens``, ``input_tokens`` or ``output_tokens``."""
        meter = self._meters.get(name)
        return None if meter is None else meter.limit

    def wait(self, cost: Cost, now: float, ahead: Cost = NOTHING) -> float:
        """Seconds until a call may pass, if `ahead` passes before it. Nothing is taken."""
        return max(
            (
                meter.wait(getattr(cost, name), now, getattr(ahead, name))
                for name, meter in self._meters.items()
            ),
            default=0.0,
        )

    def take(self, cost: Cost, now: float) -> float:
        """Take what a call costs and return 0.0, or take nothing and return the seconds until it may be asked again."""
        meters = self._meters.items()
        longest = 0.0
        for name, meter in meters:
            wait = meter.wait(getattr(cost, name), now)
            longest = max(longest, wait)
        if longest > 0:
            return longest
        for name, meter in meters:
            meter.take(getattr(cost, name), now)
        if self.policy.learn:
            self.taken = self.taken.plus(cost)
        return 0.0

    def spend_burst(self, cost: Cost, now: float) -> None:
        """Have nothing saved up: a call may pass as it might have, and those after it are spaced out."""
        for name, meter in self._meters.items():
            meter.spend_burst(getattr(cost, name), now)

    def settle(self, reserved: Cost, used: Cost, now: float, at: float | None = None) -> None:
        """Give back what a call did not need, or charge what it took beyond what was reserved.

        Args:
            reserved: What was taken for it.
            used: What it took. ``Cost(0)`` for a call that was never sent.
            now: The present.
            at: When it was taken; without it, what is given back is of use only once the minute is over.
        """
        for name, meter in self._meters.items():
            more = getattr(used, name) - getattr(reserved, name)
            if more > 0:
                meter.take(more, now)
            elif more < 0:
                meter.give_back(-more, now, -1.0 if at is None else at)

    def learn(self, said: RateLimits, now: float, taken: Cost | None = None) -> None:
        """Heed what an answer's headers say: a lower limit is adopted, and no more passes than is left.

        Args:
            said: The limits by the headers of an answer.
            now: When the answer came.
            taken: `taken` as it was right after the answer's request had passed: what passed later is not in the
                headers yet. None for now.
        """
        since = self.taken.plus((taken or self.taken).times(-1.0))
        for name in ("requests", "tokens", "input_tokens", "output_tokens"):
            one = getattr(said, name)
            if one is None:
                continue
            meter = self._meter_for(name, per_minute(one))
            left = allowance(one, now, getattr(since, name))
            if meter is None and left is not None:
                meter = self._meters[name] = Meter(_NO_LIMIT)
            if meter is not None:
                meter.allowance = left

    def _meter_for(self, name: str, learnt: float | None) -> Meter | None:
        """The meter of a limit, made or adjusted where a limit was learnt that is lower than ours."""
        meter = self._meters.get(name)
        if learnt is None:
            return meter
        ours = getattr(self.policy, _POLICY_NAMES[name])
        limit = learnt if ours is None else min(ours, learnt)
        if meter is None:
            meter = self._meters[name] = Meter(limit, self.policy.burst if name == "requests" else None)
        elif limit != meter.limit:
            meter.resize(limit)
        return meter


def meters_of(policy: RateLimitPolicy) -> dict[str, Meter]:
    """A meter for each limit of a policy, by what it counts of a `Cost`."""
    meters = {} if policy.rpm is None else {"requests": Meter(policy.rpm, policy.burst)}
    for name, limit in (
        ("tokens", policy.tpm),
        ("input_tokens", policy.input_tpm),
        ("output_tokens", policy.output_tpm),
    ):
        if limit is not None:
            meters[name] = Meter(limit)
    return meters


_NO_LIMIT: Final = 1e12
"""A meter with so much in a minute holds nothing up but by what the provider says is left."""

_POLICY_NAMES: Final[Mapping[str, str]] = {
    "requests": "rpm",
    "tokens": "tpm",
    "input_tokens": "input_tpm",
    "output_tokens": "output_tpm",
}


def estimated_cost(request: Request) -> Cost:
    """What a call may take: its prompt by estimate, its answer by the bound that it asks for, for each of `n` answers."""
    params = request.params
    bound = params.get("max_completion_tokens") or params.get("max_tokens") or DEFAULT_OUTPUT_TOKENS
    answers = params.get("n") or 1
    messages = getattr(request, "messages", ())
    return Cost(1.0, float(estimate_prompt_tokens(messages)), _number(bound) * _number(answers))


def used_cost(usage: Usage) -> Cost:
    """What a call took by the provider's own count."""
    return Cost(1.0, usage.prompt_tokens, usage.completion_tokens)


def _number(value: object) -> float:
    """A parameter as a number: what is none is the provider's business, and refused there."""
    return float(value) if isinstance(value, (int, float)) and value > 0 else 1.0

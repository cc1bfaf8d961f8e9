"""A deployment's rate limits in Redis."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

import attrs

from aiocompl.policy.limits import KINDS, Cost, Limiter, RateLimitPolicy, meters_of
from aiocompl.policy.meter import WINDOW
from aiocompl.shared.limit_scripts import SETTLE, TAKE
from aiocompl.shared.link import letter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.shared.link import Link

_LONG_AGO: Final = -inf


class RedisLimits:
    """Limits that are those of all processes together; where Redis is lost, this process's share of them.

    What this process takes of its share, and what all take of the whole, are kept apart. Whoever changes from one to the
    other has nothing saved up there: the first call may pass at once, and those after it as the limit allows. So each
    loss and each return lets each process have one call more than it should, and no burst.

    Args:
        link: Redis.
        deployment: The deployment's id.
        policy: What may pass in a minute.
    """

    def __init__(self, link: Link, deployment: str, policy: RateLimitPolicy) -> None:
        meters = meters_of(policy)
        self._link = link
        self._policy = policy
        self._names = tuple(KINDS[kind] for kind in meters)
        self._window = WINDOW + link.slack
        stretched = self._window / WINDOW
        self._paces = [
            (_text(limit), _text(burst), _text(interval * stretched))
            for limit, burst, interval in (meter.pace for meter in meters.values())
        ]
        state = link.key("limits", f"{{{deployment}}}")
        self.keys = (state, *(f"{state}:{name}" for name in self._names))
        self._taken: dict[float, str] = {}  # when a call asked, by our clock: when it was let pass, by Redis'
        self._share: tuple[int, Limiter] | None = None
        self._alone = False  # whether the last call was decided without Redis
        self._owes = False  # whether Redis does not know what this process has done without it

    async def take(self, cost: Cost, now: float) -> float:
        """See `SharedLimits`. Cancelled: it may or may not be taken."""
        word = "1" if self._owes else ""
        amounts = [getattr(cost, name) for name in self._names]
        reply = await self._link.ask(TAKE, self.keys, self.arguments(word, amounts))
        if reply is None:
            return self._take_alone(cost, now)
        self._alone = self._owes = False
        wait = float(reply[0])
        if wait <= 0:
            self._note(now, reply[1].decode())
        return wait

    def settle(self, reserved: Cost, used: Cost, now: float, at: float) -> None:
        """See `SharedLimits`."""
        amounts = [getattr(used, name) - getattr(reserved, name) for name in self._names]
        taken = self._taken.get(at)
        if taken is None and self._link.lost:
            self._limiter().settle(reserved, used, now, at)
            return
        if taken is None:  # too long ago to be given back, or not of Redis
            amounts = [max(0.0, amount) for amount in amounts]
        if any(amounts):
            self._link.post(letter(SETTLE, self.keys, self.arguments(taken or _text(_LONG_AGO), amounts)))

    def arguments(self, word: str, amounts: Sequence[float]) -> list[str]:
        """What the scripts of limits are given."""
        arguments = [self._link.time, word, _text(self._window)]
        for pace, amount in zip(self._paces, amounts, strict=True):
            arguments += [*pace, _text(amount)]
        return arguments

    def lost(self) -> None:
        """See `Watcher`."""

    def rejoined(self) -> None:
        """See `Watcher`."""

    def pulsed(self, opened: frozenset[str]) -> None:
        """See `Watcher`."""

    def _take_alone(self, cost: Cost, now: float) -> float:
        limiter = self._limiter()
        if not self._alone:
            limiter.spend_burst(cost, now)
        self._alone = self._owes = True
        return limiter.take(cost, now)

    def _limiter(self) -> Limiter:
        """This process's share of the limits."""
        processes = self._link.processes
        if self._share is None or self._share[0] != processes:
            self._share = processes, Limiter(share_of(self._policy, processes))
            self._alone = False
        return self._share[1]

    def _note(self, asked: float, taken: str) -> None:
        self._taken[asked] = taken
        while (first := next(iter(self._taken))) < asked - self._window:
            del self._taken[first]


def share_of(policy: RateLimitPolicy, processes: int) -> RateLimitPolicy:
    """An equal part of the limits."""
    parts = {
        name: None if (whole := getattr(policy, name)) is None else whole / processes
        for name in ("rpm", "tpm", "input_tpm", "output_tpm", "burst")
    }
    return attrs.evolve(policy, **parts, learn=False)


def _text(value: float) -> str:
    return repr(float(value))

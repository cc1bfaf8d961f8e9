"""A circuit breaker in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl._compat import override
from aiocompl.errors import APIError
from aiocompl.policy.breaker import Breaker, counts, is_hard
from aiocompl.shared.breaker_script import BREAKER
from aiocompl.shared.link import Letter

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.errors import AiocomplError
    from aiocompl.shared.link import Link


@attrs.define(eq=False, kw_only=True)
class RedisBreaker(Breaker):
    """A breaker that hears of the calls of all processes. What it says is what it last heard; nobody waits for Redis.

    What happens here is told to Redis at once, in the background, and its reply says how things stand. A process that
    has no calls hears of others' with the next pulse. Half open, one process has the right to send the probe: that
    which opened it, until another one wants to and it has no call to send. Where Redis is lost, each process goes on
    by itself from there.
    """

    link: Link
    name: str
    clock: Callable[[], float]
    changed: Callable[[bool], None]
    _leased: bool = attrs.field(default=False, init=False)  # the probe is ours to send
    _wants: bool = attrs.field(default=False, init=False)  # a call was refused since it opened
    _events: list[str] = attrs.field(factory=list, init=False)  # that Redis does not know yet
    _posted: bool = attrs.field(default=False, init=False)  # a letter will take them along

    @override
    def closed_for(self, now: float) -> float | None:
        wait = Breaker.closed_for(self, now)
        if self._until is None or self.link.lost:
            return wait
        self._wants = self._wants or not self._leased
        return self.link.pulse if wait is None and not self._leased else wait

    @override
    def wait(self, now: float) -> float | None:
        wait = Breaker.wait(self, now)
        if wait is not None and not self.link.lost:
            self._ask_to_probe(now)
        return wait

    @override
    def succeed(self, now: float) -> bool:
        if self.link.lost:
            return Breaker.succeed(self, now)
        self._leased = self._leased and not self._probing
        self._probing = False
        self._report("s1")
        return False

    @override
    def fail(self, now: float, error: AiocomplError) -> bool:
        if self.link.lost or not counts(error):
            return Breaker.fail(self, now, error)
        probing, self._probing = self._probing, False
        self._leased = self._leased and not probing
        asked = error.retry_after if isinstance(error, APIError) else None
        self._report(f"f{is_hard(error):d}:{asked or 0.0!r}:{probing:d}")
        return False

    def lost(self) -> None:
        """Go on alone, from what is known."""
        self._leased = self._probing = self._wants = False
        self._events.clear()

    def rejoined(self) -> None:
        """Tell what was known alone; it may have been forgotten elsewhere."""
        self._row = self._trips = 0
        self._slices.clear()
        self._probing = False
        left = None if self._until is None else max(0.0, self._until - self.clock())
        self._report(None if left is None else f"o{left!r}")

    def pulsed(self, opened: frozenset[str]) -> None:
        """Look how things stand, if they are not as they should be."""
        if self.name in opened or self._until is not None:
            self._report(None)
            if self._wants:
                self._ask_to_probe(self.clock())

    def _ask_to_probe(self, now: float) -> None:
        if self._until is not None and now >= self._until and not self._leased:
            self._report("p")

    def _report(self, event: str | None) -> None:
        events = self._events
        if event == "s1" and events and events[-1].startswith("s"):
            events[-1] = f"s{int(events[-1][1:]) + 1}"
        elif event is not None and not (event == "p" and "p" in events):
            events.append(event)
        if not self._posted:
            self._posted = True
            keys = (self.link.key("breaker", self.name), self.link.opened, self.link.members)
            self.link.post(Letter(BREAKER, keys, self._arguments, self._heard, self._undelivered))

    def _arguments(self) -> list[str]:
        policy, link = self.policy, self.link
        numbers = (
            policy.failure_rate,
            policy.min_calls,
            policy.window,
            policy.consecutive,
            policy.cooldown,
            policy.max_cooldown,
            policy.hard_cooldown,
        )
        events, self._events, self._posted = self._events, [], False
        return [link.time, link.process, link.patience, self.name, *map(repr, numbers), *events]

    def _undelivered(self) -> None:
        self._posted = False
        self._events.clear()

    def _heard(self, reply: Any) -> None:
        """How things stand."""
        left, leased, wanted, opened = reply
        before, again = self._until is not None, opened > self.opened
        self._until = self.clock() + float(left) if left else None
        self._leased, self.opened = bool(leased), opened
        if self._until is None or again:
            self._probing = self._wants = False
        if self._leased and wanted and not self._probing:
            self._leased = False
            self._report("g")
        if again if self._until is not None else before:
            self.changed(self._until is not None)

"""A loop in virtual time that a test makes itself, for the many runs of a property test; others use looptime."""

from __future__ import annotations

import asyncio
import selectors

from aiocompl._compat import override


class Jumping(selectors.SelectSelector):
    """Where a loop would wait for a time, it jumps there."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("deadlock: everybody waits and nothing is due")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualClock(asyncio.SelectorEventLoop):
    """A loop whose clock stands still while it works and jumps to the next timer when there is nothing to do."""

    def __init__(self) -> None:
        self.selector = Jumping()
        super().__init__(self.selector)

    @override
    def time(self) -> float:
        return self.selector.now

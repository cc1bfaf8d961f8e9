"""What the tests of shared state have in common: several states at one Redis, as if each were a process of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiocompl.policy.breaker import BreakerPolicy
from aiocompl.policy.limits import Cost, RateLimitPolicy
from aiocompl.shared import RedisState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from redis_server import RedisServer

    from aiocompl.shared.breaker import RedisBreaker

ONE = Cost()
RPM = RateLimitPolicy(rpm=60, burst=10)
BREAKER = BreakerPolicy(consecutive=3, cooldown=0.3)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process, or the network, brings about. The test's own timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - what happens elsewhere sets no event here
        await asyncio.sleep(0.005)


async def delivered(*states_: RedisState) -> None:
    """Wait until Redis has got, and answered, all letters."""
    await until(lambda: all(state._link._carrier is None for state in states_))


@asynccontextmanager
async def states(
    server: RedisServer, number: int = 2, **settings: Any
) -> AsyncIterator[Sequence[RedisState]]:
    """Some states that share everything, all of them known to Redis."""
    prefix = f"{uuid4().hex}:"
    all_of_them = [RedisState(server.url, prefix, **{"pulse": 0.05, **settings}) for _ in range(number)]
    try:
        for state in all_of_them:
            state.limits("nobody's", RPM)
        await until(lambda: all(state.processes == number for state in all_of_them))
        yield all_of_them
    finally:
        for state in all_of_them:
            await state.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("aiocompl shared")]


async def taken(limits: Any, asks: int = 100) -> int:
    """How many calls may pass at once."""
    loop = asyncio.get_running_loop()
    return sum([await limits.take(ONE, loop.time()) <= 0 for _ in range(asks)])


class Watched:
    """A breaker of one of the states, and what it has told."""

    def __init__(self, state: RedisState, name: str = "there", policy: BreakerPolicy = BREAKER) -> None:
        self.news: list[bool] = []
        self.breaker: RedisBreaker = state.breaker(name, policy, self.news.append)

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time()

    @property
    def state(self) -> str:
        return self.breaker.state(self.now)

    def passes(self) -> bool:
        """Whether a call may pass; it has then."""
        return self.breaker.wait(self.now) is None

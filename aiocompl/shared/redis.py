"""What is shared, in Redis (extra `redis`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiocompl.shared.breaker import RedisBreaker
from aiocompl.shared.budgets import RedisBudgets
from aiocompl.shared.limits import RedisLimits
from aiocompl.shared.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.policy.breaker import BreakerPolicy
    from aiocompl.policy.budget import Budget
    from aiocompl.policy.limits import RateLimitPolicy


class RedisState:
    """Limits, breakers and budgets that all processes with the same Redis and the same prefix share.

    ::

        async with Supervisor(model_list=..., shared=RedisState("redis://host:6379/0")) as supervisor: ...

    It connects with the first call, on that call's loop, and belongs to one supervisor, which closes it. Where Redis is
    lost, `shared.lost` is logged once, and calls go on with this process's share of the limits: one part of as many as
    were alive when last seen. With `shared.rejoined` they are shared again. Meanwhile no call waits for Redis.

    Args:
        url: Where it is: ``redis://host:6379/0``, ``rediss://`` for TLS, ``unix://``; with user and password if need be.
        prefix: What all keys begin with. Different prefixes share nothing.
        timeout: Seconds that a decision may take, connecting included; then Redis counts as lost.
        pulse: Seconds between two signs of life of a process. With the same delay a process that has no calls of its own
            hears of a breaker that others have opened.
        processes: How many share, as long as Redis has never been reached.
        slack: Seconds by which one call may be longer on its way than another. A provider counts when calls arrive, so
            that in no window of 60 s and so much more does a limit's amount pass.

    Raises:
        MissingExtraError: The library redis is not installed.
        ValueError: The URL is none, or a number is not positive.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "aiocompl:",
        *,
        timeout: float = 0.25,
        pulse: float = 1.0,
        processes: int = 1,
        slack: float = 0.5,
    ) -> None:
        if timeout <= 0 or pulse <= 0 or processes < 1 or slack < 0:
            raise ValueError("timeout, pulse and processes must be positive, and slack not negative")
        self._link = Link(url, prefix=prefix, timeout=timeout, pulse=pulse, processes=processes, slack=slack)

    @property
    def lost(self) -> bool:
        """Whether calls have to do without Redis now."""
        return self._link.lost

    @property
    def processes(self) -> int:
        """How many share, as far as is known."""
        return self._link.processes

    def limits(self, deployment: str, policy: RateLimitPolicy) -> RedisLimits:
        """See `SharedState`."""
        limits = RedisLimits(self._link, deployment, policy)
        self._link.watch(limits)
        return limits

    def breaker(self, place: str, policy: BreakerPolicy, changed: Callable[[bool], None]) -> RedisBreaker:
        """See `SharedState`."""
        clock = asyncio.get_running_loop().time
        breaker = RedisBreaker(policy=policy, link=self._link, name=place, clock=clock, changed=changed)
        self._link.watch(breaker)
        return breaker

    def budgets(self, budgets: Mapping[str | None, Budget]) -> RedisBudgets:
        """See `SharedState`."""
        shared = RedisBudgets(self._link, budgets, asyncio.get_running_loop().time)
        self._link.watch(shared)
        return shared

    async def aclose(self) -> None:
        """Leave, and close all connections. Idempotent.

        Cancelled: all of it closes all the same, but nobody waits for it.
        """
        await self._link.aclose()

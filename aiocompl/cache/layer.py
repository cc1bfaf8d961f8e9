"""The layer above the policy loop: an answer that is kept, or on its way already, is not asked for again."""

from __future__ import annotations

import asyncio
import time
from math import inf
from typing import TYPE_CHECKING, Any, cast

import attrs

from aiocompl import telemetry
from aiocompl.cache.broadcast import StreamFlight
from aiocompl.cache.coalesce import Flights, WholeFlight
from aiocompl.cache.entry import pack
from aiocompl.cache.keeper import Keeper
from aiocompl.policy.cache_controls import is_worth_keeping
from aiocompl.runtime.replay import replayed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiocompl.cache.base import Cache
    from aiocompl.cache.entry import Entry
    from aiocompl.policy.cache_controls import CacheControls
    from aiocompl.runtime.replay import StreamForm
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.types.completion import ChatCompletion

    Answer = ChatCompletion | CompletionStream
    Ask = Callable[[], Awaitable[Answer]]


@attrs.frozen(kw_only=True)
class CacheStatistics:
    """How often the layer was of use, counted from its beginning."""

    hits: int = 0
    """Calls answered by what was kept."""

    misses: int = 0
    """Calls that looked, and found nothing (fresh enough)."""

    shared: int = 0
    """Calls that joined another that asked the same."""

    kept: int = 0
    """Answers given to the cache."""


class CacheLayer:
    """Answers calls from a cache, and lets calls share one answer.

    Args:
        cache: Where answers are kept; None keeps none. It is closed with the layer.
        coalesce: Whether calls that ask the same at the same time share one.
        clock: The wall clock: seconds since 1970.
    """

    def __init__(
        self,
        cache: Cache | None = None,
        *,
        coalesce: bool = False,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - several machines may share a cache, so on the wall clock
    ) -> None:
        self._keeper = None if cache is None else Keeper(cache)
        self._coalesces = coalesce
        self._clock = clock
        self._flights = Flights()
        self._hits = self._misses = self._shared = self._kept = 0

    def statistics(self) -> CacheStatistics:
        """How often it was of use."""
        return CacheStatistics(hits=self._hits, misses=self._misses, shared=self._shared, kept=self._kept)

    async def answer(
        self,
        key: str | None,
        controls: CacheControls,
        ask: Ask,
        *,
        stream: StreamForm | None = None,
        deadline: float = inf,
    ) -> Answer:
        """Answer a call.

        Cancelled: a call that others wait for goes on for them; else it is cancelled, and awaited.

        Args:
            key: What is asked (`aiocompl.policy.cache_key`, with the controls' namespace); None is asked in any case.
            controls: What the call says of the cache.
            ask: Asks, once; it keeps the deadline by itself. If others join, it runs in this caller's context.
            stream: How the answer is to be streamed; None for a whole one. `ask` gives an answer of that kind.
            deadline: When the call must be over, by the loop's clock.

        Raises:
            AiocomplError: What `ask` raises; if others joined, each has a copy.
            APITimeoutError: The deadline passed while another call was asking the same.
        """
        reads, keeps = controls.read, controls.store and self._keeper is not None
        shares = reads and self._coalesces
        if key is None or not (reads or keeps):
            return await ask()
        started = asyncio.get_running_loop().time()
        kind = WholeFlight if stream is None else StreamFlight
        if reads and not (shares and self._flights.find(kind, key, deadline)):
            entry = await self._find(key, controls, deadline)
            if entry is not None:
                return _hit(entry, stream, started)
        ttl = (controls.ttl,) if keeps else None
        if stream is not None:
            return await self._streamed(key, ask, stream, shares, ttl, started, deadline)
        ...

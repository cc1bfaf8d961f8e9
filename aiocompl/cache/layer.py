"""The layer above the policy loop: an answer that is kept, or on its way already, is not asked for again."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Final, cast
from weakref import ref

import attrs

from aiocompl import telemetry
from aiocompl.cache.broadcast import StreamFlight
from aiocompl.cache.coalesce import Flights, WholeFlight
from aiocompl.cache.entry import pack
from aiocompl.cache.keeper import Keeper
from aiocompl.errors import IncompleteStreamError
from aiocompl.policy.cache_controls import is_worth_keeping
from aiocompl.runtime.replay import replayed
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.assemble import stream_chunk_builder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiocompl.cache.base import Cache
    from aiocompl.policy.cache_controls import CacheControls
    from aiocompl.runtime.replay import StreamForm
    from aiocompl.runtime.stream import Receipt
    from aiocompl.types.call import CallInfo
    from aiocompl.types.completion import ChatCompletion

    Answer = ChatCompletion | CompletionStream
    Ask = Callable[[], Awaitable[Answer]]


_ROW: Final = 64
"""After so many hits the loop gets its turn, which costs as much as a hit: a cache in memory never waits by itself."""

_ELSEWHERE: Final = ("fallback", "recovery")
"""Attempts whose answer may be that of another model than was asked: when the one that was asked is back, it shall answer."""


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
        keeps = controls.store and self._keeper is not None
        if key is None or not (controls.read or keeps):
            return await ask()
        started = asyncio.get_running_loop().time()
        call = _Call(key, controls, ask, keeps, stream, started, deadline)
        shares = self._coalesces and controls.read
        if controls.read and not (shares and self._flights.find(call.kind, key, deadline)):
            answer = await self._found(call)
            if answer is not None:
                return answer
        if not shares:
            return self._watched(await ask(), call)
        if stream is None:
            return await self._shared_whole(call)
        return await self._shared_stream(call, stream)

    async def aclose(self) -> None:
        """End shared calls, write what is to be kept, and close the cache. Idempotent.

        Cancelled: the calls are ended all the same, but answers may not be kept.
        """
        await self._flights.aclose()
        if self._keeper is not None:
            await self._keeper.aclose()

    async def _found(self, call: _Call) -> Answer | None:
        """What is kept, if it is fresh enough."""
        keeper, oldest = self._keeper, call.controls.max_age
        if keeper is None:
            return None
        entry = await keeper.find(call.key, call.deadline)
        if entry is None or (oldest is not None and self._clock() - entry.at > oldest):
            self._misses += 1
            return None
        self._hits += 1
        if self._hits % _ROW == 0:
            await asyncio.sleep(0)
        answer, info = entry.answer, cast("CallInfo", entry.answer.call)
        if call.stream is not None:
            return replayed(answer, info, call.stream, started=call.started)
        info.total = asyncio.get_running_loop().time() - call.started
        return answer

    async def _shared_whole(self, call: _Call) -> ChatCompletion:
        flight = self._flights.find(WholeFlight, call.key, call.deadline)
        if flight is None:
            flight = WholeFlight(call.deadline)
            flight.start(cast("Callable[[], Awaitable[ChatCompletion]]", call.ask))
            self._flights.offer(call.key, flight)
        else:
            self._shared += 1
        await flight.wait(flight.task, call.deadline)
        answer = flight.take()
        if answer.call is not None and answer.call.coalesced:
            answer.call.total = asyncio.get_running_loop().time() - call.started
        if call.keeps and not flight.kept:
            flight.kept = True
            self._keep(answer, call)
        return answer

    async def _shared_stream(self, call: _Call, form: StreamForm) -> CompletionStream:
        flight = self._flights.find(StreamFlight, call.key, call.deadline)
        first = flight is None
        if flight is None:
            flight = StreamFlight(call.deadline, cast("Callable[[], Awaitable[CompletionStream]]", call.ask))
            flight.begin()
            self._flights.offer(call.key, flight)
        else:
            self._shared += 1
        if call.keeps and flight.on_whole is None:
            flight.on_whole = partial(self._keep_stream, call)
        await flight.wait(flight.opened, call.deadline)
        return flight.reader(form, first=first, started=call.started, deadline=call.deadline)

    def _watched(self, answer: Answer, call: _Call) -> Answer:
        """An answer that nobody shares; it is kept as soon as it is whole."""
        if not call.keeps:
            return answer
        if not isinstance(answer, CompletionStream):
            self._keep(answer, call)
            return answer
        held, info = ref(answer), answer.call  # the stream must not be held by what waits for its end

        def ended(error: Exception | None) -> None:
            stream = held()
            if (
                error is None and stream is not None and stream.call is info
            ):  # else another went on in its place
                self._keep_stream(call, info, stream.receipt)

        answer.when_ended(ended)
        return answer

    def _keep_stream(self, call: _Call, info: CallInfo, receipt: Receipt) -> None:
        """Keep the answer of a stream that has ended, if it is whole; unless its reader had it forgotten."""
        if not receipt.finished:
            return
        with suppress(IncompleteStreamError, ValueError):  # forgotten; or nothing but an end
            whole = stream_chunk_builder(receipt.chunks())
            whole.call = info
            self._keep(whole, call)

    def _keep(self, answer: ChatCompletion, call: _Call) -> None:
        info = answer.call
        if self._keeper is None or not is_worth_keeping(answer) or (info and info.kind in _ELSEWHERE):
            return
        try:
            data = pack(answer, self._clock())
        except TypeError as error:
            telemetry.warning("cache.failed", operation="pack", error=type(error).__name__)
            return
        self._kept += 1
        self._keeper.keep(call.key, data, call.controls.ttl)


@attrs.frozen
class _Call:
    """One call on its way through the layer."""

    key: str
    controls: CacheControls
    ask: Ask
    keeps: bool
    stream: StreamForm | None
    started: float
    deadline: float

    @property
    def kind(self) -> type[WholeFlight | StreamFlight]:
        """What others could join."""
        return WholeFlight if self.stream is None else StreamFlight

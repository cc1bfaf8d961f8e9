"""Callers of the soak: each asks, waits, reads, leaves early or is cancelled, as drawn, and counts what came of it."""

import asyncio
from collections import Counter
from random import Random
from typing import Any, Final

import attrs

from aiocompl import AiocomplError, Supervisor
from aiocompl.runtime.stream import CompletionStream

_MESSAGES: Final = [
    {"role": "user", "content": "Say something, in some ten words that need not make any sense."}
]
_TIMEOUT: Final = 1.0
_IDLE_TIMEOUT: Final = 0.2
_RECOVERIES: Final = ("raise", "raise", "restart", "resume", "buffer")


@attrs.define(eq=False)
class Callers:
    """So many callers at once, all of one supervisor."""

    supervisor: Supervisor
    concurrency: int
    rng: Random
    outcomes: Counter[str] = attrs.field(factory=Counter)
    """How many calls ended in which way: by the error's class, or answered, left, cancelled."""

    async def make(self, calls: int) -> None:
        """Make so many calls."""
        numbers = iter(range(calls))
        async with asyncio.TaskGroup() as group:
            for _ in range(self.concurrency):
                group.create_task(self._work(numbers))

    async def _work(self, numbers: Any) -> None:
        for _ in numbers:
            self.outcomes[await self._call()] += 1

    async def _call(self) -> str:
        if self.rng.random() >= 0.05:  # noqa: PLR2004 - one caller in twenty is cancelled
            return await self._outcome()
        task = asyncio.create_task(self._outcome())
        await asyncio.sleep(self.rng.uniform(0.0, 0.03))
        task.cancel()
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else task.result()

    async def _outcome(self) -> str:
        try:
            return await (self._stream() if self.rng.random() < 0.5 else self._ask())  # noqa: PLR2004 - half
        except AiocomplError as error:
            return type(error).__name__

    async def _ask(self) -> str:
        await self.supervisor.acompletion("soak", _MESSAGES, timeout=_TIMEOUT, **self._options())
        return "answered"

    async def _stream(self) -> str:
        recovery: Any = self.rng.choice(_RECOVERIES)
        stream = await self.supervisor.acompletion(
            "soak",
            _MESSAGES,
            stream=True,
            timeout=_TIMEOUT,
            idle_timeout=_IDLE_TIMEOUT,
            stream_recovery=recovery,
            **self._options(),
        )
        leaves_after = self.rng.choice((None, None, None, None, 3))
        if leaves_after is None:
            await stream.response()
            return "answered"
        return await self._leave(stream, leaves_after)

    async def _leave(self, stream: CompletionStream, chunks: int) -> str:
        """Read a little, and then leave in good order or just let go of it."""
        if self.rng.random() < 0.5:  # noqa: PLR2004 - half
            async with stream:
                await _read(stream, chunks)
        else:
            await _read(stream, chunks)
        return "left"

    def _options(self) -> dict[str, Any]:
        return {"hedge": 0.05} if self.rng.random() < 0.1 else {}  # noqa: PLR2004 - one in ten


async def _read(stream: CompletionStream, chunks: int) -> None:
    for _ in range(chunks):
        if await anext(stream, None) is None:
            return

"""The connection to Redis: it asks with patience for a quarter of a second, and does without where that is not enough."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakSet

import attrs

from aiocompl import telemetry
from aiocompl.errors import MissingExtraError
from aiocompl.shared.scripts import PULSE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.shared.scripts import Script

_BATCH: Final = 256
"""Letters that are sent at once."""

_BACKOFF: Final = (0.5, 5.0)
"""Seconds between two attempts to reach a lost Redis: the least, and the most."""

_MISSED: Final = 5
"""After so many pulses that have not come, but not before as many seconds, a process counts as gone."""


class Watcher(Protocol):
    """Somebody who must know how things stand with Redis."""

    def lost(self) -> None:
        """It is not there any more."""
        ...

    def rejoined(self) -> None:
        """It is there again, and may have forgotten all."""
        ...

    def pulsed(self, opened: frozenset[str]) -> None:
        """It is there, and these breakers are open."""
        ...


@attrs.frozen
class Letter:
    """Something for Redis that nobody waits for. Letters arrive in the order in which they were posted."""

    script: Script
    keys: Sequence[str]
    arguments: Callable[[], Sequence[str]]
    """Asked when the letter is sent."""
    answered: Callable[[Any], None]
    failed: Callable[[], None]
    """Redis has not got it, or nobody knows whether it has."""


def _nothing(*_: object) -> None:
    """Nobody minds."""


def letter(
    script: Script,
    keys: Sequence[str],
    arguments: Sequence[str],
    answered: Callable[[Any], None] = _nothing,
    failed: Callable[[], None] = _nothing,
) -> Letter:
    """A letter whose words are known already."""
    return Letter(script, keys, lambda: arguments, answered, failed)


class Link:
    """What all that is shared has in common: one Redis, one name among the processes there, one knowledge of its loss.

    Args:
        url: Where Redis is.
        prefix: What all keys begin with.
        timeout: Seconds for one decision, connecting included.
        pulse: Seconds between two signs of life.
        processes: So many share, as long as Redis has not said how many there are.
        slack: Seconds that are added to the window of limits.

    Raises:
        MissingExtraError: The library redis is not installed.
        ValueError: The URL is none.
    """

    def __init__(
        self, url: str, *, prefix: str, timeout: float, pulse: float, processes: int, slack: float
    ) -> None:
        self._connect, self._errors, self._unknown = _connector(url, timeout)
        self._timeout = timeout
        self._known = False
        self._lost = False
        self._backoff = _BACKOFF[0]
        self._watchers: WeakSet[Watcher] = WeakSet()
        self._letters: deque[Letter] = deque()
        self._carrier: asyncio.Task[None] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._client: Any = None
        self.prefix = prefix
        self.pulse = pulse
        self.process = token_hex(8)
        """The name of this process among those that share."""
        self.patience = f"{max(1.0, pulse) * _MISSED:g}"
        """Seconds after which a silent process counts as gone."""
        self.slack = slack
        self.processes = processes
        """How many share, as far as is known."""
        self.time = ""
        """What tests give instead of Redis' own time."""

    @property
    def lost(self) -> bool:
        """Whether one has to do without Redis."""
        return self._lost

    def key(self, *parts: str) -> str:
        """The name of something in Redis."""
        return self.prefix + ":".join(parts)

    @property
    def members(self) -> str:
        """The key of the processes that share."""
        return self.key("processes")

    @property
    def opened(self) -> str:
        """The key of the names of open breakers."""
        return self.key("open")

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody how things stand from now on; the first begins it all, on the running loop."""
        self._watchers.add(watcher)
        if self._heart is None and self._closing is None:
            self._client = self._connect()
            self._heart = asyncio.get_running_loop().create_task(self._beat(), name="aiocompl shared pulse")

    async def ask(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        """What a script says, or None where Redis is lost.

        Cancelled: it may or may not have run.
        """
        if self._lost:
            return None
        try:
            async with asyncio.timeout(self._timeout):
                return await self._evaluate(script, keys, arguments)
        except self._errors as error:
            self._lose(error)
            return None

    def post(self, sent: Letter) -> None:
        """Send something sooner or later, without waiting."""
        if self._lost:
            sent.failed()
            return
        self._letters.append(sent)
        if self._carrier is None:
            self._carrier = asyncio.get_running_loop().create_task(
                self._carry(), name="aiocompl shared letters"
            )

    async def aclose(self) -> None:
        """Send what is to be sent yet, leave, and close the connections. Idempotent.

        Cancelled: all of it closes all the same, but nobody waits for it.
        """
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(
                self._close(), name="aiocompl shared close"
            )
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        heart, client = self._heart, self._client
        if heart is None:
            self._lost = True
            return
        heart.cancel()
        await asyncio.wait([heart])
        if self._carrier is not None:
            await asyncio.wait([self._carrier])
        if not self._lost:
            self._lost = True  # from here on nobody asks any more
            with suppress(*self._errors):  # the others find out by themselves
                async with asyncio.timeout(self._timeout):
                    await client.zrem(self.members, self.process)
        with suppress(*self._errors):
            await client.aclose()

    async def _beat(self) -> None:
        """Give signs of life; where Redis is lost, look whether it is back."""
        while True:
            keys, words = (self.members, self.opened), (self.time, self.process, self.patience)
            if self._lost:
                await self._look_for(PULSE, keys, words)
            else:
                self.post(letter(PULSE, keys, words, self._heard))
            await asyncio.sleep(self._backoff if self._lost else self.pulse)

    async def _look_for(self, script: Script, keys: Sequence[str], words: Sequence[str]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._evaluate(script, keys, words)
        except self._errors:
            self._backoff = min(_BACKOFF[1], 2 * self._backoff)
        else:
            self._rejoin(reply)

    def _heard(self, reply: Any) -> None:
        self.processes = max(1, int(reply[0]))
        self._backoff = max(_BACKOFF[0], self._backoff / 2)
        opened = frozenset(name.decode() for name in reply[1:])
        for watcher in self._watchers:
            watcher.pulsed(opened)

    def _lose(self, error: Exception) -> None:
        """Do without Redis from now on, until it is back."""
        if self._lost:
            return
        self._lost = True
        telemetry.warning("shared.lost", error=f"{type(error).__name__}: {error}", processes=self.processes)
        for watcher in self._watchers:
            watcher.lost()
        letters, self._letters = self._letters, deque()
        for each in letters:
            each.failed()

    def _rejoin(self, reply: Any) -> None:
        self._lost = False
        self.processes = max(1, int(reply[0]))
        telemetry.warning("shared.rejoined", processes=self.processes)
        for watcher in self._watchers:
            watcher.rejoined()

    async def _carry(self) -> None:
        """Bring letters to Redis for as long as there are any."""
        try:
            while self._letters:
                batch = [self._letters.popleft() for _ in range(min(_BATCH, len(self._letters)))]
                await self._deliver(batch)
        finally:
            self._carrier = None

    async def _deliver(self, batch: Sequence[Letter]) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                replies = await self._send([(each.script, each.keys, each.arguments()) for each in batch])
        except self._errors as error:
            self._lose(error)
            for each in batch:
                each.failed()
        else:
            for each, reply in zip(batch, replies, strict=True):
                each.answered(reply)

    async def _send(self, batch: Sequence[tuple[Script, Sequence[str], Sequence[str]]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for script, keys, arguments in batch:
            pipeline.execute_command("EVALSHA", script.sha, len(keys), *keys, *arguments)
        replies: list[Any] = await pipeline.execute(raise_on_error=False)
        for index, reply in enumerate(replies):
            if isinstance(reply, self._unknown):
                replies[index] = await self._evaluate(*batch[index])
            elif isinstance(reply, Exception):
                raise reply
        return replies

    async def _evaluate(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        rest = (len(keys), *keys, *arguments)
        try:
            return await self._client.execute_command("EVALSHA", script.sha, *rest)
        except self._unknown:
            return await self._client.execute_command("EVAL", script.source, *rest)


def _connector(
    url: str, timeout: float
) -> tuple[Callable[[], Any], tuple[type[Exception], ...], type[Exception]]:
    """What makes a client, what may go wrong with it, and what it says of a script that Redis does not know."""
    try:
        from redis.asyncio import ConnectionPool, Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.connection import parse_url  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
        from redis.exceptions import NoScriptError, RedisError  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("RedisState needs redis: pip install 'aiocompl[redis]'") from error
    parse_url(url)

    def connect() -> Any:
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=None,  # each decision has a timeout of its own
            socket_connect_timeout=timeout,
            decode_responses=False,
            retry=Retry(NoBackoff(), 1),  # a kept connection may have been closed by the other side
        )
        return Redis.from_pool(pool)

    return connect, (RedisError, OSError), NoScriptError

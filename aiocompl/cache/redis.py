"""Answers kept in Redis (extra `redis`), for all processes that share one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiocompl.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable


class RedisCache:
    """Keeps answers in Redis. See `Cache`.

    Connects with the first use, and again after an outage. Redis removes what has ended; how much it holds in all, and what
    goes when that is full, is its own configuration (``maxmemory``, ``maxmemory-policy allkeys-lru``).

    Args:
        url: Where it is: ``redis://host:6379/0``, ``rediss://`` for TLS, ``unix://``; with user and password if need be.
        ttl: Seconds that an answer is kept where the call says nothing else; None for ever.
        prefix: What all its keys begin with.
        timeout: Seconds that connecting, each answer of Redis, and waiting for a connection may take.
        max_connections: How many connections of a loop there may be; more calls than these wait for one.

    Raises:
        MissingExtraError: The library redis is not installed.
        ValueError: The URL is none.
    """

    def __init__(
        self,
        url: str,
        *,
        ttl: float | None = 3600.0,
        prefix: str = "aiocompl:cache:",
        timeout: float = 0.5,
        max_connections: int = 32,
    ) -> None:
        if timeout <= 0 or (ttl is not None and ttl <= 0):
            raise ValueError("ttl and timeout must be positive")
        try:
            from redis.asyncio import BlockingConnectionPool, Redis  # noqa: PLC0415 - an extra
            from redis.asyncio.connection import parse_url  # noqa: PLC0415 - an extra
            from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
            from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError("RedisCache needs redis: pip install 'aiocompl[redis]'") from error
        parse_url(url)
        self._make: Callable[[], Any] = lambda: Redis.from_pool(
            BlockingConnectionPool.from_url(
                url,
                max_connections=max_connections,
                timeout=timeout,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                decode_responses=False,
                retry=Retry(NoBackoff(), 1),  # a kept connection may have been closed by the other side
            )
        )
        self._ttl = ttl
        self._prefix = prefix
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}

    async def get(self, key: str) -> bytes | None:
        """What is kept under `key`, or None.

        Cancelled: the connection that it waited at is closed.
        """
        value: bytes | None = await self._client().get(self._prefix + key)
        return value

    async def set(self, key: str, value: bytes, ttl: float | None = None) -> None:
        """Keep `value` for `ttl` seconds.

        Cancelled: the connection that it waited at is closed.
        """
        lasts = self._ttl if ttl is None else ttl
        milliseconds = None if lasts is None else max(1, round(lasts * 1000))
        await self._client().set(self._prefix + key, value, px=milliseconds)

    async def aclose(self) -> None:
        """Close the connections of the running loop. Idempotent."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> Any:
        """The client of the running loop: connections belong to the loop that made them."""
        loop = asyncio.get_running_loop()
        if (client := self._clients.get(loop)) is None:
            for gone in [known for known in self._clients if known.is_closed()]:
                del self._clients[gone]
            client = self._clients[loop] = self._make()
        return client

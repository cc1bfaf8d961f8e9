"""Races and batches in bare aiohttp, as one would write them by hand for speed."""

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from benchmarks._clients import ANSWER, API_KEY, MESSAGES, MODEL
from benchmarks._many_clients import prompts


class BareManyClient:
    """A session that may hold as many connections as are asked for; everything else is aiohttp's default."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"Authorization": f"Bearer {API_KEY}"}
        )

    async def call(self, model: str) -> str:
        """See `ManyClient`."""
        return await self._ask(model, MESSAGES)

    async def race(self, models: Sequence[str]) -> str:
        """See `ManyClient`."""
        tasks = [asyncio.create_task(self._ask(model, MESSAGES)) for model in models]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def fan_out(self, models: Sequence[str]) -> list[str]:
        """See `ManyClient`."""
        return await asyncio.gather(*(self._ask(model, MESSAGES) for model in models))

    async def batch(self, count: int, concurrency: int) -> int:
        """See `ManyClient`."""
        semaphore = asyncio.Semaphore(concurrency)
        good = 0

        async def ask(messages: list[Any]) -> None:
            nonlocal good
            try:
                answer = await self._ask(MODEL, messages)
                good += answer == ANSWER
            finally:
                semaphore.release()

        async with asyncio.TaskGroup() as group:
            for messages in prompts(count):
                await semaphore.acquire()
                group.create_task(ask(messages))
        return good

    async def batch_list(self, count: int, concurrency: int) -> int:
        """See `ManyClient`."""
        semaphore = asyncio.Semaphore(concurrency)

        async def ask(messages: list[Any]) -> str:
            async with semaphore:
                return await self._ask(MODEL, messages)

        answers = await asyncio.gather(*(ask(messages) for messages in prompts(count)))
        return sum(answer == ANSWER for answer in answers)

    async def aclose(self) -> None:
        """See `ManyClient`."""
        await self.session.close()

    async def _ask(self, model: str, messages: list[Any]) -> str:
        body = {"model": model, "messages": messages}
        async with self.session.post(f"{self.origin}/v1/chat/completions", json=body) as response:
            response.raise_for_status()
            completion = orjson.loads(await response.read())
            return str(completion["choices"][0]["message"]["content"])


async def open_client(origin: str) -> BareManyClient:
    """See `ManyClientModule`."""
    return BareManyClient(origin)

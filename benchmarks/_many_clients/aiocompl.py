"""This library: a supervisor of its own; each contestant at an address, and so with connections, of its own."""

from collections.abc import Sequence
from typing import Any, cast

from aiocompl import ChatCompletion, Supervisor
from benchmarks._clients import ANSWER, API_KEY, MESSAGES, MODEL
from benchmarks._many_clients import prompts


class AiocomplManyClient:
    """One supervisor."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.supervisor = Supervisor()

    async def call(self, model: str) -> str:
        """See `ManyClient`."""
        return _text(
            await self.supervisor.acompletion(
                f"openai/{model}", MESSAGES, api_base=f"{self.origin}/0/v1", api_key=API_KEY
            )
        )

    async def race(self, models: Sequence[str]) -> str:
        """See `ManyClient`."""
        return _text(await self.supervisor.race(self._entries(models), MESSAGES))

    async def fan_out(self, models: Sequence[str]) -> list[str]:
        """See `ManyClient`."""
        return [_text(answer) for answer in await self.supervisor.fan_out(self._entries(models), MESSAGES)]

    async def batch(self, count: int, concurrency: int) -> int:
        """See `ManyClient`."""
        good = 0
        results = self.supervisor.aiter_batch(
            f"openai/{MODEL}",
            prompts(count),
            concurrency=concurrency,
            api_base=f"{self.origin}/v1",
            api_key=API_KEY,
        )
        async with results:
            async for _, result in results:
                good += _text(result) == ANSWER
        return good

    async def batch_list(self, count: int, concurrency: int) -> int:
        """See `ManyClient`."""
        results = await self.supervisor.batch(
            f"openai/{MODEL}",
            prompts(count),
            concurrency=concurrency,
            api_base=f"{self.origin}/v1",
            api_key=API_KEY,
        )
        return sum(_text(result) == ANSWER for result in results)

    async def aclose(self) -> None:
        """See `ManyClient`."""
        await self.supervisor.aclose()

    def _entries(self, models: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {"model": f"openai/{model}", "api_base": f"{self.origin}/{number}/v1", "api_key": API_KEY}
            for number, model in enumerate(models)
        ]


def _text(answer: ChatCompletion | Exception) -> str:
    return cast("ChatCompletion", answer).choices[0].message.content or ""


async def open_client(origin: str) -> AiocomplManyClient:
    """See `ManyClientModule`."""
    client = AiocomplManyClient(origin)
    await client.supervisor.__aenter__()
    return client

"""This library: a supervisor of its own, the endpoint given with each call."""

from aiocompl import Supervisor
from benchmarks._clients import API_KEY, MESSAGES, MODEL

MAX_CONCURRENCY = 20_000
"""So that the client's own limit is never what is measured."""


class AiocomplClient:
    """One supervisor."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.supervisor = Supervisor(max_concurrency=MAX_CONCURRENCY, inbox_size=MAX_CONCURRENCY)

    async def call(self) -> str:
        """See `Client`."""
        completion = await self.supervisor.acompletion(
            model=f"openai/{MODEL}", messages=MESSAGES, api_base=self.base_url, api_key=API_KEY
        )
        return completion.choices[0].message.content or ""

    async def stream(self) -> int:
        """See `Client`."""
        count = 0
        stream = await self.supervisor.acompletion(
            model=f"openai/{MODEL}", messages=MESSAGES, stream=True, api_base=self.base_url, api_key=API_KEY
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    count += 1
        return count

    async def aclose(self) -> None:
        """See `Client`."""
        await self.supervisor.aclose()


async def open_client(base_url: str) -> AiocomplClient:
    """See `ClientModule`."""
    client = AiocomplClient(base_url)
    await client.supervisor.__aenter__()
    return client

"""The OpenAI SDK, as it comes: httpx, at most 1,000 connections.

Its pool looks through all its connections for each request, so a call costs more the more of them are open.
"""

from openai import AsyncOpenAI

from benchmarks._clients import API_KEY, MESSAGES, MODEL


class OpenAIClient:
    """One `AsyncOpenAI`."""

    def __init__(self, base_url: str) -> None:
        self.client = AsyncOpenAI(base_url=base_url, api_key=API_KEY)

    async def call(self) -> str:
        """See `Client`."""
        completion = await self.client.chat.completions.create(model=MODEL, messages=MESSAGES)
        return str(completion.choices[0].message.content)

    async def stream(self) -> int:
        """See `Client`."""
        count = 0
        stream = await self.client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True)
        async with stream:
            async for chunk in stream:
                if chunk.choices[0].delta.content:
                    count += 1
        return count

    async def aclose(self) -> None:
        """See `Client`."""
        await self.client.close()


async def open_client(base_url: str) -> OpenAIClient:
    """See `ClientModule`."""
    return OpenAIClient(base_url)

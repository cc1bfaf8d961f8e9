"""any-llm, with one `AnyLLM` kept for all calls, as its documentation advises.

Its module-level `acompletion` opens a new client, TLS context included, for each call: that costs ten times as much and
would say nothing about the call itself.
"""

from any_llm import AnyLLM

from benchmarks._clients import API_KEY, MESSAGES, MODEL


class AnyLLMClient:
    """One `AnyLLM` for the provider `openai`."""

    def __init__(self, base_url: str) -> None:
        self.client = AnyLLM.create("openai", api_base=base_url, api_key=API_KEY)

    async def call(self) -> str:
        """See `Client`."""
        completion = await self.client.acompletion(model=MODEL, messages=MESSAGES)
        return str(completion.choices[0].message.content)

    async def stream(self) -> int:
        """See `Client`."""
        count = 0
        stream = await self.client.acompletion(model=MODEL, messages=MESSAGES, stream=True)
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                count += 1
        return count

    async def aclose(self) -> None:
        """See `Client`."""


async def open_client(base_url: str) -> AnyLLMClient:
    """See `ClientModule`."""
    return AnyLLMClient(base_url)

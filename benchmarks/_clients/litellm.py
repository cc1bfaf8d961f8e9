"""LiteLLM's `acompletion`, as it comes; its price list is read from the package, not from the network."""

import litellm

from benchmarks._clients import API_KEY, MESSAGES, MODEL


class LiteLLMClient:
    """The module-level function; LiteLLM keeps its connections itself."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    async def call(self) -> str:
        """See `Client`."""
        completion = await litellm.acompletion(
            model=f"openai/{MODEL}", messages=MESSAGES, api_base=self.base_url, api_key=API_KEY
        )
        return str(completion.choices[0].message.content)

    async def stream(self) -> int:
        """See `Client`."""
        count = 0
        stream = await litellm.acompletion(
            model=f"openai/{MODEL}", messages=MESSAGES, stream=True, api_base=self.base_url, api_key=API_KEY
        )
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                count += 1
        return count

    async def aclose(self) -> None:
        """See `Client`."""


async def open_client(base_url: str) -> LiteLLMClient:
    """See `ClientModule`."""
    return LiteLLMClient(base_url)

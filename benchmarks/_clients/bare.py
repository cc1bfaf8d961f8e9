"""The same exchange in bare aiohttp, as one would write it by hand for speed: no types, no checks, no retries."""

from typing import Self

import aiohttp
import orjson

from benchmarks._clients import API_KEY, MESSAGES, MODEL


class BareClient:
    """A session that may hold as many connections as are asked for; everything else is aiohttp's default."""

    def __init__(self, base_url: str) -> None:
        self.url = f"{base_url}/chat/completions"

    async def open(self) -> Self:
        """Open the session, which wants a running loop."""
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), headers={"Authorization": f"Bearer {API_KEY}"}
        )
        return self

    async def call(self) -> str:
        """See `Client`."""
        async with self.session.post(self.url, json={"model": MODEL, "messages": MESSAGES}) as response:
            response.raise_for_status()
            completion = orjson.loads(await response.read())
            return str(completion["choices"][0]["message"]["content"])

    async def stream(self) -> int:
        """See `Client`."""
        count = 0
        options = {"include_usage": True}  # as ours: both make the same exchange
        body = {"model": MODEL, "messages": MESSAGES, "stream": True, "stream_options": options}
        async with self.session.post(self.url, json=body) as response:
            response.raise_for_status()
            async for line in response.content:
                if line.startswith(b"data: ") and line != b"data: [DONE]\n":
                    chunk = orjson.loads(line[6:])
                    if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                        count += 1
        return count

    async def aclose(self) -> None:
        """See `Client`."""
        await self.session.close()


async def open_client(base_url: str) -> BareClient:
    """See `ClientModule`."""
    return await BareClient(base_url).open()

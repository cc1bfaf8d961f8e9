from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import aiohttp

    from aiocompl.testing import Simulator


class Client:
    """A bare aiohttp client, so that nothing of ours stands on the other side."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    def post(
        self, simulator: Simulator, text: str = "hello there", **params: Any
    ) -> aiohttp.client._RequestContextManager:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **params}
        headers = body.pop("headers", {})
        return self.session.post(f"{simulator.base_url}/chat/completions", json=body, headers=headers)

    async def ask(self, simulator: Simulator, text: str = "hello there", **params: Any) -> Any:
        async with self.post(simulator, text, **params) as response:
            return orjson.loads(await response.read())

    async def status(self, simulator: Simulator, **params: Any) -> int:
        async with self.post(simulator, **params) as response:
            await response.read()
            return response.status

    async def stream(self, simulator: Simulator, text: str = "hello there", **params: Any) -> list[Any]:
        """The events' data, parsed but for ``[DONE]``."""
        async with self.post(simulator, text, stream=True, **params) as response:
            return parsed(await response.read())


def parsed(body: bytes) -> list[Any]:
    frames = [frame for frame in body.split(b"\n\n") if frame]
    data = [frame.removeprefix(b"data: ") for frame in frames]
    return [each.decode() if each == b"[DONE]" else orjson.loads(each) for each in data]


def content(events: list[Any], index: int = 0) -> str:
    choices = [choice for event in events if event != "[DONE]" for choice in event["choices"]]
    return "".join(each["delta"].get("content") or "" for each in choices if each["index"] == index)

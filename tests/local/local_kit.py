"""What the tests of local models share: a way to ask one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from aiocompl.codecs.routing import LOCAL_BASE
from aiocompl.wire.messages import HTTPRequest
from aiocompl.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from aiocompl.local.transport import LocalTransport

HEADERS = {"content-type": "application/json"}


class Asker:
    """Sends chat completions to a local transport and reads the answers as plain JSON."""

    def __init__(self, transport: LocalTransport) -> None:
        self.transport = transport

    def request(self, question: str = "Why is the sky blue?", **params: Any) -> HTTPRequest:
        body = {
            "messages": [{"role": "user", "content": question}],
            "max_tokens": 24,
            "temperature": 0,
            **params,
        }
        return HTTPRequest(url=f"{LOCAL_BASE}/chat/completions", headers=HEADERS, body=orjson.dumps(body))

    async def ask(self, question: str = "Why is the sky blue?", **params: Any) -> Any:
        response = await self.transport.open(self.request(question, **params))
        try:
            answer = orjson.loads(await response.read())
        finally:
            response.close()
        return answer if response.status == 200 else {"status": response.status, **answer}

    async def stream(self, question: str = "Why is the sky blue?", **params: Any) -> list[Any]:
        response = await self.transport.open(self.request(question, stream=True, **params))
        decoder = SSEDecoder()
        events = []
        try:
            while data := await response.read_slice():
                events += decoder.feed(data)
        finally:
            response.close()
        assert events.pop() == ("message", b"[DONE]")
        return [orjson.loads(data) for _, data in events]

"""A provider that answers at once and writes down when each request came, and with whose key.

It runs in a process of its own (`python -m benchmarks._shared_upstream`), prints its port as its first line and leaves
when its standard input ends, so that it cannot outlive whoever started it. `GET /arrivals` tells what it wrote down.
"""

import asyncio
import sys
from typing import Any, Final

import orjson
from aiohttp import web

_ANSWER: Final = orjson.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }
)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    orphaned = asyncio.Event()
    loop.add_reader(sys.stdin, orphaned.set)
    arrivals: list[tuple[float, str]] = []

    async def answer(request: web.Request) -> web.Response:
        arrivals.append((loop.time(), request.headers.get("Authorization", "").removeprefix("Bearer ")))
        await request.read()
        return web.Response(body=_ANSWER, content_type="application/json")

    async def tell(_: web.Request) -> web.Response:
        return web.Response(body=orjson.dumps(arrivals), content_type="application/json")

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", answer), web.get("/arrivals", tell)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    addresses: list[Any] = runner.addresses
    print(addresses[0][1], flush=True)
    await orphaned.wait()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())

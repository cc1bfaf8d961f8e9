"""The measured process: one client, driven line by line over standard input.

`python -m benchmarks._worker NAME ORIGIN` answers each line with one line of JSON:

- at the start: `{"ready": true}`, or `{"error": "..."}` where the client cannot be imported;
- `run PATH KIND CONCURRENCY UNITS`, such as `run v1 call 50 2000`: `{"seconds": 0.31}`, the CPU seconds (user and system,
  all threads) that the batch took this process, after a warm-up that opened the connections;
- `inflight N`: `{"answered": N, "bytes": 123456, "seconds": 2.5}`, the growth of the resident memory with N calls in
  flight, and the CPU seconds for all of it. Once per process: memory that was freed is seldom given back.
"""

import asyncio
import gc
import importlib
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import orjson

from benchmarks._clients import ANSWER, CLIENTS, CONTENT_CHUNKS, Client, ClientModule
from benchmarks._memory import resident_bytes
from benchmarks._process import raise_open_files

_LIMIT_SECONDS: Final = 300.0
_WARM_UP_CALLS: Final = 50
_WARM_UP_STREAMS: Final = 3

Unit = Callable[[], Awaitable[None]]


class _Session:
    """What the commands of one worker share: the client, opened once per path of the server."""

    def __init__(self, module: ClientModule, origin: str) -> None:
        self.module = module
        self.origin = origin
        self.clients: dict[str, Client] = {}

    async def client(self, path: str) -> Client:
        if path not in self.clients:
            self.clients[path] = await self.module.open_client(f"{self.origin}/{path}")
        return self.clients[path]

    async def run(self, path: str, kind: str, concurrency: int, units: int) -> dict[str, Any]:
        client = await self.client(path)
        unit = _checked_call(client) if kind == "call" else _checked_stream(client)
        if kind == "call":
            await control(self.origin, f"gather/{concurrency}")
            await _batch(unit, concurrency, concurrency)  # opens a connection each
        await _batch(unit, concurrency, _WARM_UP_CALLS if kind == "call" else _WARM_UP_STREAMS)
        gc.collect()  # what came before is not this batch's to clean up
        start = time.process_time()
        await _batch(unit, concurrency, units)
        return {"seconds": time.process_time() - start}

    async def inflight(self, calls: int) -> dict[str, Any]:
        unit = _checked_call(await self.client("v1"))
        await unit()
        held = _checked_call(await self.client("held/v1"))
        gc.collect()
        start, before = time.process_time(), resident_bytes()
        async with asyncio.TaskGroup() as group:
            for _ in range(calls):
                group.create_task(_awaited(held))
            await control(self.origin, f"arrived/{calls}")
            grown = resident_bytes() - before
            await control(self.origin, "release")
        return {"answered": calls, "bytes": grown, "seconds": time.process_time() - start}

    async def obey(self, line: str) -> dict[str, Any]:
        """See `Commands`."""
        match line.split():
            case ["run", path, kind, concurrency, units]:
                return await self.run(path, kind, int(concurrency), int(units))
            case ["inflight", calls]:
                return await self.inflight(int(calls))
            case _:
                raise ValueError(f"unknown command: {line!r}")

    async def aclose(self) -> None:
        """See `Commands`."""
        for client in self.clients.values():
            await client.aclose()


def _checked_call(client: Client) -> Unit:
    async def call() -> None:
        if (text := await client.call()) != ANSWER:
            raise ValueError(f"wrong answer: {text!r}")

    return call


def _checked_stream(client: Client) -> Unit:
    async def stream() -> None:
        if (count := await client.stream()) != CONTENT_CHUNKS:
            raise ValueError(f"{count} chunks with text instead of {CONTENT_CHUNKS}")

    return stream


async def _awaited(unit: Unit) -> None:
    await unit()


async def _batch(unit: Unit, concurrency: int, units: int) -> None:
    """Do `units` units, `concurrency` at a time."""
    left = iter(range(units))

    async def work() -> None:
        for _ in left:
            await unit()

    await asyncio.gather(*(work() for _ in range(concurrency)))


async def control(origin: str, command: str) -> Any:
    """Tell the server something beside the measured client, and return its answer."""
    reader, writer = await asyncio.open_connection(urlsplit(origin).hostname, urlsplit(origin).port)
    writer.write(f"GET /control/{command} HTTP/1.1\r\nHost: server\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    answer = orjson.loads(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    return answer


def _private_stdout() -> int:
    """Keep the answers' pipe for ourselves: a client that prints must not garble them."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


class Commands(Protocol):
    """What a worker does with the lines that it is sent."""

    async def obey(self, line: str) -> dict[str, Any]:
        """Do what one line says."""

    async def aclose(self) -> None:
        """Close what was opened."""


def serve(start: Callable[[], Commands]) -> None:
    """Answer each line of the standard input with one line of JSON."""
    raise_open_files()
    answers = _private_stdout()

    def reply(answer: dict[str, Any]) -> None:
        os.write(answers, orjson.dumps(answer) + b"\n")

    try:
        commands = start()
    except Exception as error:  # noqa: BLE001 - whatever a foreign import raises is the table's to say
        reply({"error": f"{type(error).__name__}: {error}"})
        return
    reply({"ready": True})

    async def obey(line: str) -> dict[str, Any]:
        async with asyncio.timeout(_LIMIT_SECONDS):
            return await commands.obey(line)

    with asyncio.Runner() as runner:
        for line in sys.stdin:
            try:
                reply(runner.run(obey(line)))
            except Exception as error:  # noqa: BLE001 - whatever a client raises is the table's to say
                reply({"error": f"{type(error).__name__}: {error}"})
        runner.run(commands.aclose())


def _main(name: str, origin: str) -> None:
    serve(lambda: _Session(cast("ClientModule", importlib.import_module(CLIENTS[name].module)), origin))


if __name__ == "__main__":
    _main(*sys.argv[1:])

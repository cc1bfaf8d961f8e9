"""The measured process of the combinators: one client, driven line by line as `_worker` says.

`python -m benchmarks._many_worker NAME ORIGIN` knows these lines. CPU is that of this process, user and system, all
threads; times are in seconds.

- `calls MS COUNT`: so many calls, one after another, to a model that answers after MS milliseconds:
  `{"cpu": 0.31, "beyond": [0.001, ...]}`; beyond is what each took beyond the time that the server really waited.
- `races MS K COUNT`: so many races of K, the first of which answers after MS milliseconds and each other 50 later than
  the one before: the same, and `"closed": [1.2, ...]`, the milliseconds from the winner's answer to the end of each
  loser's connection, as the server saw it.
- `fanouts MS K COUNT`: the same for fan-outs, where nobody loses.
- `batch COUNT CONCURRENCY`: a batch, its answers taken as they come, after a small one that opens the connections:
  `{"cpu": 9.1, "wall": 9.2}`.
- `memory HOW COUNT CONCURRENCY`: the same, after nothing but one call; with `list` for HOW the answers are gathered in a
  list: `{"bytes": 123456}`, the peak memory above what was there before. Once per process.
"""

import gc
import importlib
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from benchmarks._clients import ANSWER, MODEL
from benchmarks._many_clients import MODULES, ManyClient, ManyClientModule
from benchmarks._memory import peak_bytes, resident_bytes
from benchmarks._worker import control, serve

_STEP_MILLISECONDS: Final = 50
_WARM_UP: Final = 10


class _Session:
    """What the commands share: the client, opened once."""

    def __init__(self, module: ManyClientModule, origin: str) -> None:
        self.module = module
        self.origin = origin
        self.opened: ManyClient | None = None

    async def client(self) -> ManyClient:
        if self.opened is None:
            self.opened = await self.module.open_client(self.origin)
        return self.opened

    async def obey(self, line: str) -> dict[str, Any]:
        """See `Commands`."""
        client = await self.client()
        match line.split():
            case ["calls", first, count]:
                return await self.timed(int(first), int(count), lambda: _check(client.call(f"after-{first}")))
            case ["races", first, contestants, count]:
                models = _models(int(first), int(contestants))
                return await self.timed(int(first), int(count), lambda: _check(client.race(models)))
            case ["fanouts", first, contestants, count]:
                models = _models(int(first), int(contestants))
                last = int(first) + (len(models) - 1) * _STEP_MILLISECONDS
                return await self.timed(
                    last, int(count), lambda: _check_all(client.fan_out(models), len(models))
                )
            case ["batch", count, concurrency]:
                await client.batch(_WARM_UP * int(concurrency), int(concurrency))
                return await _run(client.batch, int(count), int(concurrency))
            case ["memory", how, count, concurrency]:
                await client.batch(1, 1)
                batch = client.batch_list if how == "list" else client.batch
                return await _run(batch, int(count), int(concurrency))
            case _:
                raise ValueError(f"unknown command: {line!r}")

    async def timed(self, delay: int, count: int, unit: Callable[[], Awaitable[None]]) -> dict[str, Any]:
        """Do it once to open connections, then so often; `delay` is that of the model whose answer is waited for."""
        await unit()
        await control(self.origin, "delayed")
        gc.collect()  # what came before is not this one's to clean up
        wall: list[float] = []
        cpu = time.process_time()
        for _ in range(count):
            began = time.perf_counter()
            await unit()
            wall.append(time.perf_counter() - began)
        cpu = time.process_time() - cpu
        seen = await control(self.origin, "delayed")
        waited = [real / 1e3 for said, real in seen["answered"] if said == delay]
        beyond = [whole - wait for whole, wait in zip(wall, waited, strict=True)]
        return {"cpu": cpu, "beyond": beyond, "closed": seen["closed"]}

    async def aclose(self) -> None:
        """See `Commands`."""
        if self.opened is not None:
            await self.opened.aclose()


def _models(first: int, count: int) -> list[str]:
    return [f"after-{first + number * _STEP_MILLISECONDS}" for number in range(count)]


async def _check(answer: Awaitable[str]) -> None:
    if (text := await answer) != ANSWER:
        raise ValueError(f"wrong answer: {text!r}")


async def _check_all(answers: Awaitable[list[str]], count: int) -> None:
    if (texts := await answers) != [ANSWER] * count:
        raise ValueError(f"wrong answers: {texts!r}")


async def _run(batch: Callable[[int, int], Awaitable[int]], count: int, concurrency: int) -> dict[str, Any]:
    gc.collect()
    resident = resident_bytes()
    cpu, wall = time.process_time(), time.perf_counter()
    good = await batch(count, concurrency)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if good != count:
        raise ValueError(f"{good} good answers of {count} to {MODEL}")
    return {"cpu": cpu, "wall": wall, "bytes": peak_bytes() - resident}


def _main(name: str, origin: str) -> None:
    serve(lambda: _Session(cast("ManyClientModule", importlib.import_module(MODULES[name])), origin))


if __name__ == "__main__":
    _main(*sys.argv[1:])

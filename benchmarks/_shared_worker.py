"""One of the processes that share limits: `python -m benchmarks._shared_worker NAME ORIGIN`.

It says that it is there, then takes one line of JSON (where Redis is, how many requests a minute, for how long, how many
callers), asks as fast as it may, and says what came of it.
"""

import asyncio
import sys
from collections import Counter
from typing import Any

import orjson
import structlog

from aiocompl import AiocomplError, Supervisor
from aiocompl.shared import RedisState

_EVENTS: Counter[str] = Counter()


def _count(_: object, __: str, event: Any) -> Any:
    _EVENTS[event["event"]] += 1
    raise structlog.DropEvent


async def _ask(supervisor: Supervisor, end: float) -> int:
    """Ask one call after the other until the end; return how many were answered."""
    clock, answered = asyncio.get_running_loop().time, 0
    messages = [{"role": "user", "content": "Hi!"}]
    while (left := end - clock()) > 0:
        try:
            await supervisor.acompletion("chat", messages, timeout=left)
        except AiocomplError:
            return answered  # no turn comes before the end
        answered += 1
    return answered


async def _run(name: str, origin: str, order: dict[str, Any]) -> dict[str, Any]:
    target = {"model": "custom/m", "api_base": f"{origin}/v1", "api_key": name, "rpm": order["rpm"]}
    entry = {"model_name": "chat", "litellm_params": target, "model_info": {"id": "the-one"}}
    shared = RedisState(order["redis"], processes=order["processes"])
    async with Supervisor(model_list=[entry], shared=shared, num_retries=0) as supervisor:
        end = asyncio.get_running_loop().time() + order["seconds"]
        answered = await asyncio.gather(*[_ask(supervisor, end) for _ in range(order["callers"])])
    told = {name: _EVENTS[name] for name in ("shared.lost", "shared.rejoined")}
    return {"answered": sum(answered), **told}


def main() -> None:
    """Do as told, once."""
    name, origin = sys.argv[1:]
    structlog.configure(processors=[_count])
    print("{}", flush=True)
    order = orjson.loads(sys.stdin.readline())
    print(orjson.dumps(asyncio.run(_run(name, origin, order))).decode(), flush=True)


if __name__ == "__main__":
    main()

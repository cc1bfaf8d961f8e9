"""The provider of the soak: the simulator, in which a share of the requests goes wrong in some way.

It runs in a process of its own (`python -m benchmarks._soak_server RATE SEED`), prints its port as its first line and
leaves when its standard input ends, so that it cannot outlive whoever started it.
"""

import asyncio
import sys
from typing import Final

from aiocompl.testing import Latency, Mix, Simulator, faults
from aiocompl.testing.latency import Uniform
from benchmarks._process import raise_open_files

_FAULTS: Final = (
    faults.rate_limited(retry_after=0.02),
    faults.rate_limited(),
    faults.server_error(),
    faults.overloaded(),
    faults.html_page(),
    faults.context_length(),
    faults.Reset(),
    faults.Hangup(),
    faults.CloseAfter(),
    faults.Cut(after_events=2),
    faults.Cut(after_events=2, clean=True),
    faults.ResetAfter(after_events=2),
    faults.Stall(after_events=0),
    faults.Stall(after_events=2),
    faults.Malformed(at_event=2),
    faults.ErrorEvent(at_event=2),
    faults.Truncated(),
    faults.Silence(),
)
_LATENCY: Final = Latency(first_token=Uniform(low=0.002, high=0.02), between_tokens=0.0005)


async def _serve(rate: float, seed: int) -> None:
    orphaned = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, orphaned.set)
    script = Mix.of_faults(rate, seed=seed, among=_FAULTS)
    async with Simulator(script, latency=_LATENCY, seed=seed, keep_requests=100) as simulator:
        print(simulator.url.rpartition(":")[2], flush=True)
        await orphaned.wait()


if __name__ == "__main__":
    raise_open_files()
    asyncio.run(_serve(float(sys.argv[1]), int(sys.argv[2])))

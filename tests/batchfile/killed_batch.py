"""A batch that is killed at many moments, each time resumed: ``killed_batch.py INPUT OUTPUT API_BASE KILLS SEED``.

Each run is a process of its own, forked from this one, which has no loop and no thread, and imports everything once.
Writes how many runs were killed before their end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from random import Random

from aiocompl import Supervisor
from aiocompl.batchfile.run import run_batch_file


async def run(source: str, output: str, api_base: str) -> None:
    async with Supervisor(num_retries=0) as supervisor:
        await run_batch_file(
            source,
            output,
            supervisor=supervisor,
            model="sim",
            api_base=api_base,
            concurrency=8,
            resume=True,
        )


def killed(source: str, output: str, api_base: str, seconds: float) -> bool:
    """Run it, and kill it after some time; whether it was killed before its end."""
    child = os.fork()
    if not child:
        try:
            asyncio.run(run(source, output, api_base))
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    signal.sigtimedwait([signal.SIGCHLD], seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    if os.WEXITSTATUS(status):
        sys.exit(os.WEXITSTATUS(status))
    return False


def main() -> None:
    source, output, api_base, kills, seed = sys.argv[1:]
    rng = Random(seed)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    count = sum(killed(source, output, api_base, rng.uniform(0.0, 0.15)) for _ in range(int(kills)))
    sys.stdout.write(str(count))


main()

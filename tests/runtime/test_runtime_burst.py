"""A thousand calls while three in ten go wrong: each is answered or fails with a typed error, and nothing is left."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from runtime_kit import MESSAGES

from aiocompl import Supervisor
from aiocompl.errors import APIError
from aiocompl.testing import Mix, Simulator, settle

BURST = """
import asyncio

from aiocompl import Supervisor
from aiocompl.errors import APIError
from aiocompl.testing import Mix, Simulator

async def call(supervisor, base, number):
    answer = await supervisor.acompletion(
        "m", [{"role": "user", "content": str(number)}], api_base=base, stream=number % 3 == 0
    )
    return (await answer.response() if number % 3 == 0 else answer).choices[0].message.content

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # debug mode's opinion of a busy machine
    async with Simulator(Mix.of_faults(0.3, seed=7)) as simulator:
        async with Supervisor(max_concurrency=200) as supervisor:
            calls = (call(supervisor, simulator.base_url, number) for number in range(1000))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await simulator.wait_until(lambda: simulator.open_connections == 0)
        assert simulator.max_in_flight <= 200
    answered = sum(isinstance(outcome, str) for outcome in outcomes)
    failed = sum(isinstance(outcome, APIError) for outcome in outcomes)
    assert answered + failed == 1000, [o for o in outcomes if not isinstance(o, (str, APIError))][:3]
    assert answered > 700
    assert len(asyncio.all_tasks()) == 1
    print(answered, failed)

asyncio.run(main())
"""


@pytest.mark.usefixtures("no_tasks_left", "no_blocking")
async def test_burst() -> None:
    async def call(number: int) -> Any:
        answer = await supervisor.acompletion(
            "m", MESSAGES, api_base=simulator.base_url, stream=number % 2 == 0
        )
        return await answer.response() if number % 2 == 0 else answer

    async with Simulator(Mix.of_faults(0.3, seed=3)) as simulator:
        async with Supervisor(max_concurrency=100) as supervisor:
            outcomes = await asyncio.gather(*(call(number) for number in range(1000)), return_exceptions=True)
            await settle()
            snapshot = supervisor.snapshot()
            assert (snapshot.in_flight, snapshot.queued, snapshot.endpoints[0].restarts) == (0, 0, 0)
        await simulator.wait_until(lambda: simulator.open_connections == 0)
    kinds = Counter(type(each).__name__ for each in outcomes)
    untyped = [
        each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, APIError)
    ]
    assert untyped == []
    assert kinds["ChatCompletion"] > 700
    assert simulator.max_in_flight <= 100


@pytest.mark.real_time
def test_burst_without_a_word_on_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", BURST],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    answered, failed = map(int, done.stdout.split())
    assert answered + failed == 1000

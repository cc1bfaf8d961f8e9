"""The module-level functions and the default supervisor of each loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from aiocompl import Supervisor, acompletion
from aiocompl.client import _defaults, default_supervisor

if TYPE_CHECKING:
    from aiocompl.testing import Simulator

MESSAGES = [{"role": "user", "content": "hi"}]


def run_script(source: str) -> subprocess.CompletedProcess[str]:
    """Run a script with every warning an error."""
    return subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", source],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


async def test_acompletion(simulator: Simulator) -> None:
    answer = await acompletion("m", MESSAGES, api_base=simulator.base_url)
    assert answer.choices[0].message.content
    assert default_supervisor().snapshot().endpoints[0].completed == 1
    async with await acompletion("m", MESSAGES, api_base=simulator.base_url, stream=True) as stream:
        assert [chunk async for chunk in stream]
    await default_supervisor().aclose()


async def test_one_default_for_each_loop() -> None:
    assert default_supervisor() is default_supervisor()


def test_no_loop_no_default() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        default_supervisor()


def test_defaults_of_closed_loops_are_forgotten() -> None:
    async def make() -> Supervisor:
        return default_supervisor()

    made = {asyncio.run(make()) for _ in range(3)}
    assert len(made) == 3
    assert len([supervisor for supervisor in _defaults.values() if supervisor in made]) == 1


def test_a_supervisor_belongs_to_one_loop() -> None:
    supervisor = Supervisor()

    async def use() -> None:
        async with supervisor:
            pass

    async def call() -> None:
        await supervisor.acompletion("m", MESSAGES, api_base="http://127.0.0.1:1/v1")

    asyncio.run(use())
    for other in (use, call):
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            asyncio.run(other())


async def test_a_supervisor_used_from_another_thread(simulator: Simulator) -> None:
    async with Supervisor() as supervisor:
        await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)
        errors: list[BaseException] = []

        def elsewhere() -> None:
            try:
                asyncio.run(supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url))
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=elsewhere)
        thread.start()
        await asyncio.to_thread(thread.join)
        assert "belongs to another event loop" in str(errors[0])


TWICE = """
import asyncio
from aiocompl import acompletion
from aiocompl.testing import Simulator, faults

MESSAGES = [{"role": "user", "content": "hi"}]

async def main():
    async with Simulator() as simulator:
        base = simulator.base_url
        await acompletion("m", MESSAGES, api_base=base)
        stream = await acompletion("m", MESSAGES, api_base=base, stream=True)
        await anext(stream)
        simulator.script = faults.Silence()
        asyncio.create_task(acompletion("m", MESSAGES, api_base=base))
        await simulator.wait_requests(3)
        return stream

kept = [asyncio.run(main()) for _ in range(2)]
print("ok")
"""


@pytest.mark.real_time
def test_asyncio_run_twice_without_a_word() -> None:
    done = run_script(TWICE)
    assert (done.stdout, done.stderr) == ("ok\n", "")


TLS = """
import asyncio, ssl, trustme
from aiocompl import Supervisor
from aiocompl.runtime.transport import TransportSettings
from aiocompl.testing import Simulator, faults

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Simulator(faults.Stall(after_events=2), ssl=server) as simulator:
        async with Supervisor(transport=TransportSettings(ssl=trusting)) as supervisor:
            stream = await supervisor.acompletion(
                "m", [{"role": "user", "content": "hi"}], api_base=simulator.base_url, stream=True
            )
            await anext(stream)

asyncio.run(main())
print("ok")
"""


@pytest.mark.real_time
def test_closing_tls_without_a_word() -> None:
    pytest.importorskip("trustme", reason="trustme makes the certificate")
    done = run_script(TLS)
    assert (done.stdout, done.stderr) == ("ok\n", "")

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import aiohttp
import orjson
import pytest

from aiocompl.testing import serve
from aiocompl.testing.serve import _script

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

REQUEST = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


async def test_serve_until_cancelled() -> None:
    lines: list[str] = []
    listening = asyncio.Event()

    def announce(line: str) -> None:
        lines.append(line)
        listening.set()

    task = asyncio.create_task(serve(port=0, script="served", announce=announce))
    await listening.wait()
    base_url = address(lines[0])
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{base_url}/chat/completions", json=REQUEST) as response,
    ):
        assert b"served" in await response.read()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def address(line: str) -> str:
    found = re.search(r"http://\S+/v1", line)
    assert found is not None, line
    return found.group()


@pytest.fixture
async def process() -> AsyncIterator[asyncio.subprocess.Process]:
    code = (
        "from aiocompl.testing.serve import run; run(port=0, text='from afar', seed=1, ttft=0.001, itl=0.001)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-X", "dev", "-W", "error", "-c", code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


@pytest.mark.real_time
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_process_of_its_own(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    assert process.stdout is not None
    base_url = address((await process.stdout.readline()).decode())
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{base_url}/chat/completions", json={**REQUEST, "stream": True}) as response:
            assert b" afar" in await response.read()
        async with session.get(base_url.removesuffix("v1") + "_seen") as response:
            (seen,) = orjson.loads(await response.read())
        assert (seen["stream"], seen["outcome"]) == (True, "answered")
        process.send_signal(number)
        _, noise = await process.communicate()
    assert process.returncode == 0
    assert noise == b""


def test_script_of_the_command_line() -> None:
    assert _script(0.0, 1, None) is None
    assert _script(0.0, 1, "text") == "text"
    assert callable(_script(0.5, 1, "text"))

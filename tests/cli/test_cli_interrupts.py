from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from cli_process import Done, Terminal, finish, start

from aiocompl.testing import Answer, Latency, Reply, faults

if TYPE_CHECKING:
    from aiocompl.testing import Simulator

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals, pipes and terminals"),
]


def at(simulator: Simulator) -> tuple[str, ...]:
    return "chat", "-m", "sim", "--api-base", simulator.base_url


async def test_ctrl_c_within_a_stream_closes_it(simulator: Simulator) -> None:
    simulator.script = faults.Stall(after_events=3)
    process = await start(*at(simulator), "--stream", "hello", "there")
    assert process.stdout is not None
    assert await process.stdout.readexactly(9) == b"You said:"
    process.send_signal(signal.SIGINT)
    assert await finish(process) == Done(130, "\n", "")
    await simulator.requests[0].wait_client_gone()


async def test_ctrl_c_before_the_answer(simulator: Simulator) -> None:
    simulator.script = faults.Silence()
    process = await start(*at(simulator), "hi")
    record = await simulator.wait_requests(1)
    process.send_signal(signal.SIGINT)
    assert await finish(process) == Done(130, "", "")
    await record.wait_client_gone()


async def test_a_reader_that_goes_away_ends_it_quietly(simulator: Simulator) -> None:
    simulator.script = Reply(answer=Answer(text="word " * 1000), latency=Latency(between_tokens=0.01))
    reading, writing = os.pipe()
    process = await start(*at(simulator), "--stream", "hi", stdout=writing)
    os.close(writing)
    assert (await asyncio.to_thread(os.read, reading, 4)) == b"word"
    os.close(reading)
    assert await finish(process) == Done(141, "", "")
    await simulator.requests[0].wait_client_gone()


async def test_a_terminal_gets_a_stream_without_control_characters(simulator: Simulator) -> None:
    simulator.script = "\x1b]0;owned\x07\x1b[2Jplain\ttext"
    terminal = Terminal()
    process = await start(*at(simulator), "hi", stdout=terminal.theirs)
    text = asyncio.create_task(terminal.text())
    assert await finish(process) == Done(0, "", "")
    assert (await text).expandtabs() == "]0;owned[2Jplain\ttext\n".expandtabs()
    assert simulator.requests[0].body["stream"] is True


async def test_a_narrow_terminal_gets_whole_names_of_variables() -> None:
    terminal = Terminal()
    process = await start("providers", stdout=terminal.theirs, env={"COLUMNS": "80", "TERM": "xterm"})
    text = asyncio.create_task(terminal.text())
    assert (await finish(process)).status == 0
    shown = await text
    assert "\x1b[32m" not in shown  # nothing is set
    assert "\x1b[33mmissing" in shown
    assert "VERCEL_AI_GATEWAY_API_KEY" in shown
    assert "GRADIENT_MODEL_ACCESS_KEY" in shown
    assert "https://" not in shown


async def test_a_terminal_is_not_waited_for() -> None:
    terminal = Terminal()
    process = await start("chat", "-m", "sim", stdin=terminal.theirs)
    text = asyncio.create_task(terminal.text())
    done = await finish(process)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: there is no prompt\nhint: ")
    await text

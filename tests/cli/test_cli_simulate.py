from __future__ import annotations

import asyncio
import re
import signal
import sys

import pytest
from cli_process import command, finish, start

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform == "win32", reason="ends by a POSIX signal"),
]


async def test_two_processes_talk() -> None:
    options = ("--port", "0", "--text", "from afar", "--api-key", "sk-1", "-m", "one", "-m", "two")
    process = await start("simulate", *options, "--ttft", "0.001", "--itl", "0.001", "--seed", "3")
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        found = re.search(r"http://\S+/v1", line)
        assert found is not None, line
        base = ("--api-base", found.group())
        key = {"OPENAI_API_KEY": "sk-1"}
        answered, stranger, refused = await asyncio.gather(
            command("chat", "-m", "openai/one", *base, "hi", env=key),
            command("chat", "-m", "openai/three", *base, "hi", env=key),
            command("chat", "-m", "openai/two", *base, "hi", env={"OPENAI_API_KEY": "sk-wrong"}),
        )
    finally:
        process.send_signal(signal.SIGINT)
    assert answered == (0, "from afar\n", "")
    assert (stranger.status, refused.status) == (4, 3)
    assert "sk-wrong" not in refused.err
    assert await finish(process) == (0, "", "")


async def test_a_taken_port() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        done = await command("simulate", "--port", str(port))
    assert done.status == 1
    assert done.err == (
        f"error: cannot listen at 127.0.0.1:{port}: the port is taken\nhint: --port 0 takes any free port\n"
    )

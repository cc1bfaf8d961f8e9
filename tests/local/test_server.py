"""The life of the child process: real processes, watched from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from local_kit import Asker

from aiocompl.errors import APIConnectionError, LocalModelError, MissingExtraError
from aiocompl.local import server as module
from aiocompl.local.server import LocalServer
from aiocompl.local.transport import local_transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.local_model, pytest.mark.real_time]

Watch = Callable[[int], AbstractContextManager[Callable[[float], bool]]]
Servers = Callable[[], set[int]]


@pytest.fixture
async def server(weights: Path) -> AsyncIterator[LocalServer]:
    server = LocalServer()
    yield server
    await server.aclose()


@pytest.fixture
async def asker(weights: Path) -> AsyncIterator[Asker]:
    """A transport with a server of its own, which the test may ill-treat."""
    transport = local_transport("")
    yield Asker(transport)
    await transport.aclose()


def pid_of(server: LocalServer) -> int:
    pid = server.pid
    assert pid is not None
    return pid


async def begun(server: LocalServer) -> int:
    """Wait until a start has made its process, and return the process's identifier."""
    while server.pid is None:  # noqa: ASYNC110 - nothing announces it
        await asyncio.sleep(0)
    return server.pid


async def test_callers_at_once_start_it_once(server: LocalServer, servers: Servers) -> None:
    assert not server.alive
    async with asyncio.TaskGroup() as group:
        starts = [group.create_task(server.start()) for _ in range(5)]
    assert len({start.result() for start in starts}) == 1
    assert starts[0].result().startswith("http://127.0.0.1:")
    assert server.alive
    assert servers() == {pid_of(server)}


async def test_aclose_leaves_no_process(server: LocalServer, servers: Servers) -> None:
    await server.start()
    await server.aclose()
    await server.aclose()
    assert not server.alive
    assert servers() == set()
    with pytest.raises(LocalModelError, match="closed"):
        await server.start()


async def test_aclose_ends_a_start_under_way(server: LocalServer, servers: Servers) -> None:
    start = asyncio.create_task(server.start())
    await begun(server)
    await server.aclose()
    with pytest.raises(LocalModelError, match="closed while it started"):
        await start
    assert servers() == set()


async def test_aclose_kills_a_server_that_does_not_end(server: LocalServer, servers: Servers) -> None:
    server.stop_grace = 0.05
    await server.start()
    os.kill(pid_of(server), signal.SIGSTOP)
    await server.aclose()
    assert servers() == set()


async def test_a_cancelled_aclose_kills_at_once(server: LocalServer, watch: Watch) -> None:
    await server.start()
    pid = pid_of(server)
    os.kill(pid, signal.SIGSTOP)
    with watch(pid) as gone:
        closing = asyncio.create_task(server.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert gone(2)


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 5, 8])
async def test_a_start_cancelled_early_leaves_no_process(
    server: LocalServer, servers: Servers, steps: int
) -> None:
    start = asyncio.create_task(server.start())
    for _ in range(steps):
        await asyncio.sleep(0)
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert servers() == set()


async def test_a_start_cancelled_while_loading_leaves_no_process(
    server: LocalServer, servers: Servers
) -> None:
    first, second = asyncio.create_task(server.start()), asyncio.create_task(server.start())
    await begun(server)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert (await second).endswith("/v1")  # whoever waits starts one anew
    assert servers() == {pid_of(server)}


async def test_a_load_that_takes_too_long_is_given_up(server: LocalServer, servers: Servers) -> None:
    server.start_timeout = 0.001
    with pytest.raises(LocalModelError, match=r"start_timeout=0\.001 s"):
        await server.start()
    assert servers() == set()


async def test_a_false_suspicion_keeps_the_server(server: LocalServer) -> None:
    base_url = await server.start()
    server.suspect()
    assert await server.start() == base_url


async def test_a_killed_server_is_started_again(asker: Asker, watch: Watch, servers: Servers) -> None:
    transport = asker.transport
    await asker.ask(max_tokens=1)
    first = pid_of(transport.server)
    with watch(first) as gone:
        os.kill(first, signal.SIGKILL)
        assert gone(5)
    with suppress(APIConnectionError):  # where the news of the death has not come yet
        await asker.ask(max_tokens=1)
    answer = await asker.ask(max_tokens=3)
    assert answer["choices"][0]["message"]["content"] == "The answer to"
    assert servers() == {pid_of(transport.server)} != {first}
    await transport.aclose()
    assert servers() == set()


async def test_a_crash_in_the_middle_of_a_stream_is_a_broken_connection(asker: Asker) -> None:
    transport = asker.transport
    response = await transport.open(asker.request(stream=True, max_tokens=4000))
    await response.read_slice()
    os.kill(pid_of(transport.server), signal.SIGKILL)
    with pytest.raises(APIConnectionError) as caught:  # noqa: PT012 - which of the reads is the system's choice
        while await response.read_slice():
            pass
    assert caught.value.retryable
    response.close()
    assert "choices" in await asker.ask(max_tokens=1)


def test_the_server_dies_with_a_killed_parent(weights: Path, watch: Watch) -> None:
    script = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
        "from aiocompl.local.server import LocalServer\n"
        "async def main():\n"
        "    server = LocalServer()\n"
        "    await server.start()\n"
        "    print(server.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    root = str(Path(module.__file__).parents[2])
    command = [sys.executable, "-c", script, root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        with watch(int(parent.stdout.readline())) as gone:
            parent.kill()
            assert gone(2)


@pytest.mark.parametrize("closed", [True, False], ids=["stdin-ends", "signal-alone"])
def test_the_child_watches_its_parent_in_two_ways(weights: Path, watch: Watch, closed: bool) -> None:
    """Its standard input ends, or (Linux) the kernel tells; here a shell between keeps the one from the other."""
    child = f"{sys.executable} -m aiocompl.local.child --model {weights} --alias test --parent"
    environment = {**os.environ, "PYTHONPATH": str(Path(module.__file__).parents[2])}
    command = ["sh", "-c", f"exec 3<&0; {child} $$ <&3 3<&- & echo $!; exec 3<&-; wait"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        with watch(int(shell.stdout.readline())) as gone:
            assert b"base_url" in shell.stdout.readline()
            if closed:
                shell.stdin.close()
            else:
                shell.kill()
            assert gone(2)


async def test_a_loop_ends_without_noise_after_a_server(weights: Path) -> None:
    script = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
        "from aiocompl.local.server import LocalServer\n"
        "async def main():\n"
        "    server = LocalServer()\n"
        "    await server.start()\n"
        "    await server.aclose()\n"
        "asyncio.run(main())\n"
        "asyncio.run(main())"
    )
    root = str(Path(module.__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "dev", "-W", "error", "-c", script, root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"")


async def test_missing_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOCOMPL_CACHE", str(tmp_path))
    with pytest.raises(LocalModelError, match="run `aiocompl local pull`"):
        await LocalServer().start()


async def test_a_damaged_file(weights: Path, tmp_path: Path, servers: Servers) -> None:
    path = tmp_path / "half.gguf"
    with weights.open("rb") as file:
        path.write_bytes(file.read(3_000_000))
    with pytest.raises(
        LocalModelError, match=r"(?s)half\.gguf: llama\.cpp cannot load it.*failed to load model"
    ):
        await LocalServer(model=str(path)).start()
    assert servers() == set()


async def test_a_missing_extra(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: Servers
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('as if it were not installed')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[local\]'"):
        await LocalServer().start()
    assert servers() == set()


async def test_a_child_that_breaks_is_reported_with_its_log(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text("raise SystemError('what a day')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(
        LocalModelError, match=r"(?s)ended at its start, status 1; its log ends: .*what a day"
    ):
        await LocalServer().start()


async def test_a_model_of_ones_own(weights: Path, asker: Asker) -> None:
    asker.transport.server.model = str(weights)
    answer = await asker.ask(max_tokens=3)
    assert answer["model"] == weights.name

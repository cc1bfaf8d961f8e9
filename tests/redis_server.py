"""A real Redis of a test's own: Debian's `redis-server` on a free port, with all it writes in the test's folder.

A folder of tests that wants it has ``from redis_server import redis_server  # noqa: F401`` in its conftest.py. Where the
binary is absent, tests that ask for it are skipped, saying so.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BINARY: Final = shutil.which("redis-server")
_ATTEMPTS: Final = 5  # a port that was free a moment ago may be taken


class RedisServer:
    """One server process. Its methods block, for milliseconds: under blockbuster, call them in a thread."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, on its port, and wait until it takes connections."""
        assert BINARY is not None
        assert self._process is None
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "dir": self._folder,
            "save": "",
            "appendonly": "no",
        }
        arguments = [str(part) for name, value in options.items() for part in (f"--{name}", value)]
        process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._process = process
        assert process.stdout is not None
        said = b""
        for line in process.stdout:
            said += line
            if b"Ready to accept connections" in line:
                return
        self.stop()
        raise OSError(f"redis-server did not start: {said.decode(errors='replace')}")

    def stop(self) -> None:
        """Kill it: its connections break, and what it knew is gone. `start` brings it back on the same port. Idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.communicate()

    def freeze(self) -> None:
        """Have it answer nothing and break no connection, until `thaw`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def started(folder: Path) -> RedisServer:
    """A server that runs."""
    for attempt in range(_ATTEMPTS):
        server = RedisServer(folder, free_port())
        try:
            server.start()
        except OSError:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return server
    raise AssertionError("unreachable")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of the test's own, empty."""
    if BINARY is None:
        pytest.skip("needs redis-server (Debian's package of that name)")
    server = started(tmp_path)
    yield server
    server.stop()

"""A child process as the parent sees it: what it says first, the tail of its log, and its certain end."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import orjson

from aiocompl._compat import override

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAIL_BYTES: Final = 4096
_LINE_BYTES: Final = 65536
_STDOUT: Final = 1
_STDERR: Final = 2


class ChildProcess(asyncio.SubprocessProtocol):
    """One run of a child that reports by one line of JSON on its standard output.

    A protocol of our own rather than `asyncio.subprocess.Process`: it has a public transport, whose `connection_lost`
    says that the process is reaped *and* its pipes are closed, so nothing is left to complain when the loop ends.
    Whoever spawned it calls `stop`.
    """

    def __init__(self) -> None:
        self._transport: asyncio.SubprocessTransport | None = None
        self._report: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._gone = asyncio.Event()
        self._line = b""
        self._tail = b""

    @classmethod
    async def spawn(cls, module: str, arguments: Sequence[str]) -> ChildProcess:
        """Start ``python -m module arguments`` under this interpreter.

        The package's own folder is on the child's path even where it is not installed. The child leads a session of
        its own, so that a Ctrl-C at the terminal is the parent's to handle.

        Cancelled: the process, if there was one, is killed.
        """
        command = [sys.executable, "-P", "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": _python_path()}
        loop = asyncio.get_running_loop()
        _, child = await loop.subprocess_exec(cls, *command, env=environment, start_new_session=True)
        return child

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the process's transport; asyncio calls it."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    @override
    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Take what the process wrote; asyncio calls it."""
        if fd == _STDERR:
            self._tail = (self._tail + data)[-_TAIL_BYTES:]
        elif fd == _STDOUT and not self._report.done():
            self._take_report(data)

    def _take_report(self, data: bytes) -> None:
        self._line += data
        line, end, _ = self._line.partition(b"\n")
        if not end and len(line) < _LINE_BYTES:
            return
        try:
            report = orjson.loads(line)
        except orjson.JSONDecodeError:
            report = {"error": "garbled"}
        self._report.set_result(report)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the process is reaped and its pipes are closed; asyncio calls it."""
        self._gone.set()
        if self._transport is not None:
            self._transport.close()  # all is closed already, but without this call it warns that it is not
        if not self._report.done():
            self._report.set_result({"error": "exited"})

    @property
    def alive(self) -> bool:
        """Whether the process runs, as far as is known: news of its death takes a moment."""
        return self._transport is not None and self._transport.get_returncode() is None

    @property
    def pid(self) -> int:
        """The process's identifier."""
        return -1 if self._transport is None else self._transport.get_pid()

    @property
    def exit_status(self) -> int | None:
        """What it exited with, minus the signal where one killed it, or None while it runs."""
        return None if self._transport is None else self._transport.get_returncode()

    @property
    def log_tail(self) -> str:
        """The end of what it wrote to standard error."""
        return self._tail.decode("utf-8", "replace").strip()

    async def report(self) -> dict[str, str]:
        """Wait for its report; ``{"error": "exited"}`` where it ended without one."""
        return await asyncio.shield(self._report)

    def kill(self) -> None:
        """Kill it at once; it is reaped as soon as the loop runs."""
        if self._transport is not None and self._transport.get_returncode() is None:
            self._transport.kill()

    async def stop(self, grace: float) -> None:
        """End it, politely for `grace` seconds, then by force, and wait until it is gone. Idempotent.

        Cancelled: it is killed at once and reaped as the loop runs on.
        """
        if self._transport is None:
            return
        try:
            if self.alive:
                self._transport.terminate()
            async with asyncio.timeout(grace):
                await self._gone.wait()
        except TimeoutError:
            self.kill()
            await self._gone.wait()
        finally:
            self.kill()


def _python_path() -> str:
    """The child's PYTHONPATH: where this package stands, then what the user has set."""
    here = str(Path(__file__).absolute().parents[2])
    return os.pathsep.join(part for part in (here, os.environ.get("PYTHONPATH", "")) if part)

"""The local model's server: started at first use, checked, started again after a crash, gone when it is closed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

import attrs

from aiocompl import telemetry
from aiocompl.errors import LocalModelError, MissingExtraError
from aiocompl.local.process import ChildProcess
from aiocompl.local.weights import DEFAULT_MODEL, is_default, locate

EXTRA_HINT: Final = "pip install 'aiocompl[local]'"

_TEMPLATE: Final = Path(__file__).with_name("templates") / "smollm2.jinja"
_HEALTH_SECONDS: Final = 5.0


def _default_threads() -> int:
    """Half of the processors, at most four: more make a small model slower, far slower on a machine that is busy."""
    return max(1, min(4, (os.cpu_count() or 2) // 2))


@attrs.define(eq=False, kw_only=True)
class LocalServer:
    """llama.cpp's HTTP server over one model, as a child process that this object supervises.

    It speaks OpenAI's dialect on a free port of 127.0.0.1. The child dies with this process, whatever that dies of.
    Belongs to one event loop; whoever made it awaits `aclose` there.
    """

    model: str = ""
    """What stands after ``local/``: see `aiocompl.local.weights.locate`."""

    context_tokens: int = 4096
    """The context window of each request; memory for all `parallel` ones is taken at the start."""

    parallel: int = 4
    """How many answers are generated at once, which also bounds a request's `n`. More requests wait in the server."""

    threads: int = attrs.field(factory=_default_threads)
    """Threads that compute."""

    start_timeout: float = 60.0
    """How long the model may take to load, in seconds."""

    stop_grace: float = 2.0
    """How long the server may take to end by itself, in seconds, before it is killed."""

    verbosity: int = 1
    """llama.cpp's log level. 1 is errors only; the last 4 KiB of the log are kept for error messages."""

    _child: ChildProcess | None = attrs.field(default=None, init=False)
    _base_url: str = attrs.field(default="", init=False)
    _suspected: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)
    _lock: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False, repr=False)

    @property
    def alive(self) -> bool:
        """Whether the server is started and, as far as is known, runs."""
        return bool(self._base_url) and self._child is not None and self._child.alive

    @property
    def pid(self) -> int | None:
        """The child's process identifier, or None where there is none."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def suspect(self) -> None:
        """Note that a request failed to reach it: the next `start` asks the server before it relies on it.

        A broken connection is seen before the system reports the death of the process.
        """
        self._suspected = True

    async def start(self) -> str:
        """Make sure that the server runs, and return its base URL (``"http://127.0.0.1:43210/v1"``).

        Callers at the same time wait for one start. After a crash it starts again, at another port.

        Cancelled: the process that was being started is killed; another caller who waits starts one anew.

        Raises:
            LocalModelError: The weights are missing or cannot be loaded, or the server is closed.
            MissingExtraError: xllamacpp is not installed.
        """
        if self.alive and not self._suspected:
            return self._base_url
        async with self._lock:
            if self._closed:
                raise self._error("the server is closed")
            if self.alive and (not self._suspected or await self._is_healthy(self._base_url)):
                self._suspected = False
                return self._base_url
            await self._reap()
            await self._launch()
            return self._base_url

    async def aclose(self) -> None:
        """End the server and wait until its process is gone. Idempotent; a `start` under way fails.

        Cancelled: the process is killed at once, and reaped as the loop runs on.
        """
        self._closed = True
        if self._child is not None:
            await self._child.stop(self.stop_grace)
        async with self._lock:  # a start that was only about to make its process
            if self._child is not None:
                await self._child.stop(self.stop_grace)
                self._child = None

    async def _reap(self) -> None:
        """Clear away what is left of a server that crashed or does not answer."""
        if self._child is None:
            return
        child, self._child = self._child, None
        self._base_url = ""
        child.kill()
        await child.stop(self.stop_grace)
        telemetry.warning(
            "local.crashed", model=self._name, exit_status=child.exit_status, log=child.log_tail
        )

    async def _launch(self) -> None:
        arguments = await asyncio.to_thread(self._arguments)  # it reads files
        try:
            child = self._child = await ChildProcess.spawn("aiocompl.local.child", arguments)
        except OSError as error:
            raise self._error(f"cannot start a process: {error}") from error
        try:
            base = await self._wait_until_ready(child)
        except BaseException:
            self._child = None
            child.kill()
            await child.stop(self.stop_grace)
            raise
        self._base_url = f"{base}/v1"
        self._suspected = False
        telemetry.attempt(
            "local.started", verbose=False, model=self._name, pid=child.pid, base_url=self._base_url
        )

    async def _wait_until_ready(self, child: ChildProcess) -> str:
        if self._closed:
            raise self._error("the server is closed")
        try:
            async with asyncio.timeout(self.start_timeout):
                report = await child.report()
        except TimeoutError as error:
            raise self._error(
                f"the server took more than start_timeout={self.start_timeout} s to load it"
            ) from error
        if (base := report.get("base_url")) is None:
            raise self._start_error(child, report.get("error", ""))
        if not await self._is_healthy(f"{base}/v1"):
            raise self._error(_with_log("the server started but is not healthy", child))
        return base

    def _start_error(self, child: ChildProcess, reason: str) -> LocalModelError | MissingExtraError:
        if reason == "missing-extra":
            return MissingExtraError(f"local models need xllamacpp: {EXTRA_HINT}", provider="local")
        if self._closed:
            return self._error("the server was closed while it started")
        if reason == "load":
            return self._error(
                _with_log("llama.cpp cannot load it: is it whole, and does its kind fit?", child)
            )
        return self._error(_with_log(f"the server ended at its start, status {child.exit_status}", child))

    def _arguments(self) -> list[str]:
        """The child's command line."""
        arguments = {
            "--model": str(locate(self.model)),
            "--alias": self._name,
            "--parent": str(os.getpid()),
            "--context": str(self.context_tokens),
            "--parallel": str(self.parallel),
            "--threads": str(self.threads),
            "--verbosity": str(self.verbosity),
        }
        if is_default(self.model):
            arguments["--template"] = str(_TEMPLATE)
        return [part for option in arguments.items() for part in option]

    @property
    def _name(self) -> str:
        return DEFAULT_MODEL if is_default(self.model) else Path(self.model).name

    def _error(self, message: str) -> LocalModelError:
        return LocalModelError(message, provider="local", model=self._name)

    @staticmethod
    async def _is_healthy(base_url: str) -> bool:
        """Ask for ``GET /health``, in so few bytes that no HTTP client is needed."""
        address = base_url.removeprefix("http://").removesuffix("/v1")
        host, _, port = address.partition(":")
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                reader, writer = await asyncio.open_connection(host, int(port))
                try:
                    writer.write(f"GET /health HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
                    status = await reader.readline()
                finally:
                    writer.close()
        except (OSError, ValueError):  # TimeoutError is an OSError
            return False
        return status.split(b" ")[1:2] == [b"200"]


def _with_log(message: str, child: ChildProcess) -> str:
    return f"{message}; its log ends: {child.log_tail}" if child.log_tail else message

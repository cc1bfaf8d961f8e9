"""The processes of a benchmark: one server, and one long-lived worker per measured client.

Each client has its own process, so that no one's imports, threads or garbage disturb another, and each process takes
its turn: while one measures, the others sleep in `readline`.
"""

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, Self

import attrs
import orjson

ROOT: Final = Path(__file__).resolve().parents[1]
_STOP_SECONDS: Final = 10.0


class WorkerError(Exception):
    """A worker could not start, or not do what it was asked; the message is the worker's own."""


def raise_open_files() -> int:
    """Raise this process's limit on open files as far as it may, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def environment() -> dict[str, str]:
    """Return the environment of all children, which run in `ROOT`: this checkout first, bytecode cached, no network."""
    env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    return env | {"PYTHONPATH": str(ROOT), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a pipe of a child, which `Popen` types as optional."""
    if stream is None:
        raise ValueError("the child was started without this pipe")
    return stream


@contextlib.contextmanager
def _child(
    module: str, *arguments: str, errors: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=pipe, stdout=pipe, stderr=errors, env=environment(), cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a child by ending its input; kill it if it does not care."""
    with contextlib.suppress(BrokenPipeError):  # it is gone already
        _pipe(process.stdin).close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


@contextlib.contextmanager
def server(module: str = "_server", *arguments: str) -> Iterator[str]:
    """Start a server, `module`; yields its origin, such as `http://127.0.0.1:40123`."""
    with _child(module, *arguments) as process:
        yield f"http://127.0.0.1:{int(_pipe(process.stdout).readline())}"


@attrs.define(eq=False)
class Worker:
    """The parent's end of a worker process: one line asks, one line of JSON answers."""

    name: str
    _process: subprocess.Popen[bytes]
    _errors: IO[bytes]

    @classmethod
    @contextlib.contextmanager
    def start(cls, name: str, origin: str, module: str = "_worker") -> Iterator[Self]:
        """Start the worker of the client `name`; `module` is what it runs.

        Raises:
            WorkerError: The client is not installed, or does not import.
        """
        with tempfile.TemporaryFile() as errors, _child(module, name, origin, errors=errors) as process:
            worker = cls(name=name, process=process, errors=errors)
            worker.read()
            yield worker

    def ask(self, command: str) -> dict[str, Any]:
        """Send one command line and return the answer.

        Raises:
            WorkerError: The worker failed or died.
        """
        commands = _pipe(self._process.stdin)
        with contextlib.suppress(BrokenPipeError):  # it died: `read` says of what
            commands.write(command.encode() + b"\n")
            commands.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        """Return the next answer; `ask` explains."""
        line = _pipe(self._process.stdout).readline()
        if not line:
            raise WorkerError(f"{self.name} died: {self._last_words()}")
        answer: dict[str, Any] = orjson.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.name}: {answer['error']}")
        return answer

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"

"""Whether processes that share a limit keep it: `python benchmarks/shared_limits.py`. Needs `redis-server`.

It starts a Redis, an upstream that writes down when each request came, and processes with a supervisor each
(`--processes`, 2), all with the same deployment of `--rpm` 600 and the same Redis. They ask as fast as they may for
`--seconds` 75. Then it prints the most requests that the upstream saw in any `--window` of 60 s, and how many each
process got. `--outage 10` kills Redis in the middle and brings it back after 10 s, empty.

The exit code is 1 if it was more than the limit allows in such a window. With an outage each process may send one more
as Redis goes and one more as it comes back.
"""

import argparse
import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is what is measured

import orjson

from aiocompl.policy.meter import Meter
from benchmarks._process import Worker, server


class _Redis:
    """A Redis of our own, which keeps nothing."""

    def __init__(self, folder: str) -> None:
        binary = shutil.which("redis-server")
        if binary is None:
            raise SystemExit("needs redis-server (Debian's package of that name)")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", folder]
        self._command = [binary, *where, "--save", "", "--appendonly", "no"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)  # noqa: S603 - found above
        while self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.01)
        raise SystemExit("redis-server did not start")

    def kill(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextlib.contextmanager
def _redis() -> Iterator[_Redis]:
    with tempfile.TemporaryDirectory() as folder:
        redis = _Redis(folder)
        redis.start()
        try:
            yield redis
        finally:
            redis.kill()


def _fullest(instants: Sequence[float], window: float) -> int:
    """The most instants in any half-open window."""
    most = first = 0
    for last, instant in enumerate(instants):
        while instants[first] + window <= instant:
            first += 1
        most = max(most, last - first + 1)
    return most


def _allowed(rpm: float, window: float) -> int:
    """What a limit lets pass in a window: its burst, then one each interval; the whole limit in 60 s."""
    limit, burst, interval = Meter(rpm).pace
    return min(int(limit), int(burst) + ceil(window / interval) - 1)


def _run(arguments: argparse.Namespace) -> tuple[list[tuple[float, str]], list[dict[str, Any]]]:
    """Have the processes ask; return when which requests came, and what each process says."""
    names = [f"process-{number + 1}" for number in range(arguments.processes)]
    with contextlib.ExitStack() as stack:
        redis = stack.enter_context(_redis())
        origin = stack.enter_context(server("_shared_upstream"))
        workers = [stack.enter_context(Worker.start(name, origin, module="_shared_worker")) for name in names]
        order = {
            "redis": f"redis://127.0.0.1:{redis.port}/0",
            "rpm": arguments.rpm,
            "seconds": arguments.seconds,
            "callers": arguments.callers,
            "processes": arguments.processes,
        }
        pool = stack.enter_context(ThreadPoolExecutor(len(workers)))
        results = [pool.submit(worker.ask, orjson.dumps(order).decode()) for worker in workers]
        if arguments.outage:
            time.sleep(arguments.seconds / 2)
            redis.kill()
            time.sleep(arguments.outage)
            redis.start()
        answers = [result.result() for result in results]
        with urllib.request.urlopen(f"{origin}/arrivals") as response:  # noqa: S310 - our own server
            arrivals: list[tuple[float, str]] = orjson.loads(response.read())
    return arrivals, answers


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether processes that share a limit keep it.")
    parser.add_argument("--seconds", type=float, default=75.0, help="how long they ask (default 75)")
    parser.add_argument("--window", type=float, default=60.0, help="seconds of a window (default 60)")
    parser.add_argument("--rpm", type=float, default=600.0, help="requests in a minute (default 600)")
    parser.add_argument("--processes", type=int, default=2, help="that share it (default 2)")
    parser.add_argument("--callers", type=int, default=20, help="in each process (default 20)")
    parser.add_argument("--outage", type=float, default=0.0, help="seconds without Redis (default 0)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, count, print; 1 if the limit was not kept."""
    arguments = _arguments(argv)
    arrivals, answers = _run(arguments)
    most = _fullest([instant for instant, _ in arrivals], arguments.window)
    allowed = _allowed(arguments.rpm, arguments.window)
    if arguments.outage:
        allowed += 2 * arguments.processes
    kept = most <= allowed
    print(f"rpm={arguments.rpm:g}, {arguments.processes} processes, {arguments.seconds:g} s")
    print(f"requests that the upstream saw: {len(arrivals)}")
    print(
        f"the most in any {arguments.window:g} s: {most}, allowed: {allowed}: {'kept' if kept else 'VIOLATED'}"
    )
    shares = Counter(name for _, name in arrivals)
    for (name, share), answer in zip(sorted(shares.items()), answers, strict=False):
        told = ", ".join(f"{event} {times}" for event, times in answer.items() if times)
        print(f"{name}: {share} requests ({told})")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())

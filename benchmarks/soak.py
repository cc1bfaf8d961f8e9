"""Whether anything grows in a process that makes calls for long: `python benchmarks/soak.py`.

One supervisor makes 200,000 calls, blocking and streamed, to the simulator in another process, over real sockets. A
share of the requests goes wrong in every way that a provider can: refused with and without `Retry-After`, failed, reset,
cut, stalled, malformed, silent. Some callers are cancelled, some leave their streams early or drop them; some calls are
hedged, some streams recovered. After each interval all calls are over: what is left then is counted. The exit code is 1
where memory, objects, tasks, sockets or timers grew after the first quarter, or anything is left once the supervisor is
closed. Memory is resident memory once the allocator has given back what it holds free (glibc's; others are asked nothing,
and theirs may creep); objects are what Python's own allocator has given out.
"""

import argparse
import asyncio
import ctypes
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout is what is measured

import attrs
import structlog

from aiocompl import Supervisor
from benchmarks._memory import resident_bytes
from benchmarks._process import raise_open_files, server
from benchmarks._report import environment_line
from benchmarks._soak_callers import Callers

_MIB: Final = 1024 * 1024
_SETTLE_SECONDS: Final = 2.0
_ALLOWED_BYTES: Final = 2 * _MIB
"""Growth of the memory that counts as none: pages that are partly free, more or fewer pooled connections."""

_ALLOWED_BLOCKS: Final = 5_000
"""Of a few hundred thousand; a pooled connection has some sixty."""


@attrs.frozen
class Figures:
    """What a process holds while no call is being made."""

    calls: int
    seconds: float
    resident: int
    blocks: int
    tasks: int
    sockets: int
    timers: int
    outcomes: Counter[str]
    """Of the calls since the figures before."""

    @classmethod
    def now(cls, calls: int, seconds: float, outcomes: Counter[str]) -> "Figures":
        """Count."""
        gc.collect()
        _trim()
        loop: Any = asyncio.get_running_loop()
        timers = sum(not handle.cancelled() for handle in loop._scheduled)  # noqa: SLF001 - nobody else knows
        return cls(
            calls,
            seconds,
            resident_bytes(),
            sys.getallocatedblocks(),
            len(asyncio.all_tasks()),
            _sockets(),
            timers,
            outcomes,
        )


def _trim() -> None:
    """Have the allocator give back free memory, which it does not by itself where something lies behind it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _sockets() -> int:
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += str(entry.readlink()).startswith("socket:")
        except FileNotFoundError:  # the one that lists them
            continue
    return count


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Whether anything grows over many calls.")
    parser.add_argument("--calls", type=int, default=200_000, help="calls in all (default 200000)")
    parser.add_argument("--concurrency", type=int, default=64, help="callers at a time (default 64)")
    parser.add_argument("--intervals", type=int, default=20, help="how often it is counted (default 20)")
    parser.add_argument("--faults", type=float, default=0.2, help="share that goes wrong (default 0.2)")
    parser.add_argument("--auto", action="store_true", help="find the number of slots, not one per caller")
    parser.add_argument("--seed", type=int, default=0, help="what is drawn (default 0)")
    return parser.parse_args(argv)


def _deployment(model: str, origin: str) -> dict[str, Any]:
    return {
        "model_name": "soak",
        "litellm_params": {"model": f"openai/{model}", "api_base": f"{origin}/v1", "api_key": "k"},
    }


async def _soak(arguments: argparse.Namespace, origin: str) -> list[Figures]:
    """Make the calls; the last figures are those after the supervisor was closed."""
    started = time.monotonic()
    rows = []
    each = max(1, arguments.calls // arguments.intervals)
    async with Supervisor(
        model_list=[_deployment("first", origin), _deployment("second", origin)],
        max_concurrency="auto" if arguments.auto else arguments.concurrency,
        overflow="wait",
        disable_cooldowns=True,  # every call is to be made
    ) as supervisor:
        callers = Callers(supervisor, arguments.concurrency, Random(arguments.seed))
        for number in range(1, arguments.intervals + 1):
            await callers.make(each)
            await _settle(supervisor)
            outcomes, callers.outcomes = callers.outcomes, Counter()
            rows.append(Figures.now(number * each, time.monotonic() - started, outcomes))
            _print_row(rows[-1])
    await asyncio.sleep(0.1)  # connections close at their ends
    rows.append(Figures.now(arguments.calls, time.monotonic() - started, Counter()))
    return rows


async def _settle(supervisor: Supervisor) -> None:
    """Wait until nothing is in flight: streams that were dropped, losers of hedges."""
    async with asyncio.timeout(_SETTLE_SECONDS):
        while supervisor.snapshot().in_flight or supervisor.snapshot().queued:  # noqa: ASYNC110 - it is a benchmark
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


def _print_row(row: Figures) -> None:
    rest = {name: count for name, count in row.outcomes.most_common() if name not in _ENDS}
    failed = ", ".join(f"{name.removesuffix('Error')} {count}" for name, count in rest.items())
    ends = " | ".join(f"{row.outcomes[name]:9,}" for name in _ENDS)
    print(
        f"| {row.calls:8,} | {row.seconds:7.1f} | {row.resident / _MIB:6.1f} | {row.blocks:8,} | {row.tasks:5} | {row.sockets:7} "
        f"| {row.timers:6} | {ends} | {failed} |",
        flush=True,
    )


_ENDS: Final = ("answered", "left", "cancelled")
_TITLES: Final = (
    "calls",
    "seconds",
    "MiB",
    "objects",
    "tasks",
    "sockets",
    "timers",
    *_ENDS,
    "failed, by class",
)
_WIDTHS: Final = (8, 7, 6, 8, 5, 7, 6, 9, 9, 9, 16)


def _print_head() -> None:
    titles = [title.rjust(width) for title, width in zip(_TITLES, _WIDTHS, strict=True)]
    print("| " + " | ".join(titles) + " |")
    print("| " + " | ".join("-" * (width - 1) + ":" for width in _WIDTHS) + " |")


def _grew(values: Sequence[int], allowed: float) -> bool:
    """Whether the last quarter lies above the second one."""
    quarter = max(1, len(values) // 4)
    return median(values[-quarter:]) > median(values[quarter : 2 * quarter] or values[:1]) + allowed


def _verdicts(rows: Sequence[Figures], concurrency: int) -> Iterable[tuple[str, bool]]:
    *running, closed = rows
    quarter = max(1, len(running) // 4)
    early, late = (
        median(row.resident for row in part)
        for part in (running[quarter : 2 * quarter] or running[:1], running[-quarter:])
    )
    growth = (late - early) / max(1, running[-1].calls - running[min(quarter, len(running) - 1)].calls)
    yield (
        f"memory: {(late - early) / _MIB:+.1f} MiB from the second to the last quarter ({growth:+.1f} bytes a call)",
        not _grew([row.resident for row in running], _ALLOWED_BYTES),
    )
    yield f"objects: {_span(running, 'blocks')}", not _grew([row.blocks for row in running], _ALLOWED_BLOCKS)
    yield f"tasks: {_span(running, 'tasks')}", not _grew([row.tasks for row in running], 0)
    yield (
        f"sockets: {_span(running, 'sockets')}",
        not _grew([row.sockets for row in running], concurrency / 2),
    )
    yield f"timers: {_span(running, 'timers')}", not _grew([row.timers for row in running], 3)
    yield (
        f"once closed: {closed.tasks} task, {closed.sockets} sockets, {closed.timers} timers",
        closed.tasks == 1 and closed.sockets <= _OWN_SOCKETS and closed.timers == 0,
    )


_OWN_SOCKETS: Final = 2
"""The pair by which a loop wakes itself."""


def _span(rows: Sequence[Figures], name: str) -> str:
    values = [getattr(row, name) for row in rows]
    return f"{min(values)} to {max(values)}"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the calls, print the figures and the verdict; 1 where something grew."""
    arguments = _arguments(argv)
    raise_open_files()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    print(environment_line(["aiocompl"]), end="\n\n")
    _print_head()
    with server("_soak_server", str(arguments.faults), str(arguments.seed)) as origin:
        rows = asyncio.run(_soak(arguments, origin))
    total: Counter[str] = sum((row.outcomes for row in rows), Counter())
    print("\nAll: " + ", ".join(f"{name} {count:,}" for name, count in total.most_common()), end="\n\n")
    good = True
    for text, passed in _verdicts(rows, arguments.concurrency):
        good = good and passed
        print(f"- {'no growth' if passed else 'GROWTH'}: {text}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

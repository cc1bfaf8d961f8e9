"""The rows of races and batches: rounds over long-lived workers, turn by turn."""

import contextlib
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from benchmarks._clients import BASELINE, OURS
from benchmarks._many_clients import LITELLM
from benchmarks._process import Worker, WorkerError, server
from benchmarks._rows import Row, Target

BY_HAND: Final = "by hand"
"""What the races of bare aiohttp are called, where calls of our own are the baseline."""
CONTESTANTS: Final = (2, 3, 8)
FIRST: Final = 20
"""Milliseconds after which the quickest contestant answers."""
_MICROSECONDS: Final = 1e6
_MILLISECONDS: Final = 1e3
_MIB: Final = 1024 * 1024
_PEERS_SHARE: Final = 10
"""Peers wait for the slowest contestant, and take many times as long for a prompt: a tenth of it takes them as long."""
_FAN_OUTS_SHARE: Final = 5
"""Fan-outs wait for the slowest too."""
_FEW: Final = 10
"""The part of the prompts with which the memory for all of them is compared."""
_MEMORY_ROUNDS: Final = 3


@contextlib.contextmanager
def _workers(names: Iterable[str], rows: Iterable[Row]) -> Iterator[Mapping[str, Worker]]:
    """Start a worker per client; one that does not start is noted in all rows."""
    workers = {}
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(server())
        for name in names:
            try:
                workers[name] = stack.enter_context(Worker.start(name, origin, "_many_worker"))
            except WorkerError as error:
                for row in rows:
                    row.drop(name, str(error))
        yield workers


def _turns(names: Iterable[str], number: int) -> list[str]:
    """Return who measures when: baseline and ours side by side, changing places; then the peers."""
    first = [BASELINE, OURS] if number % 2 else [OURS, BASELINE]
    return sorted(names, key=lambda name: first.index(name) if name in first else len(first))


def _share(count: int, name: str) -> int:
    return max(1, count // _PEERS_SHARE) if name == LITELLM else count


@attrs.define(eq=False)
class _Contest:
    """The rows of one kind of contest; calls of our own are their baseline."""

    command: str
    contestants: int
    cpu: Row
    later: Row
    closed: Row | None = None
    closed_most: Row | None = None

    @property
    def rows(self) -> list[Row]:
        rows = (self.cpu, self.later, self.closed, self.closed_most)
        return [row for row in rows if row is not None]

    def measure(self, worker: Worker, count: int, call: Mapping[str, Any]) -> None:
        """Take one round's figures; `call` has those of the client's plain calls, as many of them."""
        count = _share(count, worker.name)
        figures = worker.ask(f"{self.command} {FIRST} {self.contestants} {count}")
        alone = call["cpu"] / count * _MICROSECONDS
        beyond = figures["cpu"] / count * _MICROSECONDS - alone
        name = BY_HAND if worker.name == BASELINE else worker.name
        if name == OURS:
            self.cpu.add(BASELINE, self.contestants * alone)
            self.later.add(BASELINE, statistics.median(call["beyond"]) * _MILLISECONDS)
            self._note_closed(figures["closed"])
        self.cpu.add(name, beyond)
        self.later.add(name, statistics.median(figures["beyond"]) * _MILLISECONDS)

    def _note_closed(self, milliseconds: Sequence[float]) -> None:
        if self.closed is None or self.closed_most is None or not milliseconds:
            return
        self.closed.samples.setdefault(OURS, []).extend(milliseconds)
        self.closed_most.samples[OURS] = [max(self.closed.samples[OURS])]


def _races() -> list[_Contest]:
    contests = []
    for number in CONTESTANTS:
        key, title = f"race-{number}", f"race of {number}"
        cpu = Row(key=key, title=f"{title}, CPU beyond one call", unit="us", target=Target(ratio=1.05))
        later = Row(
            key=f"{key}-time",
            title=f"{title}, time beyond the quickest server's",
            unit="ms",
            target=Target(above=2.0),
            digits=2,
        )
        closed = Row(key=f"{key}-closed", title=f"{title}, losers closed after", unit="ms", digits=2)
        closed_most = Row(
            key=f"{key}-closed-most",
            title=f"{title}, losers closed after, at most",
            unit="ms",
            target=Target(most=50.0),
            digits=2,
        )
        contests.append(_Contest("races", number, cpu, later, closed, closed_most))
    return contests


def _fan_outs() -> list[_Contest]:
    contests = []
    for number in CONTESTANTS:
        key, title = f"fan-out-{number}", f"fan-out to {number}"
        cpu = Row(key=key, title=f"{title}, CPU beyond one call", unit="us")
        later = Row(
            key=f"{key}-time", title=f"{title}, time beyond the slowest server's", unit="ms", digits=2
        )
        contests.append(_Contest("fanouts", number, cpu, later))
    return contests


def measure_contests(names: Sequence[str], *, rounds: int, count: int) -> list[Row]:
    """Measure races and fan-outs, `count` of each in a round, with plain calls before them."""
    contests = [*_races(), *_fan_outs()]
    rows = [row for contest in contests for row in contest.rows]
    with _workers(names, rows) as workers:
        for number in range(1, rounds + 1):
            print(f"races and fan-outs: round {number} of {rounds}", file=sys.stderr)
            for contest in contests:
                each = count if contest.closed is not None else max(1, count // _FAN_OUTS_SHARE)
                for name in _turns(workers, number):
                    _sample_contest(contest, workers[name], each)
    return rows


def _sample_contest(contest: _Contest, worker: Worker, count: int) -> None:
    if worker.name in contest.cpu.absent:
        return
    try:
        call = worker.ask(f"calls {FIRST} {_share(count, worker.name)}")
        contest.measure(worker, count, call)
    except WorkerError as error:
        for row in contest.rows:
            row.drop(worker.name, str(error))


def measure_batches(names: Sequence[str], *, rounds: int, prompts: int, concurrency: int) -> list[Row]:
    """Measure how fast a batch of so many prompts goes; peers are asked a tenth of them."""
    title = f"batch of {prompts:,}, {concurrency} at a time"
    rate = Row(key="batch", title=f"{title}, rate", unit="/s", target=Target(least=0.85))
    cpu = Row(key="batch-cpu", title=f"{title}, CPU a prompt", unit="us")
    with _workers(names, [rate, cpu]) as workers:
        for number in range(1, rounds + 1):
            print(f"batch: round {number} of {rounds}", file=sys.stderr)
            for name in _turns(workers, number):
                if name not in rate.absent:
                    _sample_batch(workers[name], _share(prompts, name), concurrency, rate, cpu)
    return [rate, cpu]


def _sample_batch(worker: Worker, prompts: int, concurrency: int, rate: Row, cpu: Row) -> None:
    try:
        figures = worker.ask(f"batch {prompts} {concurrency}")
    except WorkerError as error:
        rate.drop(worker.name, str(error))
        cpu.drop(worker.name, str(error))
        return
    rate.add(worker.name, prompts / figures["wall"])
    cpu.add(worker.name, figures["cpu"] / prompts * _MICROSECONDS)


def measure_memory(names: Sequence[str], *, prompts: int, concurrency: int) -> list[Row]:
    """Measure the peak memory of batches above what was there before, each sample in a process of its own."""

    def row(key: str, title: str, target: Target | None = None) -> Row:
        return Row(key=key, title=title, unit="MiB", digits=1, target=target)

    whole = row("memory", f"batch of {prompts:,}, peak memory, as they come", Target(most=80.0))
    growth = row("memory-growth", f"the same, beyond that of {prompts // _FEW:,}", Target(most=8.0))
    gathered = row("memory-list", f"batch of {prompts:,}, peak memory, as a list")
    for number in range(1, _MEMORY_ROUNDS + 1):
        print(f"memory: round {number} of {_MEMORY_ROUNDS}", file=sys.stderr)
        for name in _turns(names, number):
            try:
                few = _memory(name, f"batch {prompts // _FEW} {concurrency}")
                many = _memory(name, f"batch {prompts} {concurrency}")
                listed = _memory(name, f"list {prompts} {concurrency}")
            except WorkerError as error:
                for each in (whole, growth, gathered):
                    each.drop(name, str(error))
                continue
            whole.add(name, many)
            growth.add(name, many - few)
            gathered.add(name, listed)
    return [whole, growth, gathered]


def _memory(name: str, command: str) -> float:
    with server() as origin, Worker.start(name, origin, "_many_worker") as worker:
        return float(worker.ask(f"memory {command}")["bytes"]) / _MIB

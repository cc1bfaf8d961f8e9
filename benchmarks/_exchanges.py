"""The rows of calls and streams: rounds over long-lived workers, turn by turn."""

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import attrs

from benchmarks._clients import BASELINE, CHUNKS, HEDGED, OURS, POLICIES
from benchmarks._process import Worker, WorkerError, raise_open_files, server
from benchmarks._rows import Row, Target

_MICROSECONDS: Final = 1e6
_CALLS_PER_STREAM: Final = 20
"""A streamed answer of 200 chunks takes about as long as this many calls."""
_PEERS_SHARE: Final = 10
"""Peers take ten times as long for a unit, so a tenth of the units takes them as long."""
_IN_FLIGHT: Final = 10_000
_IN_FLIGHT_ROUNDS: Final = 3
_SPARE_FILES: Final = 200

_QUICK: Final = (BASELINE, OURS, POLICIES, HEDGED)

_CALL: Final = Target(ratio=1.15, aim=1.0)
_CHUNK: Final = Target(ratio=1.0, aim=0.7)


@attrs.frozen(kw_only=True)
class _Exchange:
    """One kind of exchange."""

    row: Row
    path: str = "v1"
    kind: str = "call"
    concurrency: int = 1

    def units(self, calls: int, client: str) -> int:
        """Return how many units make a batch: enough that each of the concurrent workers has several."""
        ours = client in _QUICK
        calls = calls if ours else calls // _PEERS_SHARE
        if self.kind == "stream":
            return max(1, calls // _CALLS_PER_STREAM)
        return max(calls, self.concurrency * (4 if ours else 1))

    def measure(self, worker: Worker, calls: int) -> float:
        """Return microseconds a call, or a chunk."""
        units = self.units(calls, worker.name)
        answer = worker.ask(f"run {self.path} {self.kind} {self.concurrency} {units}")
        per_unit = float(answer["seconds"]) / units * _MICROSECONDS
        return per_unit / CHUNKS if self.kind == "stream" else per_unit


def _exchanges() -> list[_Exchange]:
    def row(key: str, title: str, target: Target, digits: int = 0) -> Row:
        return Row(key=key, title=title, unit="us", target=target, digits=digits)

    fast = row("stream-fast", f"chunk of {CHUNKS}, sent as fast as it goes", _CHUNK, 2)
    paced = row("stream-paced", f"chunk of {CHUNKS}, one per loop turn", _CHUNK, 2)
    return [
        _Exchange(row=row("call-1", "call, 1 at a time", _CALL)),
        _Exchange(row=row("call-50", "call, 50 at a time", _CALL), concurrency=50),
        _Exchange(row=row("call-1000", "call, 1,000 at a time", _CALL), concurrency=1000),
        _Exchange(row=fast, kind="stream"),
        _Exchange(row=paced, kind="stream", path="paced/v1"),
    ]


EXCHANGE_KEYS: Final = tuple(exchange.row.key for exchange in _exchanges())


@contextlib.contextmanager
def _workers(names: Iterable[str], rows: Iterable[Row]) -> Iterator[Mapping[str, Worker]]:
    """Start a worker per client; one that does not start is noted in all rows."""
    workers = {}
    with contextlib.ExitStack() as stack:
        origin = stack.enter_context(server())
        for name in names:
            try:
                workers[name] = stack.enter_context(Worker.start(name, origin))
            except WorkerError as error:
                for row in rows:
                    row.drop(name, str(error))
        yield workers


def _turns(names: Iterable[str], round_number: int) -> list[str]:
    """Return who measures when: baseline and ours side by side, changing places; then the peers."""
    first = list(_QUICK) if round_number % 2 else list(reversed(_QUICK))
    return sorted(names, key=lambda name: first.index(name) if name in first else len(first))


def measure_policies(*, rounds: int, calls: int) -> list[Row]:
    """Measure calls with all policies configured and nothing failing, against plain calls of ours."""
    exchanges = [exchange for exchange in _exchanges() if exchange.kind == "call"][:2]
    rows = []
    for exchange in exchanges:
        for name, target in ((POLICIES, Target(ratio=1.15)), (HEDGED, None)):
            title = f"{exchange.row.title}, {name}"
            rows.append(
                Row(
                    key=f"{exchange.row.key}-{name}",
                    title=title,
                    unit="us",
                    target=target,
                    baseline=OURS,
                    ours=name,
                )
            )
    with _workers([OURS, POLICIES, HEDGED], rows) as workers:
        for number in range(1, rounds + 1):
            print(f"policies: round {number} of {rounds}", file=sys.stderr)
            for index, exchange in enumerate(exchanges):
                figures = {name: exchange.measure(workers[name], calls) for name in _turns(workers, number)}
                for row in rows[2 * index : 2 * index + 2]:
                    row.add(OURS, figures[OURS])
                    row.add(row.ours, figures[row.ours])
    return rows


def measure_exchanges(names: Iterable[str], keys: Iterable[str], *, rounds: int, calls: int) -> list[Row]:
    """Measure the exchanges `keys` for the clients `names`, all in turn, `rounds` times."""
    exchanges = [exchange for exchange in _exchanges() if exchange.row.key in keys]
    rows = [exchange.row for exchange in exchanges]
    with _workers(names, rows) as workers:
        for number in range(1, rounds + 1):
            print(f"exchanges: round {number} of {rounds}", file=sys.stderr)
            for exchange in exchanges:
                for name in _turns(workers, number):
                    _sample(exchange, workers[name], calls)
    return rows


def _sample(exchange: _Exchange, worker: Worker, calls: int) -> None:
    if worker.name in exchange.row.absent:
        return
    try:
        exchange.row.add(worker.name, exchange.measure(worker, calls))
    except WorkerError as error:
        exchange.row.drop(worker.name, str(error))


def measure_in_flight(names: Iterable[str], wanted: int = _IN_FLIGHT) -> list[Row]:
    """Measure memory and CPU of many calls in flight at once, each sample with a fresh server and worker.

    Fewer than `wanted` where the limit on open files is too low for a socket each; the title says how many.
    """
    calls = min(wanted, raise_open_files() - _SPARE_FILES)
    memory = Row(key="inflight", title=f"{calls:,} in flight, memory of each", unit="KiB", digits=1)
    cpu = Row(key="inflight-cpu", title=f"{calls:,} in flight, CPU of each, connecting included", unit="us")
    for number in range(1, _IN_FLIGHT_ROUNDS + 1):
        print(f"{calls:,} in flight: round {number} of {_IN_FLIGHT_ROUNDS}", file=sys.stderr)
        for name in _turns(names, number):
            with _workers([name], [memory, cpu]) as workers:
                if name in workers and name not in memory.absent:
                    _sample_in_flight(workers[name], calls, memory, cpu)
    return [memory, cpu]


def _sample_in_flight(worker: Worker, calls: int, memory: Row, cpu: Row) -> None:
    try:
        answer = worker.ask(f"inflight {calls}")
    except WorkerError as error:
        memory.drop(worker.name, str(error))
        cpu.drop(worker.name, str(error))
        return
    memory.add(worker.name, answer["bytes"] / calls / 1024)
    cpu.add(worker.name, answer["seconds"] / calls * _MICROSECONDS)

"""The rows of importing: fresh processes, in turn, each of which imports one thing and reports.

The baseline is the four core dependencies. CPU (user and system) is taken twice: of the import statement alone, which is
what the target is held against, and of the whole process from `exec` to its end, interpreter included.
"""

import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import orjson

from benchmarks._clients import BASELINE, CLIENTS, OURS
from benchmarks._process import ROOT, environment
from benchmarks._rows import Row, Target

_DEPENDENCIES: Final = "import aiohttp, attrs, orjson, structlog"
_RESOLVED: Final = "import aiocompl; aiocompl.acompletion; aiocompl.Supervisor"
_SCRIPT: Final = """
import time
start = time.process_time()
{statement}
seconds = time.process_time() - start
from benchmarks._memory import peak_bytes
print('{{"seconds": %r, "peak_bytes": %r}}' % (seconds, peak_bytes()))
"""
_MILLISECONDS: Final = 1e3
_MIB: Final = 1024 * 1024


class _ImportFailedError(Exception):
    pass


@attrs.frozen(kw_only=True)
class _Sample:
    """What one process cost."""

    statement: float
    process: float
    peak: float


def _children_seconds() -> float:
    """Return the CPU seconds of all children that ended so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _import(statement: str) -> _Sample:
    """Run one fresh interpreter that does nothing but `statement`."""
    command = [sys.executable, "-c", _SCRIPT.format(statement=statement)]
    before = _children_seconds()
    done = subprocess.run(  # noqa: S603 - our own statement
        command, capture_output=True, check=False, env=environment(), cwd=ROOT
    )
    process = _children_seconds() - before
    if done.returncode:
        raise _ImportFailedError(done.stderr.decode(errors="replace").strip().splitlines()[-1])
    figures = orjson.loads(done.stdout.splitlines()[-1])
    return _Sample(
        statement=figures["seconds"] * _MILLISECONDS,
        process=process * _MILLISECONDS,
        peak=figures["peak_bytes"] / _MIB,
    )


@attrs.frozen(kw_only=True)
class _Rows:
    """The rows that one process adds to."""

    statement: Row
    process: Row
    peak: Row

    def add(self, client: str, sample: _Sample) -> None:
        self.statement.add(client, sample.statement)
        self.process.add(client, sample.process)
        self.peak.add(client, sample.peak)

    def drop(self, client: str, reason: str) -> None:
        for row in self.all():
            row.drop(client, reason)

    def all(self) -> list[Row]:
        return [self.statement, self.process, self.peak]


def _rows(key: str, what: str, cpu: Target | None = None, memory: Target | None = None) -> _Rows:
    return _Rows(
        statement=Row(key=key, title=what, unit="ms", target=cpu),
        process=Row(key=f"{key}-process", title=f"{what}, whole process", unit="ms"),
        peak=Row(key=f"{key}-memory", title=f"{what}, peak memory", unit="MiB", digits=1, target=memory),
    )


def _statements(names: Iterable[str]) -> Mapping[str, str]:
    """Return what to import by client; `_RESOLVED` stands for itself."""
    statements = {name: f"import {CLIENTS[name].package}" for name in names}
    if OURS in statements:
        statements[_RESOLVED] = _RESOLVED
    return statements | {BASELINE: _DEPENDENCIES}


def measure_imports(names: Iterable[str], *, rounds: int) -> list[Row]:
    """Measure importing for the clients `names`, in turn, `rounds` times after one that fills the caches."""
    plain = _rows("import", "import", Target(ratio=1.2), Target(above=4.0))
    resolved = _rows("import-resolved", "import, names resolved")
    statements = dict(_statements(names))
    for number in range(rounds + 1):
        print(f"imports: round {number} of {rounds}" if number else "imports: warm-up", file=sys.stderr)
        for name, statement in list(statements.items()):
            try:
                sample = _import(statement)
            except _ImportFailedError as error:
                del statements[name]
                _drop(plain, resolved, name, str(error))
                continue
            if number:
                _add(plain, resolved, name, sample)
    return [*plain.all(), *resolved.all()]


def _add(plain: _Rows, resolved: _Rows, name: str, sample: _Sample) -> None:
    if name == _RESOLVED:
        resolved.add(OURS, sample)
        return
    plain.add(name, sample)
    if name == BASELINE:
        resolved.add(name, sample)


def _drop(plain: _Rows, resolved: _Rows, name: str, reason: str) -> None:
    if name == _RESOLVED:
        resolved.drop(OURS, reason)
    else:
        plain.drop(name, reason)

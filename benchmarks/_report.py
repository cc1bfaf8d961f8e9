"""The report: a Markdown table to read at a glance, and JSON with every sample."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
import orjson

from benchmarks._clients import BASELINE, CLIENTS, OURS, PEERS
from benchmarks._rows import Row, Target

_DISTRIBUTIONS: Final = (
    "aiohttp",
    "attrs",
    "orjson",
    "structlog",
    *(info.distribution for info in CLIENTS.values()),
)


def _versions(names: Iterable[str]) -> dict[str, str]:
    versions = {}
    wanted = {CLIENTS[name].distribution for name in names}
    for name in dict.fromkeys(_DISTRIBUTIONS):
        if name in wanted or name not in {CLIENTS[peer].distribution for peer in PEERS}:
            try:
                versions[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                versions[name] = "checkout" if name == OURS else "absent"
    return versions


def _cpu_model() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def environment(names: Iterable[str]) -> dict[str, Any]:
    """Return what the figures depend on; nothing that names the machine or its folders."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count() or 1,
        "versions": _versions(names),
    }


def as_json(
    rows: Sequence[Row], names: Iterable[str], settings: Mapping[str, int], *, benchmark: str = "overhead"
) -> bytes:
    """Return the whole result: environment, settings, and per row the samples in the row's unit by client."""
    return orjson.dumps(
        {
            "benchmark": benchmark,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "environment": environment(names),
            "settings": dict(settings),
            "rows": [_row_json(row) for row in rows],
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )


def _row_json(row: Row) -> dict[str, Any]:
    target = row.target
    return {
        "key": row.key,
        "title": row.title,
        "unit": row.unit,
        "target": target and attrs.asdict(target, filter=lambda _, value: value is not None),
        "verdict": row.verdict() or None,
        "median": {name: row.median(name) for name in row.samples},
        "ratio": {name: row.ratio(name) for name in row.samples},
        "samples": row.samples,
        "absent": row.absent,
    }


def as_markdown(
    rows: Sequence[Row],
    names: Sequence[str],
    *,
    title: str = "CPU in the client, per",
    baseline: str = BASELINE,
    ours: str = OURS,
) -> str:
    """Return the table, with a line on the environment before it and one per absent client after it."""
    peers = [name for name in names if name in PEERS]
    table = as_table(rows, peers, title=title, baseline=baseline, ours=ours)
    return "\n".join([environment_line(names), "", *table, *notes(rows)])


def as_table(
    rows: Sequence[Row], peers: Sequence[str], *, title: str, baseline: str, ours: str = OURS
) -> list[str]:
    """Return the lines of the table alone; `title`, `baseline` and `ours` stand above the first columns."""
    titles = [title, baseline, ours, "ratio (quartiles)", "target", "verdict", *peers]
    cells = [titles, *([*_cells(row), *(_peer_cell(row, name) for name in peers)] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    ruler = [f"{'-' * (width - 1)}{':' if index in _RIGHT else '-'}" for index, width in enumerate(widths)]
    return [_line(row, widths) for row in (cells[0], ruler, *cells[1:])]


_RIGHT: Final = (1, 2)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell.rjust(width) if index in _RIGHT else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"


def _cells(row: Row) -> list[str]:
    return [
        row.title,
        _value(row, row.baseline),
        _value(row, row.ours),
        _ratio(row),
        _target(row),
        row.verdict(),
    ]


def _value(row: Row, name: str) -> str:
    value = row.median(name)
    if value is None:
        return "absent" if name in row.absent or name == row.ours else ""
    return f"{value:,.{row.digits}f} {row.unit}"


def _ratio(row: Row) -> str:
    ratio, spread = row.ratio(row.ours), row.spread(row.ours)
    if ratio is None:
        return ""
    if row.target is not None and row.target.above is not None:
        return f"{row.difference():+.{row.digits}f} {row.unit}"
    return f"{ratio:.2f}" if spread is None else f"{ratio:.2f} ({spread[0]:.2f} to {spread[1]:.2f})"


def _target(row: Row) -> str:
    match row.target:
        case Target(ratio=float(ratio), aim=aim):
            return f"<= {ratio:.2f}" + (f", aim {aim:.1f}" if aim is not None else "")
        case Target(least=float(least)):
            return f">= {least:.2f}"
        case Target(above=float(above)):
            return f"<= {above:+.0f} {row.unit}"
        case Target(most=float(most)):
            return f"<= {most:.0f} {row.unit}"
        case _:
            return ""


def _peer_cell(row: Row, name: str) -> str:
    ratio = row.ratio(name)
    if name in row.absent:
        return "absent"
    return _value(row, name) if ratio is None else f"{_value(row, name)} ({ratio:,.1f}x)"


def environment_line(names: Iterable[str]) -> str:
    """Return what the figures depend on, in a line."""
    facts = environment(names)
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return f"Python {facts['python']}, {facts['system']}, {facts['cores']} x {facts['cpu']}; {versions}."


def notes(rows: Sequence[Row]) -> list[str]:
    """Return a line for each absent client."""
    reasons = {(name, reason) for row in rows for name, reason in row.absent.items()}
    return ["", *(f"- absent, {name}: {reason}" for name, reason in sorted(reasons))] if reasons else []

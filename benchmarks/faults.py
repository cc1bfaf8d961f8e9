"""What happens when something goes wrong: `python benchmarks/faults.py`.

Runs the fault suite (`tests/faults`) and prints what came of each fault, as Markdown: the outcome, how many requests the
servers saw, and after how many seconds. Sockets are real, on loopback; time is virtual, so that all of it takes a few
seconds. The exit code is 1 where anything came out otherwise than documented.

Needs the extra `test`.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import looptime
import structlog

_ROOT: Final = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests" / "faults")]  # this checkout is what is run

_HEADER: Final = ("fault", "call", "configuration", "outcome", "requests", "seconds", "as documented")


def main(argv: Sequence[str] | None = None) -> int:
    """Run all cases, or those whose fault is named, and print the table."""
    parser = argparse.ArgumentParser(description="What happens when something goes wrong.")
    parser.add_argument("--only", default="", metavar="TEXT", help="only the faults with this in their names")
    only: str = parser.parse_args(argv).only
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    rows = [row for row in import_module("fault_rows").ROWS if only in row.fault]
    seen = [_seen(row) for row in rows]
    lines = [_HEADER, ("---",) * len(_HEADER), *map(_line, rows, seen)]
    print(import_module("fault_tables").table(lines))
    good = sum(map(_is_as_documented, rows, seen))
    print(f"\n{good} of {len(rows)} cases as documented.")
    return 0 if good == len(rows) else 1


def _seen(row: Any) -> Any:
    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        return runner.run(import_module("fault_run").meet(row))


def _line(row: Any, seen: Any) -> Sequence[str]:
    outcome = " or ".join(sorted(set(seen.outcomes)))
    return (
        row.fault,
        row.form,
        row.where,
        outcome if outcome == "answer" else f"`{outcome}`",
        " + ".join(str(seen.asked.count(letter)) for letter in "PB" if letter in seen.asked),
        f"{seen.seconds:.2f}",
        "yes" if _is_as_documented(row, seen) else "NO",
    )


def _is_as_documented(row: Any, seen: Any) -> bool:
    low, high = row.seconds
    in_time = round(low, 4) <= round(seen.seconds, 4) <= round(high, 4)
    return set(seen.outcomes) == {row.outcome} and seen.asked == row.asked and in_time and not seen.left


if __name__ == "__main__":
    sys.exit(main())

"""The documented outcomes as a Markdown table, for the page on what happens when something goes wrong."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from fault_rows import ALONE, FALLBACK, PARTIAL, ROWS
from fault_weather import WEATHERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fault_rows import Row

HEADER: Final = ("what goes wrong", "call", "alone", "with a fallback")


def outcomes() -> str:
    """A line for each fault; two where it makes a difference whether a call streams."""
    lines = [HEADER, ("---",) * len(HEADER)]
    for fault, rows in groupby(ROWS, lambda row: row.fault):
        lines += _lines(fault, list(rows))
    return table(lines)


def table(lines: Iterable[Sequence[str]]) -> str:
    """Lines of cells as Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def span(low: float, high: float) -> str:
    """Seconds, at least and at most."""
    return f"{low:g} s" if low == high else f"{low:g} to {high:g} s"


def requests(row: Row) -> str:
    """How many requests are made: to the primary, and to the fallback."""
    primary, backup = row.asked.count("P"), row.asked.count("B")
    if backup:
        return f"{primary} + {backup} requests"
    return f"{primary} request" if primary == 1 else f"{primary} requests"


def _lines(fault: str, rows: list[Row]) -> list[tuple[str, ...]]:
    by_form = {
        form: {row.where: _cell(row) for row in of_form}
        for form, of_form in groupby(rows, lambda row: row.form)
    }
    cells = list(by_form.values())
    if len(cells) == 1 or cells[0] == cells[1]:
        forms = "streaming" if WEATHERS[fault].only_streams else "any"
        return [(fault, forms, cells[0][ALONE], cells[0][FALLBACK])]
    return [(fault, form, each[ALONE], each[FALLBACK]) for form, each in by_form.items()]


def _cell(row: Row) -> str:
    calls = WEATHERS[row.fault].calls
    if row.outcome == "answer":
        said = (
            "fallback's answer" if row.asked.endswith("B") else "answer" if calls == 1 else f"{calls} answers"
        )
    else:
        said = f"`{row.outcome}`" + (" with what had come" if row.text == PARTIAL else "")
    return f"{said}; {requests(row)}, {span(*row.seconds)}"

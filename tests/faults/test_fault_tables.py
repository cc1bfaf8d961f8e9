"""The table in the docs is made from the rows that the tests run."""

from __future__ import annotations

from pathlib import Path

import fault_tables
from fault_weather import WEATHERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "rules.md"


def test_the_page_has_it() -> None:
    assert "```{faults}\n```" in PAGE.read_text()


def test_every_fault_has_its_lines() -> None:
    header, _, *lines = [line.strip("| ").split(" | ") for line in fault_tables.outcomes().splitlines()]
    assert {len(line) for line in lines} == {len(header)}
    assert all(cell for line in lines for cell in line)
    assert list(dict.fromkeys(line[0] for line in lines)) == list(WEATHERS)
    assert len({(fault, form) for fault, form, *_ in lines}) == len(lines)


def test_what_a_line_says() -> None:
    lines = fault_tables.outcomes().splitlines()
    assert (
        "| 429 with `Retry-After: 2` for ever | any | `RateLimitError`; 3 requests, 4 s "
        "| fallback's answer; 3 + 1 requests, 4 s |"
    ) in lines
    assert (
        "| flapping: every other request fails (503) | any | 4 answers; 8 requests, 0 to 2 s "
        "| 4 answers; 8 requests, 0 to 2 s |"
    ) in lines
    assert (
        "| cut within the answer | streaming | `APIConnectionError` with what had come; 1 request, 0 s "
        "| `APIConnectionError` with what had come; 1 request, 0 s |"
    ) in lines

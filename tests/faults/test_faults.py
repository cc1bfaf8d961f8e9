"""Each fault, blocking and streaming, alone and with a fallback: what comes of it, and that nothing is left of it."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import pytest
from fault_rows import ALONE, BLOCKING, FALLBACK, ROWS, SKIPPED, STREAMING, Row
from fault_run import MODELS, meet
from fault_weather import WEATHERS

from aiocompl.errors import AllModelsFailedError

if TYPE_CHECKING:
    from fault_run import Seen

    from aiocompl.types.completion import ChatCompletion

GROUPS = {"P": "primary", "B": "backup"}
PENDING = (
    "before the first token",
    "headers, then silence",
    "an HTML page under 200",
)


def marked(row: Row) -> object:
    name = f"{row.fault}, {row.form}, {row.where}"
    pending = row.form == STREAMING and any(part in row.fault for part in PENDING)
    return pytest.param(row, id=name, marks=[pytest.mark.xfail(strict=True)] if pending else [])


@pytest.mark.looptime
@pytest.mark.parametrize("row", [marked(row) for row in ROWS])
async def test_a_fault(row: Row) -> None:
    seen = await meet(row)
    assert set(seen.outcomes) == {row.outcome}
    assert seen.asked == row.asked
    assert seen.left == ()
    check_times(row, seen)
    if seen.error is None:
        assert seen.answer is not None
        check_answer(row, seen, seen.answer)
    else:
        check_error(row, seen)


def check_times(row: Row, seen: Seen) -> None:
    low, high = row.seconds
    assert low <= seen.seconds + 1e-5
    assert seen.seconds <= high + 1e-5
    if WEATHERS[row.fault].place == "http":  # else nobody saw the first ones
        assert len(seen.gaps) == len(row.gaps)
    for measured, expected in zip(seen.gaps, row.gaps, strict=False):
        shortest, longest = expected if isinstance(expected, tuple) else (expected, expected)
        assert shortest - 1e-5 <= measured <= longest + 1e-5


def check_answer(row: Row, seen: Seen, answer: ChatCompletion) -> None:
    call = answer.call
    assert call is not None
    group = GROUPS[row.asked[-1]]
    assert (call.group, call.model, answer.model) == (group, MODELS[group], MODELS[group])
    assert answer.choices[0].message.content == row.text
    assert seen.read in ("", row.text)
    assert call.skipped_events == (row.text == SKIPPED)
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert (call.usage, call.estimated) == (answer.usage, False)
    asked = row.asked[-len(row.asked) // WEATHERS[row.fault].calls :]
    assert [GROUPS[letter] for letter in asked] == [attempt.group for attempt in call.attempts]
    assert kinds(asked) == [attempt.kind for attempt in call.attempts]
    assert [attempt.error is None for attempt in call.attempts] == [False] * (len(asked) - 1) + [True]


def check_error(row: Row, seen: Seen) -> None:
    error = seen.error
    assert error is not None
    whole = isinstance(error, AllModelsFailedError)
    asked = row.asked if whole else row.asked[:-1]
    assert [GROUPS[letter] for letter in asked] == [attempt.group for attempt in error.attempts]
    assert kinds(asked) == [attempt.kind for attempt in error.attempts]
    assert all(attempt.error is not None for attempt in error.attempts)
    assert seen.read == row.text
    said = None if error.partial is None else error.partial.choices[0].message.content
    assert said == (row.text or None)
    if isinstance(error, AllModelsFailedError):
        assert len(error.exceptions) == len(row.asked)
    else:
        assert (error.provider, error.model) == ("openai", MODELS["primary"])


def kinds(asked: str) -> list[str]:
    """Why each of these attempts is made."""
    changed = [before != after for before, after in pairwise(asked)]
    return ["first", *("fallback" if change else "retry" for change in changed)][: len(asked)]


def test_every_case_has_its_row() -> None:
    cases = [(row.fault, row.form, row.where) for row in ROWS]
    assert len(cases) == len(set(cases))
    assert set(cases) == set(product(WEATHERS, (BLOCKING, STREAMING), (ALONE, FALLBACK)))

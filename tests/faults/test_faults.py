"""Each fault, blocking and streaming, alone and with a fallback: what comes of it, and that nothing is left of it."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import pytest
from fault_rows import ALONE, BLOCKING, FALLBACK, ROWS, SKIPPED, STREAMING, Row
from fault_run import PRIMARY, meet
from fault_weather import WEATHERS

from aiocompl.errors import AllModelsFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fault_run import Seen

    from aiocompl.types.call import Attempt
    from aiocompl.types.completion import ChatCompletion

GROUPS = {"P": "primary", "B": "backup"}


@pytest.mark.looptime
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.fault}, {row.form}, {row.where}")
async def test_a_fault(row: Row) -> None:
    seen = await meet(row)
    assert set(seen.outcomes) == {row.outcome}
    assert seen.asked == row.asked
    assert seen.left == ()
    check_times(row, seen)
    first = [each.error for each in seen.attempts] + [seen.error]
    assert WEATHERS[row.fault].says in str(first[0])
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
    model = model_of(row)
    resumed = (
        WEATHERS[row.fault].streamed.get("stream_recovery") == "resume"
    )  # by two, and told as the first's
    assert (call.group, call.model) == (GROUPS[row.asked[-1]], model)
    assert answer.model == ("first-model" if resumed else model)
    assert answer.choices[0].message.content == row.text
    assert seen.read in ("", row.text)
    assert call.skipped_events == (row.text == SKIPPED)
    assert answer.usage is not None
    assert answer.usage.completion_tokens > 0
    assert call.usage == answer.usage
    check_attempts(row, call.attempts)
    assert [attempt.error is None for attempt in call.attempts] == [False] * (len(row.told) - 1) + [True]


def check_error(row: Row, seen: Seen) -> None:
    error = seen.error
    assert error is not None
    check_attempts(row, error.attempts)
    assert all(attempt.error is not None for attempt in error.attempts)
    assert seen.read == row.text
    said = None if error.partial is None else error.partial.choices[0].message.content
    assert said == (row.text or None)
    if isinstance(error, AllModelsFailedError):
        assert list(error.exceptions) == [attempt.error for attempt in error.attempts]
    else:
        assert (error.provider, error.model) == ("openai", "first-model")


def check_attempts(row: Row, attempts: Sequence[Attempt]) -> None:
    """Who was asked, and why."""
    assert [attempt.number for attempt in attempts] == list(range(1, len(row.told) + 1))
    assert [attempt.group for attempt in attempts] == [GROUPS[letter] for letter in row.told]
    opened = row.form == STREAMING and WEATHERS[row.fault].opens
    changed = [before != after for before, after in pairwise(row.told)]
    kinds = ["recovery" if opened else "fallback" if change else "retry" for change in changed]
    assert [attempt.kind for attempt in attempts] == ["first", *kinds][: len(row.told)]


def model_of(row: Row) -> str:
    asked = PRIMARY if row.asked.endswith("P") else WEATHERS[row.fault].backup_model
    return asked.partition("/")[2]


def test_every_case_has_its_row() -> None:
    cases = [(row.fault, row.form, row.where) for row in ROWS]
    assert len(cases) == len(set(cases))
    assert set(cases) == {
        (fault, form, where)
        for fault, form, where in product(WEATHERS, (BLOCKING, STREAMING), (ALONE, FALLBACK))
        if form == STREAMING or not WEATHERS[fault].only_streams
    }

"""Batches at a provider that are cancelled, or whose run is killed anywhere, in virtual time."""

from __future__ import annotations

from typing import Any

import pytest
from provider_kit import failing, losing

from aiocompl.errors import (
    APIConnectionError,
    AuthenticationError,
    InternalServerError,
)

pytestmark = pytest.mark.looptime

# ---------------------------------------------------------------- cancelling


async def test_cancelling_keeps_what_is_answered(bench: Any, looptime: Any) -> None:
    made = bench("a", "slow", "b")
    made.provider.faults = [None] * 3 + [None] * 5 + [failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    assert looptime >= 60
    assert await made.run(cancel=True) == 1
    assert made.events[-1] == "cancelling"
    await made.run()
    assert made.desk.texts == ["<a>", "batch_cancelled", "<b>"]
    assert made.provider.begun == 1


async def test_cancelling_what_is_over_already(bench: Any) -> None:
    made = bench("a")
    made.provider.faults = [None] * 6 + [failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    assert await made.run(cancel=True) == 0
    assert made.events[-1] == "refused"
    await made.run()
    assert made.desk.texts == ["<a>"]


async def test_cancelling_where_there_is_nothing(bench: Any) -> None:
    made = bench("a")
    assert await made.run(cancel=True) == 0


async def test_cancelling_an_intent_finds_it_first(bench: Any) -> None:
    made = bench("slow")
    made.provider.faults = [None, losing(APIConnectionError("gone")), failing(401)]
    with pytest.raises(AuthenticationError):
        await made.run()
    assert await made.run(cancel=True) == 1


async def test_cancelling_while_the_provider_fails(bench: Any) -> None:
    made = bench("slow")
    made.provider.faults = [None] * 3 + [failing(401), failing(500)]
    with pytest.raises(AuthenticationError):
        await made.run()
    with pytest.raises(InternalServerError):
        await made.run(cancel=True)


# ---------------------------------------------------------------- killed anywhere


@pytest.mark.parametrize("lines", [1, 3])
async def test_killed_after_any_step_and_resumed(bench: Any, lines: int) -> None:
    steps = 0
    while True:
        made = bench(*"abcde"[:lines], max_requests=2)
        made.path.unlink(missing_ok=True)
        if not await made.killed_after(steps):
            break
        await made.run()
        assert made.desk.texts == [f"<{name}>" for name in "abcde"[:lines]], f"killed after {steps}"
        assert made.provider.begun == (lines + 1) // 2, f"killed after {steps}"
        steps += 1
    assert steps > 20


async def test_killed_after_every_few_steps_until_it_is_done(bench: Any) -> None:
    made = bench(*"abcd", max_requests=2)
    kills = 0
    while await made.killed_after(7):
        kills += 1
    assert kills > 2
    assert made.desk.texts == ["<a>", "<b>", "<c>", "<d>"]
    assert made.provider.begun == 2

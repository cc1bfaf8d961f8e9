"""Who is refused before an actor's slots, what is told of it, and what it does to the rest of the child."""

from __future__ import annotations

import asyncio

import pytest
from runtime_kit import ScriptedChild, outcome, plain

from aiocompl.errors import APITimeoutError, WaitTooLongError
from aiocompl.testing import settle

pytestmark = pytest.mark.looptime


async def test_whose_turn_would_come_too_late_is_refused_at_once() -> None:
    async with ScriptedChild(plain(10), slots=1) as scripted:
        tasks = [scripted.begin() for _ in range(4)]
        await asyncio.sleep(25)
        told = "in 20 s: a call takes 10 s, and 30 s are left"
        with pytest.raises(WaitTooLongError, match=told) as caught:
            await scripted.ask(timeout=30)
        assert asyncio.get_running_loop().time() == 25
        assert caught.value.retry_after == pytest.approx(20)
        assert caught.value.provider == "test"
        assert scripted.sent == 3
        assert scripted.child.snapshot().failed == 1
        await asyncio.gather(*tasks)


async def test_whose_turn_has_come_too_late_is_not_sent() -> None:
    async with ScriptedChild(plain(10), slots=1) as scripted:
        tasks = [scripted.begin(), scripted.begin(timeout=19), scripted.begin()]
        assert isinstance(await outcome(tasks[1]), WaitTooLongError)
        assert asyncio.get_running_loop().time() == 10
        await asyncio.gather(tasks[0], tasks[2])
        assert asyncio.get_running_loop().time() == 20, "the slot was for the next"
        assert scripted.sent == 2
        assert scripted.child.snapshot().in_flight == 0


async def test_calls_that_were_given_up_tell_how_long_one_takes() -> None:
    async with ScriptedChild(plain(100), slots=1) as scripted:
        tasks = [scripted.begin(timeout=timeout) for timeout in (20, 25, 50, 200)]
        found = [type(await outcome(task)) for task in tasks]
        assert found[0] is APITimeoutError
        assert found[1] is WaitTooLongError
        assert scripted.sent < 4


async def test_by_priority() -> None:
    async with ScriptedChild(plain(1), slots=1) as scripted:
        order: list[str] = []

        async def ask(name: str, priority: int) -> None:
            await scripted.ask(priority=priority)
            order.append(name)

        tasks = [asyncio.create_task(ask(name, 0)) for name in "abc"]
        await settle()
        tasks.append(asyncio.create_task(ask("h", -2)))
        await asyncio.gather(*tasks)
    assert order == ["a", "h", "b", "c"]

from __future__ import annotations

import asyncio

import pytest

from aiocompl.runtime.inbox import Inbox
from aiocompl.testing import settle


async def put_all(inbox: Inbox[str], items: str) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(inbox.put(item)) for item in items]
    await settle()
    return tasks


def test_first_in_first_out() -> None:
    inbox: Inbox[str] = Inbox(3)
    assert not inbox
    assert [inbox.offer(item) for item in "abcd"] == [True, True, True, False]
    assert len(inbox) == 3
    assert inbox
    assert [inbox.pop() for _ in range(4)] == ["a", "b", "c", None]


def test_wake_is_called_after_each_put() -> None:
    inbox: Inbox[str] = Inbox(3)
    seen: list[str | None] = []
    inbox.wake = lambda: seen.append(inbox.pop())
    inbox.offer("a")
    inbox.offer("b")
    assert seen == ["a", "b"]


def test_withdraw() -> None:
    inbox: Inbox[str] = Inbox(2)
    inbox.offer("a")
    inbox.offer("b")
    assert inbox.withdraw("a")
    assert not inbox.withdraw("a")
    assert inbox.pop() == "b"


async def test_put_takes_room_that_is_there() -> None:
    inbox: Inbox[str] = Inbox(1)
    await inbox.put("a")
    assert len(inbox) == 1


async def test_put_waits_in_line() -> None:
    inbox: Inbox[str] = Inbox(1)
    tasks = await put_all(inbox, "abc")
    assert [task.done() for task in tasks] == [True, False, False]
    assert inbox.pop() == "a"
    assert not inbox.offer("x"), "nobody overtakes who is in line"
    await settle()
    assert [inbox.pop(), len(inbox)] == ["b", 0]
    assert inbox, "one still stands in line"
    await settle()
    assert inbox.pop() == "c"
    assert not inbox


async def test_withdrawing_lets_the_next_in() -> None:
    inbox: Inbox[str] = Inbox(1)
    await put_all(inbox, "ab")
    assert inbox.withdraw("a")
    await settle()
    assert inbox.pop() == "b"


async def test_cancelled_in_line() -> None:
    inbox: Inbox[str] = Inbox(1)
    tasks = await put_all(inbox, "abc")
    tasks[1].cancel()
    await settle()
    inbox.pop()
    await settle()
    assert [inbox.pop(), inbox.pop()] == ["c", None]


async def test_cancelled_in_the_turn_in_which_room_comes() -> None:
    inbox: Inbox[str] = Inbox(1)
    tasks = await put_all(inbox, "abc")
    tasks[1].cancel()
    assert inbox.pop() == "a"  # before the cancelled task has run: its place is passed over
    await settle()
    assert tasks[1].cancelled()
    assert [inbox.pop(), inbox.pop()] == ["c", None]


async def test_told_to_come_in_and_cancelled_at_once() -> None:
    inbox: Inbox[str] = Inbox(1)
    tasks = await put_all(inbox, "abc")
    assert inbox.pop() == "a"
    tasks[1].cancel()
    await settle()
    assert tasks[1].cancelled()
    assert [inbox.pop(), inbox.pop()] == ["c", None]
    assert not inbox


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_never_more_than_its_size(size: int) -> None:
    inbox: Inbox[int] = Inbox(size)
    tasks = [asyncio.create_task(inbox.put(number)) for number in range(20)]
    taken: list[int] = []
    while len(taken) < 20:
        await settle()
        assert len(inbox) <= size
        item = inbox.pop()
        assert item is not None
        taken.append(item)
    assert taken == list(range(20))
    await asyncio.wait(tasks)


class TestPriorities:
    """Items with a priority."""

    def test_by_priority_from_the_first_that_has_one(self) -> None:
        inbox: Inbox[str] = Inbox(9)
        for item in "ab":
            inbox.offer(item)
        inbox.offer("h", -2)
        inbox.offer("c")
        inbox.offer("l", 2)
        assert (len(inbox), bool(inbox), inbox.ahead(), inbox.ahead(-2)) == (5, True, 5, 3)
        assert [inbox.pop() for _ in range(6)] == ["h", "a", "l", "b", "c", None]
        assert not inbox
        inbox.offer("d")
        assert (inbox.ahead(), inbox.pop()) == (1, "d")

    def test_withdraw(self) -> None:
        inbox: Inbox[str] = Inbox(2)
        inbox.offer("h", -2)
        inbox.offer("a")
        assert [inbox.withdraw(item) for item in "hha"] == [True, False, True]
        assert (inbox.pop(), len(inbox), bool(inbox)) == (None, 0, False)

    async def test_the_line_before_a_full_inbox(self) -> None:
        inbox: Inbox[str] = Inbox(1)
        tasks = [
            asyncio.create_task(inbox.put(item, priority))
            for item, priority in (("a", 0), ("b", 0), ("h", -2))
        ]
        await settle()
        assert (inbox.ahead(), inbox.ahead(-5)) == (3, 1)
        served = []
        for _ in range(3):
            served.append(inbox.pop())
            await settle()
        assert served == ["a", "h", "b"]
        assert all(task.done() for task in tasks)

    async def test_cancelled_in_line_after_it_was_passed_over(self) -> None:
        inbox: Inbox[str] = Inbox(1)
        tasks = await put_all(inbox, "ab")
        tasks[1].cancel()
        inbox.pop()
        await settle()
        assert (tasks[1].cancelled(), bool(inbox)) == (True, False)

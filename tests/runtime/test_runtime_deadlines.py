from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.runtime.deadlines import Deadlines
from aiocompl.testing import settle

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.looptime


class Entry:
    def __init__(
        self, log: list[tuple[str, float]], name: str, then: Callable[[], None] | None = None
    ) -> None:
        self.over = False
        self._log = log
        self._name = name
        self._then = then

    def expire(self) -> None:
        self._log.append((self._name, asyncio.get_running_loop().time()))
        self.over = True
        if self._then is not None:
            self._then()


async def test_each_at_its_instant(looptime: Any) -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    log: list[tuple[str, float]] = []
    for name, when in (("c", 30.0), ("a", 10.0), ("b", 20.0), ("b2", 20.0)):
        deadlines.add(when, Entry(log, name))
    await asyncio.sleep(100)
    assert log == [("a", 10), ("b", 20), ("b2", 20), ("c", 30)]
    assert looptime == 100
    assert len(deadlines) == 0


async def test_one_that_has_passed_already() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    log: list[tuple[str, float]] = []
    deadlines.add(-1.0, Entry(log, "late"))
    assert not log, "never within `add`"
    await settle()
    assert log == [("late", 0)]


async def test_over_means_never() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    log: list[tuple[str, float]] = []
    entry = Entry(log, "a")
    deadlines.add(10, entry)
    deadlines.add(20, Entry(log, "b"))
    entry.over = True
    deadlines.forget(entry)
    await asyncio.sleep(50)
    assert log == [("b", 20)]


async def test_dead_entries_are_cleared_out() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    log: list[tuple[str, float]] = []
    live = [Entry(log, str(number)) for number in range(10)]
    for number, entry in enumerate(live):
        deadlines.add(100 + number, entry)
    for _ in range(1000):
        entry = Entry(log, "dead")
        deadlines.add(50, entry)
        entry.over = True
        deadlines.forget(entry)
        assert len(deadlines) == 10
    await asyncio.sleep(200)
    assert log == [(str(number), 100 + number) for number in range(10)]


async def test_dead_entries_that_an_alarm_has_put_in_order_are_cleared_out_too() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    log: list[tuple[str, float]] = []
    entries = [Entry(log, str(number)) for number in range(1000)]
    deadlines.add(1, Entry(log, "alarm"))
    for entry in entries:
        deadlines.add(100, entry)
    await asyncio.sleep(2)
    assert len(deadlines) == 1000
    for entry in entries[:-10]:
        entry.over = True
        deadlines.forget(entry)
    assert len(deadlines) <= 10 + 2 * 64
    deadlines.add(50, Entry(log, "later, but due before"))
    await asyncio.sleep(200)
    assert log == [("alarm", 1), ("later, but due before", 50), *((str(n), 100) for n in range(990, 1000))]


async def test_what_one_does_wrong_is_not_the_others_loss() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    log: list[tuple[str, float]] = []
    errors: list[Any] = []
    loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
    deadlines.add(10, Entry(log, "bad", lambda: 1 // 0))  # type: ignore[arg-type] # it raises
    deadlines.add(10, Entry(log, "good"))
    await asyncio.sleep(20)
    assert [name for name, _ in log] == ["bad", "good"]
    assert [type(error) for error in errors] == [ZeroDivisionError]


async def test_an_entry_added_while_one_expires() -> None:
    deadlines = Deadlines(asyncio.get_running_loop())
    log: list[tuple[str, float]] = []
    deadlines.add(10, Entry(log, "a", lambda: deadlines.add(15, Entry(log, "b"))))
    await asyncio.sleep(20)
    assert log == [("a", 10), ("b", 15)]


async def test_closed() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop)
    log: list[tuple[str, float]] = []
    deadlines.close()
    entry = Entry(log, "a")
    deadlines.add(10, entry)
    deadlines.close()
    deadlines.forget(entry)
    await asyncio.sleep(20)
    assert not log
    assert len(deadlines) == 0

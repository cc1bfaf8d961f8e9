"""Two attempts at one answer, as they run side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from groups_kit import answer
from hedging_kit import Hedging, spoken

from aiocompl.runtime.hedging import Hedged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


class Rivals:
    """Two attempts that a test makes itself: what each does, in order."""

    def __init__(self, *does: Callable[[], Awaitable[Any]]) -> None:
        self._does = iter(does)
        first: Any = object()
        self.hedged = Hedged(self._ask, first, "first", lambda: first)

    async def _ask(self, prepared: Any, kind: Any) -> Any:
        return await next(self._does)()


async def for_ever(*, and_then: float = 0.0) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(and_then)


async def at_once(value: Any) -> Any:
    if isinstance(value, BaseException):
        raise value
    return value


@pytest.mark.parametrize("bug", [ZeroDivisionError("a bug"), asyncio.CancelledError()])
async def test_a_bug_in_one_ends_both(bug: BaseException) -> None:
    rivals = Rivals(for_ever, lambda: at_once(bug))
    with pytest.raises(type(bug)):
        await rivals.hedged.run(1)
    assert rivals.hedged.failures == []


async def test_cancelled_while_the_loser_is_awaited(looptime: Any) -> None:
    async with Hedging(answer(), spoken("b", after=1)) as supervisor:
        stream = await supervisor.ask(stream=True, model="custom/m", api_base="http://b/v1")
        rivals = Rivals(lambda: for_ever(and_then=5), lambda: at_once(stream))
        run = asyncio.create_task(rivals.hedged.run(1))
        await asyncio.sleep(4)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert looptime == 7
        supervisor.assert_nothing_left()


async def test_the_latencies_of_many_models_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiocompl.runtime.hedging._MAX_DIGESTS", 1)
    async with Hedging(answer("a", delay=1), answer("b")) as supervisor:
        for model in ("chat", "custom/x", "custom/y"):
            where: Any = {} if model == "chat" else {"api_base": "http://a/v1"}
            await supervisor.ask(model, hedge=2, **where)
        assert len(supervisor.hedges._digests) == 1

"""Ten times more than a server can do, for a minute: what it can do is still done, and the rest is told at once."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import attrs
import pytest
from runtime_kit import ScriptedChild, plain

from aiocompl.errors import AiocomplError, APITimeoutError, WaitTooLongError
from aiocompl.policy.limits import Cost, Limiter, RateLimitPolicy
from aiocompl.runtime.turnstile import Turnstile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.looptime
SECONDS, SLOTS, OVERLOAD = 60, 5, 10

DURATIONS: dict[str, Callable[[Random], float]] = {
    "even": lambda _: 1.0,
    "uneven": lambda rng: rng.uniform(0.5, 1.5),
    "exponential": lambda rng: rng.expovariate(1.0),
}


each_kind = pytest.mark.parametrize(
    ("durations", "timeout"), [("even", 3.0), ("uneven", 3.0), ("uneven", 8.0), ("exponential", 5.0)]
)


@attrs.define
class Tally:
    good: int = 0
    refused: int = 0
    late: int = 0
    waited: list[float] = attrs.field(factory=list)
    """How long it took until a refusal was told."""
    said: list[float | None] = attrs.field(factory=list)
    """When to come again, by the refusals."""


async def overload(
    serve: Callable[[float, float], Awaitable[object]],
    takes: Callable[[], float],
    *,
    timeout: float,  # noqa: ASYNC109 - the calls' own
) -> Tally:
    """Poisson arrivals at ten times the capacity."""
    rng, tally, tasks = Random(1), Tally(), list[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()

    async def call() -> None:
        begun = loop.time()
        try:
            await serve(takes(), timeout)
        except WaitTooLongError as error:
            tally.refused += 1
            tally.waited.append(loop.time() - begun)
            tally.said.append(error.retry_after)
        except (APITimeoutError, TimeoutError):
            tally.late += 1
        else:
            tally.good += loop.time() <= SECONDS

    while loop.time() < SECONDS:
        tasks.append(asyncio.create_task(call()))
        await asyncio.sleep(rng.expovariate(SLOTS * OVERLOAD))
    await asyncio.gather(*tasks)
    assert None not in tally.said
    print(f"good {tally.good / SLOTS / SECONDS:.1%}, refused {tally.refused}, late {tally.late}")  # noqa: T201
    return tally


@each_kind
async def test_slots(durations: str, timeout: float) -> None:  # noqa: ASYNC109 - the calls' own
    """A turnstile before so many slots."""
    turnstile = Turnstile(None, SLOTS, asyncio.get_running_loop())

    async def serve(seconds: float, timeout: float) -> None:  # noqa: ASYNC109 - the calls' own
        deadline = asyncio.get_running_loop().time() + timeout
        passed = await turnstile.enter(deadline=deadline)
        failed = True
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.sleep(seconds)
            failed = False
        finally:
            passed.leave(failed=failed)

    rng = Random(2)
    tally = await overload(serve, lambda: DURATIONS[durations](rng), timeout=timeout)
    assert tally.good > 0.9 * SLOTS * SECONDS
    assert sorted(tally.waited)[len(tally.waited) * 8 // 10] == 0, (
        "nearly all that are refused are so at once"
    )


@each_kind
async def test_the_inbox(durations: str, timeout: float) -> None:  # noqa: ASYNC109 - the calls' own
    """The inbox before an actor's slots."""
    rng = Random(2)
    async with ScriptedChild(lambda _: plain(DURATIONS[durations](rng)), slots=SLOTS) as scripted:

        async def serve(_: float, timeout: float) -> object:  # noqa: ASYNC109 - the call's own
            return await scripted.ask(timeout=timeout)

        tally = await overload(serve, lambda: 0.0, timeout=timeout)
        assert scripted.child.snapshot().queued == 0
    assert tally.good > 0.9 * SLOTS * SECONDS
    assert sorted(tally.waited)[len(tally.waited) * 8 // 10] == 0, (
        "nearly all that are refused are so at once"
    )


@pytest.mark.parametrize("timeout", [3.0, 30.0])
async def test_a_limit_per_minute(timeout: float) -> None:  # noqa: ASYNC109 - the calls' own
    limits = Limiter(RateLimitPolicy(rpm=SLOTS * 60))
    turnstile = Turnstile(limits, None, asyncio.get_running_loop())

    async def serve(_: float, timeout: float) -> None:  # noqa: ASYNC109 - the calls' own
        deadline = asyncio.get_running_loop().time() + timeout
        (await turnstile.enter(deadline=deadline)).leave(Cost())

    tally = await overload(serve, lambda: 0.0, timeout=timeout)
    assert tally.good > 0.9 * SLOTS * SECONDS
    assert tally.late == 0
    assert sum(wait > 0 for wait in tally.waited) < 5, "nearly all that are refused are so at once"


async def test_the_important_calls_get_through() -> None:
    """A tenth of the calls has priority, which is as much as the server can do."""
    rng, arrivals, good, refused = Random(2), Random(1), 0, 0
    loop = asyncio.get_running_loop()
    async with ScriptedChild(lambda _: plain(rng.uniform(0.5, 1.5)), slots=SLOTS) as scripted:

        async def call(priority: int) -> None:
            nonlocal good, refused
            try:
                await scripted.ask(timeout=3, priority=priority)
            except AiocomplError:
                refused += priority < 0
            else:
                good += priority < 0

        tasks = []
        while loop.time() < SECONDS:
            tasks.append(asyncio.create_task(call(-2 if arrivals.random() < 0.07 else 0)))
            await asyncio.sleep(arrivals.expovariate(SLOTS * OVERLOAD))
        await asyncio.gather(*tasks)
    assert good > 9 * refused

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import BODY, MESSAGES, ScriptedSupervisor, outcome

from aiocompl import BadRequestError, BreakerPolicy, CircuitOpenError, ServiceUnavailableError
from aiocompl.testing import Delivery, ScriptedTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.wire.messages import HTTPRequest

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

GOOD = Delivery.json(BODY, delay=1)
DOWN = Delivery.json({"error": {"message": "down"}}, status=503)
WRONG = Delivery.json({"error": {"message": "wrong"}}, status=400)
POLICY = BreakerPolicy(consecutive=3, cooldown=5)


class Broken(ScriptedSupervisor):
    """A supervisor with a breaker, on one scripted transport."""

    def __init__(self, script: Callable[[HTTPRequest], Delivery]) -> None:
        self.transport = ScriptedTransport(script)
        super().__init__(lambda _: self.transport, num_retries=0, breaker=POLICY)

    async def ask(self, **options: Any) -> Any:
        return await self.acompletion("custom/m", MESSAGES, api_base="http://test.invalid/v1", **options)

    @property
    def breaker(self) -> str | None:
        return self.snapshot().deployments[0].breaker


async def broken(supervisor: Broken) -> None:
    for _ in range(3):
        with pytest.raises(ServiceUnavailableError):
            await supervisor.ask()


async def test_an_open_breaker_spares_the_endpoint_and_says_for_how_long() -> None:
    async with Broken(lambda _: DOWN) as supervisor:
        await broken(supervisor)
        with pytest.raises(CircuitOpenError, match="not asked for now") as caught:
            await supervisor.ask()
        assert caught.value.retry_after == 5
        assert caught.value.provider == "custom"
        assert len(supervisor.transport.records) == 3
        assert supervisor.breaker == "open"


async def test_one_probe_decides() -> None:
    script = iter([DOWN, DOWN, DOWN, GOOD, GOOD, GOOD])
    async with Broken(lambda _: next(script)) as supervisor:
        await broken(supervisor)
        await asyncio.sleep(6)
        assert supervisor.breaker == "half_open"
        probe = asyncio.create_task(supervisor.ask())
        await asyncio.sleep(0.5)
        with pytest.raises(CircuitOpenError):
            await supervisor.ask()
        await probe
        assert supervisor.breaker == "closed"
        await asyncio.gather(supervisor.ask(), supervisor.ask())


async def test_a_probe_that_fails_opens_it_for_longer() -> None:
    async with Broken(lambda _: DOWN) as supervisor:
        await broken(supervisor)
        await asyncio.sleep(6)
        with pytest.raises(ServiceUnavailableError):
            await supervisor.ask()
        with pytest.raises(CircuitOpenError) as caught:
            await supervisor.ask()
        assert caught.value.retry_after == 10


@pytest.mark.parametrize("end", ["cancelled", "wrong", "late"])
async def test_a_probe_that_says_nothing_makes_room_for_another(end: str) -> None:
    never = Delivery(opened=False, ending="silence")
    script = iter([DOWN, DOWN, DOWN, WRONG if end == "wrong" else never, GOOD])
    async with Broken(lambda _: next(script)) as supervisor:
        await broken(supervisor)
        await asyncio.sleep(6)
        task = asyncio.create_task(supervisor.ask(timeout=3 if end == "late" else 60))
        await asyncio.sleep(1)
        if end == "cancelled":
            task.cancel()
        result = await outcome(task)
        if end == "wrong":
            assert isinstance(result, BadRequestError)
        if end == "late":  # it does say something: the endpoint is silent
            assert supervisor.breaker == "open"
        else:
            await supervisor.ask()
            assert supervisor.breaker == "closed"


async def test_without_a_policy_there_is_none() -> None:
    transport = ScriptedTransport(DOWN)
    async with ScriptedSupervisor(lambda _: transport, num_retries=0) as supervisor:
        for _ in range(20):
            with pytest.raises(ServiceUnavailableError):
                await supervisor.acompletion("custom/m", MESSAGES, api_base="http://test.invalid/v1")
        assert supervisor.snapshot().deployments == ()

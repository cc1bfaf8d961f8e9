from __future__ import annotations

import asyncio

import pytest
from runtime_kit import MESSAGES, ScriptedSupervisor

from aiocompl import RetryBudget, ServiceUnavailableError
from aiocompl.testing import Delivery, ScriptedTransport

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

DOWN = Delivery.json({"error": {"message": "down"}}, status=503)


@pytest.mark.parametrize(
    ("budget", "most"), [(RetryBudget(ratio=0.1, per_second=0, burst=5), 9), (RetryBudget(), 40), (None, 40)]
)
async def test_an_outage_is_not_multiplied(budget: RetryBudget | None, most: int) -> None:
    transport = ScriptedTransport(DOWN)
    async with ScriptedSupervisor(lambda _: transport, num_retries=1, retry_budget=budget) as supervisor:
        calls = [
            supervisor.acompletion("custom/m", MESSAGES, api_base="http://test.invalid/v1") for _ in range(40)
        ]
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, ServiceUnavailableError) for result in results)
    retries = len(transport.records) - 40
    assert most - 4 <= retries <= most  # the calls earn some while they fail

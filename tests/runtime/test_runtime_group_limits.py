from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest
from groups_kit import Grouped, answer, deployment

from aiocompl import RateLimitError, SupervisorClosedError

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


async def test_limits_have_calls_wait(looptime: Any) -> None:
    async with Grouped({"a": answer()}, model_list=[deployment("a", rpm=60)]) as supervisor:
        await asyncio.gather(*(supervisor.ask() for _ in range(8)))
        assert 0 < looptime < 8
        before = looptime + 0
        with pytest.raises(RateLimitError):
            await asyncio.gather(*(supervisor.ask(timeout=3) for _ in range(20)))
        assert looptime - before < 3
        limits = supervisor.snapshot().deployments[0].limits
        assert limits is not None
        assert limits.rpm == 60


async def test_a_deployment_that_would_have_one_wait_is_left_for_another(looptime: Any) -> None:
    entries = [deployment("a", order=1, max_parallel_requests=1), deployment("b", order=2)]
    async with Grouped({"a": answer(delay=5), "b": answer()}, model_list=entries) as supervisor:
        calls = [asyncio.create_task(supervisor.ask()) for _ in range(3)]
        await asyncio.gather(*calls)
        assert supervisor.asked == ["a", "b", "b"]


async def test_close_while_a_call_waits_for_a_limit() -> None:
    async with Grouped({"a": answer()}, model_list=[deployment("a", rpm=1)]) as supervisor:
        await supervisor.ask()
        waiting = asyncio.create_task(supervisor.ask())
        await asyncio.sleep(1)
        await supervisor.aclose()
        with pytest.raises(SupervisorClosedError):
            await waiting


async def test_limits_are_learnt_from_headers_where_that_is_asked_for(looptime: Any) -> None:
    spent = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "7s",
    }
    delivery = answer()
    said = attrs.evolve(delivery, headers={**delivery.headers, **spent})
    async with Grouped({"a": said}, model_list=[deployment("a", learn_limits=True)]) as supervisor:
        await supervisor.ask()
        assert looptime == 0
        await supervisor.ask()
        assert 0.9 <= looptime + 0 <= 7.5


async def test_priorities_of_a_configuration(looptime: Any) -> None:
    settings: Any = {"model_list": [deployment("a", max_parallel_requests=1)], "default_priority": 5}
    order: list[str] = []

    async def ask(name: str, **options: Any) -> None:
        await supervisor.ask(**options)
        order.append(name)

    async with Grouped({"a": answer(delay=1)}, **settings) as supervisor:
        first = asyncio.create_task(ask("first"))
        await asyncio.sleep(0.1)
        await asyncio.gather(ask("usual"), ask("urgent", priority=0))
        await first
    assert order == ["first", "urgent", "usual"]


async def test_drain_waits_for_those_who_wait_for_a_limit(looptime: Any) -> None:
    async with Grouped({"a": answer()}, model_list=[deployment("a", rpm=60)]) as supervisor:
        calls = [asyncio.create_task(supervisor.ask()) for _ in range(6)]
        await asyncio.sleep(0.5)
        await supervisor.drain(timeout=60)
        assert all(call.result().choices for call in calls)
        assert 1 < looptime + 0 < 7

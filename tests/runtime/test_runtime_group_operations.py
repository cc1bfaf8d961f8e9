from __future__ import annotations

from typing import Any

import pytest
from groups_kit import Grouped, deployment, refused

from aiocompl import AuthenticationError, BadRequestError, InternalServerError
from aiocompl.testing import Delivery

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

DOWN = refused(503)


def vectors(first: float = 1.0) -> Delivery:
    return Delivery.json(
        {
            "object": "list",
            "model": "m",
            "data": [{"object": "embedding", "index": 0, "embedding": [first, 2.0]}],
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        }
    )


async def embed(supervisor: Grouped, **more: Any) -> Any:
    return await supervisor.aembedding("chat", "text", **more)


async def test_a_group_embeds() -> None:
    entry = deployment("a", dimensions=2, temperature=0.5, rpm=600)
    async with Grouped({"a": vectors()}, model_list=[entry]) as supervisor:
        response = await embed(supervisor)
        assert response.data[0].embedding == [1.0, 2.0]
        assert (response.call.group, response.call.model) == ("chat", "m")
        assert b'"dimensions":2' in supervisor.bodies[0]
        assert b"temperature" not in supervisor.bodies[0]
        shown = supervisor.snapshot().deployments
        assert [(each.group, each.in_flight) for each in shown] == [("chat", 0)]
        await embed(supervisor, dimensions=1)
        assert b'"dimensions":1' in supervisor.bodies[1]


async def test_another_deployment_with_its_own_name_for_the_model() -> None:
    entries = [deployment("a", order=1), deployment("b", order=2, model="custom/other")]
    async with Grouped({"a": DOWN, "b": vectors(5.0)}, model_list=entries) as supervisor:
        response = await embed(supervisor)
        assert response.data[0].embedding == [5.0, 2.0]
        assert supervisor.asked == ["a", "b"]
        assert b'"model":"other"' in supervisor.bodies[1]
        assert [each.kind for each in response.call.attempts] == ["first", "retry"]


async def test_all_fail_and_nobody_of_another_group_is_asked() -> None:
    settings: Any = {
        "model_list": [deployment("a", order=1), deployment("b", order=2), deployment("c", "backup")],
        "fallbacks": [{"chat": ["backup"]}],
        "num_retries": 2,
    }
    async with Grouped({"a": DOWN, "b": refused(401), "c": vectors()}, **settings) as supervisor:
        with pytest.raises(AuthenticationError) as caught:
            await embed(supervisor)
        assert supervisor.asked == ["a", "b"]
        assert isinstance(caught.value.attempts[0].error, InternalServerError)


async def test_a_second_attempt_goes_to_the_other(looptime: Any) -> None:
    entries = [deployment("a", order=1), deployment("b", order=2)]
    slow = Delivery.json({"data": []}, delay=50)
    async with Grouped({"a": slow, "b": vectors()}, model_list=entries) as supervisor:
        await embed(supervisor, hedge=1.0)
        assert looptime == 1
        assert supervisor.asked == ["a", "b"]


async def test_the_groups_keys_are_its_own() -> None:
    async with Grouped({"a": vectors()}, model_list=[deployment("a")]) as supervisor:
        with pytest.raises(BadRequestError, match="api_key cannot be given"):
            await embed(supervisor, api_key="sk-mine")

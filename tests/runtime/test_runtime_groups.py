from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from groups_kit import FILTERED, SILENT, TOO_LONG, Grouped, answer, deployment, deployments, refused

from aiocompl import (
    AllModelsFailedError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    BreakerPolicy,
    CircuitOpenError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
)
from aiocompl.errors import ConfigError
from aiocompl.telemetry import Callbacks

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

DOWN = refused(503)


async def test_a_group_is_asked_by_its_name() -> None:
    async with Grouped({"a": answer("from a")}, model_list=deployments("a")) as supervisor:
        response = await supervisor.ask(temperature=0)
        assert response.choices[0].message.content == "from a"
        assert response.call.group == "chat"
        assert (response.call.kind, response.call.model) == ("first", "m")
        assert b'"model":"m"' in supervisor.bodies[0]


async def test_defaults_give_way_to_the_caller() -> None:
    entry = deployment("a", temperature=0.1, max_tokens=7)
    async with Grouped({"a": answer()}, model_list=[entry]) as supervisor:
        await supervisor.ask(temperature=0.9)
        assert b'"temperature":0.9' in supervisor.bodies[0]
        assert b'"max_tokens":7' in supervisor.bodies[0]


async def test_what_fails_for_now_goes_elsewhere_at_once(looptime: Any) -> None:
    hosts: Any = {"a": [DOWN, answer("late")], "b": answer("from b")}
    async with Grouped(hosts, model_list=[deployment("a", order=1), deployment("b", order=2)]) as supervisor:
        response = await supervisor.ask()
        assert response.choices[0].message.content == "from b"
        assert supervisor.asked == ["a", "b"]
        assert looptime == 0
        assert [each.kind for each in response.call.attempts] == ["first", "retry"]
        assert [each.endpoint for each in response.call.attempts] == ["http://a/v1", "http://b/v1"]


async def test_no_more_attempts_than_num_retries_says() -> None:
    hosts: Any = {"a": DOWN, "b": DOWN, "c": DOWN}
    async with Grouped(hosts, model_list=deployments("a", "b", "c"), num_retries=1) as supervisor:
        with pytest.raises(InternalServerError) as caught:
            await supervisor.ask()
        assert len(supervisor.asked) == 2
        assert len(caught.value.attempts) == 1


async def test_all_have_failed_once_then_another_round(looptime: Any) -> None:
    hosts: Any = {"a": [DOWN, answer()], "b": [DOWN, answer()]}
    async with Grouped(hosts, model_list=deployments("a", "b"), num_retries=3) as supervisor:
        await supervisor.ask()
        assert sorted(supervisor.asked[:2]) == ["a", "b"]
        assert len(supervisor.asked) == 3
        assert 0 < looptime < 2


@pytest.mark.parametrize(
    "error", [refused(401), refused(403), refused(404), refused(429, type="insufficient_quota")]
)
async def test_what_is_wrong_with_a_deployment_goes_elsewhere(error: Any) -> None:
    hosts: Any = {"a": error, "b": answer()}
    async with Grouped(hosts, model_list=[deployment("a", order=1), deployment("b")]) as supervisor:
        await supervisor.ask()
        assert supervisor.asked == ["a", "b"]


async def test_what_is_wrong_with_the_request_is_raised() -> None:
    hosts: Any = {"a": refused(400), "b": answer()}
    async with Grouped(hosts, model_list=[deployment("a", order=1), deployment("b")]) as supervisor:
        with pytest.raises(BadRequestError):
            await supervisor.ask(fallbacks=["custom/m"])
        assert supervisor.asked == ["a"]


async def test_a_missing_key_is_one_deployments_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    keyless = {"model_name": "chat", "litellm_params": {"model": "openai/gpt-4o", "order": 1}}
    async with Grouped({"b": answer()}, model_list=[keyless, deployment("b")]) as supervisor:
        await supervisor.ask()
        with pytest.raises(AuthenticationError):
            await supervisor.ask(num_retries=0)


FALLBACKS: Any = {
    "model_list": [deployment("a"), deployment("b", "second"), deployment("c", "third")],
    "fallbacks": [{"chat": ["second", "third"]}],
    "num_retries": 0,
}


async def test_fallbacks_in_their_order() -> None:
    hosts: Any = {"a": DOWN, "b": refused(500), "c": answer("from c")}
    async with Grouped(hosts, **FALLBACKS) as supervisor:
        response = await supervisor.ask()
        assert supervisor.asked == ["a", "b", "c"]
        assert response.call.group == "third"
        assert [(each.group, each.kind) for each in response.call.attempts] == [
            ("chat", "first"),
            ("second", "fallback"),
            ("third", "fallback"),
        ]


async def test_all_fallbacks_fail() -> None:
    async with Grouped({"a": DOWN, "b": DOWN, "c": refused(500)}, **FALLBACKS) as supervisor:
        with pytest.raises(AllModelsFailedError) as caught:
            await supervisor.ask()
        assert [type(error).__name__ for error in caught.value.exceptions] == [
            "ServiceUnavailableError",
            "ServiceUnavailableError",
            "InternalServerError",
        ]
        assert [each.group for each in caught.value.attempts] == ["chat", "second", "third"]
        assert caught.value.retryable


async def test_a_streams_fallback() -> None:
    from aiocompl.testing import faults  # noqa: F401, PLC0415 - the simulator's words

    hosts: Any = {"a": DOWN, "b": refused(401), "c": DOWN}
    async with Grouped(hosts, **FALLBACKS) as supervisor:
        with pytest.raises(AllModelsFailedError):
            await supervisor.ask(stream=True)
        assert supervisor.asked == ["a", "b", "c"]


async def test_a_calls_own_fallbacks() -> None:
    hosts: Any = {"a": DOWN, "b": answer("b"), "c": answer("c"), "d": answer("d")}
    async with Grouped(hosts, **FALLBACKS) as supervisor:
        response = await supervisor.ask(
            fallbacks=[{"model": "custom/x", "api_base": "http://d/v1", "temperature": 0.5}]
        )
        assert response.choices[0].message.content == "d"
        assert b'"temperature":0.5' in supervisor.bodies[-1]
        assert b'"model":"x"' in supervisor.bodies[-1]


async def test_a_direct_model_with_fallbacks_keeps_its_key_to_itself() -> None:
    async with Grouped(
        {"a": DOWN, "b": answer("b")}, model_list=[deployment("b")], num_retries=0
    ) as supervisor:
        response = await supervisor.ask(
            "custom/m", api_base="http://a/v1", api_key="sk-of-a", fallbacks=["chat"]
        )
        assert response.choices[0].message.content == "b"
        keys = [transport.records[0].request.headers["Authorization"] for transport in supervisor.transports]
        assert keys == ["Bearer sk-of-a", "Bearer sk-b"]


@pytest.mark.parametrize(
    ("first", "settings", "asked"),
    [
        (TOO_LONG, {"context_window_fallbacks": [{"chat": ["third"]}]}, ["a", "c"]),
        (TOO_LONG, {"fallbacks": [{"chat": ["second"]}]}, ["a", "b"]),
        (TOO_LONG, {}, ["a"]),
        (FILTERED, {"content_policy_fallbacks": [{"chat": ["third"]}]}, ["a", "c"]),
        (FILTERED, {"fallbacks": [{"chat": ["second"]}]}, ["a"]),
        (DOWN, {"default_fallbacks": ["third"]}, ["a", "c"]),
    ],
)
async def test_which_fallbacks_an_error_has(first: Any, settings: Any, asked: list[str]) -> None:
    groups = {"model_list": FALLBACKS["model_list"], "num_retries": 2 if first is not DOWN else 0}
    async with Grouped({"a": first, "b": answer(), "c": answer()}, **groups, **settings) as supervisor:
        if len(asked) == 1:
            with pytest.raises((ContextWindowExceededError, ContentPolicyViolationError)):
                await supervisor.ask()
        else:
            await supervisor.ask()
        assert supervisor.asked == asked


async def test_a_silent_endpoint_is_not_asked_again(looptime: Any) -> None:
    groups = {
        **FALLBACKS,
        "num_retries": 2,
        "model_list": [deployment("a", timeout=3), deployment("b", "second")],
    }
    groups["fallbacks"] = [{"chat": ["second"]}]
    async with Grouped({"a": SILENT, "b": answer()}, **groups) as supervisor:
        response = await supervisor.ask()
        assert supervisor.asked == ["a", "b"]
        assert looptime == 3
        assert isinstance(response.call.failed[0].error, APITimeoutError)


async def test_one_deadline_over_all(looptime: Any) -> None:
    hosts: Any = {"a": refused(500, delay=2), "b": refused(500, delay=2), "c": answer(delay=2)}
    async with Grouped(hosts, **FALLBACKS) as supervisor:
        with pytest.raises(AllModelsFailedError):
            await supervisor.ask(timeout=5)
        assert looptime == 5


async def test_a_retry_after_that_cannot_be_met_falls_back(looptime: Any) -> None:
    hosts: Any = {"a": refused(429, headers={"retry-after": "60"}), "b": answer(), "c": answer()}
    async with Grouped(hosts, **{**FALLBACKS, "num_retries": 2}) as supervisor:
        await supervisor.ask(timeout=30)
        assert supervisor.asked == ["a", "b"]
        assert looptime == 0


async def test_breakers_are_the_deployments(looptime: Any) -> None:
    hosts: Any = {"a": DOWN, "b": answer()}
    entries = [deployment("a", order=1), deployment("b", order=2)]
    async with Grouped(hosts, model_list=entries, breaker=BreakerPolicy(consecutive=2)) as supervisor:
        for _ in range(4):
            await supervisor.ask()
        assert supervisor.asked == ["a", "b", "a", "b", "b", "b"]
        states = {each.id: each.breaker for each in supervisor.snapshot().deployments}
        assert set(states.values()) == {"closed", "open"}
        assert all(each.in_flight == 0 for each in supervisor.snapshot().deployments)


async def test_all_breakers_open() -> None:
    async with Grouped(
        {"a": DOWN}, model_list=deployments("a"), num_retries=0, allowed_fails=0
    ) as supervisor:
        with pytest.raises(InternalServerError):
            await supervisor.ask()
        with pytest.raises(CircuitOpenError, match="all deployments") as caught:
            await supervisor.ask()
        assert caught.value.retry_after == 5


async def test_hooks_are_told_where_nobody_can_be_asked() -> None:
    told: list[str | None] = []
    hook = Callbacks(on_failure=lambda report: told.append(type(report.error).__name__))
    settings: Any = {"num_retries": 0, "allowed_fails": 0, "hooks": [hook]}
    async with Grouped({"a": DOWN}, model_list=deployments("a"), **settings) as supervisor:
        for _ in range(2):
            with pytest.raises((InternalServerError, CircuitOpenError)):
                await supervisor.ask()
    assert told == ["ServiceUnavailableError", "CircuitOpenError"]


async def test_nobody_counts_where_nobody_wants_to_know() -> None:
    async with Grouped({"a": answer()}, model_list=deployments("a")) as supervisor:
        assert (supervisor.ledger, supervisor.budgets()) == (None, {})
    async with Grouped({"a": answer()}, model_list=deployments("a"), max_budget=1) as supervisor:
        await supervisor.ask()
        assert supervisor.ledger is not None
        assert supervisor.ledger.snapshot().attempts == 1
        assert list(supervisor.budgets()) == [None]


async def test_cooldowns_switched_off() -> None:
    settings: Any = {"num_retries": 0, "allowed_fails": 0, "disable_cooldowns": True}
    async with Grouped({"a": DOWN}, model_list=deployments("a"), **settings) as supervisor:
        for _ in range(3):
            with pytest.raises(InternalServerError):
                await supervisor.ask()


async def test_aliases() -> None:
    async with Grouped(
        {"a": answer()}, model_list=deployments("a"), model_group_alias={"gpt": "chat"}
    ) as supervisor:
        assert (await supervisor.ask("gpt")).call.group == "chat"


async def test_names_in_no_group_are_routed_as_ever() -> None:
    async with Grouped({"a": answer(), "z": answer("z")}, model_list=deployments("a")) as supervisor:
        response = await supervisor.ask("custom/m", api_base="http://z/v1")
        assert response.call.group is None
        with pytest.raises(NotFoundError):
            await supervisor.ask("chatt")


async def test_a_group_takes_no_keys_from_callers() -> None:
    async with Grouped({"a": answer()}, model_list=deployments("a")) as supervisor:
        with pytest.raises(BadRequestError, match="api_key cannot be given for the model group 'chat'"):
            await supervisor.ask(api_key="sk-mine")


def test_misspelt_settings() -> None:
    with pytest.raises(TypeError, match="did you mean 'fallbacks'"):
        Grouped({}, fallback=[])
    with pytest.raises(ConfigError, match="temperature"):
        Grouped({}, model_list=[deployment("a", temprature=1)])


async def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "KEY_OF_A", "sk-from-environment")
    entry = deployment("a", api_key="os.environ/KEY_OF_A")
    async with Grouped({"a": answer()}, model_list=[entry]) as supervisor:
        await supervisor.ask()
        headers = supervisor.transports[0].records[0].request.headers
        assert headers["Authorization"] == "Bearer sk-from-environment"


async def test_reload_drops_nothing(looptime: Any) -> None:
    async with Grouped(
        {"a": answer("a", delay=3), "b": answer("b")}, model_list=deployments("a")
    ) as supervisor:
        before = asyncio.create_task(supervisor.ask())
        await asyncio.sleep(1)
        supervisor.reload({"model_list": deployments("b")})
        after = await supervisor.ask()
        assert (await before).choices[0].message.content == "a"
        assert after.choices[0].message.content == "b"
        assert looptime == 3
        await asyncio.sleep(1)
        assert [each.endpoint for each in supervisor.snapshot().endpoints] == ["http://b/v1"]
        with pytest.raises(ConfigError):
            supervisor.reload({"model_lst": []})
        await supervisor.ask()


async def test_reload_keeps_what_stays() -> None:
    async with Grouped({"a": answer()}, model_list=[deployment("a", rpm=600)]) as supervisor:
        await supervisor.ask()
        child = next(iter(supervisor._children.values()))
        turnstile = supervisor._groups.made()[0].turnstile
        supervisor.reload({"model_list": [deployment("a", rpm=600, weight=2)]})
        await supervisor.ask()
        assert next(iter(supervisor._children.values())) is child
        assert supervisor._groups.made()[0].turnstile is turnstile


async def test_a_budget_that_there_is_not_is_refused() -> None:
    async with Grouped({"a": answer()}, model_list=deployments("a")) as supervisor:
        with pytest.raises(BadRequestError, match="no budget is called 'team'"):
            await supervisor.ask(budget="team")

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from telemetry_kit import KEY, PLAIN, PROMPT, REFUSED, STREAM, Line, request

from aiocompl.errors import InternalServerError, MissingExtraError
from aiocompl.runtime.children import SupervisorSnapshot
from aiocompl.telemetry import Hooks, Prometheus, events
from aiocompl.testing import settle

if TYPE_CHECKING:
    from aiocompl.runtime.child_values import ChildSnapshot

pytestmark = pytest.mark.looptime

WHOM = {"provider": "openai", "model": "gpt-4o"}
WHERE = {"provider": "openai", "endpoint": "http://host.invalid:8080/v1"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def value(registry: CollectorRegistry, name: str, /, **labels: str) -> float | None:
    return registry.get_sample_value(f"aiocompl_{name}", labels)


async def test_a_call_with_a_retry(line: Line, registry: CollectorRegistry) -> None:
    line.script(REFUSED, PLAIN).hook(Prometheus(registry))
    await line.ask(retries=1)

    def found(name: str, **labels: str) -> float | None:
        return value(registry, name, **WHOM, **labels)

    assert found("calls_total", operation="chat", outcome="answered") == 1
    assert found("attempts_total", outcome="answered") == 1
    assert found("attempts_total", outcome="failed") == 1
    assert found("errors_total", error="InternalServerError") == 1
    assert found("tokens_total", type="input") == 11
    assert found("tokens_total", type="output") == 7
    assert found("cost_dollars_total") == pytest.approx(9.75e-05)
    assert found("retries_total") == 1
    assert found("call_seconds_sum") == 3.5
    assert found("attempt_seconds_sum", outcome="failed") == 2
    assert value(registry, "calls_in_flight", operation="chat") == 0


async def test_a_failure(line: Line, registry: CollectorRegistry) -> None:
    line.script(REFUSED).hook(Prometheus(registry))
    with pytest.raises(InternalServerError):
        await line.ask()
    assert value(registry, "calls_total", **WHOM, operation="chat", outcome="failed") == 1
    assert value(registry, "call_seconds_count", **WHOM) is None
    assert value(registry, "tokens_total", **WHOM, type="input") is None


async def test_in_flight_and_cancelled(line: Line, registry: CollectorRegistry) -> None:
    line.script(PLAIN).hook(Prometheus(registry))
    task = asyncio.create_task(line.ask())
    await settle()
    assert value(registry, "calls_in_flight", operation="chat") == 1
    task.cancel()
    await asyncio.wait([task])
    assert value(registry, "calls_in_flight", operation="chat") == 0
    assert value(registry, "attempts_total", **WHOM, outcome="cancelled") == 1


async def test_a_stream(line: Line, registry: CollectorRegistry) -> None:
    line.script(STREAM).hook(Prometheus(registry))
    stream = await line.ask(request(stream=True))
    assert value(registry, "calls_in_flight", operation="chat") == 1
    await stream.response()
    assert value(registry, "time_to_first_token_seconds_count", **WHOM) == 1
    assert value(registry, "calls_in_flight", operation="chat") == 0


@pytest.mark.parametrize(
    ("event", "name", "labels", "expected"),
    [
        (events.BreakerOpened, "breaker_state", WHERE, 2),
        (events.BreakerHalfOpened, "breaker_state", WHERE, 1),
        (events.BreakerClosed, "breaker_state", WHERE, 0),
        (events.EndpointDown, "endpoints_down_total", WHERE, 1),
        (events.ActorRestarted, "actor_restarts_total", WHOM, 1),
        (events.HedgeStarted, "hedges_total", WHOM, 1),
        (events.StreamRecovered, "recoveries_total", WHOM, 1),
        (events.CacheHit, "cache_hits_total", WHOM, 1),
        (events.BudgetExceeded, "budget_exceeded_total", WHOM, 1),
        (events.LimiterWaited, "limiter_wait_seconds_sum", WHOM, 2),
        (events.CallFellBack, "fallbacks_total", {"from": "a", "to": "b"}, 1),
        (events.StreamFinished, "time_to_first_token_seconds_count", WHOM, None),
    ],
)
def test_the_other_steps(
    registry: CollectorRegistry,
    event: Any,
    name: str,
    labels: dict[str, str],
    expected: float | None,
) -> None:
    more: dict[type, dict[str, Any]] = {
        events.EndpointDown: {"error": "X", "restarts": 3},
        events.ActorRestarted: {"error": "X", "restarts": 1},
        events.HedgeStarted: {"attempt": 2, "after": 1.0},
        events.StreamRecovered: {"mode": "resume", "why": "X"},
        events.BudgetExceeded: {"budget": 1.0, "spent": 2.0},
        events.LimiterWaited: {"waited": 2.0},
        events.CallFellBack: {"from_group": "a", "to_group": "b", "why": "X"},
        events.StreamFinished: {"outcome": "closed", "elapsed": 1.0},
    }
    Hooks([Prometheus(registry)]).emit(event(**{**WHERE, **WHOM, **more.get(event, {})}))
    assert value(registry, name, **labels) == expected


def test_labels_are_bounded(registry: CollectorRegistry) -> None:
    hook = Prometheus(registry, max_models=2)
    for number in range(5):
        hook.on_event(events.CacheHit(provider="openai", model=f"model-{number}"))
        hook.on_event(events.CacheHit(provider="openai", model="model-0"))
    assert value(registry, "cache_hits_total", provider="openai", model="model-0") == 6
    assert value(registry, "cache_hits_total", provider="openai", model="model-1") == 1
    assert value(registry, "cache_hits_total", provider="openai", model="other") == 3


class Supervised:
    """Whatever has a snapshot."""

    def __init__(self, *endpoints: ChildSnapshot, faults: int = 0) -> None:
        self.endpoints = endpoints
        self.faults = faults

    def snapshot(self) -> SupervisorSnapshot:
        if self.faults:
            self.faults -= 1
            raise RuntimeError("dictionary changed size during iteration")
        return SupervisorSnapshot(state="running", endpoints=self.endpoints)


async def test_what_supervisors_hold(line: Line, registry: CollectorRegistry) -> None:
    hook = Prometheus(registry)
    state = line.child.snapshot()
    first, second = Supervised(state, state, faults=2), Supervised(state, faults=3)
    line.script(PLAIN).hook(hook).attach(first.snapshot)
    hook.attach(second.snapshot)
    task = asyncio.create_task(line.ask())
    await settle()
    first.endpoints = (line.child.snapshot(), line.child.snapshot())
    assert value(registry, "requests_in_flight", **WHERE) == 2, "the second one could not be read"
    assert value(registry, "requests_queued", **WHERE) == 0
    await task


def test_a_supervisor_may_go(registry: CollectorRegistry) -> None:
    hook = Prometheus(registry)
    supervised = Supervised()
    hook.attach(supervised.snapshot)
    hook.attach(lambda: SupervisorSnapshot(state="running", endpoints=()))
    del supervised
    gc.collect()
    assert b"aiocompl_requests_in_flight" in generate_latest(registry)


async def test_no_secret_in_what_is_read(line: Line, registry: CollectorRegistry) -> None:
    line.script(REFUSED, PLAIN).hook(Prometheus(registry))
    await line.ask(retries=1)
    told = generate_latest(registry).decode()
    assert PROMPT not in told
    assert KEY not in told


def test_one_for_each_registry(registry: CollectorRegistry) -> None:
    Prometheus(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Prometheus(registry)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[prometheus\]'"):
        Prometheus()

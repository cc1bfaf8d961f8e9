"""Hooks of a whole supervisor."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import BODY, MESSAGES, REFUSED, ScriptedSupervisor, plain
from structlog.testing import capture_logs

from aiocompl import BreakerPolicy
from aiocompl.errors import AllModelsFailedError, CircuitOpenError, InternalServerError
from aiocompl.telemetry import Callbacks, events
from aiocompl.testing import Delivery, ScriptedTransport, settle

if TYPE_CHECKING:
    from aiocompl.telemetry.events import Event

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

FAILED = Delivery.json(REFUSED, status=500)
KEYS: Any = {"api_key": "sk-1", "api_base": "http://h/v1"}


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.snapshots: list[Any] = []

    def on_event(self, event: Event, /) -> None:
        self.events.append(event)

    def attach(self, snapshot: Any, /) -> None:
        self.snapshots.append(snapshot)

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


def supervisor(recorder: Any, *steps: Any, **settings: Any) -> ScriptedSupervisor:
    script = list(steps)
    return ScriptedSupervisor(
        lambda _: ScriptedTransport(lambda _: script.pop(0)), hooks=[recorder], **settings
    )


async def test_a_call_with_a_retry() -> None:
    recorder = Recorder()
    async with supervisor(recorder, FAILED, plain()) as to:
        await to.acompletion("openai/m", MESSAGES, **KEYS)
        assert recorder.snapshots == [to.snapshot]
    assert recorder.names == [
        "call.started",
        "attempt.started",
        "attempt.failed",
        "attempt.retried",
        "attempt.started",
        "attempt.finished",
        "call.finished",
    ]


async def test_fallbacks() -> None:
    recorder = Recorder()
    groups: Any = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", **KEYS}} for name in ("a", "b")
    ]
    to = supervisor(
        recorder, FAILED, FAILED, model_list=groups, fallbacks=[{"a": ["b"]}], num_retries=0, breaker=None
    )
    async with to:
        with pytest.raises(AllModelsFailedError):
            await to.acompletion("a", MESSAGES)
    assert recorder.names == [
        "call.started",
        "attempt.started",
        "attempt.failed",
        "call.fell_back",
        "attempt.started",
        "attempt.failed",
        "call.finished",
    ]
    fell_back, second = recorder.events[3], recorder.events[4]
    assert isinstance(fell_back, events.CallFellBack)
    assert (fell_back.from_group, fell_back.to_group) == ("a", "b")
    assert isinstance(second, events.AttemptStarted)
    assert (second.model, second.kind, second.attempt) == ("b", "fallback", 2)


async def test_a_hedge_that_wins() -> None:
    recorder = Recorder()
    async with supervisor(recorder, plain(9), plain(1)) as to:
        await to.acompletion("openai/m", MESSAGES, hedge=0.5, **KEYS)
    assert sorted(recorder.names) == sorted(
        [
            "call.started",
            "attempt.started",
            "hedge.started",
            "attempt.started",
            "attempt.finished",
            "attempt.cancelled",
            "hedge.won",
            "call.finished",
        ]
    )


async def test_a_caller_that_goes() -> None:
    recorder = Recorder()
    async with supervisor(recorder, FAILED, plain(5)) as to:
        task = asyncio.create_task(to.acompletion("openai/m", MESSAGES, **KEYS))
        await asyncio.sleep(4)
        task.cancel()
        await asyncio.wait([task])
    assert recorder.names[-2:] == ["attempt.cancelled", "call.finished"]


async def test_a_breaker() -> None:
    recorder = Recorder()
    policy = BreakerPolicy(consecutive=1, cooldown=5)
    async with supervisor(recorder, FAILED, plain(), breaker=policy, num_retries=0) as to:
        for error in (InternalServerError, CircuitOpenError):
            with pytest.raises(error):
                await to.acompletion("openai/m", MESSAGES, **KEYS)
        await asyncio.sleep(5)
        await to.acompletion("openai/m", MESSAGES, **KEYS)
    told = [event for event in recorder.events if event.name.startswith("breaker.")]
    assert [event.name for event in told] == ["breaker.opened", "breaker.half_opened", "breaker.closed"]
    assert told[0].fields() == {
        "provider": "openai",
        "endpoint": "http://h/v1",
        "model": "m",
        "error": "InternalServerError",
        "times": 1,
        "wait": 5.0,
    }


async def test_crashes() -> None:
    recorder = Recorder()
    bug = Delivery.failing(ZeroDivisionError())
    async with supervisor(recorder, bug, bug, max_restarts=1) as to:
        for _ in range(2):
            with pytest.raises(Exception, match="bug"):
                await to.acompletion("openai/m", MESSAGES, **KEYS)
            await settle()
    told = [event for event in recorder.events if event.name in {"actor.restarted", "endpoint.down"}]
    assert [event.name for event in told] == ["actor.restarted", "endpoint.down"]
    assert told[0].fields()["error"] == "ZeroDivisionError"


async def test_closing_tells_what_waits() -> None:
    told: list[str] = []

    async def slow(event: Event) -> None:
        await asyncio.sleep(1)
        told.append(event.name)

    async with supervisor(Callbacks(on_event=slow), plain()) as to:
        await to.acompletion("openai/m", MESSAGES, **KEYS)
    assert told == ["call.started", "attempt.started", "attempt.finished", "call.finished"]


async def test_hooks_that_hang_or_raise_do_no_harm() -> None:
    def raising(_: object) -> None:
        raise ZeroDivisionError

    async def hanging(_: object) -> None:
        await asyncio.get_running_loop().create_future()

    hooks = [Callbacks(on_event=raising, on_success=raising), Callbacks(on_event=hanging, on_success=hanging)]
    to = ScriptedSupervisor(lambda _: ScriptedTransport(Delivery.json(BODY, delay=1)), hooks=hooks)
    loop = asyncio.get_running_loop()
    with capture_logs():
        async with to:
            begun = loop.time()
            for _ in range(20):
                await to.acompletion("openai/m", MESSAGES, **KEYS)
            assert loop.time() - begun == 20
        assert loop.time() - begun == 25, "closing gives hooks five seconds"


async def test_embeddings_are_watched_too() -> None:
    recorder = Recorder()
    vectors = Delivery.json({"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3}})
    async with supervisor(recorder, vectors) as to:
        await to.aembedding("openai/e", "x", **KEYS)
    finished = recorder.events[-1]
    assert isinstance(finished, events.CallFinished)
    assert (finished.operation, finished.input_tokens) == ("embeddings", 3)

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs
from telemetry_kit import ENDPOINT, PLAIN, STREAM, Line, Recorder, request

from aiocompl import telemetry
from aiocompl.telemetry import Callbacks, Hooks, events
from aiocompl.testing import settle

if TYPE_CHECKING:
    from aiocompl.telemetry import CallReport
    from aiocompl.telemetry.events import Event

pytestmark = pytest.mark.looptime

EVENT = events.BreakerClosed(provider="openai")


def raising(_: object) -> None:
    raise ZeroDivisionError


def cancelling(_: object) -> None:
    raise asyncio.CancelledError


async def async_raising(_: object) -> None:
    raise ZeroDivisionError


async def async_cancelling(_: object) -> None:
    raise asyncio.CancelledError


async def never(_: object) -> None:
    await asyncio.get_running_loop().create_future()


async def stubborn(_: object) -> None:
    """Takes no cancellation."""
    for _attempt in range(2):
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            continue


def warnings(logs: Any) -> list[str]:
    """Configured to be captured, structlog gets all steps too."""
    return [log["event"] for log in logs if log["log_level"] == "warning"]


@pytest.mark.parametrize("hook", [raising, cancelling, async_raising, async_cancelling])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_hook_that_fails_breaks_nothing(line: Line, hook: Any, stream: bool) -> None:
    told: list[CallReport] = []
    line.script(STREAM if stream else PLAIN)
    line.hook(Callbacks(on_event=hook, on_success=hook), Callbacks(on_success=told.append))
    with capture_logs() as logs:
        answer = await line.ask(request(stream=stream))
        if stream:
            answer = await answer.response()
        await settle()
    assert answer.choices[0].message.content == "an answer"
    assert len(told) == 1
    assert warnings(logs) == ["hook.failed"] * (6 if stream else 5)


async def test_async_hooks_are_told_in_order_and_in_the_callers_context(line: Line) -> None:
    name: ContextVar[str] = ContextVar("name", default="nobody")
    told: list[tuple[str, str]] = []

    async def slow(event: Event) -> None:
        await asyncio.sleep(10)
        told.append((event.name, name.get()))

    hooks = line.script(PLAIN).hook(Callbacks(on_event=slow))
    name.set("somebody")
    before = line.child.loop.time()
    await line.ask()
    assert line.child.loop.time() - before == 1, "nobody waits for a hook"
    await hooks.aclose(limit=100)
    assert [event for event, _ in told] == [
        "call.started",
        "attempt.started",
        "attempt.finished",
        "call.finished",
    ]
    assert {caller for _, caller in told} == {"somebody"}
    assert hooks.dropped == 0


async def test_a_future_is_awaited_too() -> None:
    done = asyncio.get_running_loop().create_future()
    hooks = Hooks([Callbacks(on_event=lambda _: done)])
    hooks.emit(EVENT)
    await settle()
    done.set_result(None)
    await hooks.aclose()
    assert hooks.dropped == 0


async def test_a_full_queue_drops_and_counts(line: Line) -> None:
    recorder = Recorder()
    hooks = line.script(PLAIN).hook(Callbacks(on_event=never), recorder, queue_size=10)
    with capture_logs() as logs:
        for _ in range(10):
            await line.ask()
    assert len(recorder.events) == 40, "others are not concerned"
    assert hooks.dropped == 40 - 1 - 10  # one is being told, ten wait
    assert warnings(logs) == ["hook.dropped"], "said once"


async def test_said_again_once_there_was_room() -> None:
    event = asyncio.Event()

    async def gated(_: object) -> None:
        await event.wait()

    hooks = Hooks([Callbacks(on_event=gated)], queue_size=1)
    with capture_logs() as logs:
        for _ in range(2):
            event.clear()
            for _ in range(3):
                hooks.emit(EVENT)
                await settle()
            event.set()
            await settle()
    assert [log["event"] for log in logs] == ["hook.dropped"] * 2
    await hooks.aclose()


async def test_one_that_never_returns_is_given_up(line: Line) -> None:
    told: list[str] = []

    async def first_hangs(event: Event) -> None:
        if event.name == "call.started":
            await never(event)
        told.append(event.name)

    hooks = line.script(PLAIN).hook(Callbacks(on_event=first_hangs), time_limit=7)
    with capture_logs() as logs:
        await line.ask()
        await hooks.aclose(limit=10)
    assert told == ["attempt.started", "attempt.finished", "call.finished"]
    assert [log for log in logs if log["log_level"] == "warning"] == [
        {
            "event": "hook.failed",
            "hook": "Callbacks",
            "error": "not done within its time",
            "log_level": "warning",
        }
    ]
    assert hooks.dropped == 0


async def test_one_that_takes_no_cancellation_is_left_to_itself() -> None:
    hooks = Hooks([Callbacks(on_event=stubborn)], time_limit=1)
    hooks.emit(EVENT)
    with capture_logs() as logs:
        await hooks.aclose()
    assert [log["event"] for log in logs] == ["hook.stuck"]
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert len(left) == 1
    left[0].cancel()
    await asyncio.wait(left)


async def test_closing_waits_for_a_while_and_drops_the_rest(looptime: Any) -> None:
    hooks = Hooks([Callbacks(on_event=never)])
    for _ in range(5):
        hooks.emit(EVENT)
    with capture_logs() as logs:
        await hooks.aclose(limit=2)
    assert looptime == 2
    assert hooks.dropped == 4
    assert [log["event"] for log in logs] == ["hook.dropped", "hook.failed"]
    hooks.emit(EVENT)
    assert hooks.dropped == 5, "closed"
    await hooks.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_closing_that_is_cancelled_leaves_nothing() -> None:
    hooks = Hooks([Callbacks(on_event=never)])
    hooks.emit(EVENT)
    closing = asyncio.create_task(hooks.aclose())
    await settle()
    closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_hook_may_close_what_it_hooks(looptime: Any) -> None:
    async def closing(_: object) -> None:
        await hooks.aclose()

    hooks = Hooks([Callbacks(on_event=closing)])
    hooks.emit(EVENT)
    hooks.emit(EVENT)
    await settle()
    assert looptime == 0
    assert hooks.dropped == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_future_that_is_dropped_is_left_alone() -> None:
    done = asyncio.get_running_loop().create_future()
    hooks = Hooks([Callbacks(on_event=lambda _: done)], queue_size=0)
    hooks.emit(EVENT)
    assert hooks.dropped == 1
    assert not done.done()


def test_without_a_loop_what_is_async_is_dropped() -> None:
    hooks = Hooks([Callbacks(on_event=never)])
    hooks.emit(EVENT)
    assert hooks.dropped == 1


class OnlyAttaches:
    def __init__(self) -> None:
        self.snapshots: list[Any] = []

    def attach(self, snapshot: Any, /) -> None:
        self.snapshots.append(snapshot)


def test_those_who_look_at_their_supervisor() -> None:
    hook = OnlyAttaches()
    hooks = Hooks([hook, Recorder()])
    hooks.attach(list)
    assert hook.snapshots == [list]


@pytest.mark.parametrize("wrong", [Callbacks, object(), print])
def test_no_hook(wrong: Any) -> None:
    with pytest.raises(TypeError, match="hook"):
        Hooks([wrong])


def test_what_is_about_an_endpoint() -> None:
    recorder = Recorder()
    for hooks in (Hooks([recorder]), Hooks([OnlyAttaches()])):
        hooks.emit_about("EndpointDown", ENDPOINT, error="ValueError", restarts=3)
    (event,) = recorder.events
    assert isinstance(event, events.EndpointDown)
    assert (event.provider, event.endpoint, event.restarts) == ("openai", ENDPOINT.base_url, 3)


def test_methods_may_do_without_a_loop() -> None:
    recorder = Recorder()
    Hooks([recorder, Callbacks()]).emit(EVENT)
    assert recorder.events == [EVENT]


class Watching:
    """An observer that gets everything wrong."""

    on_event = headers = returned = ended = raising

    def observe(self, *_: object) -> Any:
        return self


class NotThisOne:
    def observe(self, *_: object) -> None:
        return None


async def test_observers_that_fail(line: Line) -> None:
    line.script(PLAIN).hook(Watching(), NotThisOne())
    with capture_logs() as logs:
        answer = await line.ask()
    assert answer.choices[0].message.content == "an answer"
    assert set(warnings(logs)) == {"hook.failed"}


def test_steps_nobody_asked_for_are_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.attempt("attempt.started", verbose=False)
    assert capsys.readouterr().out == ""


def test_unknown_names() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = telemetry.nonsense

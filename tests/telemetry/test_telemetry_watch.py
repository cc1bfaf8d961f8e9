from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import structlog
from structlog.testing import capture_logs
from telemetry_kit import CUT, KEY, MESSAGES, PLAIN, PROMPT, REFUSED, ROUTE, STREAM, Line, Recorder, request

from aiocompl.errors import APIConnectionError, InternalServerError, RateLimitError
from aiocompl.runtime.attempts import begin_watch
from aiocompl.telemetry import Callbacks, Hooks, events
from aiocompl.telemetry.watch import CallWatch
from aiocompl.testing import settle
from aiocompl.types.request import (
    BatchLookup,
    EmbeddingRequest,
    ModelsRequest,
    ModerationRequest,
    RerankRequest,
)

if TYPE_CHECKING:
    from aiocompl.telemetry import CallReport

pytestmark = pytest.mark.looptime

WHO = {"provider": "openai", "endpoint": "http://host.invalid:8080/v1", "model": "gpt-4o"}


def watched(*hooks: Any, asked: Any = None, **more: Any) -> CallWatch:
    watch = CallWatch(asked or request(), ROUTE, 0.0, lambda: 3.0, Hooks(hooks), **more)
    watch.begin()
    return watch


async def test_a_call(line: Line) -> None:
    recorder = Recorder()
    line.script(PLAIN).hook(recorder)
    await line.ask(group="best")
    number = recorder.events[0].call
    same = {"call": number, "group": "best", **WHO}
    assert [event.fields() | {"name": event.name} for event in recorder.events] == [
        {"name": "call.started", **same, "operation": "chat", "stream": False},
        {"name": "attempt.started", **same, "attempt": 1, "kind": "first"},
        {
            "name": "attempt.finished",
            **same,
            "attempt": 1,
            "elapsed": 1.0,
            "queued": 0.0,
            "stream": False,
            "input_tokens": 11,
            "output_tokens": 7,
        },
        {
            "name": "call.finished",
            **same,
            "operation": "chat",
            "stream": False,
            "outcome": "answered",
            "elapsed": 1.0,
            "attempts": 1,
            "input_tokens": 11,
            "output_tokens": 7,
            "estimated": False,
            "cost": pytest.approx(11 * 2.5e-6 + 7 * 10e-6),
        },
    ]


async def test_a_retry(line: Line) -> None:
    recorder = Recorder()
    line.script(REFUSED, PLAIN).hook(recorder)
    await line.ask(retries=1)
    failed, retried = recorder.events[2:4]
    assert isinstance(failed, events.AttemptFailed)
    assert (failed.attempt, failed.error, failed.status) == (1, "InternalServerError", 500)
    assert isinstance(retried, events.AttemptRetried)
    assert (retried.attempt, retried.wait, retried.why) == (2, 0.5, "InternalServerError")
    finished = recorder.events[-1]
    assert isinstance(finished, events.CallFinished)
    assert (finished.attempts, finished.elapsed) == (2, 3.5)


async def test_a_failure(line: Line) -> None:
    recorder = Recorder()
    line.script(REFUSED).hook(recorder)
    with pytest.raises(InternalServerError):
        await line.ask()
    assert recorder.names == ["call.started", "attempt.started", "attempt.failed", "call.finished"]
    finished = recorder.events[-1]
    assert isinstance(finished, events.CallFinished)
    assert (finished.outcome, finished.error) == ("failed", "InternalServerError")


async def test_a_cancellation_is_no_failure(line: Line) -> None:
    recorder, told = Recorder(), list["CallReport"]()
    line.script(PLAIN).hook(recorder, Callbacks(on_failure=told.append, on_success=told.append))
    task = asyncio.create_task(line.ask())
    await settle()
    task.cancel()
    await asyncio.wait([task])
    assert recorder.names == ["call.started", "attempt.started", "attempt.cancelled", "call.finished"]
    finished = recorder.events[-1]
    assert isinstance(finished, events.CallFinished)
    assert finished.outcome == "cancelled"
    assert not told


async def test_a_stream_is_over_when_it_ends(line: Line) -> None:
    recorder, told = Recorder(), list["CallReport"]()
    line.script(STREAM).hook(recorder, Callbacks(on_success=told.append))
    stream = await line.ask(request(stream=True))
    assert recorder.names == ["call.started", "attempt.started", "attempt.finished"]
    assert not told
    async for _ in stream:
        pass
    assert recorder.names[3:] == ["stream.finished", "call.finished"]
    ended = recorder.events[3]
    assert isinstance(ended, events.StreamFinished)
    assert (ended.outcome, ended.ttft, ended.input_tokens, ended.output_tokens) == ("answered", 0.0, 11, 7)
    assert not ended.estimated
    assert told[0].response is None
    assert told[0].first_token == 0.0


async def read_one(stream: Any) -> None:
    await anext(stream)
    stream.close()


async def read_all(stream: Any) -> None:
    async for _ in stream:
        pass


@pytest.mark.parametrize(
    ("delivery", "read", "outcome"), [(STREAM, read_one, "closed"), (CUT, read_all, "failed")]
)
async def test_a_stream_that_is_not_read_to_its_end(
    line: Line, delivery: Any, read: Any, outcome: str
) -> None:
    recorder, succeeded, failed = Recorder(), list["CallReport"](), list["CallReport"]()
    callbacks = Callbacks(on_success=succeeded.append, on_failure=failed.append, with_content=True)
    line.script(delivery).hook(recorder, callbacks)
    stream = await line.ask(request(stream=True))
    if outcome == "failed":
        with pytest.raises(APIConnectionError):
            await read(stream)
    else:
        await read(stream)
    finished = recorder.events[-1]
    assert isinstance(finished, events.CallFinished)
    assert (finished.outcome, finished.estimated) == (outcome, True)
    assert finished.output_tokens
    assert not succeeded
    assert len(failed) == (outcome == "failed")


async def test_a_stream_nobody_holds_any_more_is_told_of(line: Line) -> None:
    recorder = Recorder()
    line.script(STREAM).hook(recorder)
    stream = await line.ask(request(stream=True))
    del stream
    await settle()
    assert recorder.names[-1] == "call.finished"


async def test_a_report(line: Line) -> None:
    told: list[CallReport] = []
    line.script(REFUSED, PLAIN).hook(Callbacks(on_success=told.append))
    answer = await line.ask(retries=1, group="best")
    (report,) = told
    assert (report.operation, report.outcome, report.group, report.stream) == (
        "chat",
        "answered",
        "best",
        False,
    )
    assert {name: getattr(report, name) for name in WHO} == WHO
    assert (report.attempts, report.elapsed) == (2, 3.5)
    assert report.end - report.start == timedelta(seconds=3.5)
    assert report.response is answer
    assert report.usage is answer.usage
    assert report.cost
    assert report.error is None
    assert report.asked is None
    assert report.messages is None


async def test_a_report_of_a_failure(line: Line) -> None:
    told: list[CallReport] = []
    line.script(REFUSED).hook(Callbacks(on_failure=told.append))
    with pytest.raises(InternalServerError) as caught:
        await line.ask()
    (report,) = told
    assert report.error is caught.value
    assert (report.response, report.usage, report.cost) == (None, None, None)
    assert report.provider == "openai"


@pytest.mark.parametrize("stream", [False, True])
async def test_content_only_for_those_who_want_it(line: Line, stream: bool) -> None:
    bare: list[CallReport] = []
    full: list[CallReport] = []
    callbacks = [Callbacks(on_success=full.append, with_content=True) for _ in range(2)]
    line.script(STREAM if stream else PLAIN).hook(Callbacks(on_success=bare.append), *callbacks)
    answer = await line.ask(request(stream=stream, params={"temperature": 0}))
    if stream:
        await answer.response()
    assert PROMPT not in repr(bare) + repr(full)
    assert full[0] is full[1]
    assert full[0].messages == MESSAGES
    assert full[0].asked == {"messages": MESSAGES, "params": {"temperature": 0}}
    assert full[0].response.choices[0].message.content == "an answer"
    assert bare[0].asked is None


async def test_a_stream_that_keeps_nothing_has_no_response(line: Line) -> None:
    full: list[CallReport] = []
    line.script(STREAM).hook(Callbacks(on_success=full.append, with_content=True))
    stream = await line.ask(request(stream=True))
    stream.forget()
    async for _ in stream:
        pass
    assert full[0].response is None
    assert full[0].messages == MESSAGES


def test_the_other_steps() -> None:
    recorder, error = Recorder(), RateLimitError("slow down")
    watch = watched(recorder)
    watch.fell_back("a", "b", error)
    watch.waited(1.5)
    watch.hedged(0.2)
    watch.hedge_ended(2, won=True)
    watch.hedge_ended(2, won=False)
    watch.recovered("resume", error)
    watch.cache_hit(coalesced=True)
    watch.budget_exceeded(10.0, 10.5)
    told = [(event.name, attrs.asdict(event)) for event in recorder.events[1:]]
    for _, fields in told:
        assert fields.items() >= WHO.items()
    assert [
        (name, {key: value for key, value in fields.items() if key not in {*WHO, "call", "group"}})
        for name, fields in told
    ] == [
        ("call.fell_back", {"from_group": "a", "to_group": "b", "why": "RateLimitError"}),
        ("limiter.waited", {"waited": 1.5}),
        ("hedge.started", {"attempt": 1, "after": 0.2}),
        ("hedge.won", {"attempt": 2}),
        ("hedge.lost", {"attempt": 2}),
        ("stream.recovered", {"mode": "resume", "why": "RateLimitError"}),
        ("cache.hit", {"coalesced": True}),
        ("budget.exceeded", {"budget": 10.0, "spent": 10.5}),
    ]


@pytest.mark.parametrize(
    ("asked", "operation"),
    [
        (request(), "chat"),
        (EmbeddingRequest(model="m", input=["x"]), "embeddings"),
        (RerankRequest(model="m", query="x", documents=["y"]), "rerank"),
        (ModerationRequest(model="m", input=["x"]), "moderation"),
        (ModelsRequest(), "models"),
        (BatchLookup(model="m", id="b"), "batch"),
    ],
)
def test_operations(asked: Any, operation: str) -> None:
    assert watched(asked=asked).operation == operation


def test_the_callers_function_is_told_what_comes_next() -> None:
    told: list[dict[str, Any]] = []
    watch = CallWatch(request(), ROUTE, 0.0, float, logger_fn=told.append)
    watch.begin()
    watch.decided(1.0)  # nothing has failed
    error = RateLimitError("slow down")
    for wait in (1.0, None):
        watch.attempt_started().failed(error, 2.0)
        watch.decided(wait)
    watch.attempt_started().failed(error, 2.0)
    watch.fell_back("a", "b", error)
    watch.attempt_started().failed(error, 2.0)
    watch.failed(error)
    after = [each for each in told if each["log_event_type"] == "post_api_call"]
    assert [(each["attempt"], each["elapsed"], each["retry_in"]) for each in after] == [
        (1, 2.0, 1.0),
        (2, 2.0, None),
        (3, 2.0, 0.0),
        (4, 2.0, None),
    ]


def test_the_end_is_told_once() -> None:
    recorder = Recorder()
    watch = watched(recorder)
    watch.failed(RateLimitError("slow down"))
    watch.failed(RateLimitError("slow down"))
    assert recorder.names == ["call.started", "call.finished"]


def test_a_call_that_nobody_knows_where_to_send() -> None:
    recorder, told = Recorder(), list["CallReport"]()
    hooks = Hooks([recorder, Callbacks(on_failure=told.append)])
    watch = begin_watch(request(), None, {}, started=0.0, clock=float, hooks=hooks, group="best")
    assert watch is not None
    with pytest.raises(ValueError, match="asks somebody"):
        watch.attempt_started()
    watch.failed(RateLimitError("all are busy"))
    assert recorder.events[0].fields() | {"call": 0} == {
        "call": 0,
        "group": "best",
        "model": "gpt-4o",
        "operation": "chat",
        "stream": False,
    }
    assert (told[0].provider, told[0].model, told[0].group) == ("", "gpt-4o", "best")


def test_nobody_watches() -> None:
    assert begin_watch(request(), ROUTE, {}, started=0.0, clock=float) is None
    assert begin_watch(request(), ROUTE, {"verbose": False}, started=0.0, clock=float) is None


async def test_the_log(line: Line) -> None:
    line.script(PLAIN)
    with capture_logs() as logs:
        await line.ask(verbose=True)
    assert [log["event"] for log in logs] == [
        "call.started",
        "attempt.started",
        "attempt.finished",
        "call.finished",
    ]
    assert {log["log_level"] for log in logs} == {"info"}


async def test_no_secret_in_any_event_or_log(line: Line, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()])
    recorder = Recorder()
    line.script(REFUSED, PLAIN).hook(recorder, Callbacks(with_content=True))
    await line.ask(retries=1, verbose=True)
    told = repr(recorder.events) + capsys.readouterr().out
    assert "call.finished" in told
    assert KEY not in told
    assert PROMPT not in told
    assert "an answer" not in told


def test_event_names_are_dotted_and_unique() -> None:
    kinds = [
        kind for kind in vars(events).values() if isinstance(kind, type) and issubclass(kind, events.Event)
    ]
    names = [kind.name for kind in kinds if kind not in {events.Event, events.AttemptEvent}]
    assert len(set(names)) == len(names) == 22
    assert all(name.count(".") == 1 for name in names)

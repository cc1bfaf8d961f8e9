from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from telemetry_kit import (
    BODY,
    CUT,
    KEY,
    PLAIN,
    PROMPT,
    REFUSED,
    ROUTE,
    STREAM,
    Line,
    request,
)

from aiocompl.errors import (
    APIConnectionError,
    EndpointDownError,
    InternalServerError,
    MissingExtraError,
    RateLimitError,
)
from aiocompl.telemetry import Hooks, OpenTelemetry
from aiocompl.telemetry.watch import CallWatch
from aiocompl.testing import settle
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.looptime

SERVER = {"server.address": "host.invalid", "server.port": 8080}
ANSWER = ChatCompletion.take(orjson.loads(orjson.dumps(BODY)))
TARGET = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", **SERVER}


@attrs.frozen
class Traces:
    """An SDK that keeps everything."""

    exporter: InMemorySpanExporter = attrs.field(factory=InMemorySpanExporter)
    provider: TracerProvider = attrs.field(factory=lambda: TracerProvider(shutdown_on_exit=False))
    reader: InMemoryMetricReader = attrs.field(factory=InMemoryMetricReader)

    def hook(self, **settings: Any) -> OpenTelemetry:
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        meters = MeterProvider([self.reader], shutdown_on_exit=False)
        return OpenTelemetry(self.provider, meters, **settings)

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """Those that are over, in the order in which they ended."""
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def traces() -> Traces:
    return Traces()


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_call_and_its_attempt(line: Line, traces: Traces) -> None:
    line.script(PLAIN).hook(traces.hook())
    await line.ask(request(params={"temperature": 0.5, "max_tokens": 9}), group="best")
    attempt, call = traces.spans
    assert (call.name, call.kind, call.parent) == ("chat gpt-4o", SpanKind.CLIENT, None)
    assert attributes(call) == {
        **TARGET,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "aiocompl.attempts": 1,
        "aiocompl.cost": pytest.approx(9.75e-05),
        "aiocompl.group": "best",
        "aiocompl.outcome": "answered",
    }
    assert call.status.status_code is StatusCode.UNSET
    assert (attempt.name, attempt.kind) == ("attempt gpt-4o", SpanKind.INTERNAL)
    assert attempt.parent == call.context
    assert attributes(attempt) == {**TARGET, "aiocompl.attempt": 1, "aiocompl.kind": "first"}


async def test_the_callers_span_is_the_parent_and_current_again(line: Line, traces: Traces) -> None:
    line.script(PLAIN).hook(traces.hook())
    tracer = traces.provider.get_tracer("caller")
    with tracer.start_as_current_span("caller") as caller:
        await line.ask()
        assert trace.get_current_span() is caller
    call = traces.spans[1]
    assert call.parent is not None
    assert call.parent.span_id == caller.get_span_context().span_id


async def test_the_attempt_is_current_while_the_request_is_made(line: Line, traces: Traces) -> None:
    seen: list[trace.Span] = []

    line.script(PLAIN).hook(traces.hook())
    line.on_request = lambda: seen.append(trace.get_current_span())
    await line.ask()
    assert seen[0].get_span_context() == traces.spans[0].context


async def test_traceparent_goes_along_and_baggage_does_not(line: Line, traces: Traces) -> None:
    line.script(REFUSED, PLAIN).hook(traces.hook())
    token = context.attach(baggage.set_baggage("user", "secret"))
    try:
        await line.ask(retries=1)
    finally:
        context.detach(token)
    sent = [headers["traceparent"] for headers in line.headers()]
    made = [span.context for span in traces.spans if span.name.startswith("attempt") and span.context]
    assert [header[:52] for header in sent] == [f"00-{own.trace_id:032x}-{own.span_id:016x}" for own in made]
    assert len(set(sent)) == 2
    assert all("baggage" not in headers for headers in line.headers())


@pytest.mark.parametrize("propagate", [True, False])
async def test_headers_of_the_callers_own_go_before(line: Line, traces: Traces, propagate: bool) -> None:
    line.script(PLAIN).hook(traces.hook(propagate=propagate))
    asked = request(extra_headers={"X-A": "1", "Traceparent": "mine"} if propagate else None)
    await line.ask(asked)
    assert "traceparent" not in line.headers()[0]
    assert line.headers()[0].get("Traceparent") == ("mine" if propagate else None)


async def test_a_retry(line: Line, traces: Traces) -> None:
    line.script(REFUSED, PLAIN).hook(traces.hook())
    await line.ask(retries=1)
    first, _, call = traces.spans
    assert first.status.status_code is StatusCode.ERROR
    assert (
        attributes(first).items()
        >= {
            "error.type": "InternalServerError",
            "http.response.status_code": 500,
        }.items()
    )
    assert call.status.status_code is StatusCode.UNSET
    (retried,) = call.events
    assert retried.name == "attempt.retried"
    assert (
        dict(retried.attributes or {}).items()
        >= {
            "aiocompl.attempt": 2,
            "aiocompl.wait": 0.5,
            "aiocompl.why": "InternalServerError",
        }.items()
    )


async def test_a_failure(line: Line, traces: Traces) -> None:
    line.script(REFUSED).hook(traces.hook())
    with pytest.raises(InternalServerError):
        await line.ask()
    call = traces.spans[1]
    assert call.status.status_code is StatusCode.ERROR
    assert "no" in (call.status.description or "")
    assert attributes(call)["error.type"] == "InternalServerError"
    (point,) = traces.points("gen_ai.client.operation.duration")
    assert point.attributes["error.type"] == "InternalServerError"
    assert not traces.points("gen_ai.client.token.usage")


async def test_a_cancellation_is_no_error(line: Line, traces: Traces) -> None:
    line.script(PLAIN).hook(traces.hook())
    task = asyncio.create_task(line.ask())
    await settle()
    task.cancel()
    await asyncio.wait([task])
    attempt, call = traces.spans
    for span in (attempt, call):
        assert span.status.status_code is StatusCode.UNSET
        assert attributes(span)["aiocompl.outcome"] == "cancelled"
    (point,) = traces.points("gen_ai.client.operation.duration")
    assert point.attributes["error.type"] == "cancelled"


async def test_a_streams_spans_end_with_it(line: Line, traces: Traces) -> None:
    line.script(STREAM).hook(traces.hook())
    before = trace.get_current_span()
    stream = await line.ask(request(stream=True))
    assert not traces.spans
    assert trace.get_current_span() is before
    async for _ in stream:
        pass
    attempt, call = traces.spans
    assert attempt.parent == call.context
    told = attributes(call)
    assert told["gen_ai.request.stream"] is True
    assert told["gen_ai.response.time_to_first_chunk"] == 0.0
    assert (told["gen_ai.usage.input_tokens"], told["gen_ai.usage.output_tokens"]) == (11, 7)
    assert len(traces.points("gen_ai.client.operation.time_to_first_chunk")) == 1


async def test_a_broken_stream(line: Line, traces: Traces) -> None:
    line.script(CUT).hook(traces.hook(capture_content=True))
    stream = await line.ask(request(stream=True))
    with pytest.raises(APIConnectionError):
        async for _ in stream:
            pass
    call = traces.spans[1]
    assert call.status.status_code is StatusCode.ERROR
    assert attributes(call)["aiocompl.usage.estimated"] is True
    assert not traces.points("gen_ai.client.token.usage"), "estimates are not measured"


async def test_a_stream_read_in_another_task(line: Line, traces: Traces) -> None:
    line.script(STREAM).hook(traces.hook())
    stream = await line.ask(request(stream=True))
    await asyncio.create_task(stream.response())
    assert len(traces.spans) == 2


async def test_attempts_at_once(traces: Traces, caplog: pytest.LogCaptureFixture) -> None:
    watch = CallWatch(request(), ROUTE, 0.0, float, Hooks([traces.hook()]))
    watch.begin()
    call = trace.get_current_span()
    seen: list[tuple[trace.Span, trace.Span]] = []

    async def attempt(seconds: float) -> None:
        one = watch.attempt_started()
        own = trace.get_current_span()
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError as error:
            one.failed(error, seconds)
        else:
            one.finished(ANSWER, seconds)
        seen.append((own, trace.get_current_span()))

    slow, fast = asyncio.create_task(attempt(9)), asyncio.create_task(attempt(1))
    await fast
    slow.cancel()
    await asyncio.wait([slow])
    watch.finished(ANSWER)
    assert [own.get_span_context() for own, _ in seen] == [span.context for span in traces.spans[:2]]
    assert all(after is call for _, after in seen)
    assert all(span.parent == call.get_span_context() for span in traces.spans[:2])
    assert not caplog.records


async def test_metrics(line: Line, traces: Traces) -> None:
    line.script(PLAIN).hook(traces.hook())
    await line.ask()
    same = {**TARGET, "gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-4o-2024"}
    (duration,) = traces.points("gen_ai.client.operation.duration")
    assert (dict(duration.attributes), duration.sum, duration.count) == (same, 1.0, 1)
    assert duration.explicit_bounds[0] == 0.01
    tokens = traces.points("gen_ai.client.token.usage")
    assert {point.attributes["gen_ai.token.type"]: point.sum for point in tokens} == {
        "input": 11,
        "output": 7,
    }
    assert tokens[0].explicit_bounds[:3] == (1, 4, 16)


@pytest.mark.parametrize("stream", [False, True])
async def test_content_if_asked_for(line: Line, traces: Traces, stream: bool) -> None:
    line.script(STREAM if stream else PLAIN).hook(traces.hook(capture_content=True))
    answer = await line.ask(request(stream=stream))
    if stream:
        await answer.response()
    told = attributes(traces.spans[1])
    assert orjson.loads(told["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": PROMPT}]}
    ]
    assert orjson.loads(told["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "an answer"}], "finish_reason": "stop"}
    ]
    assert told["gen_ai.response.id"] == "chatcmpl-1"


async def test_no_content_and_never_a_key(line: Line, traces: Traces) -> None:
    line.script(REFUSED, PLAIN).hook(traces.hook())
    await line.ask(retries=1)
    told = "".join(span.to_json() for span in traces.spans)
    assert "gen_ai.usage.input_tokens" in told
    assert PROMPT not in told
    assert "an answer" not in told
    assert KEY not in told


async def test_a_span_that_is_not_sampled(line: Line) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    line.script(PLAIN).hook(OpenTelemetry(provider))
    assert (await line.ask()).id == "chatcmpl-1"


async def test_a_call_that_learns_late_whom_it_asks(traces: Traces) -> None:
    watch = CallWatch(request(), None, 0.0, float, Hooks([traces.hook()]), group="best")
    watch.begin()
    watch.cache_hit()
    attempt = watch.attempt_started(ROUTE)
    attempt.failed(RateLimitError("slow down"), 1.0)
    watch.attempt_started().failed(EndpointDownError("it is down"), 1.0)
    second = watch.attempt_started(kind="retry")
    assert second.headers()
    watch.failed(RateLimitError("slow down"))
    assert second.headers() == {}, "it is over"
    second.failed(asyncio.CancelledError(), 1.0)
    first, down, left, call = traces.spans
    assert attributes(call).items() >= {**SERVER, "gen_ai.provider.name": "openai"}.items()
    assert attributes(left)["aiocompl.kind"] == "retry"
    assert attributes(first)["http.response.status_code"] == 429
    assert "http.response.status_code" not in attributes(down)
    assert [event.name for event in call.events] == ["cache.hit"]


def test_details_of_the_usage(traces: Traces) -> None:
    usage = {
        "prompt_tokens": 11,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    answer = ChatCompletion.take(orjson.loads(orjson.dumps(BODY | {"usage": usage, "model": ""})))
    route = attrs.evolve(
        ROUTE, endpoint=attrs.evolve(ROUTE.endpoint, provider="mistral", base_url="local://x")
    )
    watch = CallWatch(request(), route, 0.0, float, Hooks([traces.hook()]))
    watch.begin()
    watch.attempt_started().finished(answer, 1.0)
    watch.finished(answer)
    told = attributes(traces.spans[1])
    assert told["gen_ai.usage.cache_read.input_tokens"] == 4
    assert told["gen_ai.usage.reasoning.output_tokens"] == 5
    assert "gen_ai.usage.cache_creation.input_tokens" not in told
    assert told["gen_ai.provider.name"] == "mistral_ai"
    assert told["server.address"] == "x"
    assert "server.port" not in told


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[otel\]'"):
        OpenTelemetry()

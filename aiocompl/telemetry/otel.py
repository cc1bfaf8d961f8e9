"""Spans and metrics for OpenTelemetry, by its conventions for generative AI (extra `otel`).

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai (2026-11).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.errors import MissingExtraError
from aiocompl.telemetry import events
from aiocompl.telemetry.otel_attributes import (
    input_messages,
    metric_attributes,
    output_messages,
    request_attributes,
    response_attributes,
    target_attributes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

    from aiocompl.telemetry.events import CallStarted, Event
    from aiocompl.telemetry.report import CallReport
    from aiocompl.types.request import Request

_SECONDS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS: Final = tuple(4**power for power in range(14))

_ENDS_ATTEMPT: Final = (events.AttemptFinished, events.AttemptFailed, events.AttemptCancelled)
_NOT_ON_SPANS: Final = (events.CallStarted, events.CallFinished, events.StreamFinished)


class OpenTelemetry:
    """A hook that makes a span of each call, one below it of each attempt, and metrics.

    ::

        Supervisor(hooks=[OpenTelemetry()])

    The span of the attempt is the current one while the request is made, so that spans of instrumented HTTP clients stand
    below it; and it goes along to the provider as ``traceparent``. A stream's span ends with the stream.

    Args:
        tracer_provider: Where spans go; the global one if not given.
        meter_provider: Where metrics go; the global one if not given.
        capture_content: Have the spans hold what was asked and answered. Prompts are in it: mind who reads your traces.
        propagate: Send ``traceparent`` along. Baggage is never sent.

    Raises:
        MissingExtraError: opentelemetry-api is not installed.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        *,
        capture_content: bool = False,
        propagate: bool = True,
    ) -> None:
        try:
            from opentelemetry import metrics, trace  # noqa: PLC0415 - an extra
            from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
                TraceContextTextMapPropagator,
            )
        except ImportError as error:
            raise MissingExtraError(
                "OpenTelemetry() needs opentelemetry-api: pip install 'aiocompl[otel]'"
            ) from error
        self.with_content = capture_content
        self.tracer = trace.get_tracer("aiocompl", tracer_provider=tracer_provider)
        self.propagator = TraceContextTextMapPropagator() if propagate else None
        meter = metrics.get_meter("aiocompl", meter_provider=meter_provider)
        self.duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self.tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self.first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Time to receive the first chunk of a stream.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    def observe(self, started: CallStarted, request: Request, /) -> CallTrace:
        """A call begins; see `ObserverHook`."""
        return CallTrace(self, started, request)


@attrs.define(eq=False)
class _Attached:
    """A span that is the current one of a task."""

    span: Span
    context: Context
    _token: Any
    _task: asyncio.Task[Any] | None

    @classmethod
    def of(cls, span: Span, parent: Context | None = None) -> _Attached:
        from opentelemetry import context, trace  # noqa: PLC0415 - an extra

        own, task = trace.set_span_in_context(span, parent), _current_task()
        return cls(span, own, context.attach(own), task)

    def detach(self) -> None:
        """Make current what was before, once; from another task there is nothing to do: that one's context is gone."""
        token, self._token = self._token, None
        if token is not None and _current_task() is self._task:
            from opentelemetry import context  # noqa: PLC0415 - an extra

            context.detach(token)


def _current_task() -> asyncio.Task[Any] | None:
    """Who runs; None also where there is no loop, such as at the end of a stream that outlived it."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


class CallTrace:
    """The spans of one call; see `Observer`."""

    def __init__(self, hook: OpenTelemetry, started: CallStarted, request: Request) -> None:
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra

        self._hook = hook
        self._request = request
        self._first = started
        attributes = target_attributes(started, started.operation)
        attributes |= request_attributes(request, started)
        if hook.with_content and (told := input_messages(request)) is not None:
            attributes["gen_ai.input.messages"] = told
        name = f"{started.operation} {started.model}"
        span = hook.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        self._call = _Attached.of(span)
        self._attempts: dict[int, _Attached] = {}

    def on_event(self, event: Event, /) -> None:
        """A step of the call."""
        if isinstance(event, events.AttemptStarted):
            self._start_attempt(event)
        elif isinstance(event, _ENDS_ATTEMPT):
            self._end_attempt(event)
        elif not isinstance(event, _NOT_ON_SPANS):
            fields = {f"aiocompl.{name}": value for name, value in event.fields().items() if name != "call"}
            self._call.span.add_event(event.name, fields)

    def headers(self, attempt: int, /) -> Mapping[str, str]:
        """The attempt's ``traceparent``."""
        headers: dict[str, str] = {}
        attached = self._attempts.get(attempt)
        if attached is not None and self._hook.propagator is not None:
            self._hook.propagator.inject(headers, attached.context)
        return headers

    def returned(self) -> None:
        """The caller goes on, with its own span as the current one."""
        for attached in reversed(self._attempts.values()):
            attached.detach()
        self._call.detach()

    def ended(self, report: CallReport, /) -> None:
        """End the spans, and count."""
        for attached in self._attempts.values():
            attached.span.end()
        self._attempts.clear()
        span = self._call.span
        if span.is_recording():
            span.set_attributes(response_attributes(report))
            if self._hook.with_content and (told := output_messages(report.response)) is not None:
                span.set_attribute("gen_ai.output.messages", told)
            if report.outcome == "failed":
                _mark_failed(span, type(report.error).__name__, str(report.error))
        span.end()
        self._measure(report)

    def _start_attempt(self, event: events.AttemptStarted) -> None:
        attributes = target_attributes(event, None)
        if not self._first.provider:  # nobody knew yet who would be asked
            whom = {name: value for name, value in attributes.items() if name != "gen_ai.request.model"}
            self._call.span.set_attributes(whom)
        attributes |= {"aiocompl.attempt": event.attempt, "aiocompl.kind": event.kind}
        name = f"attempt {event.model}"
        span = self._hook.tracer.start_span(name, context=self._call.context, attributes=attributes)
        self._attempts[event.attempt] = _Attached.of(span, self._call.context)

    def _end_attempt(
        self, event: events.AttemptFinished | events.AttemptFailed | events.AttemptCancelled
    ) -> None:
        attached = self._attempts.get(event.attempt)
        if attached is None:
            return
        attached.detach()
        if isinstance(event, events.AttemptFinished) and event.stream:
            return  # it is over when its stream is
        del self._attempts[event.attempt]
        if isinstance(event, events.AttemptFailed):
            if event.status is not None:
                attached.span.set_attribute("http.response.status_code", event.status)
            _mark_failed(attached.span, event.error)
        elif isinstance(event, events.AttemptCancelled):
            attached.span.set_attribute("aiocompl.outcome", "cancelled")
        attached.span.end()

    def _measure(self, report: CallReport) -> None:
        hook, context = self._hook, self._call.context
        attributes = metric_attributes(report)
        if report.first_token is not None:
            hook.first_chunk.record(report.first_token, attributes, context)
        usage = report.usage
        if usage is not None and not report.estimated:
            for kind, tokens in (("input", usage.prompt_tokens), ("output", usage.completion_tokens)):
                hook.tokens.record(tokens, {**attributes, "gen_ai.token.type": kind}, context)
        if report.outcome == "failed":
            attributes["error.type"] = type(report.error).__name__
        elif report.outcome != "answered":
            attributes["error.type"] = report.outcome
        hook.duration.record(report.elapsed, attributes, context)


def _mark_failed(span: Span, error: str, text: str | None = None) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - an extra

    span.set_attribute("error.type", error)
    span.set_status(Status(StatusCode.ERROR, text))

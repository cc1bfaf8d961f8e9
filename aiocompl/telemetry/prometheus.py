"""Metrics for Prometheus (extra `prometheus`).

Labels are bounded: providers, models and endpoints beyond a number of each count as ``other``.
"""

from __future__ import annotations

from collections import Counter
from inspect import ismethod
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakMethod

from aiocompl.errors import MissingExtraError
from aiocompl.telemetry import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import GaugeMetricFamily

    from aiocompl.telemetry.events import Event

_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 600)
_STATES: Final = {
    events.BreakerClosed: 0,
    events.BreakerHalfOpened: 1,
    events.BreakerOpened: 2,
}
_COUNTED: Final = {
    events.AttemptRetried: "retries",
    events.HedgeStarted: "hedges",
    events.StreamRecovered: "recoveries",
    events.CacheHit: "cache_hits",
    events.BudgetExceeded: "budget_exceeded",
    events.ActorRestarted: "actor_restarts",
}
_OTHER: Final = "other"


class _Bounded:
    """Lets the first so many values through, and calls the others ``other``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._known:
            if len(self._known) >= self._most:
                return _OTHER
            self._known.add(value)
        return value


class Prometheus:
    """A hook that counts and measures. One may serve several supervisors.

    ::

        Supervisor(hooks=[Prometheus()])

    Args:
        registry: Where the metrics are registered; the library's own if not given.
        max_models: How many models have labels of their own, and how many endpoints.

    Raises:
        MissingExtraError: prometheus-client is not installed.
        ValueError: There is one already in this registry.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, max_models: int = 200) -> None:
        try:
            import prometheus_client as prometheus  # noqa: PLC0415 - an extra
        except ImportError as error:
            raise MissingExtraError(
                "Prometheus() needs prometheus-client: pip install 'aiocompl[prometheus]'"
            ) from error
        registry = registry or prometheus.REGISTRY
        whom = ("provider", "model")

        def counter(name: str, text: str, *labels: str) -> Any:
            return prometheus.Counter(f"aiocompl_{name}", text, labels, registry=registry)

        def seconds(name: str, text: str, *labels: str) -> Any:
            return prometheus.Histogram(f"aiocompl_{name}", text, labels, registry=registry, buckets=_SECONDS)

        self._provider = _Bounded(max_models)
        self._model = _Bounded(max_models)
        self._endpoint = _Bounded(max_models)
        self._calls = counter("calls", "Calls that are over.", *whom, "operation", "outcome")
        self._attempts = counter("attempts", "Attempts that are over.", *whom, "outcome")
        self._errors = counter("errors", "Attempts that failed, by the class of the error.", *whom, "error")
        self._tokens = counter("tokens", "Tokens used.", *whom, "type")
        self._cost = counter("cost_dollars", "What answers cost, in US dollars.", *whom)
        self._steps = {
            name: counter(name, f"How many there were: {name.replace('_', ' ')}.", *whom)
            for name in _COUNTED.values()
        }
        self._fallbacks = counter("fallbacks", "Calls that went on with another model group.", "from", "to")
        self._call_seconds = seconds("call_seconds", "Whole calls, streams included.", *whom)
        self._attempt_seconds = seconds(
            "attempt_seconds", "Attempts; of streams, until they opened.", *whom, "outcome"
        )
        self._ttft = seconds("time_to_first_token_seconds", "From a call to its first token.", *whom)
        self._waited = seconds("limiter_wait_seconds", "Waiting for a rate limit.", *whom)
        self._in_flight = prometheus.Gauge(
            "aiocompl_calls_in_flight", "Calls under way.", ("operation",), registry=registry
        )
        self._breaker = prometheus.Gauge(
            "aiocompl_breaker_state",
            "0 closed, 1 half open, 2 open.",
            ("provider", "endpoint"),
            registry=registry,
        )
        self._down = counter("endpoints_down", "Endpoints that were given up.", "provider", "endpoint")
        self._snapshots: list[Callable[[], Any]] = []
        registry.register(self)

    def attach(self, snapshot: Callable[[], Any], /) -> None:
        """Look at this supervisor, too, whenever the metrics are read; see `SnapshotHook`. It may go as it likes."""
        self._snapshots.append(WeakMethod(snapshot) if ismethod(snapshot) else lambda: snapshot)

    def on_event(self, event: Event, /) -> None:
        """Count it."""
        if isinstance(event, events.AttemptEvent):
            self._take_attempt(event)
        elif isinstance(event, events.CallStarted):
            self._in_flight.labels(event.operation).inc()
        elif isinstance(event, events.CallFinished):
            self._take_call(event)
        elif isinstance(event, events.StreamFinished):
            if event.ttft is not None:
                self._ttft.labels(*self._whom(event)).observe(event.ttft)
        elif isinstance(event, events.LimiterWaited):
            self._waited.labels(*self._whom(event)).observe(event.waited)
        elif isinstance(event, events.CallFellBack):
            self._fallbacks.labels(self._model(event.from_group), self._model(event.to_group)).inc()
        elif (state := _STATES.get(type(event))) is not None:
            self._breaker.labels(*self._where(event)).set(state)
        elif isinstance(event, events.EndpointDown):
            self._down.labels(*self._where(event)).inc()
        self._count_step(event)

    def _count_step(self, event: Event) -> None:
        if (name := _COUNTED.get(type(event))) is not None:
            self._steps[name].labels(*self._whom(event)).inc()

    def _take_call(self, event: events.CallFinished) -> None:
        whom = self._whom(event)
        self._in_flight.labels(event.operation).dec()
        self._calls.labels(*whom, event.operation, event.outcome).inc()
        if event.outcome == "answered":
            self._call_seconds.labels(*whom).observe(event.elapsed)
        if event.input_tokens is not None:
            self._tokens.labels(*whom, "input").inc(event.input_tokens)
        if event.output_tokens is not None:
            self._tokens.labels(*whom, "output").inc(event.output_tokens)
        if event.cost is not None:
            self._cost.labels(*whom).inc(event.cost)

    def _take_attempt(self, event: events.AttemptEvent) -> None:
        whom = self._whom(event)
        if isinstance(event, events.AttemptFinished):
            outcome = "answered"
        elif isinstance(event, events.AttemptFailed):
            outcome = "failed"
            self._errors.labels(*whom, event.error).inc()
        elif isinstance(event, events.AttemptCancelled):
            outcome = "cancelled"
        else:
            return
        self._attempts.labels(*whom, outcome).inc()
        self._attempt_seconds.labels(*whom, outcome).observe(event.elapsed)

    def _whom(self, event: Event) -> tuple[str, str]:
        return self._provider(event.provider), self._model(event.model)

    def _where(self, event: Event) -> tuple[str, str]:
        return self._provider(event.provider), self._endpoint(event.endpoint)

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing is known beforehand; asked for when it is registered."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What the supervisors hold right now; called whenever the metrics are read, perhaps in another thread."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - an extra

        in_flight, queued = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for snapshot in [found for reference in self._snapshots if (found := reference()) is not None]:
            for endpoint in _endpoints(snapshot):
                where = self._provider(endpoint.provider), self._endpoint(endpoint.endpoint)
                in_flight[where] += endpoint.in_flight
                queued[where] += endpoint.queued
        for name, text, found in (
            ("requests_in_flight", "Requests in flight, open streams included.", in_flight),
            ("requests_queued", "Requests that wait for a slot.", queued),
        ):
            family = GaugeMetricFamily(f"aiocompl_{name}", text, labels=("provider", "endpoint"))
            for where, number in found.items():
                family.add_metric(where, number)
            yield family


def _endpoints(snapshot: Callable[[], Any]) -> tuple[Any, ...]:
    for _ in range(3):
        try:
            return tuple(snapshot().endpoints)
        except RuntimeError:  # the loop has started an endpoint meanwhile, in its own thread
            continue
    return ()

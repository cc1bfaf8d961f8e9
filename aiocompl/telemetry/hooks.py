"""Hooks: what users, tracing and metrics are told through, in a way that can neither break nor delay a call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import attrs

from aiocompl.prices import load_table
from aiocompl.telemetry.outlet import GRACE, Outlet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from aiocompl.telemetry.events import CallStarted, Event
    from aiocompl.telemetry.report import CallReport
    from aiocompl.types.endpoint import Endpoint
    from aiocompl.types.request import Request

    Told: TypeAlias = "Awaitable[object] | object"
    """What a hook's method gives back: nothing, or where it is async, what is to be awaited."""


@runtime_checkable
class EventHook(Protocol):
    """Wants everything that happens."""

    def on_event(self, event: Event, /) -> Told:
        """Something has happened."""
        ...


@runtime_checkable
class SuccessHook(Protocol):
    """Wants the calls that were answered; a stream, when it is whole."""

    def on_success(self, report: CallReport, /) -> Told:
        """A call has been answered."""
        ...


@runtime_checkable
class FailureHook(Protocol):
    """Wants the calls that came to nothing; not those that were cancelled."""

    def on_failure(self, report: CallReport, /) -> Told:
        """A call has failed."""
        ...


@runtime_checkable
class ContentHook(Protocol):
    """Says whether its reports are to have what was asked, and of streams what was answered."""

    with_content: bool


@runtime_checkable
class ObserverHook(Protocol):
    """Wants an object of its own for each call, as tracing does. It is called inline and must not block."""

    def observe(self, started: CallStarted, request: Request, /) -> Observer | None:
        """A call begins, in the task that awaits it; None where it is not to be observed."""
        ...


class Observer(Protocol):
    """Is told of a single call. All but `ended` happen in a task of the caller's; each attempt in one task."""

    def on_event(self, event: Event, /) -> None:
        """A step of the call."""
        ...

    def headers(self, attempt: int, /) -> Mapping[str, str]:
        """What is to go along in the HTTP request of this attempt."""
        ...

    def returned(self) -> None:
        """The call goes back to its caller; where it streams, the stream goes on."""
        ...

    def ended(self, report: CallReport, /) -> None:
        """The call is over."""
        ...


@runtime_checkable
class SnapshotHook(Protocol):
    """Wants to look at its supervisor, such as for gauges that are read when somebody asks."""

    def attach(self, snapshot: Callable[[], Any], /) -> None:
        """This gives the supervisor's state; it belongs to a supervisor that may be gone one day."""
        ...


Hook: TypeAlias = EventHook | SuccessHook | FailureHook | ObserverHook | SnapshotHook
"""What `Supervisor(hooks=[...])` takes: an object with at least one of these methods, each sync or async."""

_KINDS = (EventHook, SuccessHook, FailureHook, ObserverHook, SnapshotHook)


def _ignore(_: object) -> None: ...


@attrs.frozen(kw_only=True)
class Callbacks:
    """A hook made of functions, sync or async.

    ::

        Supervisor(hooks=[Callbacks(on_success=count, on_failure=alert)])
    """

    on_success: Callable[[CallReport], Told] = _ignore
    on_failure: Callable[[CallReport], Told] = _ignore
    on_event: Callable[[Event], Told] = _ignore
    with_content: bool = False
    """Have the reports hold the messages, and the answers of streams."""


@attrs.frozen
class Wanting:
    """A method of a hook, and the way to it."""

    outlet: Outlet
    method: Callable[[Any], Told]
    with_content: bool

    def tell(self, value: object) -> None:
        """Tell the hook; whatever it does wrong is logged."""
        self.outlet.tell(self.method, value)


class Hooks:
    """The hooks of one supervisor.

    What is sync is called inline, and what it raises is logged. What is async goes into a queue for that hook, which one
    task works off, in order; where the queue is full it is dropped and counted.

    Args:
        hooks: Whom to tell.
        queue_size: What may wait for each hook.
        time_limit: Seconds that a hook may take for each thing it is told.

    Raises:
        TypeError: One is no hook.
    """

    def __init__(
        self,
        hooks: Iterable[Hook],
        *,
        queue_size: int = 10_000,
        time_limit: float = 30.0,
    ) -> None:
        self._hooks = tuple(hooks)
        load_table()  # before the first call ends: it would hold up all others
        self._outlets: list[Outlet] = []
        events: list[Wanting] = []
        successes: list[Wanting] = []
        failures: list[Wanting] = []
        observers: list[tuple[ObserverHook, Outlet, bool]] = []
        for hook in self._hooks:
            _check(hook)
            outlet = Outlet(type(hook).__name__, queue_size, time_limit)
            self._outlets.append(outlet)
            content = isinstance(hook, ContentHook) and bool(hook.with_content)
            if isinstance(hook, EventHook) and hook.on_event is not _ignore:
                events.append(Wanting(outlet, hook.on_event, content))
            if isinstance(hook, SuccessHook) and hook.on_success is not _ignore:
                successes.append(Wanting(outlet, hook.on_success, content))
            if isinstance(hook, FailureHook) and hook.on_failure is not _ignore:
                failures.append(Wanting(outlet, hook.on_failure, content))
            if isinstance(hook, ObserverHook):
                observers.append((hook, outlet, content))
        self.events: Sequence[Wanting] = tuple(events)
        self.successes: Sequence[Wanting] = tuple(successes)
        self.failures: Sequence[Wanting] = tuple(failures)
        self.observers: Sequence[tuple[ObserverHook, Outlet, bool]] = tuple(observers)

    @property
    def dropped(self) -> int:
        """What hooks were not told because their queue was full, or the time was up."""
        return sum(outlet.dropped for outlet in self._outlets)

    def emit(self, event: Event) -> None:
        """Tell of something that belongs to no single call."""
        for wanting in self.events:
            wanting.tell(event)

    def emit_about(self, kind: str, endpoint: Endpoint, **fields: Any) -> None:
        """Tell of something about an endpoint; `kind` is the name of a class of `events`, which load late."""
        if self.events:
            from aiocompl.telemetry import events  # noqa: PLC0415 - see above

            made: type[Event] = getattr(events, kind)
            self.emit(made(provider=endpoint.provider, endpoint=endpoint.base_url, **fields))

    def attach(self, snapshot: Callable[[], Any]) -> None:
        """Give those hooks that look at their supervisor the means to; no more than its `snapshot`."""
        for hook, outlet in zip(self._hooks, self._outlets, strict=True):
            if isinstance(hook, SnapshotHook):
                outlet.tell(hook.attach, snapshot)

    async def aclose(self, limit: float = 5.0) -> None:
        """Wait until the hooks have been told all that waits, `limit` seconds at most; drop the rest. Idempotent.

        Cancelled: the rest is dropped at once.
        """
        outlets = self._outlets
        try:
            if tasks := [task for outlet in outlets if (task := outlet.task) is not None]:
                await asyncio.wait(tasks, timeout=limit)
        finally:
            if tasks := [task for outlet in outlets if (task := outlet.close()) is not None]:
                await asyncio.wait(tasks, timeout=2 * GRACE)  # who will not be cancelled is left to itself


def _check(hook: object) -> None:
    if isinstance(hook, type):
        raise TypeError(f"a hook is an object, not a class: {hook.__name__}()")
    if not isinstance(hook, _KINDS):
        raise TypeError(
            f"{hook!r} is no hook: it has none of on_success, on_failure, on_event, observe, attach"
        )

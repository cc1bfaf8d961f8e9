"""The life of a supervisor's children: one for each endpoint, started at the first call, drained and closed together."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal, Self

import attrs

from aiocompl.codecs.base import Jobs, Signer
from aiocompl.codecs.routing import Kind, OperationRoute, resolve, resolve_operation
from aiocompl.errors import SupervisorClosedError
from aiocompl.policy.retry import RetryBudget
from aiocompl.runtime.child import Child
from aiocompl.runtime.child_values import ChildSnapshot, ChildSpec, Overflow
from aiocompl.runtime.deployment import Deployment, DeploymentSnapshot
from aiocompl.runtime.gate import Gate
from aiocompl.runtime.transport import AiohttpTransport, TransportSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from aiocompl.policy.adaptive import AdaptivePolicy
    from aiocompl.policy.breaker import BreakerPolicy
    from aiocompl.runtime.call import Call, TargetKey
    from aiocompl.runtime.credentials import CredentialKeeper
    from aiocompl.shared.base import SharedState
    from aiocompl.telemetry.hooks import Hooks
    from aiocompl.types.endpoint import Endpoint, TokenSource
    from aiocompl.wire.transport import Transport

_MAX_ROUTES = 4096


@attrs.frozen(kw_only=True)
class SupervisorSnapshot:
    """What a supervisor holds at an instant."""

    state: Literal["running", "draining", "closed"]
    endpoints: tuple[ChildSnapshot, ...]
    """In the order in which they were started."""
    deployments: tuple[DeploymentSnapshot, ...] = ()
    """Those that are watched over: the ones of model groups, and where there are circuit breakers all."""

    @property
    def in_flight(self) -> int:
        """Requests and open streams in flight, over all endpoints."""
        return sum(child.in_flight for child in self.endpoints)

    @property
    def queued(self) -> int:
        """Requests that wait for a slot, over all endpoints."""
        return sum(child.queued for child in self.endpoints)


class ChildKeeper:
    """Starts children as routes need them, and ends them. See `Supervisor` for the arguments."""

    hooks: Hooks | None = None
    """Who is told of what happens."""
    shared: SharedState | None = None
    """What other processes share."""

    def __init__(
        self,
        *,
        max_concurrency: int | Literal["auto"] | AdaptivePolicy,
        inbox_size: int,
        overflow: Overflow,
        max_restarts: int,
        restart_period: float,
        retry_budget: RetryBudget | None,
        breaker: BreakerPolicy | None,
        transport: TransportSettings | None,
    ) -> None:
        slots, adaptive = _concurrency(max_concurrency)
        check_counts(1, max_concurrency=slots, inbox_size=inbox_size)
        check_counts(0, max_restarts=max_restarts)
        check_seconds(restart_period=restart_period)
        if overflow not in ("raise", "wait"):
            raise ValueError(f"overflow must be 'raise' or 'wait', not {overflow!r}")
        self._transport = transport or TransportSettings()
        self._child_settings: dict[str, Any] = {
            "slots": slots,
            "adaptive": adaptive,
            "inbox_size": inbox_size,
            "overflow": overflow,
            "max_restarts": max_restarts,
            "restart_period": restart_period,
            "retry_budget": retry_budget or RetryBudget(),
        }
        self._breaker = breaker
        self._routes: dict[TargetKey, Deployment] = {}
        self._operations: dict[tuple[Kind, TargetKey], Deployment] = {}
        self._gates: dict[tuple[Endpoint, str], Gate] = {}
        self._children: dict[Endpoint, Child] = {}
        self._retiring: dict[asyncio.Task[None], Child] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state: Literal["running", "draining", "closed"] = "running"

    async def __aenter__(self) -> Self:
        self._bind(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def snapshot(self) -> SupervisorSnapshot:
        """The state at this instant, as a frozen value."""
        return SupervisorSnapshot(
            state=self._state,
            endpoints=tuple(child.snapshot() for child in self._children.values()),
            deployments=tuple(each.snapshot() for each in self._watched_deployments()),
        )

    async def drain(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - what is left is then cancelled
        """Take no new calls, let those that run finish, then close.

        Args:
            timeout: Seconds given to what runs, streams included; then it is cancelled. None waits for ever.

        Cancelled: what runs is cancelled at once.
        """
        if self._state == "running":
            self._state = "draining"
        children = [*self._children.values(), *self._retiring.values()]
        for child in children:
            child.start_drain()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    for child in children:
                        await child.drain()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Cancel what runs, close all streams and connections, in the reverse order of their start. Idempotent.

        Callers in flight get `SupervisorClosedError`.

        Cancelled: all of it closes all the same, but nobody waits for it.
        """
        self._state = "closed"
        children = [*reversed(self._children.values()), *self._retiring.values()]
        for child in children:
            child.start_close()
        for child in children:
            await child.aclose()
        if self._retiring:
            await asyncio.wait(list(self._retiring))

    def _bind(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("this supervisor belongs to another event loop; make one for each loop")

    def _route(self, call: Call) -> Deployment:
        """Where a call goes that names a model."""
        known = self._routes.get(call.key)
        if known is not None:
            return known
        self._check_running()
        route = resolve(call.target(), os.environ)
        self._make_room(self._routes)
        deployment = self._routes[call.key] = self._deployment_of(route)
        return deployment

    def _operation_route(self, kind: Kind, call: Call) -> Deployment:
        known = self._operations.get((kind, call.key))
        if known is not None:
            return known
        self._check_running()
        route = resolve_operation(kind, call.target(), os.environ)
        self._make_room(self._operations)
        deployment = self._operations[kind, call.key] = self._deployment_of(route)
        return deployment

    def _make_room(self, routes: dict[Any, Deployment]) -> None:
        if len(routes) >= _MAX_ROUTES:
            routes.clear()
            self._gates.clear()

    def _deployment_of(self, route: OperationRoute[Any]) -> Deployment:
        return Deployment(route, self._child_of(route), self._gate_of(route, self._breaker))

    def _gate_of(self, route: OperationRoute[Any], policy: BreakerPolicy | None) -> Gate | None:
        """The circuit breaker of a model at an endpoint, which all who ask for it there share."""
        if policy is None:
            return None
        where = route.endpoint, route.model
        gate = self._gates.get(where)
        if gate is None:
            gate = self._gates[where] = Gate(
                policy, *where, asyncio.get_running_loop(), self.hooks, self.shared
            )
        return gate

    def _watched_deployments(self) -> list[Deployment]:
        direct = [*self._routes.values(), *self._operations.values()]
        gated = {id(each.gate): each for each in direct if each.gate is not None}
        return list(gated.values())

    def _check_running(self) -> None:
        if self._state != "running":
            raise SupervisorClosedError(f"the supervisor is {self._state} and takes no new calls")

    def _child_of(self, route: OperationRoute[Any]) -> Child:
        child = self._children.get(route.endpoint)
        if child is None:
            child = self._children[route.endpoint] = Child(self._child_spec(route))
        return child

    def _retire(self, endpoint: Endpoint) -> None:
        """Drain and close the child of an endpoint that no configuration names any more.

        A call that names it nevertheless gets a new one.
        """
        child = self._children.pop(endpoint, None)
        if child is not None:
            task = asyncio.get_running_loop().create_task(
                _end(child), name=f"aiocompl retire {endpoint.base_url}"
            )
            self._retiring[task] = child
            task.add_done_callback(self._retired)

    def _retired(self, task: asyncio.Task[None]) -> None:
        self._retiring.pop(task, None)

    def _child_spec(self, route: OperationRoute[Any]) -> ChildSpec:
        source, codec = route.endpoint.source, route.chat or route.codec
        make_transport = partial(self._make_transport, route.endpoint, codec.headers)
        if isinstance(codec, Jobs):
            make_transport = partial(_job_transport, make_transport, codec, route.endpoint.provider)
        return ChildSpec(
            endpoint=route.endpoint,
            make_transport=make_transport,
            sign=codec.sign if isinstance(codec, Signer) and codec.signs else None,
            make_keeper=partial(self._make_keeper, route.endpoint, source) if source is not None else None,
            hooks=self.hooks,
            **self._child_settings,
        )

    def _make_transport(self, endpoint: Endpoint, headers: Mapping[str, str]) -> Transport:
        if endpoint.local_model is None:
            return AiohttpTransport(endpoint.provider, self._transport, headers)
        from aiocompl.local.transport import local_transport  # noqa: PLC0415 - an extra, and heavy

        return local_transport(endpoint.local_model, self._transport, headers)

    def _make_keeper(self, endpoint: Endpoint, source: TokenSource) -> CredentialKeeper:
        from aiocompl.runtime.credentials import keeper_for  # noqa: PLC0415 - loads with the first that needs it

        return keeper_for(endpoint, source, self._transport)


async def _end(child: Child) -> None:
    """Let a child finish what it has. Cancelled: it is closed at once."""
    try:
        await child.drain()
    finally:
        await child.aclose()


def _job_transport(make_inner: Callable[[], Transport], jobs: Jobs, provider: str) -> Transport:
    from aiocompl.runtime.jobs import JobTransport  # noqa: PLC0415 - few providers answer with jobs

    return JobTransport(make_inner(), jobs, provider)


def _concurrency(
    max_concurrency: int | Literal["auto"] | AdaptivePolicy,
) -> tuple[int, AdaptivePolicy | None]:
    """The slots of an endpoint at first, and how their number is found from there, if it is."""
    if isinstance(max_concurrency, int):
        return max_concurrency, None
    from aiocompl.policy.adaptive import AdaptivePolicy  # noqa: PLC0415 - only where one is wanted

    if max_concurrency == "auto":
        max_concurrency = AdaptivePolicy()
    if not isinstance(max_concurrency, AdaptivePolicy):
        raise ValueError(  # noqa: TRY004 - as of all settings
            "max_concurrency must be a whole number from 1 up, 'auto' or an AdaptivePolicy, "
            f"not {max_concurrency!r}"
        )
    return max_concurrency.initial, max_concurrency


def check_counts(least: int, /, **settings: int) -> None:
    """Refuse settings that are no whole numbers from `least` up.

    Raises:
        ValueError: One is not; the message names it.
    """
    for name, value in settings.items():
        if type(value) is not int or value < least:
            raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}")


def check_seconds(**settings: float) -> None:
    """Refuse settings that are no times above zero.

    Raises:
        ValueError: One is not; the message names it.
    """
    for name, value in settings.items():
        if not value > 0 or not isfinite(value):
            raise ValueError(f"{name} must be a positive number of seconds, not {value!r}")

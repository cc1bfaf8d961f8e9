"""From a call to the plan of where its attempts may go."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

import attrs

from aiocompl._compat import override
from aiocompl.codecs.legacy import legacy_route
from aiocompl.codecs.routing import resolve, resolve_operation
from aiocompl.errors import BadRequestError
from aiocompl.prices import Price
from aiocompl.runtime.call import build_request, call_retries, sort_keywords
from aiocompl.runtime.children import ChildKeeper
from aiocompl.runtime.combined import says_where
from aiocompl.runtime.deployment import Deployment
from aiocompl.runtime.plan import OneWay
from aiocompl.runtime.router_settings import read_router_from

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping
    from pathlib import Path

    from aiocompl.codecs.routing import Kind, OperationRoute, Route
    from aiocompl.policy.breaker import BreakerPolicy
    from aiocompl.policy.config import DeploymentConfig, RouterConfig
    from aiocompl.policy.load import Load
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.call import Call
    from aiocompl.runtime.groups import Group, Groups, Member
    from aiocompl.runtime.plan import Plan
    from aiocompl.runtime.turnstile import Turnstile


class Routing(ChildKeeper):
    """Knows the model groups, and makes plans of calls. What only groups need loads with the first of them."""

    rng: random.Random
    """Where chance comes from."""
    policy: RetryPolicy
    """What is retried where no group says anything."""
    _table: Groups | None
    """The model groups; None as long as nobody has asked for any."""
    _has_groups: bool
    """Whether there is another than the direct way to any model."""
    _turnstiles: WeakSet[Turnstile]
    """Those of deployments that a reload has left behind, too: somebody may wait there."""

    def __init__(
        self,
        *,
        config: RouterConfig | None,
        policy: RetryPolicy,
        rng: random.Random,
        timeout: float,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.rng = rng
        self._usual_timeout = timeout
        self.policy = policy
        self._turnstiles = WeakSet()
        self._configure(config)

    @override
    async def aclose(self) -> None:
        """See `ChildKeeper`; those who wait for a rate limit get `SupervisorClosedError` too."""
        self._state = "closed"
        try:
            for turnstile in list(self._turnstiles):
                await turnstile.aclose()
        finally:
            try:
                await super().aclose()
            finally:
                if self.shared is not None:
                    await self.shared.aclose()

    @property
    def stream_timeout(self) -> float | None:
        """Seconds that an attempt of a stream may take where its deployment says nothing."""
        return self._groups.config.stream_timeout

    @property
    def default_params(self) -> Mapping[str, Any]:
        """What goes where the caller says nothing, for models in no group."""
        return self._groups.config.default_params

    def find(self, name: str) -> Group | None:
        """The model group of this name, or of this alias."""
        return self._groups.find(name) if self._has_groups else None

    def route(self, call: Call) -> Deployment:
        """The way to a model that is in no group."""
        return self._route(call)

    def now(self) -> float:
        """The present, by `loop.time()`."""
        assert self._loop is not None  # noqa: S101 - a call is under way
        return self._loop.time()

    def reload(self, source: str | Path | Mapping[str, Any] | RouterConfig) -> None:
        """Go on with another configuration: a file's path, what one holds, or the value.

        Calls and streams under way end as they began. Endpoints that nobody needs any more are drained, then closed.

        Raises:
            ConfigError: Something is not as it should be, or the file cannot be read; the message says where. All is
                as it was.
        """
        old, config = self._groups, read_router_from(source)
        self._configure(config)
        self._groups.inherit(old)
        used = [*self._groups.made(), *self._routes.values(), *self._operations.values()]
        kept = {deployment.route.endpoint for deployment in used}
        for endpoint in {deployment.route.endpoint for deployment in old.made()} - kept:
            self._retire(endpoint)

    def _configure(self, config: RouterConfig | None) -> None:
        self._table, self._has_groups, self._timeout = None, False, self._usual_timeout
        if config is not None:
            self._has_groups = self._make_table(config).says_anything
            if config.timeout is not None:
                self._timeout = config.timeout

    @property
    def _groups(self) -> Groups:
        if self._table is not None:
            return self._table
        from aiocompl.policy.config import RouterConfig  # noqa: PLC0415 - see the class

        return self._make_table(RouterConfig())

    def _make_table(self, config: RouterConfig) -> Groups:
        from aiocompl.runtime.groups import Groups  # noqa: PLC0415 - see the class

        self._table = Groups(config, self._make_deployment, self.policy)
        return self._table

    def _plan(self, call: Call, params: Mapping[str, Any]) -> tuple[int, Plan]:
        """How many answers are to be had by calls of their own, and where each of these may go."""
        if self._has_groups or "fallbacks" in call.options:
            return self._group_plan(call, params)
        deployment = self._route(call)
        times, route, policy = 1, cast("Route", deployment.route), self.policy
        options = call.options
        if options:
            if "n_by_fanout" in options:
                from aiocompl.runtime.fanout_n import take_n  # noqa: PLC0415 - few calls want it

                times = take_n(call, route)
            if "num_retries" in options or "max_retries" in options:
                policy = attrs.evolve(policy, max_retries=call_retries(options))
        request, dropped = build_request(call, route)
        if request.legacy:
            route = legacy_route(route)
        return times, OneWay(request, route, deployment, dropped, options, policy=policy)

    def _group_plan(self, call: Call, params: Mapping[str, Any]) -> tuple[int, Plan]:
        from aiocompl.runtime.group_plan import GroupPlan  # noqa: PLC0415 - see the class

        groups, options = self._groups, call.options
        times, group = 1, groups.find(call.model)
        plan = GroupPlan(self, call, params, groups.fallbacks, group)
        if options:
            if group is not None:
                _refuse_targets(group.name, options)
            if "fallbacks" in options:
                from aiocompl.policy.read_fallbacks import call_chain  # noqa: PLC0415 - see the class

                plan.own = call_chain(options["fallbacks"], groups.names)
            if options.get("n_by_fanout"):
                from aiocompl.runtime.fanout_n import take_n  # noqa: PLC0415 - few calls want it

                deployment = self._route(call) if group is None else group.members[0].deployment
                times = take_n(call, cast("Route", deployment.route))
                plan.is_sorted = False
                if times > 1:
                    plan.keywords = {name: value for name, value in params.items() if name != "n"}
        if groups.config.sticky is not None:
            plan.key = _text(call.params.get(groups.config.sticky))
        return times, plan

    def _make_deployment(self, config: DeploymentConfig, load: Load) -> Deployment:
        """Start what a configured deployment needs."""
        self._check_running()
        settings = dict(config.params)
        call = sort_keywords(settings.pop("model"), None, keywords=settings)
        route = resolve(call.target(), os.environ)
        policy = self._breaker_of(config)
        return Deployment(
            route,
            self._child_of(route),
            self._gate_of(route, policy),
            load,
            self._turnstile(config, route),
            learns=bool(config.learn_limits),
            group=config.model_name,
            id=load.id,
            price=_price(config),
        )

    def _breaker_of(self, config: DeploymentConfig) -> BreakerPolicy | None:
        from aiocompl.runtime.groups import breaker_of  # noqa: PLC0415 - see the class

        return breaker_of(self._groups.config, config, self._breaker)

    def _operation_deployments(self, kind: Kind, call: Call, group: Group | None) -> list[Deployment]:
        """Where a call beside chat may go."""
        if group is None:
            return [self._operation_route(kind, call)]
        _refuse_targets(group.name, call.options)
        return [self._operation_member(kind, member) for member in group.members]

    def _operation_member(self, kind: Kind, member: Member) -> Deployment:
        """A group's deployment for calls beside chat; what watches over it is the same."""
        known = member.operations.get(kind)
        if known is not None:
            return known
        self._check_running()
        config, load = member.config, member.load
        settings = dict(config.params)
        call = sort_keywords(settings.pop("model"), None, keywords=settings)
        route = resolve_operation(kind, call.target(), os.environ)
        others = [*member.operations.values(), *([] if member.made is None else [member.made])]
        turnstile = others[0].turnstile if others else self._turnstile(config, route)
        deployment = member.operations[kind] = Deployment(
            route,
            self._child_of(route),
            self._gate_of(route, self._breaker_of(config)),
            load,
            turnstile,
            learns=bool(config.learn_limits),
            group=config.model_name,
            id=load.id,
            price=_price(config),
        )
        return deployment

    def _turnstile(self, config: DeploymentConfig, route: OperationRoute[Any]) -> Turnstile | None:
        """The line before a deployment that has limits."""
        from aiocompl.policy.limits import Limiter, RateLimitPolicy  # noqa: PLC0415 - see the class
        from aiocompl.runtime.turnstile import Turnstile  # noqa: PLC0415 - see the class

        limits = RateLimitPolicy(
            rpm=config.rpm,
            tpm=config.tpm,
            input_tpm=config.input_tpm,
            output_tpm=config.output_tpm,
            learn=bool(config.learn_limits),
        )
        bound = limits != RateLimitPolicy()
        if not bound and config.max_parallel_requests is None:
            return None
        loop = asyncio.get_running_loop()
        turnstile = Turnstile(
            Limiter(limits) if bound else None,
            config.max_parallel_requests,
            loop,
            shared=self.shared.limits(_id(config), limits) if bound and self.shared is not None else None,
            provider=route.endpoint.provider,
            model=route.model,
        )
        self._turnstiles.add(turnstile)
        return turnstile

    @override
    def _watched_deployments(self) -> list[Deployment]:
        grouped = [] if self._table is None else self._table.made()
        return [*grouped, *super()._watched_deployments()]


def _id(config: DeploymentConfig) -> str:
    return config.id or config.model_name


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _price(config: DeploymentConfig) -> Price | None:
    asked, answered = config.input_cost_per_token, config.output_cost_per_token
    if asked is None and answered is None:
        return None
    return Price(input=asked or 0.0, output=answered or 0.0)


def _refuse_targets(group: str, options: Mapping[str, Any]) -> None:
    """A model group's deployments have addresses and keys of their own; a caller's would go to strangers."""
    for name in options:
        if says_where(name):
            raise BadRequestError(
                f"{name} cannot be given for the model group {group!r}: its deployments have their own; "
                "name the model itself, as 'provider/model'",
                param=name,
            )

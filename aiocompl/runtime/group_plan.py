"""The plan of a call that may go to several places: a model group's deployments, and the groups it falls back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.codecs.legacy import legacy_route
from aiocompl.errors import CircuitOpenError
from aiocompl.policy.steps import blames_deployment
from aiocompl.runtime.call import build_request, call_retries, call_timeout, sort_keywords
from aiocompl.runtime.combined import combined, says_where
from aiocompl.runtime.groups import Member
from aiocompl.runtime.plan import Prepared

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.routing import Route
    from aiocompl.errors import AiocomplError
    from aiocompl.policy.fallbacks import Fallback, FallbackWalk
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.call import Call
    from aiocompl.runtime.deployment import Deployment
    from aiocompl.runtime.groups import Group


@attrs.frozen(kw_only=True)
class Question:
    """What a call asks, before it is put into the words of anybody."""

    messages: Any
    stream: bool
    keywords: Mapping[str, Any]
    """All that the caller gave besides."""

    def call(self, model: str, defaults: Mapping[str, Any], changes: Mapping[str, Any]) -> Call:
        """It as a call to one model: `defaults` go where the caller says nothing, `changes` in any case."""
        given = {name: value for name, value in self.keywords.items() if value is not None}
        return sort_keywords(
            model, self.messages, stream=self.stream, keywords={**defaults, **combined(given, changes)}
        )


class Finder:
    """What a plan needs of the supervisor: the groups there are, and the way to a model that is in none."""

    def __init__(
        self,
        find: Callable[[str], Group | None],
        route: Callable[[Call], Deployment],
        policy: RetryPolicy,
        rng: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self.find = find
        self.route = route
        self.policy = policy
        self.rng = rng
        self.clock = clock


@attrs.define(eq=False)
class GroupPlan:
    """See `Plan`. Whoever makes it says where it begins, by `enter`."""

    finder: Finder
    question: Question
    walk: FallbackWalk
    options: Mapping[str, Any]
    """The call's own."""
    key: str | None = None
    """Calls with the same key go to the same deployment."""
    group: str | None = attrs.field(default=None, init=False)
    policy: RetryPolicy = attrs.field(init=False)
    _changes: Mapping[str, Any] = attrs.field(factory=dict, init=False)
    _group: Group | None = attrs.field(default=None, init=False)
    _model: str = attrs.field(default="", init=False)
    _last: Member | None = attrs.field(default=None, init=False)
    _failed: set[int] = attrs.field(factory=set, init=False)  # ids of members that have failed this call
    _barred: set[int] = attrs.field(factory=set, init=False)  # and need not be asked again
    _direct: Prepared[Any] | None = attrs.field(default=None, init=False)
    _prepared: dict[int, Prepared[Any]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.policy = self.finder.policy

    def enter(self, model: str, changes: Mapping[str, Any]) -> None:
        """Go on with a model group, or with a model that is in none."""
        elsewhere = any(map(says_where, changes))  # an address or a key of its own leads past the group
        self._group = None if elsewhere else self.finder.find(model)
        self._model, self._changes = model, changes
        self.group = None if self._group is None else self._group.name
        policy = self.finder.policy if self._group is None else self._group.policy
        if "num_retries" in self.options or "max_retries" in self.options:
            policy = attrs.evolve(policy, max_retries=call_retries(self.options), counts=None)
        self.policy = policy
        self._last = self._direct = None
        self._failed.clear()
        self._barred.clear()
        self._prepared.clear()

    def choose(self) -> Prepared[Any]:
        """See `Plan`; so are the others."""
        if self._group is None:
            if self._direct is None:
                call = self.question.call(self._model, {}, self._changes)
                self._direct = _prepare(call, self.finder.route(call), None)
            return self._direct
        fresh = self._open_members()
        if not fresh:  # all have failed once: another round, without those that would only fail again
            self._failed = self._barred.copy()
            fresh = self._open_members()
        member = self._group.pick(
            fresh or self._closed(), rng=self.finder.rng, now=self.finder.clock(), key=self.key
        )
        self._last = member
        prepared = self._prepared.get(id(member))
        if prepared is None:
            config = member.config
            call = self.question.call(config.params["model"], member.defaults, self._changes)
            timeout = config.timeout
            if self.question.stream and config.stream_timeout is not None:
                timeout = config.stream_timeout
            prepared = self._prepared[id(member)] = _prepare(call, member.deployment, timeout)
        return prepared

    def fail(self, deployment: Deployment, error: AiocomplError) -> None:
        """See `Plan`."""
        if self._group is None:
            return
        for member in self._group.members:
            if member.made is deployment:
                self._failed.add(id(member))
                if blames_deployment(error):
                    self._barred.add(id(member))
                if member.config.max_retries is not None and "num_retries" not in self.options:
                    self.policy = attrs.evolve(self.policy, max_retries=member.config.max_retries)

    def has_elsewhere(self) -> bool:
        """See `Plan`."""
        return self._group is not None and bool(self._open_members())

    def has_fallback(self, error: AiocomplError) -> bool:
        """See `Plan`."""
        return self.walk.has_next(error)

    def fall_back(self, error: AiocomplError) -> None:
        """See `Plan`."""
        entry: Fallback | None = self.walk.next(error)
        assert entry is not None  # noqa: S101 - the loop has asked whether there is one
        self.enter(entry.model, entry.params)

    def _open_members(self) -> list[Member]:
        """Those that have not failed this call and whose breakers let calls pass."""
        assert self._group is not None  # noqa: S101 - asked for groups only
        return [
            each for each in self._group.members if id(each) not in self._failed and not each.is_open
        ]

    def _closed(self) -> list[Member]:
        """Nobody can be asked: those who may say why, and for how long."""
        assert self._group is not None  # noqa: S101 - asked for groups only
        waits = {id(each): each.wait for each in self._group.members}
        least = min(waits.values())
        raise CircuitOpenError(
            f"all deployments of {self._group.name!r} have failed too often and are not asked for now: "
            f"try again in {least:.3g} s",
            model=self._group.name,
            retry_after=least,
        )


def _prepare(call: Call, deployment: Deployment, timeout: float | None) -> Prepared[Any]:
    route: Route = deployment.route  # type: ignore[assignment] # chat is all that is planned here
    request, dropped = build_request(call, route)
    if request.legacy:
        route = legacy_route(route)
    return Prepared(request, route, deployment, dropped, timeout)

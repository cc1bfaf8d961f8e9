"""The plan of a call that may go to several places: a model group's deployments, and the groups it falls back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

import attrs

from aiocompl.codecs.legacy import legacy_route
from aiocompl.errors import AiocomplError, CircuitOpenError
from aiocompl.policy.steps import blames_deployment
from aiocompl.runtime.call import build_request, call_retries, sort_keywords
from aiocompl.runtime.combined import combined, says_where
from aiocompl.runtime.plan import Prepared

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from aiocompl.codecs.routing import Route
    from aiocompl.policy.fallbacks import FallbackWalk
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.call import Call
    from aiocompl.runtime.deployment import Deployment
    from aiocompl.runtime.groups import Group, Member


@attrs.frozen(kw_only=True)
class Question:
    """What a call asks, before it is put into the words of anybody."""

    messages: Any
    stream: bool
    keywords: Mapping[str, Any]
    """All that the caller gave besides."""

    def call(
        self,
        model: str,
        defaults: Mapping[str, Any],
        changes: Mapping[str, Any],
        *,
        elsewhere: bool,
    ) -> Call:
        """It as a call to one model.

        Args:
            model: The model's name.
            defaults: What goes where the caller says nothing.
            changes: What goes whatever the caller says.
            elsewhere: The caller's keys and addresses are not for this model.
        """
        given = {name: value for name, value in self.keywords.items() if value is not None}
        keywords = {**defaults, **combined(given, changes, elsewhere=elsewhere)}
        return sort_keywords(model, self.messages, stream=self.stream, keywords=keywords)


class Finder(Protocol):
    """What a plan needs of the supervisor."""

    @property
    def rng(self) -> random.Random:
        """Where chance comes from."""
        ...

    @property
    def policy(self) -> RetryPolicy:
        """What is retried where no group says anything."""
        ...

    @property
    def stream_timeout(self) -> float | None:
        """Seconds that an attempt of a stream may take where its deployment says nothing."""
        ...

    @property
    def default_params(self) -> Mapping[str, Any]:
        """What goes where the caller says nothing, for models in no group."""
        ...

    def find(self, name: str) -> Group | None:
        """The model group of this name, or of this alias."""
        ...

    def route(self, call: Call) -> Deployment:
        """The way to a model that is in no group."""
        ...

    def now(self) -> float:
        """The present, by `loop.time()`."""
        ...


@attrs.define(eq=False)
class GroupPlan:
    """See `Plan`.

    Args:
        finder: Finds groups and ways.
        question: What is asked.
        walk: Says where to go when a group has failed.
        model: Where it begins: a group, or a model that is in none.
        options: The call's own.
        key: Calls with the same key go to the same deployment of a group.
        first: The call as it was sorted, for the first deployment that has no parameters of its own.
    """

    finder: Finder
    question: Question
    walk: FallbackWalk
    model: str
    options: Mapping[str, Any]
    key: str | None = None
    first: Call | None = None
    """The call as it was sorted, for whom it will do; it is used up."""
    group: str | None = attrs.field(default=None, init=False)
    is_open: bool = attrs.field(default=True, init=False)
    policy: RetryPolicy = attrs.field(init=False)
    _group: Group | None = attrs.field(default=None, init=False)
    _changes: Mapping[str, Any] = attrs.field(factory=dict, init=False)  # what this fallback does otherwise
    _fell_back: bool = attrs.field(default=False, init=False)
    _failed: set[int] = attrs.field(factory=set, init=False)  # ids of members that have failed this call
    _barred: set[int] = attrs.field(factory=set, init=False)  # and need not be asked again
    _prepared: dict[int, Prepared[Any]] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._enter(self.model, {})

    def fresh(self) -> GroupPlan:
        """See `Plan`; so are the others."""
        return GroupPlan(self.finder, self.question, self.walk.fresh(), self.model, self.options, self.key)

    def choose(self) -> Prepared[Any]:
        """Whom the next attempt asks."""
        group = self._group
        if group is None:
            return self._prepared.get(0) or self._prepare_direct()
        return self._prepare_member(group, self._candidates(group))

    def second(self, first: Prepared[Any]) -> Prepared[Any]:
        """Another member, if there is one that can be asked."""
        if self._group is None:
            return first
        others = [each for each in self._candidates(self._group) if each.made is not first.deployment]
        return self._prepare_member(self._group, others) if others else first

    def _prepare_member(self, group: Group, members: list[Member]) -> Prepared[Any]:
        rng, now, key = self.finder.rng, self.finder.now(), self.key
        member = group.pick(members, rng=rng, now=now, key=key)
        if member.has_line and (others := [each for each in members if not each.has_line]):
            member = group.pick(others, rng=rng, now=now, key=key)
        known = self._prepared.get(id(member))
        if known is not None:
            return known
        try:
            prepared = self._prepared[id(member)] = self._prepare(member)
        except AiocomplError:
            self._failed.add(id(member))
            self._barred.add(id(member))
            raise
        return prepared

    def fail(self, deployment: Deployment, error: AiocomplError) -> None:
        """An attempt there has failed."""
        for member in self._group.members if self._group is not None else ():
            if member.made is deployment:
                self._failed.add(id(member))
                if blames_deployment(error):
                    self._barred.add(id(member))
                if member.config.max_retries is not None and not _says_retries(self.options):
                    self.policy = attrs.evolve(self.policy, max_retries=member.config.max_retries)

    def has_elsewhere(self) -> bool:
        """Whether another member has not failed this call, and its breaker lets calls pass."""
        return self._group is not None and any(
            id(member) not in self._failed and member.closed_for is None for member in self._group.members
        )

    def has_fallback(self, error: AiocomplError) -> bool:
        """Whether the chain goes on."""
        return self.walk.has_next(error)

    def fall_back(self, error: AiocomplError) -> None:
        """Go on in the chain."""
        entry = self.walk.next(error)
        assert entry is not None  # noqa: S101 - the loop has asked whether there is one
        self._fell_back = True
        self._enter(entry.model, entry.params)

    def _enter(self, model: str, changes: Mapping[str, Any]) -> None:
        past = bool(changes) and any(map(says_where, changes))  # a place of its own is past the group
        self.model, self._changes = model, changes
        self._group = None if past else self.finder.find(model)
        self.group = None if self._group is None else self._group.name
        self.policy = self.finder.policy if self._group is None else self._group.policy
        if _says_retries(self.options):
            self.policy = attrs.evolve(self.policy, max_retries=call_retries(self.options), counts=None)
        if self._fell_back:
            self.first = None
            self._failed.clear()
            self._barred.clear()
            self._prepared.clear()

    def _candidates(self, group: Group) -> list[Member]:
        """Those who may be asked now; those who have failed this call only where there is nobody else.

        Raises:
            CircuitOpenError: The breakers of all are open.
        """
        passing = [member for member in group.members if member.closed_for is None]
        if not passing:
            least = min(member.closed_for or 0.0 for member in group.members)
            error = CircuitOpenError(
                f"all deployments have failed too often and are not asked for now: try again in {least:.3g} s",
                model=group.name,
            )
            error.retry_after = least
            raise error
        if self._failed:
            for out in (self._failed, self._barred):
                if left := [member for member in passing if id(member) not in out]:
                    return left
        return passing

    def _prepare(self, member: Member) -> Prepared[Any]:
        config = member.config
        call, self.first = self.first, None
        if call is None or member.defaults or self._changes:
            call = self.question.call(config.params["model"], member.defaults, self._changes, elsewhere=True)
        timeout = config.timeout
        if self.question.stream:
            timeout = config.stream_timeout or self.finder.stream_timeout or timeout
        return _prepared(call, member.deployment, timeout)

    def _prepare_direct(self) -> Prepared[Any]:
        defaults = self.finder.default_params
        call = self.question.call(self.model, defaults, self._changes, elsewhere=self._fell_back)
        prepared = self._prepared[0] = _prepared(call, self.finder.route(call), None)
        return prepared


def _prepared(call: Call, deployment: Deployment, timeout: float | None) -> Prepared[Any]:
    route = cast("Route", deployment.route)
    request, dropped = build_request(call, route)
    if request.legacy:
        route = legacy_route(route)
    return Prepared(request, route, deployment, dropped, call.options, timeout)


def _says_retries(options: Mapping[str, Any]) -> bool:
    return "num_retries" in options or "max_retries" in options

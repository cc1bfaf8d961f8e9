"""The plan of a call that may go to several places: a model group's deployments, and the groups it falls back to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import attrs

from aiocompl.codecs.legacy import legacy_route
from aiocompl.errors import AiocomplError, CircuitOpenError
from aiocompl.policy.steps import blames_deployment
from aiocompl.runtime.call import build_request, call_retries, sort_keywords
from aiocompl.runtime.combined import combined, says_where
from aiocompl.runtime.plan import Prepared

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.routing import Route
    from aiocompl.policy.fallbacks import Fallback, Fallbacks, FallbackWalk
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.call import Call
    from aiocompl.runtime.deployment import Deployment
    from aiocompl.runtime.groups import Group, Member


_NOTHING: Final[Mapping[str, Any]] = {}
_NOBODY: Final[frozenset[int]] = frozenset()
_UNPREPARED: Final[Mapping[int, Prepared[Any]]] = {}


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
    """See `Plan`. What only those need who fail is made when the first does.

    Args:
        finder: Finds groups and ways.
        call: What is asked, and where it begins: a group, or a model that is in none.
        keywords: All that the caller gave besides the messages.
        fallbacks: Say where to go when a group has failed.
        asked: The model group that is asked first.
        own: The call's own fallbacks.
        key: Calls with the same key go to the same deployment of a group.
        is_sorted: Whether `call` will do as it is for the first deployment that has no parameters of its own; it is
            used up there.
    """

    finder: Finder
    call: Call
    keywords: Mapping[str, Any]
    fallbacks: Fallbacks
    asked: Group | None
    """The model group whose turn it is."""
    own: tuple[Fallback, ...] | None = None
    key: str | None = None
    is_sorted: bool = True
    group: str | None = attrs.field(default=None, init=False)
    is_open: bool = attrs.field(default=True, init=False)
    model: str = attrs.field(init=False)
    policy: RetryPolicy = attrs.field(init=False)
    _changes: Mapping[str, Any] = attrs.field(
        default=_NOTHING, init=False
    )  # what this fallback does otherwise
    _first: Group | None = attrs.field(init=False)  # the one that was asked first
    _walk: FallbackWalk | None = attrs.field(default=None, init=False)
    _fell_back: bool = attrs.field(default=False, init=False)
    _failed: frozenset[int] = attrs.field(default=_NOBODY, init=False)  # ids of members that failed this call
    _barred: frozenset[int] = attrs.field(default=_NOBODY, init=False)  # and need not be asked again
    _prepared: Mapping[int, Prepared[Any]] = attrs.field(default=_UNPREPARED, init=False)

    def __attrs_post_init__(self) -> None:
        self._first = self.asked
        self._enter(self.call.model, self.asked)

    @property
    def walk(self) -> FallbackWalk:
        """The call's way through the chains."""
        if self._walk is None:
            self._walk = self.fallbacks.walk(self.call.model, self.own)
        return self._walk

    def fresh(self) -> GroupPlan:
        """See `Plan`; so are the others."""
        return GroupPlan(
            self.finder,
            self.call,
            self.keywords,
            self.fallbacks,
            self._first,
            self.own,
            self.key,
            is_sorted=False,
        )

    def choose(self) -> Prepared[Any]:
        """Whom the next attempt asks."""
        group = self.asked
        if group is None:
            return self._prepared.get(0) or self._prepare_direct()
        return self._prepare_member(group, self._candidates(group))

    def second(self, first: Prepared[Any]) -> Prepared[Any]:
        """Another member, if there is one that can be asked."""
        if self.asked is None:
            return first
        others = [each for each in self._candidates(self.asked) if each.made is not first.deployment]
        return self._prepare_member(self.asked, others) if others else first

    def _prepare_member(self, group: Group, members: Sequence[Member]) -> Prepared[Any]:
        finder, key = self.finder, self.key
        now = finder.now()
        member = group.pick(members, finder.rng, now, key)
        if (
            len(members) > 1
            and member.has_line(now)
            and (others := [each for each in members if not each.has_line(now)])
        ):
            member = group.pick(others, finder.rng, now, key)
        known = self._prepared.get(id(member))
        if known is not None:
            return known
        try:
            prepared = self._prepare(member)
        except AiocomplError:
            self._note_failed(member, barred=True)
            raise
        self._prepared = {**self._prepared, id(member): prepared}
        return prepared

    def fail(self, deployment: Deployment, error: AiocomplError) -> None:
        """An attempt there has failed."""
        for member in self.asked.members if self.asked is not None else ():
            if member.made is deployment:
                self._note_failed(member, barred=blames_deployment(error))
                if member.config.max_retries is not None and not _says_retries(self.call.options):
                    self.policy = attrs.evolve(self.policy, max_retries=member.config.max_retries)

    def has_elsewhere(self) -> bool:
        """Whether another member has not failed this call, and its breaker lets calls pass."""
        return self.asked is not None and any(
            id(member) not in self._failed and member.closed_for is None for member in self.asked.members
        )

    def has_fallback(self, error: AiocomplError) -> bool:
        """Whether the chain goes on."""
        return self.walk.has_next(error)

    def fall_back(self, error: AiocomplError) -> None:
        """Go on in the chain."""
        entry = self.walk.next(error)
        assert entry is not None  # noqa: S101 - the loop has asked whether there is one
        self._fell_back, self.is_sorted = True, False
        self._failed, self._barred, self._prepared = _NOBODY, _NOBODY, _UNPREPARED
        self._changes = entry.params
        past = any(map(says_where, entry.params))  # a place of its own is past the group
        self._enter(entry.model, None if past else self.finder.find(entry.model))

    def _enter(self, model: str, asked: Group | None) -> None:
        self.model, self.asked = model, asked
        if asked is None:
            self.group, self.policy = None, self.finder.policy
        else:
            self.group, self.policy = asked.name, asked.policy
        if (options := self.call.options) and _says_retries(options):
            self.policy = attrs.evolve(self.policy, max_retries=call_retries(options), counts=None)

    def _note_failed(self, member: Member, *, barred: bool) -> None:
        self._failed |= {id(member)}
        if barred:
            self._barred |= {id(member)}

    def _candidates(self, group: Group) -> Sequence[Member]:
        """Those who may be asked now; those who have failed this call only where there is nobody else.

        Raises:
            CircuitOpenError: The breakers of all are open.
        """
        passing = group.passing()
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
        call, unused, self.is_sorted = self.call, self.is_sorted, False
        if not unused or member.defaults or self._changes:
            call = self._resorted(config.params["model"], member.defaults, elsewhere=True)
        timeout = config.timeout
        if call.stream:
            timeout = config.stream_timeout or self.finder.stream_timeout or timeout
        return _prepared(call, member.deployment, timeout)

    def _prepare_direct(self) -> Prepared[Any]:
        defaults = self.finder.default_params
        call = self._resorted(self.model, defaults, elsewhere=self._fell_back)
        prepared = _prepared(call, self.finder.route(call), None)
        self._prepared = {0: prepared}
        return prepared

    def _resorted(self, model: str, defaults: Mapping[str, Any], *, elsewhere: bool) -> Call:
        """What is asked, as a call to one model.

        Args:
            model: The model's name.
            defaults: What goes where the caller says nothing.
            elsewhere: The caller's keys and addresses are not for this model.
        """
        given = {name: value for name, value in self.keywords.items() if value is not None}
        keywords = {**defaults, **combined(given, self._changes, elsewhere=elsewhere)}
        return sort_keywords(model, self.call.messages, stream=self.call.stream, keywords=keywords)


def _prepared(call: Call, deployment: Deployment, timeout: float | None) -> Prepared[Any]:
    route = cast("Route", deployment.route)
    request, dropped = build_request(call, route)
    if request.legacy:
        route = legacy_route(route)
    return Prepared(request, route, deployment, dropped, call.options, timeout)


def _says_retries(options: Mapping[str, Any]) -> bool:
    return "num_retries" in options or "max_retries" in options

"""The model groups of one configuration as they run. A configuration that is reloaded makes a new table of them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.codecs.routing import provider_named_by
from aiocompl.errors import AiocomplError
from aiocompl.policy.balance import TALLYING, choose
from aiocompl.policy.breaker import BreakerPolicy
from aiocompl.policy.fallbacks import Fallbacks
from aiocompl.policy.load import Load
from aiocompl.policy.read_fallbacks import Names
from aiocompl.runtime.combined import says_where

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

    from aiocompl.codecs.routing import Kind
    from aiocompl.policy.config import DeploymentConfig, RouterConfig, Strategy
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.deployment import Deployment


@attrs.define(eq=False)
class Member:
    """A deployment of a model group. It is made when it is first asked: only then its environment is read."""

    config: DeploymentConfig
    priority: int | None
    """That of its calls where the caller says nothing."""
    make: Callable[[DeploymentConfig, Load], Deployment]
    load: Load
    defaults: Mapping[str, Any] = attrs.field(init=False)
    """The parameters that its calls get where the caller says nothing else; nothing that says where they go."""
    made: Deployment | None = attrs.field(default=None, init=False)
    operations: dict[Kind, Deployment] = attrs.field(factory=dict, init=False)
    """The same for calls beside chat, as they are made."""

    def __attrs_post_init__(self) -> None:
        self.defaults = {
            name: value
            for name, value in self.config.params.items()
            if name != "model" and not says_where(name)
        }
        if self.priority is not None:
            self.defaults = {"priority": self.priority, **self.defaults}

    @property
    def deployment(self) -> Deployment:
        """It as it runs.

        Raises:
            AiocomplError: It cannot be used: its key is missing, say.
        """
        if self.made is None:
            self.made = self.make(self.config, self.load)
        return self.made

    @property
    def closed_for(self) -> float | None:
        """None where its circuit breaker lets a call pass now, else seconds until it does."""
        made = self.made
        return None if made is None or made.gate is None else made.gate.closed_for

    def has_line(self, now: float) -> bool:
        """Whether a call would have to wait for its rate limits."""
        made = self.made
        return made is not None and made.turnstile is not None and made.turnstile.has_line(now)


@attrs.define(eq=False)
class Group:
    """A public model name and those who serve it."""

    name: str
    members: tuple[Member, ...]
    strategy: Strategy
    policy: RetryPolicy
    _loads: tuple[Load, ...] = attrs.field(init=False)
    _is_level: bool = attrs.field(init=False)  # whether none goes before another

    def __attrs_post_init__(self) -> None:
        self._loads = tuple(member.load for member in self.members)
        self._is_level = len({load.order for load in self._loads}) == 1

    def passing(self) -> Sequence[Member]:
        """The members whose breakers let a call pass now: nearly always all."""
        members = self.members
        for member in members:
            made = member.made
            if made is not None and made.gate is not None and made.gate.breaker.until is not None:
                return [member for member in members if member.closed_for is None]
        return members

    def pick(self, members: Sequence[Member], rng: random.Random, now: float, key: str | None) -> Member:
        """Choose one of these members of the group."""
        if len(members) == 1:
            return members[0]
        loads = self._loads if members is self.members else [each.load for each in members]
        level = self._is_level
        return members[choose(self.strategy, loads, rng=rng, now=now, key=key, level=level)]


class Groups:
    """All model groups of a configuration.

    Args:
        config: The configuration.
        make: Makes a deployment run.
        policy: What is retried where the configuration says nothing.
    """

    def __init__(
        self,
        config: RouterConfig,
        make: Callable[[DeploymentConfig, Load], Deployment],
        policy: RetryPolicy,
    ) -> None:
        self.config = config
        self.fallbacks = Fallbacks.of(config)
        if config.num_retries is not None:
            policy = attrs.evolve(policy, max_retries=config.num_retries)
        strategy = config.routing_strategy or "simple-shuffle"
        by_name: dict[str, list[Member]] = {}
        for each in config.deployments:
            by_name.setdefault(each.model_name, []).append(
                Member(each, config.default_priority, make, Load.of(each, tallied=strategy in TALLYING))
            )
        self._groups = {
            name: Group(
                name,
                tuple(members),
                strategy,
                attrs.evolve(policy, counts=config.model_group_retry_policy.get(name, config.retry_policy)),
            )
            for name, members in by_name.items()
        }

        self._by_name = {
            **self._groups,
            **{name: group for name in config.model_group_alias if (group := self._meant(name)) is not None},
        }
        self.says_anything = bool(
            self._groups
            or config.model_group_alias
            or config.fallbacks
            or config.default_fallbacks
            or config.context_window_fallbacks
            or config.content_policy_fallbacks
        )
        """Whether there is anything here beside the direct way to a model."""

    @property
    def names(self) -> Names:
        """The names that a call's own fallbacks may use."""
        return Names(frozenset(self._groups), self.config.model_group_alias, is_routable)

    def find(self, name: str) -> Group | None:
        """The group that a name or an alias means; None where none does."""
        return self._by_name.get(name)

    def _meant(self, name: str) -> Group | None:
        return self._groups.get(self.config.group(name))

    def inherit(self, old: Groups) -> None:
        """Take over from the table before this one what has been learnt of deployments that stay."""
        known = {_place(member): member for member in old.members() if member.made is not None}
        for member in self.members():
            before = known.get(_place(member))
            if before is not None:
                member.load.latency = before.load.latency
                with suppress(AiocomplError):  # it says so when it is asked
                    if _limits(before.config) == _limits(member.config):
                        member.deployment.turnstile = before.deployment.turnstile

    def members(self) -> list[Member]:
        """All deployments, asked or not."""
        return [member for group in self._groups.values() for member in group.members]

    def made(self) -> list[Deployment]:
        """The deployments that have been asked."""
        chats = [member.made for member in self.members() if member.made is not None]
        return [*chats, *(each for member in self.members() for each in member.operations.values())]


def _place(member: Member) -> tuple[str, bytes]:
    """Where a member is, and in which group; its limits and weights may change."""
    where = {
        name: value for name, value in member.config.params.items() if name == "model" or says_where(name)
    }
    return member.config.model_name, repr(sorted(where.items())).encode()


def _limits(config: DeploymentConfig) -> tuple[float | None, ...]:
    return (config.rpm, config.tpm, config.input_tpm, config.output_tpm, config.max_parallel_requests)


def is_routable(name: str) -> bool:
    """Whether a name that no group has leads somewhere: its provider is known."""
    return provider_named_by(name) is not None


def breaker_of(
    config: RouterConfig, deployment: DeploymentConfig, given: BreakerPolicy | None
) -> BreakerPolicy | None:
    """The breaker of a deployment: the configuration's words over the supervisor's own, over the usual."""
    if config.disable_cooldowns:
        return None
    policy = given or BreakerPolicy()
    if config.allowed_fails is not None:
        policy = attrs.evolve(policy, consecutive=config.allowed_fails + 1)
    cooldown = config.cooldown_time if deployment.cooldown_time is None else deployment.cooldown_time
    return policy if cooldown is None else attrs.evolve(policy, cooldown=cooldown)

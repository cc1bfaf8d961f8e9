"""The plan of a call beside chat that may go to several deployments: those of one model group, and no other.

There is no falling back to another group here: vectors of another model are not comparable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.policy.steps import blames_deployment
from aiocompl.runtime.plan import Prepared

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from aiocompl.errors import AiocomplError
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.deployment import Deployment
    from aiocompl.runtime.groups import Group
    from aiocompl.types.request import Request


@attrs.define(eq=False)
class OperationPlan:
    """See `Plan`."""

    named: Group
    deployments: Sequence[Deployment]
    """Those of the group, in its order."""
    request: Request
    options: Mapping[str, Any]
    dropped: tuple[str, ...]
    policy: RetryPolicy
    rng: random.Random
    is_open: bool = False
    _failed: set[int] = attrs.field(factory=set, init=False)  # places of those that have failed this call
    _barred: set[int] = attrs.field(factory=set, init=False)  # and need not be asked again

    @property
    def group(self) -> str:
        """The one that the call names."""
        return self.named.name

    @property
    def model(self) -> str:
        """The same."""
        return self.named.name

    def fresh(self) -> OperationPlan:
        """See `Plan`; so are the others."""
        return attrs.evolve(self)

    def choose(self) -> Prepared[Any]:
        """One that has not failed, if there is one."""
        return self._prepared(self._left() or self._places(self._barred) or self._places(()))

    def second(self, first: Prepared[Any]) -> Prepared[Any]:
        """Another one, if there is one."""
        others = [place for place in self._left() if self.deployments[place] is not first.deployment]
        return self._prepared(others) if others else first

    def fail(self, deployment: Deployment, error: AiocomplError) -> None:
        """An attempt there has failed."""
        place = list(self.deployments).index(deployment)
        self._failed.add(place)
        if blames_deployment(error):
            self._barred.add(place)

    def has_elsewhere(self) -> bool:
        """Whether another one has not failed, and its breaker lets calls pass."""
        return bool(self._left())

    def has_fallback(self, error: AiocomplError) -> bool:
        """There is none."""
        return False

    def fall_back(self, error: AiocomplError) -> None:
        """Never asked for."""
        raise error

    def _left(self) -> list[int]:
        return [place for place in self._places(self._failed) if self.deployments[place].closed_for is None]

    def _places(self, out: set[int] | tuple[()]) -> list[int]:
        return [place for place in range(len(self.deployments)) if place not in out]

    def _prepared(self, places: Sequence[int]) -> Prepared[Any]:
        members = [self.named.members[place] for place in places]
        now = self.deployments[0].child.loop.time()
        member = self.named.pick(members, rng=self.rng, now=now, key=None)
        place = places[members.index(member)]
        deployment, config = self.deployments[place], member.config
        request: Any = self.request
        if deployment.route.model != request.model:
            request = attrs.evolve(request, model=deployment.route.model)
        return Prepared(request, deployment.route, deployment, self.dropped, self.options, config.timeout)

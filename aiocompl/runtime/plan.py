"""Where the attempts of a call may go, as the policy loop asks for it; and the plan of a call that has one place only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, Self

import attrs

from aiocompl.types.call import AnswerT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.routing import OperationRoute
    from aiocompl.errors import AiocomplError
    from aiocompl.policy.retry import RetryPolicy
    from aiocompl.runtime.deployment import Deployment
    from aiocompl.types.request import Request


@attrs.define(eq=False)
class Prepared(Generic[AnswerT]):
    """What an attempt asks, and whom: a request in the words of one deployment."""

    request: Request
    route: OperationRoute[Any]
    deployment: Deployment
    dropped: tuple[str, ...] = ()
    """Parameters that `drop_params` left out."""
    options: Mapping[str, Any] = attrs.field(factory=dict)
    """The options of the call, those that are the deployment's own defaults included."""
    timeout: float | None = None
    """Seconds that the attempt may take, where the deployment has a bound of its own."""


class Plan(Protocol):
    """Where the attempts of a call may go. It remembers where they went: one for each call."""

    @property
    def group(self) -> str | None:
        """The model group whose turn it is; None where the call names a model itself."""
        ...

    @property
    def model(self) -> str:
        """The model group, or the model, whose turn it is."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether there may be another place than the first."""
        ...

    @property
    def policy(self) -> RetryPolicy:
        """What is retried there, and how often."""
        ...

    def fresh(self) -> Plan:
        """The same plan for another call, which has been nowhere yet."""
        ...

    def choose(self) -> Prepared[Any]:
        """Whom the next attempt asks.

        Raises:
            AiocomplError: Nobody can be asked, or the request makes no sense there.
        """
        ...

    def second(self, first: Prepared[Any]) -> Prepared[Any]:
        """Whom a second attempt asks while the first is under way.

        Raises:
            AiocomplError: Nobody can be asked.
        """
        ...

    def fail(self, deployment: Deployment, error: AiocomplError) -> None:
        """An attempt there has failed."""
        ...

    def has_elsewhere(self) -> bool:
        """Whether there is another deployment that can be asked and has not failed this call."""
        ...

    def has_fallback(self, error: AiocomplError) -> bool:
        """Whether there is a model group to fall back to after this error."""
        ...

    def fall_back(self, error: AiocomplError) -> None:
        """Go on with that model group."""
        ...


@attrs.define(eq=False)
class OneWay(Prepared[AnswerT]):
    """The plan of a call that names a model: one deployment and no other."""

    policy: RetryPolicy = attrs.field(kw_only=True)
    group: None = None
    is_open: bool = False

    @property
    def model(self) -> str:
        """The one that the call names."""
        return self.route.model

    def fresh(self) -> Self:
        """It remembers nothing."""
        return self

    def choose(self) -> Self:
        """The only one."""
        return self

    def second(self, first: Prepared[Any]) -> Self:
        """The same."""
        return self

    def fail(self, deployment: Deployment, error: AiocomplError) -> None:
        """Nothing is remembered: there is no other."""

    def has_elsewhere(self) -> bool:
        """There is none."""
        return False

    def has_fallback(self, error: AiocomplError) -> bool:
        """There is none."""
        return False

    def fall_back(self, error: AiocomplError) -> None:
        """Never asked for."""
        raise error

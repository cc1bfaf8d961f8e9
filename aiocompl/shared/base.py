"""The interface: where a supervisor gets the limits, breakers and budgets that it shares with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.policy.breaker import Breaker, BreakerPolicy
    from aiocompl.policy.budget import Budget, SharedBudgets
    from aiocompl.policy.limits import RateLimitPolicy, SharedLimits


class SharedState(Protocol):
    """Shared by all processes that know it under the same name. It sees to its own failures.

    It belongs to one supervisor, which closes it. Where there is none, a supervisor makes the same objects for itself.
    """

    def limits(self, deployment: str, policy: RateLimitPolicy) -> SharedLimits:
        """The limits of a deployment, for its turnstile.

        Args:
            deployment: Its id, the same in all processes.
            policy: What may pass in a minute, in all processes together.
        """
        ...

    def breaker(self, place: str, policy: BreakerPolicy, changed: Callable[[bool], None]) -> Breaker:
        """The breaker of a place that is asked, for its gate.

        Args:
            place: Its name, the same in all processes.
            policy: When it opens.
            changed: Told when it has opened (True) or closed (False), be it for our own calls or for others'.
        """
        ...

    def budgets(self, budgets: Mapping[str | None, Budget]) -> SharedBudgets:
        """Budgets by name, for the accounts; None is the name of the one that all calls count against."""
        ...

    async def aclose(self) -> None:
        """Leave, and close all connections. Idempotent."""
        ...

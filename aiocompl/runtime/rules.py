"""What the policy loop needs of the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import random

    from aiocompl.runtime.accounts import Accounts
    from aiocompl.runtime.hedging import Hedges
    from aiocompl.telemetry.hooks import Hooks


class Rules(Protocol):
    """What goes for all calls of a supervisor."""

    @property
    def rng(self) -> random.Random:
        """Where chance comes from."""
        ...

    @property
    def hedges(self) -> Hedges:
        """Second attempts."""
        ...

    @property
    def hooks(self) -> Hooks | None:
        """Who is told of calls."""
        ...

    @property
    def accounts(self) -> Accounts | None:
        """What calls cost."""
        ...

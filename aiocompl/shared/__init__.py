"""What several processes share: rate limits, circuit breakers and budgets, behind one interface.

Without it each process has its own of these, and nobody else's. With `RedisState` they live in Redis, and every decision
there is one atomic script.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiocompl.shared.base import SharedState
    from aiocompl.shared.redis import RedisState

__all__ = ["RedisState", "SharedState"]

_HOMES = {"RedisState": "redis", "SharedState": "base"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'aiocompl.shared' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - with the first name

    value = getattr(import_module(f"aiocompl.shared.{home}"), name)
    globals()[name] = value
    return value

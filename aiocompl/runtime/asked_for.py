"""What a supervisor has only where it is asked for; it loads then."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiocompl.cache.base import Cache
    from aiocompl.cache.layer import CacheLayer
    from aiocompl.combinators.report import RaceReport
    from aiocompl.runtime.supervisor import Supervisor
    from aiocompl.telemetry.hooks import Hook, Hooks
    from aiocompl.types.call import CallInfo


def tell_hit(hooks: Hooks, call: CallInfo) -> None:
    """Tell hooks of an answer that was kept, or shared."""
    from aiocompl.telemetry.events import CacheHit  # noqa: PLC0415 - for those who have hooks

    hooks.emit(
        CacheHit(coalesced=call.coalesced, provider=call.provider, endpoint=call.endpoint, model=call.model)
    )


def tell_race(hooks: Hooks, report: RaceReport) -> None:
    """Tell hooks of a race that is over."""
    from aiocompl.telemetry.events import RaceFinished  # noqa: PLC0415 - for those who have hooks

    outcomes = tuple((each.model, each.outcome) for each in report.contestants)
    hooks.emit(RaceFinished(outcomes=outcomes, elapsed=report.elapsed))


def cache_layer(cache: Cache | None, *, coalesce: bool) -> CacheLayer | None:
    """What keeps and shares answers; None where nothing of that is wanted."""
    if cache is None and not coalesce:
        return None
    from aiocompl.cache.layer import CacheLayer  # noqa: PLC0415 - for those who have a cache

    return CacheLayer(cache, coalesce=coalesce)


def hooks_of(given: Iterable[Hook] | None, supervisor: Supervisor) -> Hooks | None:
    """A supervisor's hooks; None where it has none.

    Raises:
        TypeError: One is no hook.
    """
    if given is None:
        return None
    from aiocompl.telemetry.hooks import Hooks  # noqa: PLC0415 - for those who have any

    hooks = Hooks(given)
    hooks.attach(supervisor.snapshot)
    return hooks

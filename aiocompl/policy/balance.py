"""Which of a model group's deployments takes a call.

Each strategy looks at each deployment once at most, and asks the die at most twice: every call pays for this.
"""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING, Final

from aiocompl.policy.load import Load, seed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from random import Random

    from aiocompl.policy.config import Strategy

_TWO: Final = 2
_MASK: Final = (1 << 64) - 1
_MIX: Final = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # splitmix64's
_UNKNOWN: Final = 1e6
"""The latency of a deployment that has calls but has not answered any: one finds out, the others do not wait for it."""


TALLYING: Final[frozenset[Strategy]] = frozenset({"usage-based"})
"""The strategies that look at what deployments had in the last minute."""


def choose(
    strategy: Strategy,
    loads: Sequence[Load],
    *,
    rng: Random,
    now: float,
    key: str | None = None,
    level: bool = False,
) -> int:
    """The index of the deployment to ask.

    Args:
        strategy: How it is chosen among those with the lowest `order`.
        loads: Those that may take the call; at least one.
        rng: Where chance comes from.
        now: The present, in seconds.
        key: Calls with the same key get the same deployment as long as it is offered, whatever the strategy; keys are
            shared out as calls are by ``"simple-shuffle"``. Without one that was offered before, only its keys move.
        level: Whether all are known to have the same `order`.
    """
    if len(loads) == 1:
        return 0
    tier = None if level else _lowest(loads)
    offered = loads if tier is None else [loads[index] for index in tier]
    if len(offered) == 1:
        chosen = 0
    elif key is not None:
        chosen = _sticky(offered, key)
    else:
        chosen = _STRATEGIES[strategy](offered, rng, now)
    return chosen if tier is None else tier[chosen]


def _lowest(loads: Sequence[Load]) -> list[int] | None:
    """Those with the lowest order, which is infinite where none is said; None where all have the same."""
    first = loads[0].order
    for load in loads:
        if load.order != first:
            break
    else:
        return None
    least = min(load.order for load in loads if load.order is not None)
    return [index for index, load in enumerate(loads) if load.order == least]


def shares(loads: Sequence[Load]) -> list[float] | None:
    """Their weights: `weight`, else `rpm`, else `tpm`; None where none says anything.

    One that does not say what another says has the mean of those that do.
    """
    for name in ("weight", "rpm", "tpm"):
        values = [getattr(load, name) for load in loads]
        said = [value for value in values if value is not None]
        if said and (total := sum(said)) > 0:
            mean = total / len(said)
            return [mean if value is None else value for value in values]
    return None


def _shuffled(loads: Sequence[Load], rng: Random, _: float) -> int:
    weights = shares(loads)
    if weights is None:
        return int(rng.random() * len(loads))
    point = rng.random() * sum(weights)
    index = 0
    for index, weight in enumerate(weights):  # noqa: B007 - the last one where rounding has left something over
        point -= weight
        if point < 0:
            break
    return index


def _least(figures: Sequence[float], rng: Random) -> int:
    """The index of the least; chance decides among equals."""
    least = min(figures)
    if figures.count(least) == 1:
        return figures.index(least)
    equals = [index for index, figure in enumerate(figures) if figure == least]
    return equals[int(rng.random() * len(equals))]


def _least_busy(loads: Sequence[Load], rng: Random, _: float) -> int:
    return _least([load.in_flight for load in loads], rng)


def _cheapest(loads: Sequence[Load], rng: Random, _: float) -> int:
    return _least([inf if load.cost is None else load.cost for load in loads], rng)


def _least_used(loads: Sequence[Load], rng: Random, now: float) -> int:
    return _least([_used(load, now) for load in loads], rng)


def _used(load: Load, now: float) -> float:
    """The larger of the parts of its limits that the last minute took; 0 without limits."""
    used = load.requests.at(now) / load.rpm if load.rpm else 0.0
    return max(used, load.tokens.at(now) / load.tpm) if load.tpm else used


def _quicker_of_two(loads: Sequence[Load], rng: Random, now: float) -> int:
    """The power of two choices: nearly as good as the best of all, and the best is not overrun."""
    number = len(loads)
    one = int(rng.random() * number)
    if number == _TWO:
        two = 1 - one
    else:
        two = int(rng.random() * (number - 1))
        if two >= one:
            two += 1
    return one if _expected(loads[one], now) <= _expected(loads[two], now) else two


def _expected(load: Load, now: float) -> float:
    latency, calls = load.latency.at(now), load.in_flight
    return _UNKNOWN * calls if latency is None else latency * (calls + 1)


def _sticky(loads: Sequence[Load], key: str) -> int:
    """Rendezvous hashing: each deployment draws a lot for the key, a weighted one, and the best lot has it."""
    weights, seed = shares(loads), seed_of(key)
    chosen, best = 0, -1.0
    for index, load in enumerate(loads):
        mixed = seed ^ load.seed
        for factor in _MIX:
            mixed = ((mixed ^ (mixed >> 30)) * factor) & _MASK
        lot = ((mixed ^ (mixed >> 31)) + 1) / (_MASK + 2)  # between 0 and 1, neither of them
        score = (1.0 if weights is None else weights[index]) / -log(lot)
        if score > best:
            chosen, best = index, score
    return chosen


_STRATEGIES: Final[Mapping[Strategy, Callable[[Sequence[Load], Random, float], int]]] = {
    "simple-shuffle": _shuffled,
    "least-busy": _least_busy,
    "latency-based": _quicker_of_two,
    "cost-based": _cheapest,
    "usage-based": _least_used,
}

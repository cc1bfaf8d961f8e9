"""How long a simulated provider takes, drawn from distributions with chance as an argument."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import attrs

if TYPE_CHECKING:
    from random import Random


class Distribution(Protocol):
    """A random number of seconds."""

    def sample(self, chance: Random) -> float:
        """Draw one, 0 or more."""
        ...


@attrs.frozen(kw_only=True)
class Constant:
    """Always the same; where a distribution is wanted, a bare number says this."""

    seconds: float

    def sample(self, chance: Random) -> float:
        """Give `seconds`, drawing nothing."""
        return self.seconds


@attrs.frozen(kw_only=True)
class Uniform:
    """Anything between two bounds, equally likely."""

    low: float
    high: float

    def sample(self, chance: Random) -> float:
        """Draw between `low` and `high`."""
        return chance.uniform(self.low, self.high)


@attrs.frozen(kw_only=True)
class Exponential:
    """As of events that come independently of each other: mostly short, sometimes long."""

    mean: float

    def sample(self, chance: Random) -> float:
        """Draw from 0 up."""
        return chance.expovariate(1 / self.mean) if self.mean else 0.0


@attrs.frozen(kw_only=True)
class LogNormal:
    """As measured latencies usually look: half below the median, with a long tail."""

    median: float
    sigma: float = 0.5
    """The spread of the logarithm: with 0.5, one in forty is above 2.7 times the median."""

    def sample(self, chance: Random) -> float:
        """Draw from 0 up."""
        return chance.lognormvariate(math.log(self.median), self.sigma) if self.median else 0.0


def as_distribution(value: float | Distribution) -> Distribution:
    """A number of seconds is taken as a `Constant`."""
    return Constant(seconds=float(value)) if isinstance(value, int | float) else value


@attrs.frozen(kw_only=True)
class Latency:
    """When the parts of an answer come, in seconds. A blocking answer comes when its last token would have."""

    first_token: Distribution = attrs.field(default=Constant(seconds=0.0), converter=as_distribution)
    """From the request to the first token."""

    between_tokens: Distribution = attrs.field(default=Constant(seconds=0.0), converter=as_distribution)
    """From each token to the next."""

    headers: Distribution = attrs.field(default=Constant(seconds=0.0), converter=as_distribution)
    """From the request to the headers of a stream, which come with its first events that hold no token yet."""

    def whole(self, tokens: int, chance: Random) -> float:
        """Draw the seconds that an answer of so many tokens takes."""
        total = self.first_token.sample(chance)
        if isinstance(self.between_tokens, Constant):
            return total + self.between_tokens.seconds * max(0, tokens - 1)
        return total + sum(self.between_tokens.sample(chance) for _ in range(tokens - 1))

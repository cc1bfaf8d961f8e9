"""Who plays in the demonstration: simulated providers on loopback, and the local model where it is installed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import attrs

from aiocompl.cli import local
from aiocompl.cli.entrants import Entrant
from aiocompl.testing import Answer, Latency, Simulator, Uniform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing import RequestRecord

QUESTION: Final = "Why is the sky blue?"

KEY: Final = "made-up"
"""The simulators take any."""

_LATENCY: Final = Latency(
    headers=Uniform(low=0.05, high=0.3),
    first_token=Uniform(low=0.5, high=1.8),
    between_tokens=Uniform(low=0.015, high=0.035),
)

_MODELS: Final = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "cohere": "command-r7b-12-2024",
}
"""A model of each provider: real names, so that prices can be looked up."""

_ANSWERS: Final = {
    "openai": (
        "Sunlight holds all colours. On its way through the air it meets molecules much smaller than its waves, and these "
        "scatter the short waves, the blue ones, far more than the long red ones. So from every side it is blue that "
        "reaches the eye."
    ),
    "anthropic": (
        "Because air scatters blue light better than red: the strength goes with the inverse fourth power of the wavelength, "
        "as Lord Rayleigh found. Violet is scattered even more, but the sun sends less of it and our eyes see it less, "
        "which leaves a sky that looks blue."
    ),
    "cohere": (
        "The gases of the atmosphere scatter short wavelengths most. Blue light is therefore spread over the whole sky, while "
        "red and yellow pass nearly straight on. At sunset the way through the air is long, the blue is gone, and the red "
        "is left."
    ),
}


@attrs.frozen(kw_only=True)
class Player:
    """One who is asked, and the simulator that answers, where it is a simulated one."""

    entrant: Entrant
    simulator: Simulator | None

    @property
    def last_request(self) -> RequestRecord | None:
        """What its simulator saw of the last request, where there is one."""
        return self.simulator.requests[-1] if self.simulator is not None and self.simulator.requests else None


@asynccontextmanager
async def players(seed: int) -> AsyncIterator[tuple[Player, ...]]:
    """Start the simulated providers, and close them at the end."""
    simulators = {
        dialect: Simulator(
            {model: Answer(text=_ANSWERS[dialect])},
            dialect=dialect,
            latency=_LATENCY,
            models=[model],
            seed=seed * len(_MODELS) + number,
        )
        for number, (dialect, model) in enumerate(_MODELS.items())
    }
    async with simulators["openai"], simulators["anthropic"], simulators["cohere"]:
        cast = [
            Player(entrant=_entrant(f"{dialect}/{_MODELS[dialect]}", simulator), simulator=simulator)
            for dialect, simulator in simulators.items()
        ]
        if local.has_extra() and local.has_weights():
            cast.append(Player(entrant=Entrant(label=local.MODEL, model=local.MODEL), simulator=None))
        yield tuple(cast)


def stranger(player: Player) -> Entrant:
    """A model that the provider does not have."""
    provider = player.entrant.model.partition("/")[0]
    return attrs.evolve(player.entrant, label=f"{provider}/no-such-model", model=f"{provider}/no-such-model")


def _entrant(model: str, simulator: Simulator) -> Entrant:
    return Entrant(label=model, model=model, api_base=simulator.base_url, api_key=KEY)

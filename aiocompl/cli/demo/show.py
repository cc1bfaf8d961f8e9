"""The demonstration, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from aiocompl.cli.demo.cast import QUESTION, players
from aiocompl.cli.demo.killed import show_kill
from aiocompl.cli.demo.many import show_batch
from aiocompl.cli.demo.once import show_fan_out, show_race
from aiocompl.cli.demo.screen import Screen
from aiocompl.cli.exits import CommandError
from aiocompl.cli.summary import seconds
from aiocompl.errors import AiocomplError
from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from aiocompl.cli.demo.cast import Player


async def run_demo(seed: int) -> None:
    """Show everything on standard output.

    Cancelled: all processes, sockets and files that it made are gone.

    Raises:
        CommandError: A promise was not kept.
        OutputClosedError: Nobody reads it any more.
    """
    screen = Screen()
    screen.print(Text("aiocompl demo", style="bold"), Text(f"seed {seed}", style="dim"))
    screen.print(
        Text(
            "Simulated OpenAI, Anthropic and Cohere endpoints run on this machine: no key, no network. Their models' "
            "names are real, their answers and delays made up. Every number below is measured as it happens.",
            style="dim",
        )
    )
    async with players(seed) as invited, Supervisor() as supervisor:
        cast = await _warmed_up(screen, supervisor, invited)
        await show_race(screen, supervisor, cast)
        await show_fan_out(screen, supervisor, cast)
    await show_batch(screen, seed)
    await show_kill(screen, seed)
    screen.print()
    if screen.broken:
        raise CommandError(
            f"{len(screen.broken)} promises were not kept: {'; '.join(screen.broken)}",
            "the machine may have been too busy; else this is a bug, please report it",
            status=1,
        )


async def _warmed_up(screen: Screen, supervisor: Supervisor, cast: tuple[Player, ...]) -> tuple[Player, ...]:
    """Have the local model loaded, so that it races as it is and not with its weights on the disk; or leave it out."""
    real = next((player for player in cast if player.simulator is None), None)
    if real is None:
        return cast
    messages = [{"role": "user", "content": QUESTION}]
    try:
        answer = await supervisor.acompletion(real.entrant.model, messages, max_tokens=1)
    except AiocomplError as error:
        screen.print(Text(f"The local model does not take part: {error}", style="yellow"))
        return tuple(player for player in cast if player is not real)
    if answer.call is not None and answer.call.total is not None:
        told = f"The local model is a real one; it was loaded in {seconds(answer.call.total)}."
        screen.print(Text(told, style="dim"))
    return cast

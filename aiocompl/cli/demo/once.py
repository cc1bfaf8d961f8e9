"""One question to all: the race, and the fan-out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, cast

from rich.table import Table
from rich.text import Text

from aiocompl.cli.ask import conversation, text_of
from aiocompl.cli.comparing import Comparison, compare
from aiocompl.cli.demo.cast import QUESTION, stranger
from aiocompl.cli.lanes import Lanes
from aiocompl.cli.summary import dollars, seconds
from aiocompl.cli.terminal import plain, write
from aiocompl.cli.track import shown
from aiocompl.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiocompl.cli.demo.cast import Player
    from aiocompl.cli.demo.screen import Screen
    from aiocompl.cli.side_by_side import Result
    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.runtime.supervisor import Supervisor
    from aiocompl.testing import RequestRecord

_PATIENCE: Final = 2.0
"""Seconds after which a connection that is still open counts as never closed."""

_LOCAL_TOKENS: Final = 60
"""The longest answer wanted of a model that talks for as long as it is let."""


async def show_race(screen: Screen, supervisor: Supervisor, players: Sequence[Player]) -> None:
    """Race them all for the first token; then look at the losers' connections from the other end."""
    screen.heading(
        "1. Race: the first token wins, and the others are cancelled",
        f'"{QUESTION}" goes to all at once. A race is only worth its price if losers stop at once: what they write after '
        "the win is paid for and read by nobody.",
    )
    lanes = Lanes([player.entrant for player in players])
    with shown(lanes, screen.console):
        stream = await supervisor.race(
            lanes.entries(stream=True),
            conversation(QUESTION, None),
            stream=True,
            on_result=lanes.note,
            max_tokens=_LOCAL_TOKENS,
        )
        losers = [
            record
            for player, lane in zip(players, lanes.lanes, strict=True)
            if lane.state != "won" and (record := player.last_request) is not None
        ]
        closed = [await was_closed(record) for record in losers]
    screen.print()
    async with stream:
        await _tell(screen, stream)
    _tell_servers(screen, players, won_at=cast("float", lanes.won_at))
    _judge(screen, losers, closed, lanes)
    in_flight = supervisor.snapshot().in_flight
    screen.promise(f"{in_flight} requests of the race are in flight, no slot is taken", kept=in_flight == 0)


async def _tell(screen: Screen, stream: CompletionStream) -> None:
    """Print an answer as it comes, with lines broken between words."""
    column = 0
    while chunks := await stream.next_chunks():
        for text in (text_of(choice.delta) for chunk in chunks for choice in chunk.choices):
            if column and column + len(text) > screen.console.width and text.startswith(" "):
                text, column = "\n" + text[1:], 0  # noqa: PLW2901 - the same text, where it fits
            write(text)
            column += len(text.rpartition("\n")[2])
    write("\n\n")


async def was_closed(record: RequestRecord) -> bool:
    """Whether a server sees its client close the connection on a request, within some seconds."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await record.wait_client_gone()
    except TimeoutError:
        return False
    return True


def _tell_servers(screen: Screen, players: Sequence[Player], *, won_at: float) -> None:
    rows = []
    for player in players:
        if (record := player.last_request) is None:
            continue
        ended: str = record.outcome
        if record.outcome == "client_gone" and record.finished is not None:
            ended = f"connection closed by the client, {seconds(record.finished - won_at)} after the win"
        rows.append(
            (_provider(player.entrant.model), f"{record.events_sent} of {record.events_planned}", ended)
        )
    screen.table(("SERVER", "EVENTS SENT", "HOW THE REQUEST ENDED, AS THE SERVER SAW IT"), rows)


def _judge(screen: Screen, records: Sequence[RequestRecord], closed: Sequence[bool], lanes: Lanes) -> None:
    won_at = cast("float", lanes.won_at)
    slowest = max(((record.finished or won_at) - won_at for record in records), default=0.0)
    screen.promise(
        f"{sum(closed)} of {len(closed)} losers' connections were closed, the last one {seconds(slowest)} after the win",
        kept=bool(closed) and all(closed),
    )
    sent = sum(record.events_sent for record in records)
    planned = sum(record.events_planned for record in records)
    screen.promise(
        f"{planned - sent} of the losers' {planned} events were never written (an event holds a token, but for a few)",
        kept=sent < planned,
    )


async def show_fan_out(screen: Screen, supervisor: Supervisor, players: Sequence[Player]) -> None:
    """Ask them all and one that does not exist; print a table of what came."""
    screen.heading(
        "2. Fan-out: all answers, each in its place",
        "The same question, and everybody is waited for. One of the models does not exist: its error stands where its "
        "answer would, so that positions match.",
    )
    entrants = [player.entrant for player in players]
    entrants.insert(1, stranger(players[0]))
    comparison = Comparison(entrants=tuple(entrants), prompt=QUESTION, params={"max_tokens": _LOCAL_TOKENS})
    lanes = Lanes(comparison.entrants)
    with shown(lanes, screen.console, keep=False):
        results = await compare(supervisor, comparison, lanes)
    await asyncio.to_thread(_tell_results, screen, results)  # prices take a while to load
    screen.print()
    answered = sum(result.error is None for result in results)
    placed = all(
        isinstance(result.error, NotFoundError)
        if number == 1
        else result.lane.call is not None and result.lane.call.provider == _provider(entrants[number].model)
        for number, result in enumerate(results)
    )
    screen.promise(
        f"{len(results)} results for {len(entrants)} models, {answered} answers and {len(results) - answered} error, each in its place",
        kept=placed,
    )


def _provider(model: str) -> str:
    return model.partition("/")[0]


def _tell_results(screen: Screen, results: Sequence[Result]) -> None:
    """Print each model's figures, and the beginning of what it said below them; a dash for what nobody knows."""
    costs = any(result.cost is not None for result in results)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("MODEL", no_wrap=True)
    for heading in ("TOTAL", "FIRST TOKEN", "OUT", "OUT/S", *(("COST",) if costs else ())):
        table.add_column(heading, justify="right", no_wrap=True)
    said = []
    for result in results:
        table.add_row(plain(result.lane.label), *_figures(result, costs=costs))
        text = result.text if result.error is None else f"{type(result.error).__name__}: {result.error}"
        said.append(
            Text(f"  {' '.join(plain(text).split())}", style="dim" if result.error is None else "red")
        )
    screen.print_between(table, said)


def _figures(result: Result, *, costs: bool) -> Iterator[str]:
    lane, usage = result.lane, None if result.response is None else result.response.usage
    yield "-" if result.elapsed is None else seconds(result.elapsed)
    yield "-" if lane.first_token is None else seconds(lane.first_token)
    yield "-" if usage is None else str(usage.completion_tokens)
    yield "-" if result.tokens_per_second is None else f"{result.tokens_per_second:.0f}"
    if costs:
        yield "-" if result.cost is None else dollars(result.cost)

"""What ``aiocompl race`` does once it knows what to ask: the race, its drawing, and the winner's answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson
from rich.console import Console

from aiocompl import accept
from aiocompl.cli.ask import Told, conclude, conversation, print_stream, print_whole
from aiocompl.cli.exits import error_json, one_line
from aiocompl.cli.lanes import Lanes
from aiocompl.cli.race import Accepted
from aiocompl.cli.summary import dollars, seconds
from aiocompl.cli.terminal import say, write
from aiocompl.cli.track import shown
from aiocompl.errors import AiocomplError, AllModelsFailedError
from aiocompl.prices import cost
from aiocompl.runtime.stream import CompletionStream
from aiocompl.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from aiocompl.accept import Accept
    from aiocompl.cli.entrants import Entrant
    from aiocompl.combinators.report import Contestant, RaceReport
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.params import CompletionParams

_PREDICATES: Final[dict[Accepted, Accept]] = {
    Accepted.COMPLETE: accept.complete,
    Accepted.NO_REFUSAL: accept.no_refusal,
}


@attrs.frozen(kw_only=True)
class Race:
    """Whom to race, with what, and how to print what comes of it."""

    entrants: tuple[Entrant, ...]
    prompt: str
    system: str | None = None
    stream: bool = False
    accept: tuple[Accepted, ...] = ()
    stagger: float | None = None
    max_started: int | None = None
    linger: float = 0.0
    as_json: bool = False
    params: CompletionParams
    """Parameters and options of the call; None is "not given"."""


async def run_race(race: Race) -> None:
    """Race, show how it goes on standard error, and print the winner's answer on standard output.

    Cancelled: all connections are closed.

    Raises:
        AllModelsFailedError: Nobody won; the exit status is that of the causes, where they agree.
        AiocomplError: The race makes no sense, or the winner's stream broke.
        OutputClosedError: Nobody reads the answer any more.
    """
    async with Supervisor() as supervisor:
        try:
            answer = await _raced(supervisor, race)
        except AllModelsFailedError as error:
            if race.as_json and error.race is not None:
                await asyncio.to_thread(_print_json, error.race, None)
            raise
        if isinstance(answer, CompletionStream):
            async with answer:
                await _print_stream(answer, as_json=race.as_json)
        elif race.as_json and answer.call is not None and answer.call.race is not None:
            await asyncio.to_thread(_print_json, answer.call.race, answer)
        else:
            conclude(print_whole(answer, as_json=False), verbose=False)


async def _raced(supervisor: Supervisor, race: Race) -> ChatCompletion | CompletionStream:
    lanes, console = Lanes(race.entrants), Console(stderr=True, highlight=False)
    with shown(lanes, console):
        try:
            answer = await supervisor.race(
                lanes.entries(stream=race.stream),
                conversation(race.prompt, race.system),
                stream=race.stream,
                accept=accept.every(*(_PREDICATES[name] for name in race.accept)) if race.accept else None,
                stagger=race.stagger,
                max_started=race.max_started,
                linger=race.linger,
                on_result=lanes.note,
                **race.params,
            )
        except AllModelsFailedError as error:
            if error.race is not None:
                lanes.settle(error.race)
            raise
        if answer.call is not None and (report := answer.call.race) is not None:
            lanes.settle(report)
            if not race.stream:  # a stream's next tokens are on their way
                await asyncio.to_thread(lanes.price, report)
    for lane in lanes.lanes:
        if isinstance(lane.error, AiocomplError):
            say(lane.state, one_line(lane.error), style="yellow")
    if console.is_terminal:
        console.print()
    return answer


async def _print_stream(stream: CompletionStream, *, as_json: bool) -> None:
    """Print the winner's answer as it comes, then what it took."""
    report = stream.call.race
    if as_json and report is not None:
        await asyncio.to_thread(_print_json, report, await stream.response())
        return
    told = await print_stream(stream, as_json=False)
    conclude(told, verbose=False)
    say("won", await asyncio.to_thread(_figures, told), style="bold green")


def _figures(told: Told) -> str:
    """The winner's figures, known once its stream is over."""
    call = told.call
    if call is None:
        return told.model or ""
    parts = [f"{call.provider}/{call.model}"]
    if call.first_token is not None:
        parts.append(f"{seconds(call.first_token)} to the first token")
    if call.total is not None:
        parts.append(f"{seconds(call.total)} in all")
    if told.usage is not None:
        parts.append(f"{told.usage.prompt_tokens} tokens in, {told.usage.completion_tokens} out")
    if (spent := cost(call.provider, call.model, told.usage)) is not None:
        parts.append(dollars(spent))
    losers = [item.cost for item in call.race.contestants if item.outcome != "won"] if call.race else []
    if known := [spent for spent in losers if spent is not None]:
        parts.append(f"about {dollars(sum(known))} for the others")
    return ", ".join(parts)


def _print_json(report: RaceReport, response: ChatCompletion | None) -> None:
    winner = report.winner
    value = {
        "winner": None if winner is None else winner.index,
        "elapsed": report.elapsed,
        "contestants": [_contestant(item) for item in report.contestants],
        "response": None if response is None else response.to_dict(),
    }
    write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode())


def _contestant(item: Contestant) -> dict[str, Any]:
    return {
        "index": item.index,
        "model": item.model,
        "outcome": item.outcome,
        "provider": item.provider,
        "started": item.started,
        "elapsed": item.elapsed,
        "first_token": item.first_token,
        "usage": None if item.usage is None else item.usage.to_dict(),
        "estimated": item.estimated,
        "cost": item.cost,
        "error": error_json(item.error),
    }

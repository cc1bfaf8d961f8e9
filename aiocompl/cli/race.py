"""``aiocompl race``: several models, the first good answer."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from aiocompl.cli.entrants import Models, read_entrants
from aiocompl.cli.options import (
    ApiBase,
    MaxTokens,
    Prompt,
    Retries,
    Stream,
    System,
    Temperature,
    Timeout,
    read_prompt,
    streams,
)
from aiocompl.cli.terminal import configure_logging


class Accepted(StrEnum):
    """Which answers may win."""

    COMPLETE = "complete"
    NO_REFUSAL = "no-refusal"


_Stagger = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0.0,
        show_default="all start at once",
        help="Start the next one so long after the one before, or at once when one fails.",
    ),
]
_MaxStarted = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Start no more than so many of them.")
]
_Accept = Annotated[
    list[Accepted] | None,
    typer.Option(
        show_default="any that is not empty",
        help="Which answers may win: not cut short, not refused. Repeat it for both. Not with --stream.",
    ),
]
_Linger = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        min=0.0,
        show_default=False,
        help="Let losers go on so long after the win, for comparison. Not with --stream.",
    ),
]
_AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object: what became of each, and the winner's response."),
]


def race(  # noqa: PLR0917 - typer calls it by names
    prompt: Prompt = None,
    model: Models = None,
    system: System = None,
    stream: Stream = None,
    accept: _Accept = None,
    stagger: _Stagger = None,
    max_started: _MaxStarted = None,
    linger: _Linger = 0.0,
    as_json: _AsJson = False,
    api_base: ApiBase = None,
    timeout: Timeout = None,
    retries: Retries = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
) -> None:
    """Race models: the first good answer wins, the others are cancelled.

    With --stream whoever has the first token wins. The winner's answer goes to standard output; who takes part, and how
    it went, to standard error. Losers are paid for until they are cancelled.
    """
    text = read_prompt(prompt or [], "aiocompl race -m MODEL -m MODEL")
    entrants = read_entrants(model, "aiocompl race")
    from aiocompl.cli.racing import Race, run_race  # noqa: PLC0415 - loads aiohttp

    configure_logging()
    asyncio.run(
        run_race(
            Race(
                entrants=entrants,
                prompt=text,
                system=system,
                stream=streams(stream, whole=bool(as_json or accept or linger)),
                accept=tuple(accept or ()),
                stagger=stagger,
                max_started=max_started,
                linger=linger,
                as_json=as_json,
                params={
                    "api_base": api_base,
                    "timeout": timeout,
                    "num_retries": retries,
                    "max_tokens": max_tokens,
                    "temperature": temperature,
                },
            )
        )
    )

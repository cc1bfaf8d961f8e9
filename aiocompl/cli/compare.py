"""``aiocompl compare``: several models, all their answers side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from aiocompl.cli.entrants import Models, read_entrants
from aiocompl.cli.options import (
    ApiBase,
    MaxTokens,
    Prompt,
    Retries,
    System,
    Temperature,
    Timeout,
    read_prompt,
)
from aiocompl.cli.terminal import configure_logging

_Stream = Annotated[
    bool,
    typer.Option(
        "--stream/--no-stream",
        help="Ask for streams, which tell when the first token came; or for whole answers.",
    ),
]
_AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON array, an object for each model.")]


def compare(
    prompt: Prompt = None,
    model: Models = None,
    system: System = None,
    stream: _Stream = True,
    as_json: _AsJson = False,
    api_base: ApiBase = None,
    timeout: Timeout = None,
    retries: Retries = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
) -> None:
    """Ask models at once, and print all answers side by side, with their latency, tokens and cost.

    Where a model fails, its error stands in its place; the exit status is 0 as long as one answers.
    """
    text = read_prompt(prompt or [], "aiocompl compare -m MODEL -m MODEL")
    entrants = read_entrants(model, "aiocompl compare")
    from aiocompl.cli.comparing import Comparison, run_comparison  # noqa: PLC0415 - loads aiohttp

    configure_logging()
    run_comparison(
        Comparison(
            entrants=entrants,
            prompt=text,
            system=system,
            stream=stream,
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

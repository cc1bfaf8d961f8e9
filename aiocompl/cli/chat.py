"""``aiocompl chat``: one question, one answer."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from aiocompl.cli import local
from aiocompl.cli.exits import CommandError
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

_Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        envvar="AIOCOMPL_MODEL",
        show_envvar=True,
        show_default="local, where it is installed",
        help="Such as gpt-4o, groq/llama-3.3-70b-versatile or local.",
    ),
]
_AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print the whole response as JSON; with --stream, a chunk a line."),
]
_Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Say afterwards who answered, in how many attempts, how fast, for how many tokens.",
    ),
]
_Pull = Annotated[
    bool,
    typer.Option("--pull", help="First fetch the local model's weights if they are missing (98 MB)."),
]


def chat(
    prompt: Prompt = None,
    model: _Model = None,
    system: System = None,
    stream: Stream = None,
    as_json: _AsJson = False,
    verbose: _Verbose = False,
    api_base: ApiBase = None,
    timeout: Timeout = None,
    retries: Retries = None,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    pull: _Pull = False,
) -> None:
    """Ask a model, and print its answer.

    The answer goes to standard output and nothing else does. Keys come from the environment: see aiocompl providers.
    """
    text = read_prompt(prompt or [], "aiocompl chat")
    name = _model(model, api_base=api_base, pull=pull)
    from aiocompl.cli.ask import Question, ask  # noqa: PLC0415 - loads aiohttp

    question = Question(
        model=name,
        prompt=text,
        system=system,
        stream=streams(stream, whole=as_json),
        as_json=as_json,
        verbose=verbose,
        params={
            "api_base": api_base,
            "timeout": timeout,
            "num_retries": retries,
            "max_tokens": max_tokens,
            "temperature": temperature,
        },
    )
    configure_logging()
    asyncio.run(ask(question))


def _model(named: str | None, *, api_base: str | None, pull: bool) -> str:
    """The model to ask, with its weights in place if that was asked for.

    Raises:
        CommandError: No model is named and there is none to fall back on, or `pull` is for another one.
        LocalModelError: The weights cannot be fetched.
    """
    if named is None and api_base is not None:
        raise CommandError("which model of that server?", "name it with -m MODEL")
    if pull:
        if not local.is_default(named or local.MODEL):
            raise CommandError(
                f"--pull fetches the model 'local', but the one to ask is {named!r}",
                "leave one of the two out",
            )
        local.make_ready()
    if named is None and not pull and not (local.has_extra() and local.has_weights()):
        raise CommandError("no model is chosen, and the local one is not installed", _no_model_hint())
    return named or local.MODEL


def _no_model_hint() -> str:
    """The shortest way from here to an answer."""
    install = "" if local.has_extra() else f"{local.INSTALL}, then "
    return f"name one with -m MODEL or in AIOCOMPL_MODEL; or get the local one, no key needed: {install}add --pull"

"""``aiocompl chat``: one question, one answer."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Final

import typer

from aiocompl.cli import local
from aiocompl.cli.exits import MEANINGS, CommandError
from aiocompl.cli.terminal import configure_logging

EPILOG: Final = "\n".join(
    ("Exit status:", *(f"{status:>3}  {meaning}" for status, meaning in MEANINGS.items()))
)

_NO_PROMPT_HINT: Final = (
    'aiocompl chat "Why is the sky blue?", or: echo "Why is the sky blue?" | aiocompl chat'
)
_STDIN: Final = "-"


_Prompt = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROMPT",
        show_default=False,
        help="What to ask; - stands for what is piped in, and so does leaving it out.",
    ),
]
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
_System = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Instructions that stand before the prompt.")
]
_Stream = Annotated[
    bool | None,
    typer.Option(
        "--stream/--no-stream",
        show_default="on a terminal",
        help="Print the answer as it comes.",
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
_ApiBase = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Ask this OpenAI-compatible server, such as http://localhost:8000/v1."),
]
_Timeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="For everything, retries included; 600 if not given."),
]
_Retries = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Further attempts where one failed in passing; 2 if not given."),
]
_MaxTokens = Annotated[int | None, typer.Option(metavar="N", min=1, help="The longest answer wanted.")]
_Temperature = Annotated[
    float | None,
    typer.Option(metavar="T", help="0 for always the likeliest word; more for more variety."),
]
_Pull = Annotated[
    bool,
    typer.Option("--pull", help="First fetch the local model's weights if they are missing (98 MB)."),
]


def chat(
    prompt: _Prompt = None,
    model: _Model = None,
    system: _System = None,
    stream: _Stream = None,
    as_json: _AsJson = False,
    verbose: _Verbose = False,
    api_base: _ApiBase = None,
    timeout: _Timeout = None,
    retries: _Retries = None,
    max_tokens: _MaxTokens = None,
    temperature: _Temperature = None,
    pull: _Pull = False,
) -> None:
    """Ask a model, and print its answer.

    The answer goes to standard output and nothing else does. Keys come from the environment: see aiocompl providers.
    """
    text = _prompt(prompt or [])
    name = _model(model, api_base=api_base, pull=pull)
    from aiocompl.cli.ask import Question, ask  # noqa: PLC0415 - loads aiohttp

    question = Question(
        model=name,
        prompt=text,
        system=system,
        stream=_streams(stream, as_json=as_json),
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


def _streams(wanted: bool | None, *, as_json: bool) -> bool:
    return sys.stdout.isatty() and not as_json if wanted is None else wanted


def _prompt(words: list[str]) -> str:
    """The prompt: the words as one line, and what is piped in as a paragraph of its own.

    Raises:
        CommandError: There is none, or it is no text.
    """
    nobody_pipes = sys.stdin is None or (
        not words and sys.stdin.isatty()
    )  # None: closed by whoever started us
    if nobody_pipes and (not words or _STDIN in words):
        raise CommandError("there is no prompt", _NO_PROMPT_HINT)
    paragraphs: list[list[str]] = [[]]
    for word in words or [_STDIN]:
        if word == _STDIN:
            paragraphs += [[_piped()], []]
        else:
            paragraphs[-1].append(word)
    text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs if paragraph)
    if not text.strip():
        raise CommandError("the prompt is empty", _NO_PROMPT_HINT)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise CommandError("the prompt is no text in this terminal's encoding")
    return text


def _piped() -> str:
    try:
        return sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CommandError(f"what is piped in is no UTF-8 text: byte {error.start} is wrong") from error


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

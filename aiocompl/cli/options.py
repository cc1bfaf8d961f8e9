"""What the commands that ask models have in common: their options, and the prompt."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from aiocompl.cli.exits import MEANINGS, CommandError

EPILOG: Final = "\n".join(
    ("Exit status:", *(f"{status:>3}  {meaning}" for status, meaning in MEANINGS.items()))
)

_STDIN: Final = "-"


Prompt = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PROMPT",
        show_default=False,
        help="What to ask; - stands for what is piped in, and so does leaving it out.",
    ),
]
System = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Instructions that stand before the prompt.")
]
Stream = Annotated[
    bool | None,
    typer.Option(
        "--stream/--no-stream",
        show_default="on a terminal",
        help="Print the answer as it comes.",
    ),
]
ApiBase = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Ask this OpenAI-compatible server, such as http://localhost:8000/v1."),
]
Timeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="For everything, retries included; 600 if not given."),
]
Retries = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Further attempts where one failed in passing; 2 if not given."),
]
MaxTokens = Annotated[int | None, typer.Option(metavar="N", min=1, help="The longest answer wanted.")]
Temperature = Annotated[
    float | None,
    typer.Option(metavar="T", help="0 for always the likeliest word; more for more variety."),
]


def streams(wanted: bool | None, *, whole: bool) -> bool:
    """Whether the answer is printed as it comes: if nothing is said, on a terminal, unless it is needed as a whole."""
    return sys.stdout.isatty() and not whole if wanted is None else wanted


def read_prompt(words: list[str], command: str) -> str:
    """The prompt: the words as one line, and what is piped in as a paragraph of its own.

    Args:
        words: What stands on the command line.
        command: Which command's example is given where there is none.

    Raises:
        CommandError: There is none, or it is no text.
    """
    hint = f'{command} "Why is the sky blue?", or: echo "Why is the sky blue?" | {command}'
    nobody_pipes = sys.stdin is None or (
        not words and sys.stdin.isatty()
    )  # None: closed by whoever started us
    if nobody_pipes and (not words or _STDIN in words):
        raise CommandError("there is no prompt", hint)
    paragraphs: list[list[str]] = [[]]
    for word in words or [_STDIN]:
        if word == _STDIN:
            paragraphs += [[_piped()], []]
        else:
            paragraphs[-1].append(word)
    text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs if paragraph)
    if not text.strip():
        raise CommandError("the prompt is empty", hint)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise CommandError("the prompt is no text in this terminal's encoding")
    return text


def _piped() -> str:
    try:
        return sys.stdin.buffer.read().decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CommandError(f"what is piped in is no UTF-8 text: byte {error.start} is wrong") from error

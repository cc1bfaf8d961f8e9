"""``aiocompl batch``: all requests of a file, answered into a file."""

from __future__ import annotations

import asyncio
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import attrs
import typer

from aiocompl.cli.exits import MEANINGS, CommandError
from aiocompl.cli.terminal import configure_logging

EPILOG: Final = "\n".join(
    (
        "Exit status:",
        *(
            f"{status:>3}  {meaning}"
            for status, meaning in {
                **MEANINGS,
                0: "all answered",
                1: "some failed, or something else did",
            }.items()
        ),
    )
)


class Via(StrEnum):
    """How a file is worked off."""

    DIRECT = "direct"
    PROVIDER = "provider"


_Input = Annotated[
    Path | None,
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="A JSON request a line (OpenAI's batch format, or with 'messages'), or .csv, .tsv or .parquet.",
    ),
]
_Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="OUT.jsonl",
        show_default=False,
        help="Where the answers go; what fails goes to OUT.errors.jsonl.",
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
        help="Whom to ask where a line does not say.",
    ),
]
_Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency", "-c", metavar="N", min=1, help="How many are asked at a time.", show_default=True
    ),
]
_Resume = Annotated[bool, typer.Option("--resume", help="Go on with an output that is there already.")]
_RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Resume, and ask again what failed before.")
]
_Template = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="A prompt out of each row: 'Translate {text} into {language}'; {{ and }} for braces.",
    ),
]
_PromptColumn = Annotated[
    str,
    typer.Option(metavar="NAME", help="The column with the prompt, without --template.", show_default=True),
]
_Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Ask the first N requests alone.")]
_Via = Annotated[
    Via,
    typer.Option(
        help="'provider' has the provider work it off as a batch of its own, at half the price, within a day.",
        show_default=True,
    ),
]
_Cancel = Annotated[
    bool, typer.Option("--cancel", help="Have the provider cancel what it works on for the output.")
]
_ApiBase = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Ask this OpenAI-compatible server, such as http://localhost:8000/v1."),
]
_Timeout = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="For the whole; what is left then can be resumed.")
]
_ItemTimeout = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="For each request, retries included; 600 if not given."),
]
_Retries = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Further attempts where one failed in passing; 2 if not given."),
]
_MaxTokens = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="The longest answer wanted, where a line does not say.")
]
_Temperature = Annotated[
    float | None,
    typer.Option(metavar="T", help="0 for always the likeliest word, where a line does not say."),
]


@attrs.frozen(kw_only=True)
class Settings:
    """What the command was told."""

    input: Path
    output: Path
    model: str | None
    via: str = "direct"
    concurrency: int
    resume: bool
    retry_failed: bool
    template: str | None
    prompt_column: str
    limit: int | None
    api_base: str | None
    timeout: float | None
    item_timeout: float | None
    retries: int | None
    max_tokens: int | None
    temperature: float | None

    def command(self, flag: str) -> str:
        """The same command with another flag for going on: ``"--resume"`` or ``"--retry-failed"``."""
        words = ["aiocompl", "batch", str(self.input), "-o", str(self.output)]
        for field in attrs.fields(Settings):
            value = getattr(self, field.name)
            if field.name not in {"input", "output", "resume", "retry_failed"} and value is not None:
                option = "--" + field.name.replace("_", "-")
                if value != _DEFAULTS.get(field.name):
                    words += ["-m" if option == "--model" else option, str(value)]
        return shlex.join([*words, flag])


_DEFAULTS: Final = {"concurrency": 100, "prompt_column": "prompt", "via": "direct"}


def batch(
    input_: _Input = None,
    *,
    output: _Output,
    model: _Model = None,
    via: _Via = Via.DIRECT,
    cancel: _Cancel = False,
    concurrency: _Concurrency = 100,
    resume: _Resume = False,
    retry_failed: _RetryFailed = False,
    template: _Template = None,
    prompt_column: _PromptColumn = "prompt",
    limit: _Limit = None,
    api_base: _ApiBase = None,
    timeout: _Timeout = None,
    item_timeout: _ItemTimeout = None,
    retries: _Retries = None,
    max_tokens: _MaxTokens = None,
    temperature: _Temperature = None,
) -> None:
    """Ask all requests of a file, and write each answer the moment it is there.

    It may be killed at any moment: --resume goes on where it was, and asks nothing twice that has an answer.
    Ctrl-C lets what is under way finish; a second one ends it at once.
    """
    from aiocompl.cli import batch_provider, batch_run  # noqa: PLC0415 - they load aiohttp

    configure_logging()
    if cancel:
        asyncio.run(batch_provider.cancel(output, api_base))
        return
    if input_ is None:
        raise CommandError("which requests?", "name their file: aiocompl batch INPUT -o OUT.jsonl")
    settings = Settings(
        input=input_,
        output=output,
        model=model,
        via=via.value,
        concurrency=concurrency,
        resume=resume,
        retry_failed=retry_failed,
        template=template,
        prompt_column=prompt_column,
        limit=limit,
        api_base=api_base,
        timeout=timeout,
        item_timeout=item_timeout,
        retries=retries,
        max_tokens=max_tokens,
        temperature=temperature,
    )
    run = batch_provider.run if via is Via.PROVIDER else batch_run.run
    status = asyncio.run(run(settings))
    if status:
        raise typer.Exit(status)

"""The command line, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from typer.main import get_command

from aiocompl._version import __version__
from aiocompl.cli import batch, chat, compare, demo, local, models, providers, race, simulate
from aiocompl.cli.exits import OUTPUT_CLOSED, CommandError, report
from aiocompl.cli.options import EPILOG
from aiocompl.cli.terminal import OutputClosedError, prepare, write
from aiocompl.errors import AiocomplError

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="aiocompl",
    epilog="Begin with: aiocompl providers",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.command("batch", epilog=batch.EPILOG)(batch.batch)
app.command("chat", epilog=EPILOG)(chat.chat)
app.command("compare", epilog=EPILOG)(compare.compare)
app.command("demo")(demo.demo)
app.command("models", epilog=models.EPILOG)(models.models)
app.command("providers")(providers.providers)
app.command("race", epilog=EPILOG)(race.race)
app.command("simulate")(simulate.simulate)
app.add_typer(local.app, name="local")


def _show_version(wanted: bool) -> None:
    if wanted:
        write(f"aiocompl {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Every LLM provider behind one command."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What stands after the program's name; None for the process's own.

    Returns:
        The exit status; `aiocompl.cli.exits.MEANINGS` has what each says. A bug's exception goes through.
    """
    prepare()
    try:
        get_command(app).main(args=arguments, prog_name="aiocompl")
    except SystemExit as exit_:  # how typer ends, errors of use included
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except (AiocomplError, CommandError) as error:
        return report(error)
    except OutputClosedError:
        return OUTPUT_CLOSED
    return 0

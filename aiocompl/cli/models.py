"""``aiocompl models``: which models a provider offers to one's key."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from aiocompl.cli.terminal import configure_logging, plain, say, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.types.model_list import ModelInfo, ModelList

_UNWRAPPED: Final = 1000
"""The width of a table that no terminal bounds: what reads a pipe wants a line a model."""

_CONTEXT: Final = (
    "context_length",
    "context_window",
    "max_context_length",
    "max_model_len",
    "max_input_tokens",
    "inputTokenLimit",
    "context_size",
    "max_sequence_length",
    "n_ctx_train",
)
"""What providers call the length of a model's context, at the top of what they say of it or one level below."""

EPILOG: Final = "The first column is how a call names the model: aiocompl chat -m MODEL"


def models(
    provider: Annotated[
        str, typer.Argument(metavar="PROVIDER", help="Its prefix, as `aiocompl providers` lists it.")
    ] = "custom",
    api_base: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this server; without PROVIDER an OpenAI-compatible one."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with all that the provider says.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="For everything, retries included.")
    ] = None,
) -> None:
    """List the models that a provider offers, with their dates and context lengths where it says them."""
    from aiocompl.runtime.supervisor import Supervisor  # noqa: PLC0415 - loads aiohttp

    async def ask() -> ModelList:
        async with Supervisor() as supervisor:
            return await supervisor.amodels(provider, api_base=api_base, timeout=timeout)

    configure_logging()
    answer = asyncio.run(ask())
    if as_json:
        write(f"{answer.to_json(indent=2)}\n")
        return
    if answer.data:
        write(_table_text(answer), styled=True)
    say("note", f"{len(answer.data)} models")


def context_length(model: ModelInfo) -> int | None:
    """The length of a model's context in tokens, where its provider says it in one of the usual ways."""
    for said in _levels(model.model_extra):
        for name in _CONTEXT:
            value = said.get(name)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
                return int(value)
    return None


def _levels(said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield said
    yield from (value for value in said.values() if isinstance(value, dict))


def _table_text(answer: ModelList) -> str:
    """The table as text: for a terminal in its width, for a pipe a line a model."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and JSON needs none
    from rich.table import Table  # noqa: PLC0415 - heavy, and JSON needs none
    from rich.text import Text  # noqa: PLC0415 - heavy, and JSON needs none

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_UNWRAPPED)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("MODEL", style="bold", overflow="fold")
    table.add_column("CREATED", no_wrap=True)
    table.add_column("CONTEXT", no_wrap=True, justify="right")
    prefix = "" if answer.call is None or answer.call.provider == "custom" else f"{answer.call.provider}/"
    for model in answer.data:
        length = context_length(model)
        name = Text(prefix + plain(model.id))
        table.add_row(name, _date(model.created), "-" if length is None else str(length))
    with console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _date(created: int | None) -> str:
    if not created:  # some say 0 where they know no date
        return "-"
    return datetime.fromtimestamp(created, UTC).date().isoformat()

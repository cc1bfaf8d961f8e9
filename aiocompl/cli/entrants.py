"""Whom ``aiocompl race`` and ``compare`` ask: read from the command line, and put as the combinators take them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

import attrs
import typer

from aiocompl.cli.exits import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ADDRESS: Final = re.compile(r"@(?=https?://)")

Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL[@URL]",
        show_default=False,
        help="Whom to ask; repeat it. With @URL at a server of its own: -m small@http://localhost:8000/v1.",
    ),
]


@attrs.frozen(kw_only=True)
class Entrant:
    """One of those who are asked."""

    label: str
    """What it is called on the screen."""

    model: str
    api_base: str | None = None
    """An address of its own."""

    api_key: str | None = attrs.field(default=None, repr=False)
    """A key of its own; None takes the environment's."""

    def entry(self, watch: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """It, as an entry of `models`; `watch` is told of its attempts."""
        own = {"model": self.model, "api_base": self.api_base, "api_key": self.api_key, "logger_fn": watch}
        return {name: value for name, value in own.items() if value is not None}


def read_entrants(models: Sequence[str] | None, command: str) -> tuple[Entrant, ...]:
    """Read what ``-m`` names.

    Raises:
        CommandError: It names nobody.
    """
    if not models:
        raise CommandError(
            "which models?", f"name them: {command} -m gpt-4o -m groq/llama-3.3-70b-versatile ..."
        )
    return tuple(_read_entrant(text) for text in models)


def _read_entrant(text: str) -> Entrant:
    model, *address = _ADDRESS.split(text, maxsplit=1)
    if not model:
        raise CommandError(f"which model of {text[1:]}?", f"-m MODEL{text}")
    if not address:
        return Entrant(label=model, model=model)
    return Entrant(label=f"{model}@{urlsplit(address[0]).netloc}", model=model, api_base=address[0])

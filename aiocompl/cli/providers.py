"""``aiocompl providers``: whom a model name can be prefixed with, and who has a key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Final, Literal

import attrs
import typer

from aiocompl.cli import local
from aiocompl.cli.terminal import say, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from aiocompl.codecs.vendor import Vendor

_UNWRAPPED: Final = 1000
"""The width of a table that no terminal bounds: what reads a pipe wants a line a provider."""

_WIDE: Final = 120
"""The columns of a terminal that has room for base URLs too."""

_AWS_PAIR: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""What Bedrock's requests are signed with where there is no key of its own."""

_STYLES: Final = {"set": "green", "missing": "yellow", "optional": "dim"}


@attrs.frozen(kw_only=True)
class Standing:
    """What the environment says of one provider. It holds names of variables, never what is in them."""

    vendor: Vendor
    key: Literal["set", "missing", "optional"]
    """Whether a key is there, or none is needed."""

    key_from: str | None
    """The variable that the key comes from."""

    base_from: str | None
    """The variable that the base URL comes from, or None where it is the usual one."""

    missing: tuple[str, ...]
    """Variables that are still to be set; of several that hold the same, the usual one."""

    configured: bool
    """Nothing is missing, and something says that it is meant to be used."""


def providers(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WORD]...", help="Only providers with one of these in prefix, alias or name."
        ),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all/--configured", help="Every provider, or only those that are set up.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the providers: the prefix of their models, the variable of their key, and whether it is set.

    A model is named PREFIX/MODEL, as in groq/llama-3.3-70b-versatile. Of several variables joined by "or" one is
    enough. Keys themselves are never shown. Base URLs are in the table where there is room, and in the JSON, which has
    aliases and dialects too.
    """
    from aiocompl.codecs.routing import known_vendors  # noqa: PLC0415 - loads the catalogue

    standings = [standing(vendor, os.environ) for vendor in known_vendors()]
    shown = [one for one in standings if (all_ or one.configured) and _fits(one.vendor, words or ())]
    if as_json:
        write(_json(shown))
        return
    if shown:
        write(_table_text(shown), styled=True)
    elif words:
        say("note", f"no provider fits {' or '.join(words)}")
    _conclude(standings)


def _aliases(name: str) -> list[str]:
    """Other names of a provider, as routing reads them."""
    from aiocompl.codecs.catalogue import ALIASES  # noqa: PLC0415 - loads the catalogue
    from aiocompl.codecs.natives import NATIVE_ALIASES  # noqa: PLC0415 - loads the catalogue

    return [alias for alias, own in {**ALIASES, **NATIVE_ALIASES}.items() if own == name]


def _fits(vendor: Vendor, words: Sequence[str]) -> bool:
    names = " ".join((vendor.name, vendor.title, *_aliases(vendor.name))).lower()
    return not words or any(word.lower() in names for word in words)


def standing(vendor: Vendor, env: Mapping[str, str]) -> Standing:
    """Look up what is set up for a provider."""
    key_from = next((name for name in vendor.api_key_env if env.get(name)), None)
    if key_from is None and vendor.name == "bedrock" and all(env.get(name) for name in _AWS_PAIR):
        key_from = _AWS_PAIR[0]
    base_from = next((name for name in vendor.base_env if env.get(name)), None)
    missing = [] if key_from or vendor.key_optional else [vendor.api_key_env[0]]
    if base_from is None:
        missing += [name for name in _url_variables(vendor) if not env.get(name)]
    meant = local.has_extra() and local.has_weights() if vendor.name == local.MODEL else key_from or base_from
    return Standing(
        vendor=vendor,
        key="set" if key_from else "optional" if vendor.key_optional else "missing",
        key_from=key_from,
        base_from=base_from,
        missing=tuple(missing),
        configured=bool(meant) and not missing,
    )


def _url_variables(vendor: Vendor) -> tuple[str, ...]:
    """Variables without which there is no base URL: what fills its placeholders; for Azure the whole of it."""
    if vendor.name == "azure":
        return vendor.base_env[:1]
    return tuple(name for _, name in vendor.url_env)


def _conclude(standings: Sequence[Standing]) -> None:
    ready = sum(one.configured for one in standings)
    text = f"{ready} of {len(standings)} providers are set up here"
    if not ready:
        text += "; put a key into its variable, or get the local model, which needs none: aiocompl chat --pull Hello"
    say("note", text)


def _json(standings: Sequence[Standing]) -> str:
    import orjson  # noqa: PLC0415 - `--help` needs none

    from aiocompl.codecs.dialects import dialect_of  # noqa: PLC0415 - loads the catalogue

    rows = [
        {
            "prefix": one.vendor.name,
            "aliases": _aliases(one.vendor.name),
            "name": one.vendor.title,
            "dialect": dialect_of(one.vendor, "")[0],
            "configured": one.configured,
            "key": one.key,
            "key_from": one.key_from,
            "key_variables": one.vendor.api_key_env,
            "base_url": _base_url(one.vendor),
            "base_url_from": one.base_from,
            "base_url_variables": one.vendor.base_env,
            "url_variables": [name for _, name in one.vendor.url_env],
            "missing_variables": one.missing,
            "docs": one.vendor.docs or None,
        }
        for one in standings
    ]
    return orjson.dumps(rows, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _table_text(standings: Sequence[Standing]) -> str:
    """The table as text: for a terminal in colour and in its width, for a pipe a line a provider."""
    from rich.console import Console  # noqa: PLC0415 - heavy, and JSON needs none

    console = Console(highlight=False)
    if console.is_terminal:
        table = _table(standings, with_base=console.width >= _WIDE, between="\n")
    else:
        console = Console(highlight=False, width=_UNWRAPPED)
        table = _table(standings, with_base=True, between=" or ")
    with console.capture() as capture:
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _table(standings: Sequence[Standing], *, with_base: bool, between: str) -> Table:
    from rich.table import Table  # noqa: PLC0415 - heavy, and JSON needs none
    from rich.text import Text  # noqa: PLC0415 - heavy, and JSON needs none

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("PREFIX", no_wrap=True, style="bold")
    table.add_column("KEY", no_wrap=True)
    table.add_column("VARIABLE", no_wrap=True)
    table.add_column("PROVIDER")
    if with_base:
        table.add_column("BASE URL", overflow="fold")
    for one in standings:
        keys = (one.key_from,) if one.key_from else one.vendor.api_key_env
        variables = [between.join(keys)] if keys else []
        if one.base_from is None:
            variables += _url_variables(one.vendor)
        cells = (
            one.vendor.name,
            Text(one.key, style=_STYLES[one.key]),
            (" and " if between.strip() else between).join(variables),
            one.vendor.title,
        )
        table.add_row(*cells, *([_base_cell(one)] if with_base else []))
    return table


def _base_cell(one: Standing) -> str:
    if one.base_from is not None:
        return f"from {one.base_from}"
    if one.vendor.name == local.MODEL:
        return "on this machine"
    return _base_url(one.vendor) or ""


def _base_url(vendor: Vendor) -> str | None:
    return None if vendor.name == local.MODEL else vendor.base_url or None

"""The figures of a call, for people: what ``--verbose`` says on standard error."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from aiocompl.cli.terminal import plain, stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.types.call import CallInfo
    from aiocompl.types.completion import Usage


def summarise(call: CallInfo, *, model: str | None, finish_reason: str | None, usage: Usage | None) -> None:
    """Print who answered, in how many attempts, how fast and for how many tokens."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(call, model, finish_reason, usage):
        table.add_row(name, Text(plain(value)))
    stderr().print(table, soft_wrap=False)


def _rows(
    call: CallInfo, model: str | None, finish_reason: str | None, usage: Usage | None
) -> Iterator[tuple[str, str]]:
    yield "provider", call.provider
    yield "endpoint", "on this machine" if call.provider == "local" else call.endpoint
    yield "model", model or call.model
    if call.request_id:
        yield "request id", call.request_id
    yield "attempts", str(len(call.attempts))
    yield "queued", seconds(call.queued)
    if call.first_token is not None:
        yield "first token", seconds(call.first_token)
    if call.total is not None:
        yield "total", seconds(call.total)
    yield "tokens", _tokens(usage)
    yield "finished by", finish_reason or "not told"


def _tokens(usage: Usage | None) -> str:
    if usage is None:
        return "not told"
    return f"{usage.prompt_tokens} in, {usage.completion_tokens} out, {usage.total_tokens} together"


def seconds(value: float) -> str:
    """A duration as people read it: ``"0.3 ms"``, ``"412 ms"``, ``"1.74 s"``."""
    if value >= 1:
        return f"{value:.2f} s"
    milliseconds = value * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"  # noqa: PLR2004 - two digits


def dollars(value: float) -> str:
    """A sum as people read it, two digits of it at least: ``"$1.20"``, ``"$0.00012"``."""
    digits = 2 if value <= 0 else max(2, 1 - floor(log10(value)))
    return f"${value:.{digits}f}"

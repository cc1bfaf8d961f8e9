"""Answers side by side: in columns where the terminal has room for them, below each other where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from aiocompl.cli.ask import text_of
from aiocompl.cli.exits import one_line
from aiocompl.cli.summary import dollars, seconds
from aiocompl.cli.terminal import plain, write
from aiocompl.errors import AiocomplError
from aiocompl.prices import cost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiocompl.cli.lanes import Lane
    from aiocompl.types.completion import ChatCompletion

_NARROWEST: Final = 34
"""The columns that an answer needs at least to be read with pleasure."""


@attrs.frozen(kw_only=True)
class Result:
    """What came of one model."""

    lane: Lane
    response: ChatCompletion | None
    """Its answer; of a stream that broke off, what had come."""

    error: Exception | None

    @property
    def elapsed(self) -> float | None:
        """Seconds from its start to its end."""
        return self.lane.elapsed(0.0)

    @property
    def text(self) -> str:
        """What it said."""
        if self.response is None or not self.response.choices:
            return ""
        return plain(text_of(self.response.choices[0].message)).strip()

    @property
    def finish_reason(self) -> str | None:
        """Why it ended."""
        return self.response.choices[0].finish_reason if self.response and self.response.choices else None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens of the answer a second, over the whole call."""
        usage = None if self.response is None else self.response.usage
        return usage.completion_tokens / self.elapsed if usage is not None and self.elapsed else None

    @property
    def cost(self) -> float | None:
        """US dollars, or None where nobody knows."""
        call = self.lane.call
        if call is None or self.response is None:
            return None
        return cost(call.provider, call.model, self.response.usage)


def print_results(results: Sequence[Result]) -> None:
    """Print them on standard output: in a terminal's width, for a pipe one after the other."""
    console = Console(highlight=False)
    if not console.is_terminal:
        write("\n".join(_paragraph(result) for result in results))
        return
    with console.capture() as capture:
        for table in tables(results, console.width):
            console.print(table)
    write(capture.get(), styled=True)


def tables(results: Sequence[Result], width: int) -> Iterator[Table]:
    """The answers in as many columns as there is room for, and as many tables as that takes."""
    rows = -(-len(results) // max(1, width // _NARROWEST))
    columns = -(-len(results) // rows)
    for start in range(0, len(results), columns):
        yield _table(results[start : start + columns])


def _table(results: Sequence[Result]) -> Table:
    table = Table(box=box.ROUNDED, expand=True, show_lines=True, border_style="bright_black")
    for result in results:
        table.add_column(Text(plain(result.lane.label), style="bold"), ratio=1, overflow="fold")
    table.add_row(*(_answer(result) for result in results))
    table.add_row(*(_grid(result) for result in results))
    return table


def _answer(result: Result) -> Group:
    parts = [Text(result.text)] if result.text else []
    if result.error is not None:
        parts.append(Text(_said(result.error), style="red"))
    elif not result.text:
        parts.append(Text("the answer is empty", style="yellow"))
    return Group(*parts)


def _grid(result: Result) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _figures(result):
        grid.add_row(name, plain(value))
    return grid


def _figures(result: Result) -> Iterator[tuple[str, str]]:
    """What is known of it, by name; what is not is left out."""
    if (elapsed := result.elapsed) is not None:
        yield "total", seconds(elapsed)
    if (first := result.lane.first_token) is not None:
        yield "first token", seconds(first)
    usage = None if result.response is None else result.response.usage
    if usage is not None:
        yield "tokens", f"{usage.prompt_tokens} in, {usage.completion_tokens} out"
    if (rate := result.tokens_per_second) is not None:
        yield "tokens/s", f"{rate:.1f}"
    if (spent := result.cost) is not None:
        yield "cost", dollars(spent)
    if result.finish_reason is not None:
        yield "finished by", result.finish_reason
    if result.lane.attempt > 1:
        yield "attempts", str(result.lane.attempt)


def _paragraph(result: Result) -> str:
    lines = [f"== {plain(result.lane.label)}"]
    if result.text:
        lines.append(result.text)
    if result.error is not None:
        lines.append(f"error: {_said(result.error)}")
    figures = ", ".join(f"{name} {value}" for name, value in _figures(result))
    if figures:
        lines.append(f"-- {plain(figures)}")
    return "".join(f"{line}\n" for line in lines)


def _said(error: Exception) -> str:
    """An error in one line, with what to do."""
    text = one_line(error) if isinstance(error, AiocomplError) else str(error)
    return " ".join(plain(text).split())

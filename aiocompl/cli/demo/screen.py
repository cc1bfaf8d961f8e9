"""What the demonstration prints, and the promises that it holds the library to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiocompl.cli.terminal import plain, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

_WIDEST: Final = 100
"""The columns that prose and tables take at most: longer lines are hard to read."""


class Screen:
    """Standard output, in the width of the terminal, or of 80 columns where there is none."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.console.width = min(self.console.width, _WIDEST)
        self.broken: list[str] = []
        """The promises that were not kept."""

    def print(self, *what: RenderableType) -> None:
        """Print below what is there.

        Raises:
            OutputClosedError: Nobody reads it any more.
        """
        with self.console.capture() as capture:
            self.console.print(*what)
        write("".join(f"{line.rstrip(' ')}\n" for line in capture.get().splitlines()), styled=True)

    def heading(self, title: str, why: str) -> None:
        """Begin a part: what is shown, and why."""
        self.print()
        self.print(Text(title, style="bold"))
        self.print(Text(why, style="dim"))
        self.print()

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table of text."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for heading in headings:
            table.add_column(heading, no_wrap=heading != headings[-1])
        for row in rows:
            table.add_row(*(Text(plain(cell)) for cell in row))
        self.print(table)

    def print_between(self, table: Table, lines: Sequence[Text]) -> None:
        """Print a table, and below each of its rows a line, cut where it is too long."""
        with self.console.capture() as capture:
            self.console.print(table)
        heading, *rows = capture.get().splitlines()
        write(f"{heading.rstrip()}\n", styled=True)
        for row, line in zip(rows, lines, strict=True):
            write(f"{row.rstrip()}\n", styled=True)
            line.truncate(self.console.width, overflow="ellipsis")
            self.print(line)

    def promise(self, text: str, *, kept: bool) -> None:
        """Print what was promised, and whether it was kept."""
        if not kept:
            self.broken.append(text)
        label = ("ok    ", "bold green") if kept else ("BROKEN", "bold red")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_row(Text(*label), Text(text))
        self.print(grid)

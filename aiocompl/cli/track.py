"""Models that are asked at once, drawn: a live table in a terminal, in a pipe a line for each at the end."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.live import Live
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from aiocompl.cli.summary import dollars, seconds
from aiocompl.cli.terminal import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from aiocompl.cli.lanes import Lane, Lanes

_UNWRAPPED: Final = 1000
"""The width where no terminal bounds it: what reads a pipe wants a line for each."""

_WITH_BARS: Final = 72
"""The columns from which on there is room for bars."""

_WITH_TOKENS: Final = 60
"""Those from which on there is room for tokens and costs."""

_FRAMES: Final = 12.5
"""Drawn so often a second."""

_SCALES: Final = (1.0, 2.0, 5.0)
"""What the bars' right edge stands for, in seconds, and in powers of ten of these."""

_COLOURS: Final = {
    "running": "cyan",
    "retrying": "yellow",
    "answering": "cyan",
    "answered": "green",
    "won": "green",
    "refused": "yellow",
    "failed": "red",
}
_STYLES: Final = {
    **_COLOURS,
    "won": "bold green",
    "answering": "bold cyan",
    "not started": "dim",
    "lost": "dim",
}
_PALE: Final = "bright_black"


class Bar:
    """A line from one point of its width to another, both between 0 and 1."""

    def __init__(self, begin: float, end: float, colour: str) -> None:
        self._begin = begin
        self._end = end
        self._colour = colour

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it; half a column is as fine as it gets."""
        halves = 2 * options.max_width
        begin = round(self._begin * halves) // 2
        end = max(round(self._end * halves), 2 * begin + (self._end > self._begin))
        full, ends = ("-", "") if options.ascii_only else ("━", "╸")
        line = " " * begin + full * (end // 2 - begin) + (ends if end % 2 else "")
        yield Segment(line, Style.parse(self._colour))


@contextmanager
def shown(lanes: Lanes, console: Console, *, keep: bool = True) -> Iterator[None]:
    """Show them as long as the block lasts.

    Args:
        lanes: Whom to show.
        console: Where; what is no terminal gets nothing but the last state.
        keep: Whether the last state stays.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        live = Live(
            get_renderable=lambda: draw(lanes, console.width),
            console=console,
            refresh_per_second=_FRAMES,
            transient=not keep,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        with live:
            yield
        return
    try:
        yield
    finally:
        if keep:
            print_lines(draw(lanes, _UNWRAPPED, bars=False), console)


def print_lines(table: RenderableType, console: Console) -> None:
    """Print a table where it is not wrapped, without white space at the ends of its lines."""
    wide = Console(width=_UNWRAPPED, highlight=False, color_system=None)
    with wide.capture() as capture:
        wide.print(table)
    for line in capture.get().splitlines():
        console.print(Text(line.rstrip()), soft_wrap=True)


def draw(lanes: Lanes, width: int, *, bars: bool = True) -> Table:
    """The state of all as a table: who, how far, how long, for how many tokens."""
    now = lanes.now()
    ends = [lane.ended for lane in lanes.lanes if lane.ended is not None]
    over = len(ends) == sum(lane.began is not None for lane in lanes.lanes) and bool(ends)
    scale = _scale(max(ends) if over else now)
    tokens = width >= _WITH_TOKENS
    costs = tokens and any(lane.cost is not None for lane in lanes.lanes)
    bars = bars and width >= _WITH_BARS
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", expand=bars)
    table.add_column("MODEL", max_width=max(12, width // 3), overflow="ellipsis", no_wrap=True)
    table.add_column("STATE", no_wrap=True, min_width=11)
    if bars:
        table.add_column(f"0 to {scale:g} s", ratio=1, min_width=8, no_wrap=True)
    for heading in ("TIME", *(("IN", "OUT") if tokens else ()), *(("COST",) if costs else ())):
        table.add_column(heading, justify="right", no_wrap=True, min_width=7 if heading == "TIME" else 4)
    for lane in lanes.lanes:
        cells = _cells(lane, now, scale=scale if bars else None, costs=costs)
        table.add_row(*islice(cells, len(table.columns)))
    return table


def _cells(lane: Lane, now: float, *, scale: float | None, costs: bool) -> Iterator[RenderableType]:
    faded = lane.state in ("lost", "not started")
    pale = _PALE if faded else ""
    yield Text(plain(lane.label), style=pale or ("bold" if lane.state == "won" else ""))
    yield Text(_state(lane), style=_STYLES.get(lane.state, ""))
    elapsed = lane.elapsed(now)
    if scale is not None:
        began = lane.began or 0.0
        end = began if elapsed is None else began + elapsed
        yield Bar(began / scale, end / scale, _COLOURS.get(lane.state, _PALE))
    yield Text("-" if elapsed is None else seconds(elapsed), style=pale)
    about = "~" if lane.estimated else ""
    for tokens in (lane.prompt_tokens, lane.completion_tokens):
        yield Text("-" if tokens is None else f"{about}{tokens}", style=pale)
    if costs:
        yield Text("-" if lane.cost is None else about + dollars(lane.cost), style=pale)


def _state(lane: Lane) -> str:
    """The state in a word; from the second attempt on with its number."""
    if lane.state == "running" and lane.attempt > 1:
        return f"attempt {lane.attempt}"
    return lane.state


def _scale(longest: float) -> float:
    """The least round number of seconds that is not exceeded."""
    power = 1.0
    while True:
        for step in _SCALES:
            if longest <= step * power:
                return step * power
        power *= 10

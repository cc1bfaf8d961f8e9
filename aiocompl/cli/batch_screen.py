"""What a batch from a file shows of itself: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from rich.progress import BarColumn, Progress, TextColumn

from aiocompl.cli.summary import seconds
from aiocompl.cli.terminal import say, stderr

if TYPE_CHECKING:
    from types import TracebackType

    from aiocompl.batchfile.tally import BatchFileProgress, BatchFileSummary

_LINE_EVERY: Final = 10.0
"""Seconds between two lines where there is no terminal."""


class Screen:
    """Shows how far a batch is, on standard error."""

    def __init__(self) -> None:
        console = stderr()
        self._next_line = _LINE_EVERY
        self._bar = (
            Progress(BarColumn(), TextColumn("{task.description}"), console=console, auto_refresh=False)
            if console.is_terminal
            else None
        )
        self._task = None if self._bar is None else self._bar.add_task("reading", total=None)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: BatchFileProgress) -> None:
        """Show this, if it is time."""
        if self._bar is not None and self._task is not None:
            total = progress.total if progress.phase == "asking" else None
            self._bar.update(self._task, completed=progress.done, total=total, description=line(progress))
            self._bar.refresh()
        elif progress.elapsed >= self._next_line:
            self._next_line = progress.elapsed + _LINE_EVERY
            say(progress.phase, line(progress))


def line(progress: BatchFileProgress) -> str:
    """How far it is, in a line."""
    if progress.phase == "reading":
        return f"{progress.read:,} lines read"
    parts = [
        f"{progress.done:,} of {progress.total:,}",
        f"{progress.rate:,.0f}/s",
        f"{progress.prompt_tokens + progress.completion_tokens:,} tokens",
    ]
    if progress.cost is not None:
        parts.append(dollars(progress.cost))
    parts.append(f"{progress.failed:,} failed")
    if progress.eta is not None:
        parts.append(f"{timedelta(seconds=round(progress.eta))} left")
    return ", ".join(parts)


def told(summary: BatchFileSummary) -> list[tuple[str, str]]:
    """What a batch came to, in lines with a label each."""
    rate = summary.answered / summary.elapsed if summary.elapsed > 0 else 0.0
    text = f"{summary.answered:,} of {summary.total:,} in {seconds(summary.elapsed)} ({rate:,.0f}/s), "
    text += f"{summary.prompt_tokens:,} tokens in, {summary.completion_tokens:,} out"
    if summary.cost is not None and summary.answered:
        text += f", {dollars(summary.cost)}"
    lines = [("answered", f"{text}; see {summary.output}" if summary.answered else text)]
    if summary.skipped:
        lines.append(("skipped", f"{summary.skipped:,} that an earlier run had done"))
    if summary.failed or summary.failed_before:
        before = f" and {summary.failed_before:,} before" if summary.failed_before else ""
        lines.append(("failed", f"{summary.failed:,}{before}; see {summary.errors}"))
    if summary.left != 0:
        why = "the time is over" if summary.stopped == "timeout" else "stopped"
        left = "all, the input was still being read" if summary.left is None else f"{summary.left:,}"
        lines.append(("left", f"{left}: {why}"))
    return lines


def dollars(amount: float) -> str:
    """Money as people read it: ``"$12.30"``, ``"$0.0042"``."""
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.2g}"

"""A progress bar, in a terminal or a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiocompl.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from aiocompl.combinators.batch_rules import BatchProgress


def open_bar(total: int | None) -> Bar:
    """A bar, shown from now on. Whoever opens it closes it.

    Raises:
        MissingExtraError: rich is not installed.
    """
    try:
        from rich.progress import (  # noqa: PLC0415 - an extra
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError as error:
        raise MissingExtraError("progress=True needs rich: pip install 'aiocompl[cli]'") from error
    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[rate]:.0f}/s, {task.fields[tokens]} tokens, {task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns)
    task = progress.add_task("", total=total, rate=0.0, tokens=0, failed=0)
    progress.start()
    return Bar(progress, task)


class Bar:
    """See `open_bar`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def update(self, state: BatchProgress) -> None:
        """Show how far the batch is."""
        self._progress.update(
            self._task,
            completed=state.done,
            rate=state.done / state.elapsed if state.elapsed else 0.0,
            tokens=state.prompt_tokens + state.completion_tokens,
            failed=state.failed,
        )

    def close(self) -> None:
        """Stop showing it, where it is now. Idempotent."""
        self._progress.stop()

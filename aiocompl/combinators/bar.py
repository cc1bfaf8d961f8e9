"""A progress bar, in a terminal or a notebook."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiocompl.errors import MissingExtraError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from aiocompl.combinators.batch_rules import BatchProgress

_REFRESH: Final = 0.1
"""Seconds between two updates in a notebook."""


class Bar(Protocol):
    """What shows how far a batch is."""

    def update(self, state: BatchProgress) -> None:
        """Show how far the batch is."""

    def close(self) -> None:
        """Stop showing it, where it is now. Idempotent."""


def open_bar(total: int | None) -> Bar:
    """A bar, shown from now on. Whoever opens it closes it.

    Raises:
        MissingExtraError: rich is not installed.
    """
    try:
        from rich import get_console  # noqa: PLC0415 - an extra
        from rich.progress import (  # noqa: PLC0415 - an extra
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )
    except ImportError as error:
        raise MissingExtraError("progress=True needs rich: pip install 'aiocompl[cli]'") from error
    if get_console().is_jupyter:  # where rich needs a package more, and shows nothing without
        return NotebookBar(total)
    columns = (
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns)
    task = progress.add_task("", total=total, said="")
    progress.start()
    return TerminalBar(progress, task)


class TerminalBar:
    """See `Bar`."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def update(self, state: BatchProgress) -> None:
        """See `Bar`."""
        self._progress.update(self._task, completed=state.done, said=_said(state))

    def close(self) -> None:
        """See `Bar`."""
        self._progress.stop()


class NotebookBar:
    """See `Bar`. The browser's own progress element, updated in place."""

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._shown = 0.0
        self._state: BatchProgress | None = None
        display: Any = import_module("IPython.display").display
        self._handle = display(self._picture(), raw=True, display_id=True)

    def update(self, state: BatchProgress) -> None:
        """See `Bar`."""
        self._state = state
        if state.elapsed - self._shown >= _REFRESH:
            self._shown = state.elapsed
            self._handle.update(self._picture(), raw=True)

    def close(self) -> None:
        """See `Bar`."""
        if self._total is None:  # known by now, and an element that knows it stands still
            self._total = 0 if self._state is None else self._state.done
        self._handle.update(self._picture(), raw=True)

    def _picture(self) -> dict[str, str]:
        state = self._state
        done = 0 if state is None else state.done
        whole = "?" if self._total is None else self._total
        text = f"{done}/{whole}" + ("" if state is None else f"  {_said(state)}")
        bounds = "" if self._total is None else f' value="{done}" max="{self._total}"'
        return {"text/plain": text, "text/html": f"<progress{bounds}></progress> {text}"}


def _said(state: BatchProgress) -> str:
    rate = state.done / state.elapsed if state.elapsed else 0.0
    tokens = state.prompt_tokens + state.completion_tokens
    return f"{rate:.0f}/s, {tokens} tokens, {state.failed} failed"

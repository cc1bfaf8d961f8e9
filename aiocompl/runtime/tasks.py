"""Ending tasks for good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

ErrorT = TypeVar("ErrorT", bound=Exception)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until all are done; their results and exceptions stay with them.

    Cancelled: it goes on until all are done, and is cancelled then.
    """
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    interrupted: asyncio.CancelledError | None = None
    while unfinished:
        try:
            await asyncio.wait(unfinished)
        except asyncio.CancelledError as error:
            interrupted = error
        unfinished = [task for task in unfinished if not task.done()]
    if interrupted is not None:
        raise interrupted


def error_of(task: asyncio.Task[Any]) -> BaseException | None:
    """The exception of a task that is done, if it has one; asyncio then does not complain that nobody looked."""
    return None if task.cancelled() else task.exception()


def without_traceback(error: ErrorT) -> ErrorT:
    """An error that is to be kept, without its tracebacks: these hold frames, and frames hold sockets."""
    link: BaseException | None = error
    while link is not None and link.__traceback__ is not None:
        link = link.with_traceback(None)
        link = link.__cause__ or link.__context__
    return error

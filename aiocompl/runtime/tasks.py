"""Ending tasks for good."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

T = TypeVar("T")
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


async def all_or_none(
    calls: Sequence[Coroutine[Any, Any, T]], undo: Callable[[T], object] | None = None
) -> list[T]:
    """The results of calls that run at once, in their order.

    One fails, or cancelled: the others are cancelled and awaited, and `undo` gets the results that there are.

    Raises:
        Exception: The error of the call that failed first; of those that failed at once, the first in their order.
    """
    if len(calls) == 1:
        return [await calls[0]]
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(call) for call in calls]
    failed: list[asyncio.Task[T]] = []
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        failed += (task for task in tasks if task.done() and _has_failed(task))
        if failed:
            failed[0].result()  # which raises
        return [task.result() for task in tasks]
    except BaseException:
        try:
            await cancel_and_wait(tasks)
        finally:
            if undo is not None:
                for task in tasks:
                    if not _has_failed(task):
                        undo(task.result())
        raise
    finally:
        tasks.clear()  # their errors hold this frame
        failed.clear()


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


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

"""Blocking work, off the loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Run a function in a thread. Cancelled: it is awaited all the same, so that it never runs on unwatched."""
    work = asyncio.get_running_loop().run_in_executor(None, function, *arguments)
    interrupted = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            interrupted = error
    if interrupted is not None:
        work.exception()  # looked at, so that nobody complains
        raise interrupted
    return work.result()

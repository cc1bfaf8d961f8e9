"""Letting a loop come to rest, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
from typing import Final

_QUIET_STEPS: Final = 2  # one to look at timers and sockets, one to see that they woke nothing


async def settle(max_steps: int = 10_000) -> None:
    """Let all callbacks run that are ready, and those that they make ready, until only waiting is left.

    Needs no time: timers that are not due stay where they are. Sockets are looked at, but what is still on its way
    through the kernel is not waited for.

    Args:
        max_steps: After so many steps of the loop something must be rescheduling itself without end.

    Raises:
        RuntimeError: The loop did not come to rest.
        TypeError: The loop is none of asyncio's own, which do not show what is ready.
    """
    loop = asyncio.get_running_loop()
    ready = getattr(loop, "_ready", None)
    if ready is None:
        raise TypeError(f"settle() needs one of asyncio's own event loops, not {type(loop).__name__}")
    quiet = 0
    for _ in range(max_steps):
        await asyncio.sleep(0)
        quiet = 0 if ready else quiet + 1
        if quiet == _QUIET_STEPS:
            return
    raise RuntimeError(f"the loop is still busy after {max_steps} steps")

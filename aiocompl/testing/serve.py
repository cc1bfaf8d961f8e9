"""The simulator as a process of its own: what ``aiocompl simulate`` runs."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import TYPE_CHECKING, Final

from aiocompl.testing.faults import Fault
from aiocompl.testing.latency import Latency
from aiocompl.testing.script import Mix
from aiocompl.testing.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiocompl.testing.script import Script

_KEPT_REQUESTS: Final = 10_000
_announce: Final = partial(print, flush=True)


async def serve(
    host: str = "127.0.0.1",
    port: int = 8123,
    *,
    script: Script = None,
    dialect: str = "openai",
    latency: Latency | None = None,
    seed: int = 0,
    api_key: str | None = None,
    models: Sequence[str] | None = None,
    announce: Callable[[str], object] = _announce,
) -> None:
    """Run a simulator until SIGINT or SIGTERM comes, then close it. Cancelled: it is closed too.

    Args:
        host: Where to listen.
        port: Where to listen; 0 for any that is free.
        script: What happens to each request; None answers each plainly.
        dialect: The wire format.
        latency: How long answers take.
        seed: Fixes what is drawn at random.
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
        announce: Called with one line that holds the address, as soon as it listens.

    Raises:
        OSError: The port is taken.
    """
    stop = asyncio.Event()
    async with Simulator(
        script,
        dialect=dialect,
        latency=latency,
        seed=seed,
        api_key=api_key,
        models=models,
        host=host,
        port=port,
        keep_requests=_KEPT_REQUESTS,
    ) as simulator:
        handled = _on_signals(stop.set)
        try:
            announce(f"simulating {dialect} at {simulator.base_url} (what it saw: {simulator.url}/_seen)")
            await stop.wait()
        finally:
            for number in handled:
                asyncio.get_running_loop().remove_signal_handler(number)


def run(
    *,
    host: str = "127.0.0.1",
    port: int = 8123,
    dialect: str = "openai",
    fault_rate: float = 0.0,
    seed: int = 0,
    ttft: float = 0.0,
    itl: float = 0.0,
    text: str | None = None,
    api_key: str | None = None,
    models: Sequence[str] | None = None,
    announce: Callable[[str], object] = _announce,
) -> None:
    """Run a simulator until SIGINT or SIGTERM comes; what the command line calls.

    Args:
        host: Where to listen.
        port: Where to listen; 0 for any that is free.
        dialect: The wire format.
        fault_rate: The share of requests (0 to 1) that go wrong, in every way that ends at once.
        seed: Fixes which ones.
        ttft: Seconds to the first token.
        itl: Seconds between tokens.
        text: What every answer says; None repeats the user.
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.
        announce: Called with one line that holds the address, as soon as it listens.

    Raises:
        OSError: The port is taken.
        ValueError: There is no such dialect, or `fault_rate` is no probability.
    """
    asyncio.run(
        serve(
            host,
            port,
            script=_script(fault_rate, seed, text),
            dialect=dialect,
            latency=Latency(first_token=ttft, between_tokens=itl),
            seed=seed,
            api_key=api_key,
            models=models,
            announce=announce,
        )
    )


def _script(fault_rate: float, seed: int, text: str | None) -> Script:
    if not fault_rate:
        return text
    faulty = Mix.of_faults(fault_rate, seed=seed)
    return lambda asked: fault if isinstance(fault := faulty(asked), Fault) else text


def _on_signals(stop: Callable[[], None]) -> list[int]:
    """Call `stop` on SIGINT and SIGTERM; gives the signals that the loop could take over (none on Windows)."""
    loop = asyncio.get_running_loop()
    handled = []
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows: KeyboardInterrupt cancels us instead
            break
        handled.append(int(number))
    return handled

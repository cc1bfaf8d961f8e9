"""``aiocompl demo``: races, fan-outs and batches shown at work, with simulated providers on this machine."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from aiocompl.cli.terminal import configure_logging


def demo(
    seed: Annotated[
        int, typer.Option(help="Fixes what is drawn at random: delays, and which requests go wrong.")
    ] = 6,
) -> None:
    """Show races, fan-outs and batches at work. No key, no network, half a minute at most.

    Simulated OpenAI, Anthropic and Cohere endpoints run on loopback while it lasts, and the local model takes part where
    it is installed. Every number is measured. A promise that is not kept makes the exit status 1.
    """
    from aiocompl.cli.demo.show import run_demo  # noqa: PLC0415 - loads aiohttp

    configure_logging()
    asyncio.run(run_demo(seed))

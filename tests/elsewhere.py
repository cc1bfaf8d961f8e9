"""A simulator on a loop and thread of its own, and scripts that talk to it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import Any

from aiocompl.testing import Simulator


class Elsewhere:
    """A simulator in another thread."""

    def __init__(self) -> None:
        self.simulator = Simulator()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.run(self.simulator.start())
        self.base = self.simulator.base_url

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def close(self) -> None:
        self.run(self.simulator.aclose())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def run_script(source: str) -> subprocess.CompletedProcess[str]:
    """Run a script with every warning an error but that of a fork with threads."""
    strict = ["-X", "dev", "-W", "error", "-W", "ignore:.*fork:DeprecationWarning"]
    return subprocess.run(
        [sys.executable, *strict, "-c", source], capture_output=True, text=True, timeout=30, check=False
    )

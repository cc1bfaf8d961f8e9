"""Run the Python blocks of one page as its reader would, in order and in one namespace: ``run_docs_page.py PAGE [NEEDS]``.

Every provider is a simulator in a thread of its own: the variables that hold keys and base URLs say so, and a block that
writes ``http://localhost:8000/v1`` means it too. A check sees the simulator as `simulator`, the text that the blocks before
it have printed as `printed`, and the page itself as `page`.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docs_blocks import Block, to_run

from aiocompl.codecs.routing import known_vendors
from aiocompl.testing import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

STAND_IN: Final = "http://localhost:8000/v1"
PYTEST_INI: Final = """[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""


@contextmanager
def simulated_provider() -> Iterator[Simulator]:
    """A simulator in a thread of its own, since the page's own loops come and go."""
    started: Future[tuple[Simulator, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with Simulator() as simulator:
            stop = asyncio.Event()
            started.set_result((simulator, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="simulator")
    thread.start()
    simulator, loop, stop = started.result()
    try:
        yield simulator
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def point_at(base_url: str) -> None:
    """Have every provider with a variable for its base URL be the simulator."""
    for vendor in known_vendors():
        if vendor.api_key_env and vendor.base_env:
            os.environ[vendor.api_key_env[0]] = "sk-example"
            os.environ[vendor.base_env[0]] = base_url


class Page:
    """One page's namespace, and the loop that its top-level `await` runs on, as in a notebook."""

    def __init__(self, path: Path, simulator: Simulator) -> None:
        self._path = path
        self._simulator = simulator
        self._runner: asyncio.Runner | None = None
        self._printed = io.StringIO()
        self._namespace: dict[str, Any] = {"__name__": "docs_example"}

    def run(self, block: Block) -> None:
        """Run one block; errors point into the page."""
        code = "\n" * (block.line - 1) + block.code.replace(STAND_IN, self._simulator.base_url)
        compiled = compile(code, str(self._path), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if block.language == "check":
            self._namespace |= {
                "simulator": self._simulator,
                "page": self._path.read_text(),
                "printed": self._printed.getvalue(),
            }
        with redirect_stdout(self._printed):
            result = eval(compiled, self._namespace)  # noqa: S307 - our own page
            if inspect.iscoroutine(result):
                self._runner = self._runner or asyncio.Runner()
                self._runner.run(result)

    def close(self) -> None:
        """End the loop, if there was any."""
        if self._runner is not None:
            self._runner.close()


def run_tests(files: list[Block]) -> None:
    """Run the blocks that are test files, each as one."""
    if not files:
        return
    with tempfile.TemporaryDirectory() as folder:
        for block in files:
            Path(folder, f"test_line_{block.line}.py").write_text(block.code)
        Path(folder, "pytest.ini").write_text(PYTEST_INI)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)


def main() -> None:
    """Run the page that the command line names."""
    path = Path(sys.argv[1])
    chosen = to_run(path.read_text(), needs=sys.argv[2] if len(sys.argv) > 2 else "")
    run_tests([block for block in chosen if "pytest" in block.options and block.language == "python"])
    with simulated_provider() as simulator:
        point_at(simulator.base_url)
        page = Page(path, simulator)
        try:
            for block in chosen:
                if "pytest" not in block.options:
                    page.run(block)
        finally:
            page.close()


if __name__ == "__main__":
    main()

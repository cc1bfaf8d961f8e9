"""A server that others wrote, as a process of its own."""

from __future__ import annotations

import re
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

_ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+")


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str]) -> Iterator[str]:
    """Start the server; gives the address that it prints once it listens."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=dict(env)
    ) as process:
        output = process.stdout
        assert output is not None
        address = _address(output)
        drain = threading.Thread(target=output.read)  # or the pipe fills up, and the server stops
        drain.start()
        try:
            yield address
        finally:
            process.terminate()
            drain.join()


def _address(output: IO[bytes]) -> str:
    said = b""
    for line in output:
        said += line
        if found := _ADDRESS.search(line):
            return found.group().decode()
    raise RuntimeError(f"it ended before it listened: {said.decode(errors='replace')}")

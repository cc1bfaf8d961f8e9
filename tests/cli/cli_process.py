"""The command line as a process of its own, in an environment that holds no key, no model and no weights."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiocompl

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(aiocompl.__file__).parents[1]
_KEPT = ("PATH", "SYSTEMROOT", "LANG", "LC_ALL", "TMPDIR")


class Done(NamedTuple):
    """How a command ended."""

    status: int | None
    out: str
    err: str


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the command sees of the environment."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("COV")}
    settled = {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "AIOCOMPL_CACHE": os.devnull}
    return {**kept, **settled, **(more or {})}


async def start(
    *arguments: str,
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.PIPE,
    stderr: int = asyncio.subprocess.PIPE,
    env: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Start ``python -m aiocompl`` with every warning an error."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-X", "dev", "-W", "error", "-m", "aiocompl"),
        *arguments,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment(env),
    )


async def finish(process: asyncio.subprocess.Process, stdin: bytes | None = None) -> Done:
    """Wait for its end. What asyncio's debug mode says of steps that took long on a busy machine is left out."""
    out, err = await process.communicate(stdin)
    lines = (err or b"").decode().splitlines(keepends=True)
    said = "".join(line for line in lines if not line.startswith("Executing <"))
    return Done(process.returncode, (out or b"").decode(), said)


async def command(*arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Done:
    """Run one command to its end."""
    pipe = asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE
    return await finish(await start(*arguments, stdin=pipe, env=env), stdin)


class Terminal:
    """A terminal with nobody at it."""

    def __init__(self) -> None:
        self.ours, self.theirs = os.openpty()

    async def text(self) -> str:
        """All that was written to it, once its last user has gone."""
        os.close(self.theirs)
        parts = [b""]
        try:
            while part := await asyncio.to_thread(os.read, self.ours, 4096):
                parts.append(part)
        except OSError:  # Linux says EIO where others say end of file
            pass
        os.close(self.ours)
        return b"".join(parts).decode().replace("\r\n", "\n")

"""A batch from a file that is killed in its middle, and resumed."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import attrs
import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from aiocompl.cli.demo.cast import KEY
from aiocompl.cli.terminal import plain
from aiocompl.testing import Latency, Simulator, Uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiocompl.cli.demo.screen import Screen

_PROMPTS: Final = 400
_CONCURRENCY: Final = 10
_KILLED_AT: Final = 180
"""The request at which the process is killed."""

_LATENCY: Final = Latency(first_token=Uniform(low=0.02, high=0.08))
_MODEL: Final = "openai/gpt-4o-mini"


@attrs.frozen(kw_only=True)
class Files:
    """The input and the output of the batch."""

    input: Path
    output: Path

    @classmethod
    def in_folder(cls, folder: str) -> Files:
        """Write the input there."""
        files = cls(input=Path(folder) / "questions.jsonl", output=Path(folder) / "answers.jsonl")
        lines = [
            {
                "custom_id": f"question-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"messages": [{"role": "user", "content": f"What is {number} + {number}?"}]},
            }
            for number in range(_PROMPTS)
        ]
        files.input.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
        return files

    def lines(self) -> int:
        """How many whole lines the output has."""
        return self.output.read_bytes().count(b"\n") if self.output.exists() else 0

    def answered(self) -> Counter[str]:
        """How many whole lines the output has of each id."""
        if not self.output.exists():
            return Counter()
        whole = self.output.read_bytes().rpartition(b"\n")[0]
        return Counter(orjson.loads(line)["custom_id"] for line in whole.splitlines())


async def show_kill(screen: Screen, seed: int) -> None:
    """Kill a process in the middle of a batch, resume it, and count lines and requests."""
    screen.heading(
        f"4. kill -9 in the middle of a batch of {_PROMPTS}, and --resume",
        "`aiocompl batch` appends answers to a file as they come. Killed at any moment it loses none that is there, and "
        "resumed it repeats none.",
    )
    with TemporaryDirectory(prefix="aiocompl-demo-") as folder:
        files = Files.in_folder(folder)
        async with Simulator(latency=_LATENCY, seed=seed) as simulator:
            first = await _run(screen, "until killed", files, simulator, kill_at=_KILLED_AT)
            before, asked = files.answered(), len(simulator.requests)
            second = await _run(screen, "resumed", files, simulator)
            after = files.answered()
            again = Counter(_id_of(record.body) for record in simulator.requests[asked:])
    repeated = sum(again[name] for name in before)
    if screen.console.is_terminal:
        screen.print()
    screen.table(
        ("PROCESS", "ENDED BY", "REQUESTS THE SERVER SAW", "LINES IN THE FILE"),
        [
            ("the first", _ending(first), str(asked), str(before.total())),
            ("the second", _ending(second), str(again.total()), f"{after.total()}, {len(after)} different"),
        ],
    )
    screen.print()
    for ended in (first, second):
        if not ended.killed and ended.status != 0:
            screen.print(Text(plain(ended.said), style="red"))
    screen.promise(
        f"the first process was killed with {before.total()} of {_PROMPTS} lines written",
        kept=first.killed and 0 < before.total() < _PROMPTS,
    )
    screen.promise(
        f"{repeated} of those {before.total()} were asked again, {again.total()} others were",
        kept=bool(before) and repeated == 0,
    )
    screen.promise(
        f"{sum(count == 1 for count in after.values())} of {_PROMPTS} questions have exactly one line",
        kept=second.status == 0 and len(after) == _PROMPTS == after.total() and set(before) <= set(after),
    )


@attrs.frozen(kw_only=True)
class Ended:
    """How a process ended."""

    killed: bool
    """By us."""

    status: int
    said: str
    """On standard error."""


async def _run(
    screen: Screen, title: str, files: Files, simulator: Simulator, *, kill_at: int | None = None
) -> Ended:
    """Run the batch as a process, killed at the request of a number if one is given. Cancelled: killed too."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "aiocompl", "batch", str(files.input), "-o", str(files.output)),
        *("-m", _MODEL, "--api-base", simulator.base_url, "--concurrency", str(_CONCURRENCY)),
        *(() if kill_at is not None else ("--resume",)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENAI_API_KEY": KEY},
    )
    over = asyncio.create_task(process.communicate())
    killed = False
    try:
        with _bar(screen, title, files) as advance:
            await _wait(over, simulator, kill_at, advance)
    finally:
        if process.returncode is None:
            process.kill()
            killed = True
        _, said = await over
    return Ended(killed=killed, status=process.returncode or 0, said=said.decode(errors="replace").strip())


async def _wait(
    over: asyncio.Task[tuple[bytes, bytes]],
    simulator: Simulator,
    count: int | None,
    advance: Callable[[], None],
) -> None:
    """Wait until the process is over, or the simulator has seen so many requests."""

    def seen() -> bool:
        advance()
        return count is not None and len(simulator.requests) >= count

    reached = asyncio.create_task(simulator.wait_until(seen))
    try:
        await asyncio.wait((over, reached), return_when=asyncio.FIRST_COMPLETED)
    finally:
        reached.cancel()


@contextmanager
def _bar(screen: Screen, title: str, files: Files) -> Iterator[Callable[[], None]]:
    """A bar of the lines in the file, in a terminal; gives what has it look again."""
    if not screen.console.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn("{task.description:<12}"), MofNCompleteColumn(), BarColumn(), TextColumn("lines"))
    with Progress(*columns, console=screen.console, redirect_stdout=False, redirect_stderr=False) as progress:
        task = progress.add_task(title, total=_PROMPTS, completed=files.lines())
        yield lambda: progress.update(task, completed=files.lines())
        progress.update(task, completed=files.lines())


def _ending(ended: Ended) -> str:
    if ended.killed:
        return "kill -9"
    return "itself" if ended.status == 0 else f"exit status {ended.status}"


def _id_of(body: dict[str, list[dict[str, str]]]) -> str:
    return f"question-{body['messages'][-1]['content'].split()[2]}"

from __future__ import annotations

import asyncio
import re
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import orjson
import pytest
from cli_process import Done, Terminal, command, finish, start

from aiocompl.batchfile.tally import BatchFileProgress, BatchFileSummary
from aiocompl.cli import batch_screen
from aiocompl.cli.batch import Settings
from aiocompl.cli.batch_screen import dollars, line, told
from aiocompl.testing import faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.testing import Simulator

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and limits")


class Batch:
    """A directory with an input, and the command's arguments."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        self.directory = directory
        self.simulator = simulator
        self.input = directory / "in.jsonl"
        self.output = directory / "out.jsonl"
        self.errors = directory / "out.errors.jsonl"

    def write(self, count: int) -> None:
        body: dict[str, Any] = {"model": "sim"}
        with self.input.open("wb") as file:
            for number in range(count):
                body["messages"] = [{"role": "user", "content": f"number {number}"}]
                request = {
                    "custom_id": f"q{number}",
                    "method": "POST",
                    "url": "/v1/chat/completions",
                    "body": body,
                }
                file.write(orjson.dumps(request) + b"\n")

    def arguments(self, *more: str) -> tuple[str, ...]:
        where = ("--api-base", self.simulator.base_url)
        return "batch", str(self.input), "-o", str(self.output), *where, *more

    def answers(self) -> dict[str, str]:
        items = [orjson.loads(raw) for raw in self.output.read_bytes().splitlines()]
        found = {
            item["custom_id"]: item["response"]["body"]["choices"][0]["message"]["content"] for item in items
        }
        assert len(found) == len(items)
        return found


def expected(count: int) -> dict[str, str]:
    return {f"q{number}": f"You said: number {number}" for number in range(count)}


def hinted(done: Done) -> list[str]:
    """The command that the last hint names."""
    hint = done.err.splitlines()[-1]
    assert hint.startswith("hint: ")
    return shlex.split(hint[hint.index("aiocompl batch") :])[1:]


@pytest.fixture
def batch(tmp_path: Path, simulator: Simulator) -> Batch:
    return Batch(tmp_path, simulator)


@pytest.mark.real_time
async def test_a_file_is_answered(batch: Batch) -> None:
    batch.write(40)
    done = await command(*batch.arguments("--concurrency", "7", "--temperature", "0.5"))
    assert (done.status, done.out) == (0, "")
    assert "answered: 40 of 40 in " in done.err
    assert done.err.endswith(f"; see {batch.output}\n")
    assert batch.answers() == expected(40)
    assert batch.simulator.requests[0].body["temperature"] == 0.5
    assert not batch.errors.exists()


@pytest.mark.real_time
async def test_failures_give_a_status_and_the_command_that_mends_them(batch: Batch) -> None:
    batch.write(20)
    batch.simulator.script = lambda asked: faults.Status(status=400) if asked.text.endswith("5") else None
    done = await command(*batch.arguments())
    assert done.status == 1
    assert f"failed: 2; see {batch.errors}\n" in done.err
    batch.simulator.script = None
    refused = await command(*batch.arguments())
    assert (refused.status, refused.out) == (2, "")
    assert f"error: {batch.output} is there already" in refused.err
    done = await command(*hinted(done))
    assert done.status == 0
    assert "skipped: 18 that an earlier run had done\n" in done.err
    assert batch.answers() == expected(20)


@pytest.mark.real_time
async def test_bad_lines_are_told_by_number(batch: Batch) -> None:
    batch.write(2)
    batch.input.write_bytes(batch.input.read_bytes() + b"nonsense\n")
    done = await command(*batch.arguments())
    assert done.status == 1
    assert "hint" not in done.err  # asking again would not help
    assert orjson.loads(batch.errors.read_bytes())["error"]["line"] == 3
    assert (await command(*batch.arguments("--resume"))).status == 1
    assert len(batch.errors.read_bytes().splitlines()) == 1


@pytest.mark.real_time
async def test_a_table_and_a_template(batch: Batch) -> None:
    table = batch.directory / "in.csv"
    table.write_text("custom_id,text,language\na,one,Dutch\nb,two,Thai\n")
    where = ("-o", str(batch.output), "-m", "sim", "--api-base", batch.simulator.base_url)
    done = await command("batch", str(table), *where, "--template", "{text} in {language}")
    assert done.status == 0
    assert batch.answers() == {"a": "You said: one in Dutch", "b": "You said: two in Thai"}
    column = ("--prompt-column", "text", "--limit", "1", "--max-tokens", "1")
    done = await command("batch", str(table), *where[2:], "-o", str(batch.directory / "2.jsonl"), *column)
    assert "answered: 1 of 1 " in done.err


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda batch: batch.input.unlink(), "there is no file"),
        (lambda batch: batch.output.mkdir(), "Is a directory"),
        (lambda batch: batch.input.write_bytes(batch.input.read_bytes() * 2), "lines 1 and 3 of"),
    ],
)
async def test_files_that_cannot_be_used(batch: Batch, spoil: Callable[[Batch], object], said: str) -> None:
    batch.write(2)
    spoil(batch)
    done = await command(*batch.arguments())
    assert (done.status, done.out) == (2, "")
    assert "error: " in done.err
    assert said in done.err
    assert batch.simulator.requests == []


@pytest.mark.real_time
@pytest.mark.parametrize(("model", "status"), [("gpt-4o", 3), ("nobody-knows-this", 4)])
async def test_what_concerns_all_lines_is_said_once(batch: Batch, model: str, status: int) -> None:
    table = batch.directory / "in.csv"
    table.write_text("prompt\none\ntwo\n")
    done = await command("batch", str(table), "-o", str(batch.output), "-m", model)
    assert (done.status, done.out) == (status, "")
    assert "\nerror: " in f"\n{done.err}"
    assert not batch.errors.exists()


@posix
@pytest.mark.real_time
async def test_ctrl_c_lets_what_is_under_way_finish_and_says_how_to_go_on(batch: Batch) -> None:
    batch.write(800)
    process = await start(*batch.arguments("-c", "10"))
    await batch.simulator.wait_requests(50)
    process.send_signal(signal.SIGINT)
    done = await finish(process)
    assert (done.status, done.out) == (130, "")
    assert "stopping: what is under way has 10 s to finish" in done.err
    count = len(batch.simulator.requests)
    assert len(batch.answers()) == count < 800
    done = await command(*hinted(done))
    assert done.status == 0
    assert batch.answers() == expected(800)
    assert len(batch.simulator.requests) == 800  # nothing was asked twice


@posix
@pytest.mark.real_time
async def test_a_second_signal_ends_it_at_once(batch: Batch) -> None:
    batch.write(10)
    batch.simulator.script = lambda asked: faults.Silence() if asked.text.endswith("7") else None
    process = await start(*batch.arguments())
    await batch.simulator.wait_requests(10)
    await batch.simulator.wait_until(lambda: batch.simulator.in_flight == 1)
    assert process.stderr is not None
    process.send_signal(signal.SIGTERM)
    while b"stopping" not in await process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    done = await finish(process)
    assert done.status == 130
    assert "stopped: what was answered is written\n" in done.err
    assert len(batch.answers()) == 9
    batch.simulator.script = None
    assert (await command(*hinted(done))).status == 0
    assert batch.answers() == expected(10)


@posix
@pytest.mark.real_time
async def test_killed_and_resumed(batch: Batch) -> None:
    batch.write(900)
    process = await start(*batch.arguments("-c", "10"))
    await batch.simulator.wait_requests(200)
    process.kill()
    assert (await finish(process)).status == -signal.SIGKILL
    before = batch.output.read_bytes()
    assert len(before.splitlines()) > 100
    assert (await command(*batch.arguments("--resume"))).status == 0
    assert batch.answers() == expected(900)
    assert batch.output.read_bytes().startswith(before[: before.rfind(b"\n") + 1])
    assert len(batch.simulator.requests) <= 900 + 20


@posix
@pytest.mark.real_time
async def test_a_full_disk_ends_it_cleanly(batch: Batch, tmp_path: Path) -> None:
    batch.write(400)
    limited = tmp_path / "limited.py"
    limited.write_text(
        "import atexit, resource, runpy, sys\n"
        "unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
        "atexit.register(resource.setrlimit, resource.RLIMIT_FSIZE, unlimited)\n"  # for coverage's own file
        "sys.argv[:] = sys.argv[1:]\n"
        "runpy.run_module('aiocompl', run_name='__main__')\n"
    )
    from cli_process import environment  # noqa: PLC0415 - for this alone

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(limited), "aiocompl", *batch.arguments()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    done = await finish(process)
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(
        f"error: cannot write {batch.output} any more: File too large\nhint: mend that, and go on"
    )
    assert batch.output.read_bytes().endswith(b"\n")
    assert 50 < len(batch.answers()) < 400
    assert (await command(*hinted(done))).status == 0
    assert batch.answers() == expected(400)


@posix
@pytest.mark.real_time
async def test_the_time_is_over(batch: Batch) -> None:
    batch.write(3)
    batch.simulator.script = faults.Silence()
    done = await command(*batch.arguments("--timeout", "0.3"))
    assert done.status == 6
    assert re.search(r"^left: .*: the time is over$", done.err, re.MULTILINE)
    assert "--resume" in hinted(done)


@posix
@pytest.mark.real_time
async def test_a_terminal_gets_a_bar(batch: Batch) -> None:
    batch.write(30)
    terminal = Terminal()
    process = await start(*batch.arguments(), stderr=terminal.theirs, env={"TERM": "xterm", "COLUMNS": "120"})
    text = asyncio.create_task(terminal.text())
    assert (await finish(process)).status == 0
    shown = await text
    assert "30 of 30" in shown
    assert "0 failed" in shown


def progress(**changes: Any) -> BatchFileProgress:
    values: dict[str, Any] = {
        "phase": "asking",
        "read": 0,
        "total": 10_000,
        "done": 1204,
        "failed": 3,
        "elapsed": 15.0,
        "rate": 83.4,
        "eta": 105.6,
        "prompt_tokens": 100_000,
        "completion_tokens": 20_345,
        "cost": 0.1234,
    }
    return BatchFileProgress(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "1,204 of 10,000, 83/s, 120,345 tokens, $0.12, 3 failed, 0:01:46 left"),
        ({"cost": None, "eta": None}, "1,204 of 10,000, 83/s, 120,345 tokens, 3 failed"),
        ({"phase": "reading", "read": 12_000}, "12,000 lines read"),
    ],
)
def test_how_far_it_is(changes: dict[str, Any], shown: str) -> None:
    assert line(progress(**changes)) == shown


def test_without_a_terminal_there_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with batch_screen.Screen() as screen:
        for elapsed in (0.0, 9.0, 10.5, 12.0, 21.0):
            screen.show(progress(elapsed=elapsed, phase="reading", read=int(elapsed)))
    assert capsys.readouterr() == ("", "reading: 10 lines read\nreading: 21 lines read\n")


@pytest.mark.parametrize(("amount", "shown"), [(0, "$0.00"), (0.00421, "$0.0042"), (1234.5, "$1,234.50")])
def test_money(amount: float, shown: str) -> None:
    assert dollars(amount) == shown


SUMMARY = BatchFileSummary(
    output=Path("out.jsonl"),
    errors=Path("out.errors.jsonl"),
    total=10,
    skipped=3,
    answered=4,
    failed=1,
    failed_before=2,
    invalid=0,
    left=2,
    stopped="stop",
    elapsed=2.0,
    prompt_tokens=1000,
    completion_tokens=20,
    cost=0.5,
)


def test_what_it_came_to() -> None:
    assert told(SUMMARY) == [
        ("answered", "4 of 10 in 2.00 s (2/s), 1,000 tokens in, 20 out, $0.5; see out.jsonl"),
        ("skipped", "3 that an earlier run had done"),
        ("failed", "1 and 2 before; see out.errors.jsonl"),
        ("left", "2: stopped"),
    ]


@pytest.mark.parametrize(
    ("left", "stopped", "shown"),
    [
        (5, "timeout", "5: the time is over"),
        (None, "stop", "all, the input was still being read: stopped"),
        (0, "stop", None),
    ],
)
def test_what_is_left(left: int | None, stopped: Literal["stop", "timeout"], shown: str | None) -> None:
    lines = dict(told(attrs.evolve(SUMMARY, left=left, stopped=stopped)))
    assert lines.get("left") == shown


def test_the_command_to_go_on_with() -> None:
    settings = Settings(
        input=Path("my file.csv"),
        output=Path("out.jsonl"),
        model="m",
        concurrency=7,
        resume=False,
        retry_failed=True,
        template="{a}",
        prompt_column="prompt",
        limit=None,
        api_base=None,
        timeout=3.5,
        item_timeout=None,
        retries=None,
        max_tokens=None,
        temperature=0.0,
    )
    assert settings.command("--resume") == (
        "aiocompl batch 'my file.csv' -o out.jsonl -m m --concurrency 7 --template '{a}' --timeout 3.5 "
        "--temperature 0.0 --resume"
    )

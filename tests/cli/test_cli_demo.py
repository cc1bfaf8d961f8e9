from __future__ import annotations

import asyncio
import io
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import pytest
from cli_process import Terminal, command, environment, finish, start
from rich.console import Console
from rich.table import Table
from rich.text import Text

from aiocompl.cli.demo import killed, once, show
from aiocompl.cli.demo.cast import players, stranger
from aiocompl.cli.demo.many import Faulty
from aiocompl.cli.demo.screen import Screen
from aiocompl.cli.exits import CommandError
from aiocompl.runtime.supervisor import Supervisor
from aiocompl.testing import Asked, Fault, RequestRecord

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real_time


def numbers(pattern: str, text: str) -> tuple[int, ...]:
    found = re.search(pattern, text)
    assert found is not None, text
    return tuple(int(group) for group in found.groups())


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.timeout(180)  # half a minute, on a machine that has time for it
async def test_it_keeps_its_promises_in_a_pipe(tmp_path: Path) -> None:
    done = await command("demo", "--seed", "9", env={"COLUMNS": "80", "TMPDIR": str(tmp_path)})
    assert (done.status, done.err) == (0, ""), done.out
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "BROKEN" not in done.out
    assert len(re.findall(r"^ok ", done.out, re.MULTILINE)) >= 6
    flat = " ".join(done.out.split())
    assert numbers(r"(\d+) of (\d+) losers' connections were closed", flat) == (2, 2)
    unwritten, planned = numbers(r"(\d+) of the losers' (\d+) events were never written", flat)
    assert planned / 2 < unwritten < planned
    assert "seed 9" in flat
    assert "NotFoundError: openai/no-such-model" in flat
    (answered,) = numbers(r"answered (\d+), ", flat)
    (failed,) = numbers(r"failed (\d+)", flat.partition("WHERE")[2])
    assert answered + failed == 500
    (requests,) = numbers(r"requests (\d+), over", flat)
    (wrong,) = numbers(r"went wrong (\d+), ", flat)
    assert 500 < requests < 600
    assert 20 < wrong < 90
    assert numbers(r"(\d+) of (\d+) questions have exactly one line", flat) == (400, 400)
    assert numbers(r"(\d+) of those (\d+) were asked again", flat)[0] == 0
    assert left_in(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")
async def test_ctrl_c_in_a_terminal_leaves_nothing(tmp_path: Path) -> None:
    terminal = Terminal()
    env = {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color", "NO_COLOR": "1", "TMPDIR": str(tmp_path)}
    process = await start("demo", stdout=terminal.theirs, env=env)
    text = b""
    while b"running" not in text:
        text += await asyncio.to_thread(os.read, terminal.ours, 4096)
    process.send_signal(signal.SIGINT)
    rest = asyncio.create_task(terminal.text())
    done = await finish(process)
    assert (done.status, done.err) == (130, "")
    shown = text.decode() + await rest
    assert "Traceback" not in shown
    assert "\x1b[3" not in shown.replace("\x1b[3;", "")  # no colour
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")  # the cursor is back
    assert left_in(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
async def test_a_reader_that_goes_away_ends_it() -> None:
    reading, writing = os.pipe()
    process = await start("demo", stdout=writing)
    os.close(writing)
    assert (await asyncio.to_thread(os.read, reading, 8)) == b"aiocompl"
    os.close(reading)
    assert (await finish(process)).status == 141


async def test_a_promise_that_is_not_kept_ends_it_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def breaks(screen: Screen, *_: object) -> None:
        screen.promise("nothing is open", kept=False)

    async def keeps(screen: Screen, *_: object) -> None:
        screen.promise("all is well", kept=True)

    monkeypatch.setenv("AIOCOMPL_CACHE", os.devnull)
    for name in PARTS:
        monkeypatch.setattr(show, name, keeps)
    await show.run_demo(1)
    monkeypatch.setattr(show, "show_fan_out", breaks)
    with pytest.raises(CommandError, match="1 promises were not kept: nothing is open") as raised:
        await show.run_demo(1)
    assert raised.value.status == 1
    out = capsys.readouterr().out
    assert "BROKEN  nothing is open" in out
    assert "ok      all is well" in out


PARTS = [name for name in vars(show) if name.startswith("show_")]


async def test_a_connection_that_stays_open_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "_PATIENCE", 0.01)
    record = RequestRecord(
        number=1, connection=1, method="POST", path="/", headers={}, raw_body=b"", started=0.0
    )
    assert not await once.was_closed(record)
    record.finish("answered", 1.0)
    assert not await once.was_closed(record)
    gone = RequestRecord(
        number=2, connection=1, method="POST", path="/", headers={}, raw_body=b"", started=0.0
    )
    gone.finish("client_gone", 1.0)
    assert await once.was_closed(gone)


async def test_a_batch_that_is_not_resumed_is_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(killed, "_PROMPTS", 20)
    monkeypatch.setattr(killed, "_CONCURRENCY", 0)
    screen, drawn = Screen(), io.StringIO()
    screen.console = Console(file=drawn, force_terminal=True, width=80)
    await killed.show_kill(screen, 1)
    assert screen.broken == [
        "the first process was killed with 0 of 20 lines written",
        "0 of those 0 were asked again, 0 others were",
        "0 of 20 questions have exactly one line",
    ]
    out = re.sub(r"\x1b\[[\d;]*m", "", capsys.readouterr().out)
    assert re.search(r"^the second +exit status \d", out, re.MULTILINE)
    assert "until killed" in drawn.getvalue()


async def test_a_line_twice_or_a_torn_one_is_counted(tmp_path: Path) -> None:
    files = killed.Files.in_folder(str(tmp_path))
    assert (files.lines(), files.answered()) == (0, {})
    files.output.write_bytes(b'{"custom_id": "a"}\n' * 2 + b'{"custom_id": "b"}\n{"custom')
    assert (files.lines(), files.answered()) == (3, {"a": 2, "b": 1})


async def test_who_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIOCOMPL_CACHE", os.devnull)
    async with players(3) as cast:
        assert [player.entrant.model.partition("/")[0] for player in cast] == [
            "openai",
            "anthropic",
            "cohere",
        ]
        assert [player.last_request for player in cast] == [None] * 3
        assert stranger(cast[0]).model == "openai/no-such-model"
        assert stranger(cast[0]).api_base == cast[0].entrant.api_base
        screen = Screen()
        async with Supervisor() as supervisor:
            assert await show._warmed_up(screen, supervisor, cast) == cast


async def test_a_local_model_that_cannot_be_loaded_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIOCOMPL_CACHE", os.devnull)
    monkeypatch.setattr("aiocompl.cli.local.has_extra", lambda: True)
    monkeypatch.setattr("aiocompl.cli.local.has_weights", lambda: True)
    async with players(3) as cast, Supervisor() as supervisor:
        assert [player.entrant.model for player in cast][-1] == "local"
        assert await show._warmed_up(Screen(), supervisor, cast) == cast[:-1]
    assert "The local model does not take part: " in capsys.readouterr().out


def asked(text: str) -> Asked:
    return Asked(number=1, model="m", stream=False, text=text, prompt_tokens=1, body={}, headers={})


def test_what_goes_wrong_goes_by_the_seed_and_not_by_the_order() -> None:
    texts = [f"prompt {number}" for number in range(300)] * 2
    one, other, third = Faulty(0.1, 1), Faulty(0.1, 1), Faulty(0.1, 2)
    drawn = {(number, text): one(asked(text)) for number, text in enumerate(texts)}
    backwards = {}
    for number, text in reversed(list(enumerate(texts[:300]))):
        backwards[number, text] = other(asked(text))
    assert {key: drawn[key] for key in backwards} == backwards
    assert [third(asked(text)) for text in texts] != list(drawn.values())
    assert one.spoilt == sum(isinstance(behaviour, Fault) for behaviour in drawn.values())
    assert 30 < one.spoilt < 90


def test_a_long_line_below_a_row_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    screen = Screen()
    assert screen.console.width == 100
    table = Table(box=None, pad_edge=False)
    table.add_column("A")
    table.add_row("a")
    screen.print_between(table, [Text("word " * 99)])
    heading, row, line = capsys.readouterr().out.splitlines()
    assert (heading, row) == ("A", "a")
    assert len(line) == 100
    assert line.endswith("…")


def test_the_environment_of_these_tests_has_no_weights() -> None:
    assert environment()["AIOCOMPL_CACHE"] == os.devnull

from __future__ import annotations

import asyncio
import re
import signal
import sys
from typing import TYPE_CHECKING

import orjson
import pytest
from cli_process import Terminal, command, finish, start
from rich.console import Console

from aiocompl.cli.lanes import Lane
from aiocompl.cli.side_by_side import Result, tables
from aiocompl.errors import RateLimitError
from aiocompl.testing import Answer, Latency, Reply, faults
from aiocompl.types.completion import ChatCompletion

if TYPE_CHECKING:
    from aiocompl.testing import Simulator

pytestmark = pytest.mark.real_time


def at(simulator: Simulator, *models: str) -> tuple[str, ...]:
    return "compare", "--api-base", simulator.base_url, *(word for model in models for word in ("-m", model))


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
async def test_a_pipe_gets_one_after_the_other(simulator: Simulator, how: str) -> None:
    simulator.script = {"a": "Zwölf 🦆\nswim by.", "b": faults.Status(status=404), "c": Answer(text="")}
    done = await command(*at(simulator, "a", "b", "c"), how, "What swims?")
    assert (done.status, done.err) == (0, "")
    a, b, c = done.out.split("\n\n")
    assert a.startswith("== a\nZwölf 🦆\nswim by.\n-- total ")
    assert ("first token" in a) is (how == "--stream")
    assert ", tokens/s " in a
    assert a.endswith(", finished by stop")
    assert b.startswith("== b\nerror: custom/b: status 404")
    assert "PROVIDER/MODEL" in b
    assert c.startswith("== c\n-- total ")


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
async def test_json_is_an_object_for_each(simulator: Simulator, how: str) -> None:
    simulator.script = {
        "a": Reply(answer=Answer(text="one two"), latency=Latency(first_token=0.05)),
        "b": faults.Status(status=401),
    }
    done = await command(*at(simulator, "a", "b"), how, "--json", "hi")
    assert (done.status, done.err) == (0, "")
    a, b = orjson.loads(done.out)
    assert (a["index"], a["model"], a["provider"]) == (0, "a", "custom")
    assert a["elapsed"] >= 0.05
    assert (a["first_token"] is not None) is (how == "--stream")
    assert a["usage"]["completion_tokens"] == 2
    assert a["tokens_per_second"] == pytest.approx(2 / a["elapsed"])
    assert a["finish_reason"] == "stop"
    assert ChatCompletion.model_validate(a["response"]).choices[0].message.content == "one two"
    assert (b["index"], b["response"], b["error"]["type"]) == (1, None, "AuthenticationError")


async def test_a_stream_that_breaks_keeps_what_came(simulator: Simulator) -> None:
    simulator.script = {"a": faults.Cut(after_events=3), "b": "whole"}
    done = await command(*at(simulator, "a", "b"), "--retries", "0", "hello there")
    assert done.status == 0
    a, b = done.out.split("\n\n")
    assert a.startswith("== a\nYou said:\nerror: custom/a: ")
    assert b.startswith("== b\nwhole\n")


async def test_none_answered(simulator: Simulator) -> None:
    simulator.script = faults.Status(status=401)
    done = await command(*at(simulator, "a", "b"), "hi")
    assert done.status == 3
    assert done.out.count("error: ") == 2
    assert done.err.splitlines()[0] == "error: none of the 2 models asked gave an answer"
    assert [line[:16] for line in done.err.splitlines()[1:]] == ["cause: custom/a:", "cause: custom/b:"]


async def test_no_models() -> None:
    done = await command("compare", "hi")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: which models?\nhint: name them: aiocompl compare -m")


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize(("columns", "beside"), [("100", True), ("50", False)])
async def test_a_terminal_gets_columns_where_there_is_room(
    simulator: Simulator, columns: str, beside: bool
) -> None:
    simulator.script = {"a": "alpha \x1b]0;owned\x07", "b": "beta"}
    terminal = Terminal()
    env = {"COLUMNS": columns, "LINES": "24", "TERM": "xterm-256color", "NO_COLOR": "1"}
    process = await start(*at(simulator, "a", "b"), "hi", stdout=terminal.theirs, env=env)
    text = asyncio.create_task(terminal.text())
    assert (await finish(process)).status == 0
    shown = re.sub(r"\x1b\[[\d;]*m", "", await text)
    assert "\x1b]0;" not in shown
    assert any("alpha" in line and "beta" in line for line in shown.splitlines()) is beside
    assert max(len(line) for line in shown.splitlines()) == int(columns)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
async def test_ctrl_c(simulator: Simulator) -> None:
    simulator.script = faults.Stall(after_events=2)
    process = await start(*at(simulator, "a", "b"), "hi")
    await simulator.wait_requests(2)
    process.send_signal(signal.SIGINT)
    assert await finish(process) == (130, "", "")
    for record in simulator.requests:
        await record.wait_client_gone()


def result(number: int) -> Result:
    body = {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": f"answer {number} " * 9},
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 20, "total_tokens": 25},
    }
    lane = Lane(label=f"model-{number}", state="answered", attempt=2, began=0.0, ended=0.5, first_token=0.1)
    return Result(lane=lane, response=ChatCompletion.model_validate(body), error=None)


@pytest.mark.parametrize(("width", "rows"), [(40, [1] * 5), (80, [2, 2, 1]), (120, [3, 2]), (200, [5])])
def test_the_columns_go_by_the_width(width: int, rows: list[int]) -> None:
    drawn = list(tables([result(number) for number in range(5)], width))
    assert [len(table.columns) for table in drawn] == rows
    console = Console(width=width, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(*drawn)
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) == width
    for said in ("model-4", "500 ms", "100 ms", "5 in, 20 out", "40.0", "stop", "attempts"):
        assert said in text


def test_a_failure_stands_in_its_place() -> None:
    lane = Lane(label="m", state="failed", began=0.0, ended=0.2)
    error = RateLimitError("too [bold]fast[/bold]\nreally", provider="p", model="m")
    console = Console(width=60)
    with console.capture() as capture:
        console.print(*tables([Result(lane=lane, response=None, error=error)], 60))
    assert "p/m: too [bold]fast[/bold] really" in capture.get()

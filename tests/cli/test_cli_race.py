from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from cli_process import Done, Terminal, command, finish, start

from aiocompl import ChatCompletion
from aiocompl.testing import Answer, Latency, Reply, faults

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.testing import Simulator

pytestmark = pytest.mark.real_time

FAST = Reply(answer=Answer(text="first of all"), latency=Latency(first_token=0.01))
NEVER = faults.Silence()


def at(simulator: Simulator, *models: str) -> tuple[str, ...]:
    return "race", *(word for model in models for word in ("-m", f"{model}@{simulator.base_url}"))


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
async def test_the_winners_answer_is_on_stdout_and_the_race_on_stderr(simulator: Simulator, how: str) -> None:
    simulator.script = {"fast": FAST, "slow": NEVER}
    done = await command(*at(simulator, "slow", "fast"), how, "hi")
    assert (done.status, done.out) == (0, "first of all\n")
    heading, slow, fast, *rest = done.err.splitlines()
    assert heading.split() == ["MODEL", "STATE", "TIME", "IN", "OUT"]
    assert slow.split()[:2] == [f"slow@{simulator.url.removeprefix('http://')}", "lost"]
    assert fast.split()[1] == "won"
    assert len(rest) == (how == "--stream")
    if rest:
        assert rest[0].startswith("won: custom/fast, ")
        assert " to the first token, " in rest[0]
        assert rest[0].endswith(" tokens in, 3 out")
    else:
        assert fast.split()[-1] == "3"
    outcomes = {record.model: record.outcome for record in simulator.requests}
    assert outcomes == {"slow": "client_gone", "fast": "answered"}


@pytest.mark.parametrize("how", ["--stream", "--no-stream"])
async def test_json_tells_of_all(simulator: Simulator, how: str) -> None:
    simulator.script = {"fast": FAST, "slow": NEVER, "bad": faults.Status(status=401)}
    done = await command(*at(simulator, "slow", "fast", "bad"), how, "--json", "hi")
    assert done.status == 0
    told = orjson.loads(done.out)
    assert told["winner"] == 1
    assert told["elapsed"] > 0
    assert [item["model"] for item in told["contestants"]] == ["slow", "fast", "bad"]
    assert [item["outcome"] for item in told["contestants"]] == ["lost", "won", "failed"]
    slow, fast, bad = told["contestants"]
    assert slow["estimated"] is True
    assert slow["usage"]["completion_tokens"] == 0
    assert fast["error"] is None
    assert (fast["first_token"] is not None) is (how == "--stream")
    assert bad["error"]["type"] == "AuthenticationError"
    response = ChatCompletion.model_validate(told["response"])
    assert response.choices[0].message.content == "first of all"
    assert response.usage is not None
    assert response.usage.completion_tokens == 3


async def test_one_that_failed_is_told_with_what_to_do(simulator: Simulator) -> None:
    simulator.script = {"bad": faults.Status(status=401), "good": Latency(first_token=0.3)}
    done = await command(*at(simulator, "bad", "good"), "hi")
    assert (done.status, done.out) == (0, "You said: hi\n")
    assert "failed: custom/bad: " in done.err
    assert "`aiocompl providers` shows" in done.err


@pytest.mark.parametrize(
    ("others", "status"),
    [(faults.Status(status=401), 3), (faults.Status(status=404), 1)],
    ids=["same", "several"],
)
async def test_all_failed_is_a_line_for_each(simulator: Simulator, others: faults.Fault, status: int) -> None:
    simulator.script = {"a": faults.Status(status=401), "b": others}
    done = await command(*at(simulator, "a", "b"), "hi")
    assert (done.status, done.out) == (status, "")
    error, a, b = done.err.splitlines()[-3:]
    assert error == "error: none of the 2 models asked gave an answer that was accepted"
    assert a.startswith("cause: custom/a: ")
    assert a.endswith(
        "(`aiocompl providers` shows the variable of each provider's key, and whether it is set)"
    )
    assert b.startswith("cause: custom/b: ")


async def test_all_failed_in_json(simulator: Simulator) -> None:
    simulator.script = faults.Status(status=404)
    done = await command(*at(simulator, "a"), "--json", "hi")
    assert done.status == 4
    told = orjson.loads(done.out)
    assert (told["winner"], told["response"]) == (None, None)
    assert told["contestants"][0]["error"]["type"] == "NotFoundError"


async def test_what_is_accepted(simulator: Simulator) -> None:
    simulator.script = {
        "cut": Answer(text="no end of", finish_reason="length"),
        "shy": Answer(text=None, refusal="I would rather not."),
        "good": Reply(answer=Answer(text="this one"), latency=Latency(first_token=0.2)),
    }
    options = ("--accept", "complete", "--accept", "no-refusal")
    done = await command(*at(simulator, "cut", "shy", "good"), *options, "hi")
    assert (done.status, done.out) == (0, "this one\n")
    assert [line.split()[1] for line in done.err.splitlines()[1:4]] == ["refused", "refused", "won"]


async def test_stagger_and_max_started(simulator: Simulator) -> None:
    options = ("--stagger", "30", "--max-started", "2", "--system", "Be kind.", "--temperature", "0.5")
    done = await command(*at(simulator, "a", "b", "c"), *options, "hi")
    assert (done.status, done.out) == (0, "You said: hi\n")
    assert [line.split()[1:3] for line in done.err.splitlines()[2:4]] == [["not", "started"]] * 2
    (record,) = simulator.requests
    assert record.body["messages"][0] == {"role": "system", "content": "Be kind."}
    assert record.body["temperature"] == 0.5


async def test_linger_lets_losers_end(simulator: Simulator) -> None:
    simulator.script = {"b": Reply(latency=Latency(first_token=0.1))}
    done = await command(*at(simulator, "a", "b"), "--linger", "20", "--json", "hi")
    assert done.status == 0
    a, b = orjson.loads(done.out)["contestants"]
    assert (a["outcome"], b["outcome"], b["estimated"]) == ("won", "lost", False)
    assert simulator.requests[1].outcome == "answered"


async def test_one_address_for_all(simulator: Simulator) -> None:
    done = await command("race", "-m", "a", "-m", "b", "--api-base", simulator.base_url, "hi")
    assert (done.status, done.out) == (0, "You said: hi\n")
    assert {record.model for record in simulator.requests} <= {"a", "b"}


async def test_another_attempt_is_counted(simulator: Simulator) -> None:
    simulator.script = [faults.rate_limited(retry_after=0), "hello"]
    done = await command(*at(simulator, "a"), "hi")
    assert (done.status, done.out) == (0, "hello\n")
    assert len(simulator.requests) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("hi",), "error: which models?\nhint: name them: aiocompl race -m"),
        (
            ("-m", "@http://127.0.0.1:9/v1", "hi"),
            "error: which model of http://127.0.0.1:9/v1?\nhint: -m MODEL@http",
        ),
        (("-m", "a"), "error: the prompt is empty\nhint: aiocompl race -m MODEL -m MODEL"),
        (("-m", "gpt-4o", "--stream", "--accept", "complete", "hi"), "error: accept= needs whole answers"),
    ],
)
async def test_wrong_use(arguments: tuple[str, ...], said: str) -> None:
    done = await command("race", *arguments, stdin=b"")
    assert (done.status, done.out) == (2, "")
    assert said in done.err


async def test_a_prompt_that_is_no_option_of_ours_is_not_sent(simulator: Simulator) -> None:
    done = await command(*at(simulator, "a"), "--accept", "anything", "hi")
    assert done.status == 2
    assert simulator.requests == []


if sys.platform != "win32":

    async def race_on_terminal(
        simulator: Simulator, *options: str, columns: str = "80", act: Callable[[Any], object] | None = None
    ) -> tuple[Done, str]:
        terminal = Terminal()
        env = {"COLUMNS": columns, "LINES": "24", "TERM": "xterm-256color"}
        process = await start(
            *at(simulator, "slow", "fast"),
            *options,
            "hi",
            stdout=terminal.theirs,
            stderr=terminal.theirs,
            env=env,
        )
        text = asyncio.create_task(terminal.text())
        if act is not None:
            await simulator.wait_requests(2)
            act(process)
        done = await finish(process)
        return done, await text

    async def test_a_terminal_sees_them_live_and_the_winners_stream(simulator: Simulator) -> None:
        simulator.script = {
            "fast": Reply(answer=Answer(text="hello \x1b[2Jyou"), latency=Latency(first_token=0.4))
        }
        simulator.script |= {"slow": NEVER}
        done, shown = await race_on_terminal(simulator)
        assert done.status == 0
        assert "running" in shown
        assert "━" in shown
        assert shown.index("running") < shown.rindex("won")
        assert "hello [2Jyou\n" in shown
        assert "\x1b[?25h" in shown  # the cursor is back
        assert {record.stream for record in simulator.requests} == {True}

    async def test_a_narrow_terminal_without_colour(
        simulator: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        simulator.script = {"fast": FAST, "slow": NEVER}
        _, shown = await race_on_terminal(simulator, columns="40")
        assert "━" not in shown
        lines = [line for line in shown.replace("\r", "\n").split("\n") if "won" in line]
        assert lines

    async def test_ctrl_c_closes_all_connections(simulator: Simulator) -> None:
        simulator.script = NEVER
        done, shown = await race_on_terminal(
            simulator, act=lambda process: process.send_signal(signal.SIGINT)
        )
        assert done.status == 130
        assert "Traceback" not in shown
        assert "\x1b[?25h" in shown
        for record in simulator.requests:
            await record.wait_client_gone()

    async def test_a_reader_that_goes_away_ends_it(simulator: Simulator) -> None:
        simulator.script = Reply(answer=Answer(text="word " * 1000), latency=Latency(between_tokens=0.01))
        reading, writing = os.pipe()
        process = await start(*at(simulator, "a"), "--stream", "hi", stdout=writing)
        os.close(writing)
        assert (await asyncio.to_thread(os.read, reading, 4)) == b"word"
        os.close(reading)
        assert (await finish(process)).status == 141
        await simulator.requests[0].wait_client_gone()

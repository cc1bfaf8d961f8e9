from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from ledger import both, line, write_input

from aiocompl import (
    AuthenticationError,
    BadRequestError,
    BatchFileError,
    BatchFileProgress,
    BatchFileSummary,
    Supervisor,
    SupervisorClosedError,
    run_batch_file,
)
from aiocompl.batchfile import outputs, run, writer
from aiocompl.errors import BatchOutputError
from aiocompl.testing import Mix, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiocompl.testing import Simulator

pytestmark = pytest.mark.real_time  # files are read and written in threads


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor(num_retries=0) as supervisor:
        yield supervisor


@pytest.fixture(autouse=True)
async def _nothing_left() -> AsyncIterator[None]:
    yield
    await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("aiocompl batch")]


class Files:
    """An input and an output, and the call that goes from one to the other."""

    def __init__(self, directory: Path, simulator: Simulator, supervisor: Supervisor) -> None:
        self.input = directory / "in.jsonl"
        self.output = directory / "out.jsonl"
        self.simulator = simulator
        self._run = partial(run_batch_file, supervisor=supervisor, model="sim", api_base=simulator.base_url)

    def write(self, *lines: bytes) -> None:
        write_input(self.input.parent, lines)

    async def run(self, **options: Any) -> BatchFileSummary:
        return await self._run(self.input, self.output, **options)

    def answers(self) -> dict[str, str]:
        lines = map(orjson.loads, self.output.read_bytes().splitlines())
        return {
            item["custom_id"]: item["response"]["body"]["choices"][0]["message"]["content"] for item in lines
        }

    def errors(self) -> dict[str, Any]:
        path = self.output.with_name("out.errors.jsonl")
        lines = map(orjson.loads, path.read_bytes().splitlines())
        return {item["custom_id"]: item["error"] for item in lines}


@pytest.fixture
def files(tmp_path: Path, simulator: Simulator, supervisor: Supervisor) -> Files:
    return Files(tmp_path, simulator, supervisor)


def number(count: int) -> list[bytes]:
    return [line(f"number {index}", f"q{index}") for index in range(count)]


def expected(count: int) -> dict[str, str]:
    return {f"q{index}": f"You said: number {index}" for index in range(count)}


async def test_all_are_asked_and_each_answer_is_its_own(files: Files) -> None:
    files.write(*number(300))
    summary = await files.run(concurrency=20, temperature=0)
    assert files.answers() == expected(300)
    assert files.simulator.max_in_flight <= 20
    assert files.simulator.requests[0].body["temperature"] == 0
    assert (summary.total, summary.answered, summary.failed, summary.left, summary.stopped) == (
        300,
        300,
        0,
        0,
        "",
    )
    assert summary.prompt_tokens > 300
    assert summary.cost is None
    assert not summary.errors.exists()


async def test_lines_have_models_and_parameters_of_their_own(files: Files) -> None:
    files.write(
        orjson.dumps({"messages": [{"role": "user", "content": "a"}], "model": "other", "max_tokens": 1})
        + b"\n",
        line("b"),
    )
    await files.run(concurrency=1)
    assert [record.body["model"] for record in files.simulator.requests] == ["other", "sim"]
    assert files.simulator.requests[0].body["max_tokens"] == 1


async def test_what_fails_is_written_and_asked_again_when_told(files: Files) -> None:
    files.write(*number(200))
    files.simulator.script = Mix.of_faults(0.1, seed=1)
    summary = await files.run()
    answers, failures = both(files.input)
    assert failures
    assert sorted(answers + failures) == sorted(expected(200))
    assert (summary.answered, summary.failed) == (len(answers), len(failures))
    assert all(error["line"] and error["message"] for error in files.errors().values())
    files.simulator.script = None
    again = await files.run(retry_failed=True)
    assert (again.skipped, again.answered, again.failed) == (len(answers), len(failures), 0)
    assert files.answers() == expected(200)
    assert both(files.input)[1] == []


async def test_no_line_stops_the_others(files: Files) -> None:
    base: dict[str, Any] = {"messages": [{"role": "user", "content": "x"}]}
    odd = [
        {"custom_id": "misspelt", **base, "temprature": 1},
        {"custom_id": "content", "messages": [5]},
        {"custom_id": "option", **base, "allowed_openai_params": 5, "top_k": 3},
        {"custom_id": "seconds", **base, "timeout": "long"},
        {"custom_id": "nobody", **base, "model": " "},
        {"custom_id": "tools", **base, "tools": "hammer"},
    ]
    files.write(*[orjson.dumps(item) + b"\n" for item in odd], b"nonsense\n", *number(3))
    summary = await files.run()
    assert expected(3).items() <= files.answers().items()
    assert summary.invalid == 1
    assert {"misspelt", "content", "seconds", "tools", "invalid-line-7"} <= set(files.errors())
    assert "temprature" in files.errors()["misspelt"]["message"]
    assert summary.answered + summary.failed == 10


class Buggy:
    async def acompletion(self, *_: Any, **__: Any) -> Any:
        raise LookupError("secret")


async def test_a_bug_is_one_lines_failure(files: Files) -> None:
    files.write(line("x", "a"))
    summary = await files.run(supervisor=Buggy())
    assert summary.failed == 1
    assert files.errors()["a"]["message"] == "sim: unexpected LookupError"


async def test_a_refused_key_is_said_once_and_nothing_is_recorded(files: Files) -> None:
    files.write(*number(50))
    files.simulator.script = faults.Status(status=401)
    with pytest.raises(AuthenticationError):
        await files.run(concurrency=5)
    assert both(files.input) == ([], [])
    assert len(files.simulator.requests) < 50
    files.simulator.script = None
    await files.run(resume=True)
    assert files.answers() == expected(50)


async def test_a_key_that_is_refused_for_some_is_their_failure(files: Files) -> None:
    files.write(*number(4))
    files.simulator.script = lambda asked: faults.Status(status=403) if asked.text.endswith("0") else None
    summary = await files.run(concurrency=2)
    assert set(files.errors()) == {"q0"}
    assert (summary.answered, summary.failed) == (3, 1)


async def test_a_stop_lets_what_is_under_way_finish(files: Files) -> None:
    files.write(*number(2000))
    stop = asyncio.Event()
    task = asyncio.create_task(files.run(concurrency=10, stop_event=stop))
    await files.simulator.wait_requests(40)
    stop.set()
    summary = await task
    assert summary.stopped == "stop"
    assert summary.left == 2000 - summary.answered > 0
    assert len(files.answers()) == summary.answered == len(files.simulator.requests)
    await files.run(resume=True)
    assert files.answers() == expected(2000)
    assert len(files.simulator.requests) == 2000


async def test_what_does_not_finish_in_time_is_asked_again(files: Files) -> None:
    files.write(*number(8))
    files.simulator.script = lambda asked: faults.Silence() if asked.text.endswith("7") else None
    stop = asyncio.Event()
    task = asyncio.create_task(files.run(stop_event=stop, grace=0.01))
    await files.simulator.wait_requests(8)
    await files.simulator.wait_until(lambda: files.simulator.in_flight == 1)
    stop.set()
    summary = await task
    assert (summary.stopped, summary.left, summary.failed) == ("stop", 1, 0)
    files.simulator.script = faults.Silence()
    summary = await files.run(resume=True, timeout=0.2)
    assert (summary.stopped, summary.left, summary.failed) == ("timeout", 1, 0)
    summary = await files.run(resume=True, item_timeout=0.1)
    assert (summary.stopped, summary.left, summary.failed) == ("", 0, 1)
    assert files.errors()["q7"]["type"] == "APITimeoutError"


async def test_a_stop_while_the_input_is_read(files: Files) -> None:
    files.write(*number(3))
    stop = asyncio.Event()
    stop.set()
    summary = await files.run(stop_event=stop)
    assert (summary.answered, summary.stopped) == (0, "stop")
    assert not files.output.exists()
    assert files.simulator.requests == []


async def test_a_cancelled_run_has_written_what_was_answered(files: Files) -> None:
    files.write(*number(500))
    task = asyncio.create_task(files.run(concurrency=10))
    await files.simulator.wait_requests(100)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(files.answers()) >= 90
    await files.run(resume=True)
    assert files.answers() == expected(500)


async def test_the_output_cannot_be_written_any_more(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    append, left = outputs.AppendFile.append, iter(range(3))

    def full(file: outputs.AppendFile, data: bytes) -> None:
        if next(left, None) is None:
            raise BatchOutputError("cannot write: the disk is full")
        append(file, data)

    files.write(*number(300))
    monkeypatch.setattr(outputs.AppendFile, "append", full)
    with pytest.raises(BatchOutputError, match="full"):
        await files.run(concurrency=2)
    monkeypatch.undo()
    assert 0 < len(files.answers()) < 300
    await files.run(resume=True)
    assert files.answers() == expected(300)


async def test_a_disk_that_fails_to_hold_what_is_written(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(file: outputs.AppendFile) -> None:
        raise BatchOutputError("cannot write: I/O error")

    files.write(*number(3))
    files.simulator.script = faults.Silence()
    monkeypatch.setattr(run, "_SYNC_EVERY", 0.01)
    monkeypatch.setattr(outputs.AppendFile, "sync", broken)
    monkeypatch.setattr(writer.LineWriter, "take_dirty", lambda _: True)
    with pytest.raises(BatchOutputError, match="I/O error"):
        await files.run()


async def test_a_slow_disk_holds_up_the_source_and_not_the_loop(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    append, turns = outputs.AppendFile.append, []
    loop = asyncio.get_running_loop()

    def slow(file: outputs.AppendFile, data: bytes) -> None:
        asyncio.run_coroutine_threadsafe(turn(), loop).result(
            10
        )  # the loop has to turn before the disk is done
        append(file, data)

    async def turn() -> None:
        turns.append(1)

    files.write(*number(300))
    monkeypatch.setattr(outputs.AppendFile, "append", slow)
    monkeypatch.setattr(writer, "_BACKLOG_BYTES", 1)
    await files.run(concurrency=20)
    assert files.answers() == expected(300)
    assert turns


async def test_an_input_that_changes_ends_it(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write(*number(600))
    seen = False

    def change(progress: BatchFileProgress) -> None:
        nonlocal seen
        if progress.phase == "asking" and not seen:
            seen = True
            files.write(*number(400))

    monkeypatch.setattr(run, "_TELL_EVERY", 0)
    files.simulator.script = None
    with pytest.raises(BatchFileError, match="was changed while the batch ran"):
        await files.run(concurrency=2, on_progress=change)
    assert len(files.answers()) == len(files.simulator.requests)
    files.write(*number(600))
    await files.run(resume=True)
    assert files.answers() == expected(600)


async def test_a_supervisor_that_closes_ends_it(files: Files, supervisor: Supervisor) -> None:
    files.write(*number(500))
    task = asyncio.create_task(files.run(concurrency=5))
    await files.simulator.wait_requests(20)
    await supervisor.aclose()
    with pytest.raises(SupervisorClosedError):
        await task
    assert both(files.input)[1] == []


async def test_progress(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_TELL_EVERY", 0)
    seen: list[BatchFileProgress] = []

    def see(progress: BatchFileProgress) -> None:
        seen.append(progress)
        raise ValueError("of the hook's own")

    files.write(*number(50), b"x\n")
    await files.run(on_progress=see)
    assert {progress.phase for progress in seen} == {"reading", "asking"}
    last = seen[-1]
    assert (last.total, last.done, last.failed, last.eta) == (51, 51, 1, 0)
    assert last.rate > 0
    assert last.prompt_tokens > 0


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"timeout": -1}, "timeout"),
        ({"concurrency": 0}, "concurrency"),
        ({"item_timeout": 0}, "item_timeout"),
        ({"template": "{"}, "template"),
        ({"response_format": int}, "response_format"),
        ({"model": None, "api_base": None, "api_key": "sk-1"}, "api_key"),
    ],
)
async def test_settings_that_make_no_sense(files: Files, options: dict[str, Any], param: str) -> None:
    files.write(line("x"))
    with pytest.raises(BadRequestError) as caught:
        await files.run(**options)
    assert caught.value.param == param
    assert not files.output.exists()


async def test_a_key_goes_to_no_other_provider(
    files: Files, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI", "GROQ"):
        monkeypatch.setenv(f"{name}_BASE_URL", simulator.base_url)
        monkeypatch.setenv(f"{name}_API_BASE", simulator.base_url)
        monkeypatch.setenv(f"{name}_API_KEY", f"sk-{name.lower()}")
    message: Any = [{"role": "user", "content": "x"}]
    models = ["gpt-4o", "gpt-5", "groq/llama"]
    files.write(*[orjson.dumps({"model": model, "messages": message}) + b"\n" for model in models])
    await files.run(model="gpt-4o", api_base=None, api_key="sk-given", concurrency=1)
    keys = {record.body["model"]: record.headers["authorization"] for record in simulator.requests}
    assert keys == {"gpt-4o": "Bearer sk-given", "gpt-5": "Bearer sk-given", "llama": "Bearer sk-groq"}


async def test_the_default_supervisor_asks(files: Files) -> None:
    files.write(line("x", "a"))
    await files.run(supervisor=None)
    assert files.answers() == {"a": "You said: x"}

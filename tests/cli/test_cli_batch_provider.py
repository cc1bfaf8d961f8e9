"""``aiocompl batch --via provider`` as a process: killed at any request, interrupted, resumed, cancelled."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from cli_process import command, finish, start

from aiocompl.batchfile.provider_ports import ProviderNews
from aiocompl.cli.batch_provider import line
from aiocompl.testing import Latency, Simulator

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
MODELS = ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"]


def arguments(directory: Path, simulator: Simulator, model: str, *more: str) -> list[str]:
    """The command for a file of nine requests."""
    requests = [{"messages": [{"role": "user", "content": f"number {number}"}]} for number in range(9)]
    source, output = directory / "in.jsonl", directory / "out.jsonl"
    source.write_bytes(b"\n".join(map(orjson.dumps, requests)))
    where = ("-m", model, "--api-base", f"{simulator.url}/v1")
    return ["batch", str(source), "-o", str(output), "--via", "provider", *where, *more]


def answers(directory: Path) -> list[str]:
    """What the answers say, sorted."""
    lines = (directory / "out.jsonl").read_bytes().splitlines()
    return sorted(
        orjson.loads(line)["response"]["body"]["choices"][0]["message"]["content"] for line in lines
    )


WHOLE = [f"You said: number {number}" for number in range(9)]


def begun(simulator: Simulator) -> int:
    return sum(record.method == "POST" and record.path.endswith("/batches") for record in simulator.requests)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("after", [1, 2, 3, 4])
async def test_killed_at_a_request_and_resumed(tmp_path: Path, model: str, after: int) -> None:
    async with Simulator() as simulator:
        process = await start(*arguments(tmp_path, simulator, model), env=KEYS)
        await simulator.wait_requests(after)
        process.send_signal(signal.SIGKILL)
        await finish(process)
        done = await command(*arguments(tmp_path, simulator, model, "--resume"), env=KEYS)
        assert done.status == 0, done.err
        assert answers(tmp_path) == WHOLE
        assert begun(simulator) == 1


@pytest.mark.parametrize("model", MODELS)
async def test_interrupted_cancelled_and_collected(tmp_path: Path, model: str) -> None:
    async with Simulator(latency=Latency(first_token=3600)) as simulator:
        process = await start(*arguments(tmp_path, simulator, model), env=KEYS)
        await simulator.wait_requests(3)
        process.send_signal(signal.SIGINT)
        done = await finish(process)
        assert done.status == 130
        assert "waiting: the batches go on at the provider" in done.err
        cancelling = f"aiocompl batch --cancel -o {tmp_path / 'out.jsonl'} --api-base {simulator.url}/v1"
        assert f"cancel them with: {cancelling}\n" in done.err
        assert "--via provider" in done.err
        assert "--resume" in done.err
        done = await command(*cancelling.split()[1:], env=KEYS)
        assert (done.status, done.out) == (0, "")
        assert "cancelled: 1 batches" in done.err
        done = await command(*arguments(tmp_path, simulator, model, "--resume"), env=KEYS)
        assert done.status == 1
        assert (tmp_path / "out.errors.jsonl").read_bytes().count(b"batch_cancelled") == 9
        assert begun(simulator) == 1


async def test_wrong_use(tmp_path: Path) -> None:
    async with Simulator() as simulator:
        words = arguments(tmp_path, simulator, MODELS[0], "--item-timeout", "3")
        done = await command(*words, env=KEYS)
    assert done.status == 2
    assert "--item-timeout has no meaning" in done.err
    done = await command("batch", "-o", str(tmp_path / "o.jsonl"))
    assert (done.status, "which requests?" in done.err) == (2, True)
    done = await command("batch", "--cancel", "-o", str(tmp_path / "o.jsonl"))
    assert "no provider works on" in done.err


def news(event: str, **more: Any) -> ProviderNews:
    plain: dict[str, Any] = {"batch": "b1", "word": "in_progress", "batches": 1, "collected": 0}
    counts = {"requests": 1200, "succeeded": 1100, "failed": 0}
    return ProviderNews(event=event, **{**plain, **counts, **more})


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (news("looked"), "in_progress: 1,100 of 1,200 answered"),
        (news("looked", failed=2), "in_progress: 1,100 of 1,200 answered, 2 failed"),
        (
            news("collected", batches=3, collected=1),
            "all results are written (1,100 of 1,200 answered; 1 of 3 batches written)",
        ),
        (news("trouble", word="no"), "could not be asked, and will be again: no"),
    ],
)
def test_what_is_said(told: ProviderNews, text: str) -> None:
    assert line(told) == text

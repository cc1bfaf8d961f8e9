from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from aiocompl.batchfile import tally
from aiocompl.batchfile.outputs import AppendFile
from aiocompl.batchfile.tally import Tally
from aiocompl.batchfile.threads import in_thread
from aiocompl.batchfile.writer import LineWriter
from aiocompl.prices import cost
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion, Usage

if TYPE_CHECKING:
    from pathlib import Path


def answer(
    usage: dict[str, Any] | None, model: str = "gpt-4o", provider: str | None = "openai"
) -> ChatCompletion:
    data: dict[str, Any] = {"id": "c", "created": 1, "model": model, "choices": []}
    response = ChatCompletion.model_validate(data if usage is None else {**data, "usage": usage})
    if provider is not None:
        response.call = CallInfo(provider=provider, endpoint="https://x", model=model)
    return response


def tokens(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, **more}


def test_what_it_costs_is_what_the_calls_cost() -> None:
    pytest.importorskip("genai_prices")
    counted = Tally(0.0)
    expected = 0.0
    for number in range(200):
        for provider, model in (("openai", "gpt-4o"), ("gemini", "gemini-2.5-pro")):
            usage = tokens(3000 + number, 100, prompt_tokens_details={"cached_tokens": 1000})
            counted.count(answer(usage, model, provider))
            price = cost(provider, model, Usage.model_validate(usage))
            assert price is not None
            expected += price
    assert counted.cost() == pytest.approx(
        expected, rel=1e-3
    )  # although all together would be in a higher tier
    assert counted.prompt_tokens == 2 * sum(3000 + number for number in range(200))


def test_what_a_provider_says_goes_first_and_unknown_is_none() -> None:
    counted = Tally(0.0)
    counted.count(answer(tokens(1, 1, cost=0.25)))
    counted.count(answer(tokens(1, 1, cost=0.5)))
    counted.count(answer(None))
    assert counted.cost() == 0.75
    counted.count(answer(tokens(1, 1), "nobody-knows", None))
    assert counted.cost() is None
    assert (counted.answered, counted.completion_tokens) == (4, 3)


def test_the_rate_is_that_of_late() -> None:
    counted = Tally(0.0)
    rates = []
    for second in range(100):
        counted.failed += 10 if second < 50 else 1
        rates.append(counted.progress(second + 1.0, phase="asking", read=0, total=1000))
    assert [rates[0].rate, rates[40].rate, rates[-1].rate] == pytest.approx([10, 10, 1])
    assert rates[0].eta == 99
    assert len(counted._samples) < tally._WINDOW + 5
    counted.restart_rate(100.0)
    assert counted.progress(100.0, phase="asking", read=0, total=1000).eta is None


@pytest.mark.real_time
async def test_a_cancelled_wait_for_a_thread_waits_for_it() -> None:
    started, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go.wait(10)
        ended.set()
        raise OSError("nobody hears of it")

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


@pytest.mark.real_time
async def test_a_cancelled_close_of_the_writer_has_written_all(tmp_path: Path) -> None:
    with closing(AppendFile(tmp_path / "out.jsonl")) as file:
        writer = LineWriter([file], print)
        for number in range(100):
            writer.put(0, b"%d\n" % number)
        assert writer.take_dirty()
        assert not writer.take_dirty()
        task = asyncio.create_task(writer.close())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert (tmp_path / "out.jsonl").read_bytes() == b"".join(b"%d\n" % number for number in range(100))

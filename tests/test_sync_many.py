"""The blocking twins of races, fan-outs and batches, against a simulator on a loop and thread of its own."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from elsewhere import Elsewhere, run_script

from aiocompl import (
    AllModelsFailedError,
    BadRequestError,
    BatchProgress,
    ModelsFailedError,
    SyncMergedStream,
    batch_completion,
    batch_completion_models,
    batch_completion_models_all_responses,
    sync,
)
from aiocompl.sync import SyncCompletionStream
from aiocompl.testing import Answer, Reply, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real_time

MESSAGES = [{"role": "user", "content": "hi"}]
WORDS = "one two three four"
SCRIPT: dict[str, Any] = {
    "good": WORDS,
    "bad": faults.server_error(),
    "silent": faults.Silence(),
    "stalled": Reply(answer=Answer(text=WORDS), faults=(faults.Stall(after_events=2),)),
}


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    made.simulator.script = SCRIPT
    yield made
    sync._background.close()
    made.close()


def text_of(answer: Any) -> str | None:
    return answer.choices[0].message.content  # type: ignore[no-any-return]


def options(elsewhere: Elsewhere, **more: Any) -> dict[str, Any]:
    return {"api_base": elsewhere.base, "num_retries": 0, **more}


def see_all_gone(elsewhere: Elsewhere, count: int) -> None:
    """So many requests that nobody answers have come, and their clients have gone."""
    silent = [record for record in elsewhere.simulator.requests if record.model in ("silent", "stalled")]
    assert len(silent) == count
    for record in silent:
        elsewhere.run(record.wait_client_gone())


class TestRace:
    def test_whole(self, elsewhere: Elsewhere) -> None:
        answer = batch_completion_models(["bad", "good"], MESSAGES, **options(elsewhere))
        assert text_of(answer) == WORDS
        assert answer.call is not None
        assert answer.call.race is not None
        assert [item.outcome for item in answer.call.race.contestants][1] == "won"
        with pytest.raises(AllModelsFailedError):
            batch_completion_models(["bad", "bad"], MESSAGES, **options(elsewhere))
        with pytest.raises(TypeError, match="did you mean 'temperature'"):
            batch_completion_models(["good"], MESSAGES, **options(elsewhere, temprature=1))

    def test_streamed(self, elsewhere: Elsewhere) -> None:
        stream = batch_completion_models(["bad", "good"], MESSAGES, stream=True, **options(elsewhere))
        assert isinstance(stream, SyncCompletionStream)
        with stream:
            assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == WORDS
        assert stream.call.race is not None

    def test_accept_runs_on_the_background_thread(self, elsewhere: Elsewhere) -> None:
        seen = set[str]()

        def note(_: object) -> bool:
            seen.add(threading.current_thread().name)
            return True

        batch_completion_models(["good"], MESSAGES, accept=note, on_result=note, **options(elsewhere))
        assert seen == {"aiocompl background loop"}


class TestFanOut:
    def test_whole(self, elsewhere: Elsewhere) -> None:
        answers = batch_completion_models_all_responses(["bad", "good"], MESSAGES, **options(elsewhere))
        assert isinstance(answers[0], Exception)
        assert text_of(answers[1]) == WORDS
        with pytest.raises(ModelsFailedError):
            batch_completion_models_all_responses(
                ["bad", "good"], MESSAGES, return_exceptions=False, **options(elsewhere)
            )

    def test_streamed(self, elsewhere: Elsewhere) -> None:
        merged = batch_completion_models_all_responses(
            ["good", "bad", "good"], MESSAGES, stream=True, **options(elsewhere)
        )
        assert isinstance(merged, SyncMergedStream)
        texts = ["", "", ""]
        with merged:
            for index, chunk in merged:
                texts[index] += "!" if isinstance(chunk, Exception) else chunk.choices[0].delta.content or ""
        assert texts == [WORDS, "!", WORDS]
        assert list(merged) == []

    @pytest.mark.parametrize("how", ["leave", "close", "drop"])
    def test_left_early(self, elsewhere: Elsewhere, how: str) -> None:
        merged = batch_completion_models_all_responses(
            ["stalled", "stalled"], MESSAGES, stream=True, **options(elsewhere)
        )
        next(merged)
        elsewhere.run(elsewhere.simulator.wait_requests(2))
        if how == "leave":
            with merged:
                pass
        elif how == "close":
            merged.close()
            assert list(merged) == []
        del merged
        gc.collect()
        see_all_gone(elsewhere, 2)


class TestBatch:
    def test_whole(self, elsewhere: Elsewhere) -> None:
        elsewhere.simulator.script = None
        seen: list[BatchProgress] = []
        results = batch_completion(
            "m",
            [f"number {number}" for number in range(20)],
            max_workers=3,
            on_progress=seen.append,
            **options(elsewhere),
        )
        assert all(f"number {number}" in (text_of(result) or "") for number, result in enumerate(results))
        assert elsewhere.simulator.max_in_flight <= 3
        assert [item.done for item in seen] == list(range(1, 21))

    @pytest.mark.parametrize(
        ("given", "most"), [({"concurrency": 2}, 2), ({"concurrency": 2, "max_workers": 9}, 2), ({}, 100)]
    )
    def test_how_many_at_a_time(self, elsewhere: Elsewhere, given: Any, most: int) -> None:
        results = batch_completion("good", ["x"] * 20, **given, **options(elsewhere))
        assert [text_of(result) for result in results] == [WORDS] * 20
        assert elsewhere.simulator.max_in_flight <= most

    @pytest.mark.parametrize("name", ["concurrency", "max_workers"])
    def test_none_at_a_time_is_refused(self, name: str) -> None:
        given: Any = {name: 0}
        with pytest.raises(BadRequestError, match="concurrency"):
            batch_completion("good", ["x"], **given)

    def test_failures(self, elsewhere: Elsewhere) -> None:
        prompts: list[Any] = ["x", {"messages": MESSAGES, "model": "bad", "api_base": elsewhere.base}]
        results = batch_completion("good", prompts, **options(elsewhere))
        assert [type(result).__name__ for result in results] == ["ChatCompletion", "InternalServerError"]
        with pytest.raises(Exception, match="server"):
            batch_completion("bad", ["x"], return_exceptions=False, **options(elsewhere))


def test_many_threads(elsewhere: Elsewhere) -> None:
    def work(number: int) -> str:
        shared = options(elsewhere)
        if number % 3 == 0:
            return text_of(batch_completion_models(["bad", "good"], MESSAGES, **shared)) or ""
        if number % 3 == 1:
            return text_of(batch_completion("good", ["x"] * 3, **shared)[2]) or ""
        return (
            batch_completion_models(["good"], MESSAGES, stream=True, **shared)
            .response()
            .choices[0]
            .message.content
            or ""
        )

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(48))) == [WORDS] * 48


async def test_inside_a_running_loops_thread(elsewhere: Elsewhere) -> None:
    shared = options(elsewhere)
    assert text_of(batch_completion_models(["good"], MESSAGES, **shared)) == WORDS
    assert len(batch_completion("good", ["x", "y"], **shared)) == 2
    merged = batch_completion_models_all_responses(["good"], MESSAGES, stream=True, **shared)
    assert len(list(merged)) > 1


def test_on_the_background_loop_itself(elsewhere: Elsewhere) -> None:
    async def nested() -> None:
        batch_completion("good", ["x"], api_base=elsewhere.base)

    with pytest.raises(RuntimeError, match="would wait for itself"):
        sync._background.run(nested())


@pytest.mark.parametrize("what", ["race", "fan_out", "batch", "merged"])
def test_interrupted(elsewhere: Elsewhere, what: str) -> None:
    shared = options(elsewhere)

    def read() -> None:
        list(batch_completion_models_all_responses(["silent"] * 3, MESSAGES, stream=True, **shared))

    calls: dict[str, Any] = {
        "race": lambda: batch_completion_models(["silent"] * 3, MESSAGES, **shared),
        "fan_out": lambda: batch_completion_models_all_responses(["silent"] * 3, MESSAGES, **shared),
        "batch": lambda: batch_completion("silent", ["x"] * 9, concurrency=3, **shared),
        "merged": read,
    }

    async def interrupt() -> None:
        await elsewhere.simulator.wait_requests(3)
        os.kill(os.getpid(), signal.SIGINT)

    waiting = asyncio.run_coroutine_threadsafe(interrupt(), elsewhere.loop)
    with pytest.raises(KeyboardInterrupt):
        calls[what]()
    waiting.result(20)
    gc.collect()
    see_all_gone(elsewhere, 3)
    assert text_of(batch_completion_models(["good"], MESSAGES, **shared)) == WORDS


HEAD = """
import os, sys
from aiocompl import batch_completion, batch_completion_models, batch_completion_models_all_responses
shared = {{"api_base": {base!r}, "messages": [{{"role": "user", "content": "hi"}}]}}
"""
SCRIPTS = {
    "plain": """
batch_completion_models(["good", "good"], **shared)
print('ok')
""",
    "open streams": """
merged = batch_completion_models_all_responses(["good", "stalled"], stream=True, **shared)
next(merged)
print('ok')
""",
    "fork with open streams": """
with batch_completion_models_all_responses(["good", "good"], stream=True, **shared) as merged:
    next(merged)
    pid = os.fork()
    if pid == 0:
        try:
            next(merged)
        except RuntimeError as error:
            assert 'before the fork' in str(error)
            merged.close()
            batch_completion_models(["good"], **shared)
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert len(list(merged)) > 2
print('ok')
""",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_at_interpreter_exit_without_a_word(elsewhere: Elsewhere, name: str) -> None:
    done = run_script(HEAD.format(base=elsewhere.base) + SCRIPTS[name])
    assert (done.stdout, done.stderr) == ("ok\n", "")

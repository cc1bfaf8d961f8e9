"""Whole calls to a simulated Replicate, over sockets: above all, that a prediction nobody wants any more is cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

from aiocompl import CompletionStream, Supervisor, acompletion
from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    RateLimitError,
)
from aiocompl.testing import Answer, Latency, Simulator, faults, settle

MODEL = "replicate/meta/meta-llama-3-8b-instruct"
MESSAGES = [{"role": "user", "content": "Tell me a long story"}]
STATUSES = ("starting", "processing")


def place(simulator: Simulator) -> dict[str, Any]:
    return {"model": MODEL, "messages": MESSAGES, "api_base": simulator.base_url, "api_key": "r8_made_up"}


def statuses(simulator: Simulator) -> list[str]:
    return [prediction.status for prediction in simulator.predictions]


async def all_cancelled(simulator: Simulator) -> None:
    """Wait until each prediction is."""
    await simulator.wait_until(lambda: set(statuses(simulator)) == {"canceled"})


async def cancelled_in(simulator: Simulator, call: Any, requests: int) -> None:
    """Cancel a call as soon as so many requests were made."""
    seen = len(simulator.requests)
    task = asyncio.create_task(call)
    await simulator.wait_requests(seen + requests)
    await settle()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def answered(supervisor: Supervisor, simulator: Simulator, *, stream: bool) -> Any:
    answer = await supervisor.acompletion(**place(simulator), stream=stream)
    return await answer.response() if isinstance(answer, CompletionStream) else answer


async def test_a_prediction_that_takes_longer_than_its_creation_waits() -> None:
    async with Simulator(Latency(first_token=0.3)) as simulator, Supervisor() as supervisor:
        answer = await supervisor.acompletion(**place(simulator), extra_headers={"Prefer": "wait=1"})
        assert len(simulator.requests) == 1
        asked = await supervisor.acompletion(**place(simulator), extra_headers={"Prefer": "respond-async"})
        assert len(simulator.requests) > 2
        for whole in (answer, asked):
            assert whole.choices[0].message.content == "You said: Tell me a long story"
        assert statuses(simulator) == ["succeeded", "succeeded"]
        assert {request.headers["authorization"] for request in simulator.requests} == {"Bearer r8_made_up"}


async def test_the_caller_is_cancelled() -> None:
    async with Simulator(faults.Stall()) as simulator, Supervisor() as supervisor:
        await cancelled_in(simulator, supervisor.acompletion(**place(simulator)), 1)
        assert supervisor.snapshot().in_flight == 0
        polled = supervisor.acompletion(**place(simulator), extra_headers={"Prefer": "x"})
        await cancelled_in(simulator, polled, 4)
        assert supervisor.snapshot().in_flight == 0
        await all_cancelled(simulator)
        assert len(simulator.predictions) == 2


async def test_the_deadline_passes() -> None:
    async with Simulator(faults.Stall()) as simulator, Supervisor() as supervisor:
        with pytest.raises(APITimeoutError):
            await supervisor.acompletion(**place(simulator), timeout=0.1)
        stream = await supervisor.acompletion(**place(simulator), timeout=0.2, stream=True)
        with pytest.raises(APITimeoutError):
            await stream.response()
        await all_cancelled(simulator)
        assert len(simulator.predictions) == 2


@pytest.mark.parametrize("how", ["close", "leave", "drop", "cancel"])
async def test_a_stream_is_left(how: str) -> None:
    async with Simulator(faults.Stall(after_events=2)) as simulator, Supervisor() as supervisor:
        stream = await supervisor.acompletion(**place(simulator), stream=True)
        assert [(await anext(stream)).choices[0].delta.content for _ in range(2)] == ["You", " said:"]
        assert statuses(simulator)[0] in STATUSES
        if how == "close":
            stream.close()
        elif how == "leave":
            async with stream:
                pass
        elif how == "drop":
            del stream
            gc.collect()
        else:
            await cancelled_in(simulator, stream.response(), 0)
        await all_cancelled(simulator)
        assert supervisor.snapshot().in_flight == 0


async def test_a_stream_that_is_cut() -> None:
    """Its prediction may run on, and is cancelled."""
    async with Simulator(faults.Stall()) as simulator, Supervisor() as supervisor:
        stream = await supervisor.acompletion(**place(simulator), stream=True)
        stalled = asyncio.create_task(stream.response())
        await simulator.wait_requests(2)
        simulator.drop_connections()
        with pytest.raises(APIConnectionError):
            await stalled
        await all_cancelled(simulator)


async def test_a_finished_prediction_is_left_alone() -> None:
    async with Simulator() as simulator, Supervisor() as supervisor:
        await supervisor.acompletion(**place(simulator))
        async with await supervisor.acompletion(**place(simulator), stream=True) as stream:
            await stream.response()
    assert not [request for request in simulator.requests if request.path.endswith("/cancel")]
    assert [request.path.split("/")[2] for request in simulator.requests] == [
        "models",
        "models",
        "streams",
        "predictions",
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "cls"),
    [
        (faults.context_length(), ContextWindowExceededError),
        (faults.content_policy(), ContentPolicyViolationError),
        (faults.rate_limited(), RateLimitError),
    ],
)
async def test_failures(fault: faults.Fault, cls: type[Exception], stream: bool) -> None:
    async with Simulator(fault) as simulator, Supervisor(num_retries=0) as supervisor:
        with pytest.raises(cls):
            await answered(supervisor, simulator, stream=stream)
        assert not [request for request in simulator.requests if request.path.endswith("/cancel")]


async def test_a_failure_that_is_worth_another_prediction() -> None:
    script: list[Any] = [faults.ErrorEvent(), Answer(text="Once upon a time.")]
    async with Simulator(script) as simulator, Supervisor() as supervisor:
        answer = await supervisor.acompletion(**place(simulator))
    assert answer.choices[0].message.content == "Once upon a time."
    assert statuses(simulator) == ["failed", "succeeded"]


async def test_many_are_cancelled_at_once() -> None:
    async with Simulator(faults.Stall()) as simulator:
        async with Supervisor() as supervisor:
            calls = [asyncio.create_task(supervisor.acompletion(**place(simulator))) for _ in range(30)]
            await simulator.wait_requests(30)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        assert statuses(simulator) == ["canceled"] * 30
        await simulator.wait_until(lambda: simulator.open_connections == 0)


async def test_the_supervisor_closes_with_predictions_running() -> None:
    async with Simulator(faults.Stall()) as simulator:
        supervisor = Supervisor()
        stream = await supervisor.acompletion(**place(simulator), stream=True)
        created = asyncio.create_task(supervisor.acompletion(**place(simulator)))
        await simulator.wait_until(lambda: len(simulator.predictions) == 2)
        await supervisor.aclose()
        assert statuses(simulator) == ["canceled"] * 2
        await asyncio.wait([created])
        assert created.exception() is not None
        stream.close()


# ---------------------------------------------------------------- the end of a loop


# Each runs a loop of its own in another thread, and ends it; the simulator's loop is the test's, and outlives it.


async def run_elsewhere(main: Any) -> object:
    """What `asyncio.run` raises, or gives."""
    return (await asyncio.gather(asyncio.to_thread(asyncio.run, main), return_exceptions=True))[0]


@pytest.mark.parametrize("requests", [1, 4])
async def test_the_loop_ends_with_a_call_in_flight(requests: int) -> None:
    async def main() -> None:
        call = acompletion(**place(simulator), extra_headers={"Prefer": "wait=1" if requests == 1 else "x"})
        task = asyncio.create_task(call)
        done, _ = await asyncio.wait(
            [task, asyncio.create_task(reached.wait())], return_when="FIRST_COMPLETED"
        )
        assert task not in done

    async with Simulator(faults.Stall()) as simulator:
        reached = _Flag()
        running = asyncio.create_task(run_elsewhere(main()))
        await simulator.wait_requests(requests)
        reached.set()
        assert await running is None
        assert statuses(simulator) == ["canceled"]
        await simulator.wait_until(lambda: simulator.open_connections == 0)


@pytest.mark.parametrize("times", [1, 20])
async def test_the_loop_ends_at_the_very_moment(times: int) -> None:
    """As with Ctrl-C: the caller goes, and with it the loop, when the cancellations have just begun."""

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        calls = [acompletion(**place(simulator), extra_headers={"Prefer": "x"}) for _ in range(times)]
        asyncio.get_running_loop().call_later(0.4, task.cancel)
        await asyncio.gather(*calls)

    async with Simulator(faults.Stall()) as simulator:
        assert isinstance(await run_elsewhere(main()), asyncio.CancelledError)
        assert statuses(simulator) == ["canceled"] * times


@pytest.mark.parametrize("stream", [False, True])
async def test_the_loop_ends_with_a_call_given_up(stream: bool) -> None:
    """Its creation has not answered yet: what is owed is not even known."""

    async def main() -> None:
        async with asyncio.timeout(0.2):
            answer = await acompletion(**place(simulator), stream=stream)
            await answer.response()

    async with Simulator(faults.Stall()) as simulator:
        assert isinstance(await run_elsewhere(main()), TimeoutError)
        assert statuses(simulator) == ["canceled"]


async def test_the_loop_ends_with_a_stream_open() -> None:
    async def main() -> None:
        streams.append(await acompletion(**place(simulator), stream=True))
        await anext(streams[0])

    streams: list[Any] = []
    async with Simulator(faults.Stall()) as simulator:
        assert await run_elsewhere(main()) is None
        assert statuses(simulator) == ["canceled"]
    streams[0].close()


async def test_the_loop_ends_with_a_supervisor_of_its_own() -> None:
    async def main() -> None:
        supervisor = Supervisor()
        tasks.extend(asyncio.create_task(supervisor.acompletion(**place(simulator))) for _ in range(3))
        await asyncio.wait(tasks, timeout=0.2)

    tasks: list[asyncio.Task[Any]] = []
    async with Simulator(faults.Stall()) as simulator:
        assert await run_elsewhere(main()) is None
        assert statuses(simulator) == ["canceled"] * 3
        assert all(task.cancelled() for task in tasks)


class _Flag:
    """An event that another thread sets."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await asyncio.to_thread(self._event.wait)

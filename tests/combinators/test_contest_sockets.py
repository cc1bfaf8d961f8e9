"""What the servers see of races, fan-outs and batches: whoever is not needed any more has closed its connection."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, cast

import pytest

from aiocompl import AllModelsFailedError, APITimeoutError, Supervisor, SupervisorClosedError
from aiocompl._compat import override
from aiocompl.runtime.stream import CompletionStream
from aiocompl.testing import Answer, Reply, Simulator, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.combinators.entries import Ask

pytestmark = pytest.mark.usefixtures("no_tasks_left", "no_blocking")

MESSAGES = [{"role": "user", "content": "Hello!"}]
WORDS = Answer(text="one two three four")
SCRIPT: dict[str, Any] = {
    "silent": faults.Silence(),
    "headers": Reply(answer=WORDS, faults=(faults.Stall(after_events=0),)),
    "role": Reply(answer=WORDS, faults=(faults.Stall(after_events=1),)),
    "good": WORDS,
    "busy": faults.rate_limited(),
    "broken": faults.server_error(),
}
LOSERS = ["silent", "headers", "role"]


class Patient(Supervisor):
    """A supervisor that asks "good", "busy" and "broken" only when so many requests have come to the others."""

    def __init__(self, simulator: Simulator, others: int) -> None:
        super().__init__(num_retries=0)
        self.simulator = simulator
        self.others = others

    @property
    @override
    def _ask(self) -> Ask:
        async def ask(model: str, messages: Any, *, stream: bool, **params: Any) -> Any:
            if self.others and model not in LOSERS:
                await self.simulator.wait_requests(self.others)
            return await self.acompletion(
                model, messages, stream=stream, api_base=self.simulator.base_url, **params
            )

        return cast("Ask", ask)

    async def assert_all_closed(self) -> None:
        """Those who have not answered saw their clients go; no slot is taken, and the session serves on."""
        unanswered = [request for request in self.simulator.requests if request.model in LOSERS]
        assert len(unanswered) == self.others
        for request in unanswered:
            await request.wait_client_gone()
            assert request.outcome == "client_gone"
        snapshot = self.snapshot()
        assert (snapshot.in_flight, snapshot.queued) == (0, 0)
        again = await self.acompletion("good", MESSAGES, api_base=self.simulator.base_url)
        assert again.choices[0].message.content == WORDS.text
        assert [child.restarts for child in snapshot.endpoints] == [0]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(SCRIPT) as made:
        yield made


@pytest.mark.parametrize("stream", [False, True])
async def test_on_a_win(simulator: Simulator, stream: bool) -> None:
    async with Patient(simulator, len(LOSERS)) as supervisor:
        answer = await supervisor.race([*LOSERS, "good"], MESSAGES, stream=stream)
        if isinstance(answer, CompletionStream):
            assert supervisor.snapshot().in_flight == 1
            answer = await answer.response()
        assert answer.choices[0].message.content == WORDS.text
        await supervisor.assert_all_closed()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_losers_socket_is_closed_as_the_race_returns(simulator: Simulator, stream: bool) -> None:
    """Not a turn of the loop later: whoever has the answer may keep the loop busy for a while."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        slow = {"model": "custom/slow", "api_base": f"http://127.0.0.1:{silent.getsockname()[1]}/v1"}
        good = {"model": "good", "api_base": simulator.base_url}
        async with Supervisor() as supervisor:
            answer: Any = await supervisor.race([slow, good], MESSAGES, stream=stream)
            connection, _ = silent.accept()
            with connection:
                connection.setblocking(False)
                asked = b""
                while data := connection.recv(65536):  # raises if the client is still there
                    asked += data
                assert asked.startswith(b"POST /v1/chat/completions")
            if stream:
                await answer.aclose()


async def test_on_a_win_before_a_tie_is_broken(simulator: Simulator) -> None:
    async with Patient(simulator, 0) as supervisor:
        stream = await supervisor.race(["good", "good", "good"], MESSAGES, stream=True)
        await stream.aclose()
        assert supervisor.snapshot().in_flight == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_when_all_fail(simulator: Simulator, stream: bool) -> None:
    async with Patient(simulator, 0) as supervisor:
        with pytest.raises(AllModelsFailedError):
            await supervisor.race(["busy", "broken", "busy"], MESSAGES, stream=stream)
        assert [request.outcome for request in simulator.requests] == ["answered"] * 3
        await supervisor.assert_all_closed()


@pytest.mark.parametrize("stream", [False, True])
async def test_at_the_deadline(simulator: Simulator, stream: bool) -> None:
    async with Patient(simulator, len(LOSERS)) as supervisor:
        with pytest.raises(AllModelsFailedError) as caught:
            await supervisor.race([*LOSERS, "broken"], MESSAGES, stream=stream, timeout=1)
        assert [type(cause) for cause in caught.value.exceptions[:3]] == [APITimeoutError] * 3
        await supervisor.assert_all_closed()


@pytest.mark.parametrize("what", ["race", "stream", "fan_out", "merged", "batch"])
async def test_when_the_caller_is_cancelled(simulator: Simulator, what: str) -> None:
    async def read_merged() -> None:
        async for _ in await supervisor.fan_out(LOSERS, MESSAGES, stream=True):
            pass

    async with Patient(simulator, len(LOSERS)) as supervisor:
        calls: dict[str, Any] = {
            "race": lambda: supervisor.race(LOSERS, MESSAGES),
            "stream": lambda: supervisor.race(LOSERS, MESSAGES, stream=True),
            "fan_out": lambda: supervisor.fan_out(LOSERS, MESSAGES),
            "merged": read_merged,
            "batch": lambda: supervisor.batch("silent", ["a", "b", "c", "d"], concurrency=3),
        }
        call = asyncio.create_task(calls[what]())
        await simulator.wait_requests(len(LOSERS))
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await supervisor.assert_all_closed()


async def test_when_enough_have_answered(simulator: Simulator) -> None:
    async with Patient(simulator, len(LOSERS)) as supervisor:
        answers = await supervisor.fan_out([*LOSERS, "good", "good"], MESSAGES, n_required=1)
        assert sum(not isinstance(answer, Exception) for answer in answers) in (1, 2)
        await supervisor.assert_all_closed()


async def test_when_streams_are_left(simulator: Simulator) -> None:
    async with Patient(simulator, len(LOSERS)) as supervisor:
        async with await supervisor.fan_out([*LOSERS, "good"], MESSAGES, stream=True) as merged:
            async for _, chunk in merged:
                if not isinstance(chunk, Exception) and chunk.choices[0].delta.content:
                    break
        await supervisor.assert_all_closed()


async def test_when_a_batch_is_left(simulator: Simulator) -> None:
    prompts: list[Any] = [{"messages": MESSAGES, "model": model} for model in [*LOSERS, "good"]]
    async with Patient(simulator, len(LOSERS)) as supervisor:
        async with supervisor.aiter_batch("good", prompts) as results:
            assert (await anext(results))[0] == 3
        await supervisor.assert_all_closed()


@pytest.mark.parametrize("stream", [False, True])
async def test_when_the_supervisor_is_closed(simulator: Simulator, stream: bool) -> None:
    async with Supervisor() as supervisor:
        models = [{"model": model, "api_base": simulator.base_url} for model in LOSERS]
        call = asyncio.create_task(supervisor.race(models, MESSAGES, stream=stream))
        await simulator.wait_requests(len(LOSERS))
        await supervisor.aclose()
        with pytest.raises(AllModelsFailedError) as caught:
            await call
        assert [type(cause) for cause in caught.value.exceptions] == [SupervisorClosedError] * 3
        for request in simulator.requests:
            await request.wait_client_gone()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", ["win", "deadline", "cancelled"])
async def test_a_losers_prediction_is_cancelled(how: str, stream: bool) -> None:
    """At Replicate a closed connection ends nothing: the prediction has to be told."""
    async with Simulator(faults.Stall(after_events=0)) as replicate, Simulator(SCRIPT) as others:

        class Waits(Supervisor):
            @property
            @override
            def _ask(self) -> Ask:
                async def ask(model: str, messages: Any, *, stream: bool, **params: Any) -> Any:
                    if model == "good":
                        await replicate.wait_until(lambda: len(replicate.predictions) == 2)
                    return await self.acompletion(model, messages, stream=stream, **params)

                return cast("Ask", ask)

        predicted = {"model": "replicate/meta/meta-llama-3-8b-instruct", "api_base": replicate.base_url}
        models: list[Any] = [{**predicted, "api_key": "made-up"}] * 2
        if how == "win":
            models.append({"model": "good", "api_base": others.base_url})
        async with Waits(num_retries=0) as supervisor:
            seconds = 1 if how == "deadline" else 60
            call = asyncio.create_task(supervisor.race(models, MESSAGES, stream=stream, timeout=seconds))
            await replicate.wait_until(lambda: len(replicate.predictions) == 2)
            if how == "cancelled":
                call.cancel()
            await asyncio.wait([call])
            if not call.cancelled() and isinstance(
                answer := call.exception() or call.result(), CompletionStream
            ):
                answer.close()
            await replicate.wait_until(
                lambda: {prediction.status for prediction in replicate.predictions} == {"canceled"}
            )
            assert len(replicate.predictions) == 2
            assert supervisor.snapshot().in_flight == 0

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from runtime_kit import MESSAGES, ScriptedSupervisor

from aiocompl import APITimeoutError, BadRequestError, Supervisor
from aiocompl.testing import Answer, Delivery, Reply, ScriptedTransport, Simulator, Slice, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiocompl.runtime.stream import CompletionStream
    from aiocompl.wire.messages import HTTPRequest

pytestmark = [pytest.mark.usefixtures("no_tasks_left")]
virtual = pytest.mark.looptime

BASE: Any = {"api_base": "http://test.invalid/v1", "stream": True}


def event(delta: dict[str, Any], **more: Any) -> bytes:
    body = {"id": "s1", "model": "m", "choices": [{"index": 0, "delta": delta, **more}]}
    return b"data: " + orjson.dumps(body) + b"\n\n"


def stream_of(*delays: float, headers: float = 0.0, then: Any = "whole") -> Delivery:
    """A role at once, then words, each after so many seconds, then the end."""
    slices = [Slice(event({"role": "assistant"}), 0.0, 1)]
    slices += [Slice(event({"content": "word "}), delay, 1) for delay in delays]
    if then == "whole":
        slices.append(Slice(event({}, finish_reason="stop") + b"data: [DONE]\n\n", 0.0, 2))
    return Delivery.stream(slices, delay=headers, ending=then)


class OneTransport(ScriptedSupervisor):
    """A supervisor on one scripted transport."""

    def __init__(self, script: Delivery | Callable[[HTTPRequest], Delivery], **settings: Any) -> None:
        self.transport = ScriptedTransport(script)
        super().__init__(lambda _: self.transport, **{"num_retries": 0, **settings})


async def words(stream: CompletionStream) -> int:
    found = 0
    async for chunk in stream:
        found += bool(chunk.choices and chunk.choices[0].delta.content)
    return found


@virtual
async def test_a_stream_within_its_limits_is_left_alone(looptime: Any) -> None:
    async with OneTransport(stream_of(3, 4, 4, 4, headers=1)) as supervisor:
        stream: Any = await supervisor.acompletion(
            "custom/m", MESSAGES, first_token_timeout=5, idle_timeout=5, **BASE
        )
        assert await words(stream) == 4
        assert looptime == 16
        assert supervisor.snapshot().in_flight == 0


@virtual
async def test_headers_that_do_not_come(looptime: Any) -> None:
    async with OneTransport(stream_of(headers=60)) as supervisor:
        with pytest.raises(APITimeoutError, match=r"first_token_timeout=5 s \(in flight\)"):
            await supervisor.acompletion("custom/m", MESSAGES, first_token_timeout=5, **BASE)
        assert looptime == 5
        assert supervisor.snapshot().in_flight == 0


@virtual
async def test_a_slow_start_is_tried_again(looptime: Any) -> None:
    deliveries = iter([stream_of(headers=60), stream_of(1)])
    async with OneTransport(lambda _: next(deliveries), num_retries=1) as supervisor:
        stream: Any = await supervisor.acompletion("custom/m", MESSAGES, first_token_timeout=5, **BASE)
        assert await words(stream) == 1
        assert len(stream.call.failed) == 1
        assert 6 <= looptime < 7


@virtual
async def test_waiting_for_a_slot_counts(looptime: Any) -> None:
    async with OneTransport(stream_of(100), max_concurrency=1) as supervisor:
        first: Any = await supervisor.acompletion("custom/m", MESSAGES, **BASE)
        with pytest.raises(APITimeoutError, match=r"first_token_timeout=5 s \(waiting for a slot\)"):
            await supervisor.acompletion("custom/m", MESSAGES, first_token_timeout=5, **BASE)
        assert looptime == 5
        await first.aclose()


@virtual
@pytest.mark.parametrize("late", [60, None])
async def test_the_deadline_goes_before_a_longer_limit(late: float | None) -> None:
    async with OneTransport(stream_of(headers=30)) as supervisor:
        with pytest.raises(APITimeoutError, match="the timeout of 3 s"):
            await supervisor.acompletion("custom/m", MESSAGES, first_token_timeout=late, timeout=3, **BASE)


@pytest.mark.parametrize("limit", ["first_token_timeout", "idle_timeout", "timeout"])
async def test_a_limit_must_be_a_time(limit: str) -> None:
    async with OneTransport(stream_of(1)) as supervisor:
        wrongs: tuple[Any, ...] = (0, -1, "x", True, float("nan"), float("inf"))
        for wrong in wrongs:
            with pytest.raises(BadRequestError, match=limit):
                await supervisor.acompletion("custom/m", MESSAGES, **{**BASE, limit: wrong})


@virtual
async def test_a_blocking_call_has_no_such_limits() -> None:
    body = {"id": "1", "choices": [{"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}]}
    async with OneTransport(Delivery.json(body, delay=30)) as supervisor:
        answer = await supervisor.acompletion(
            "custom/m", MESSAGES, first_token_timeout=5, idle_timeout=5, api_base=BASE["api_base"]
        )
        assert answer.choices[0].message.content == "yes"


@virtual
async def test_a_reader_that_takes_its_time_is_not_late() -> None:
    async with OneTransport(stream_of(0, 0, 0)) as supervisor:
        stream: Any = await supervisor.acompletion(
            "custom/m", MESSAGES, first_token_timeout=5, idle_timeout=1, **BASE
        )
        await asyncio.sleep(30)
        await anext(stream)
        await asyncio.sleep(30)
        assert await words(stream) == 3


class TestOverSockets:
    @pytest.fixture
    async def supervisor(self) -> AsyncIterator[Supervisor]:
        async with Supervisor(num_retries=0) as made:
            yield made

    async def test_silence_after_the_headers(self, supervisor: Any) -> None:
        silent = Reply(answer=Answer(text="one two"), faults=(faults.Stall(after_events=1),))
        async with Simulator(silent) as simulator:
            stream = await supervisor.acompletion(
                "m", MESSAGES, stream=True, api_base=simulator.base_url, first_token_timeout=0.1
            )
            with pytest.raises(APITimeoutError, match="no token within first_token_timeout"):
                await words(stream)
            await simulator.requests[0].wait_client_gone()
            assert supervisor.snapshot().in_flight == 0

    async def test_silence_between_two_tokens(self, supervisor: Any) -> None:
        stalled = Reply(answer=Answer(text="one two three"), faults=(faults.Stall(after_events=3),))
        async with Simulator(stalled) as simulator:
            stream = await supervisor.acompletion(
                "m", MESSAGES, stream=True, api_base=simulator.base_url, idle_timeout=0.1
            )
            for _ in range(2):
                await anext(stream)
            with pytest.raises(APITimeoutError, match="nothing more within idle_timeout") as caught:
                await words(stream)
            assert caught.value.provider == "custom"
            await simulator.requests[0].wait_client_gone()
            assert supervisor.snapshot().in_flight == 0

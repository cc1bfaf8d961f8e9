"""For any history of asks, cancellations, answers, crashes, draining and closing: what must hold, holds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from runtime_kit import BODY, ENDPOINT, MESSAGES, ScriptedSupervisor
from virtual_clock import VirtualClock

from aiocompl._compat import override
from aiocompl.errors import AiocomplError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.testing import Delivery, ScriptedTransport, Slice, settle

EVENT = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
SLOTS, INBOX, RESTARTS, PERIOD = 3, 4, 2, 50.0
STEPS = {
    "quick": Delivery.json(BODY, delay=1),
    "slow": Delivery.json(BODY, delay=40),
    "never": Delivery(opened=False, ending="silence"),
    "refused": Delivery.json({"error": {"message": "no"}}, status=400, delay=1),
    "overloaded": Delivery.json({"error": {"message": "no"}}, status=503, delay=1),
    "bug": ZeroDivisionError("a bug"),
    "stream": Delivery.stream([EVENT, Slice(EVENT, 3), b"data: [DONE]\n\n"]),
    "cut": Delivery.stream([EVENT, Slice(EVENT, 3)], ending="drop"),
}


class SupervisorMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualClock()
        self.transports: list[ScriptedTransport] = []
        self.outcomes: dict[int, list[object]] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self.streams: list[CompletionStream] = []
        self.closing: list[asyncio.Task[None]] = []
        self.supervisor: Any = None

    def step(self, request: Any) -> Any:
        for name, step in STEPS.items():
            if f'"{name}"'.encode() in request.body:
                return step
        raise AssertionError(request.body)

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def make(self, _: object) -> ScriptedTransport:
        self.transports.append(ScriptedTransport(self.step))
        return self.transports[-1]

    async def call(self, number: int, kind: str, timeout: float) -> None:  # noqa: ASYNC109 - the call's own
        outcomes = self.outcomes[number]
        try:
            answer = await self.supervisor.acompletion(
                kind,
                MESSAGES,
                api_base=ENDPOINT.base_url,
                timeout=timeout,
                stream=kind in ("stream", "cut"),
            )
        except AiocomplError as error:
            outcomes.append(error)
        except asyncio.CancelledError:
            outcomes.append("cancelled")
            raise
        else:
            outcomes.append(answer)
            if isinstance(answer, CompletionStream):
                self.streams.append(answer)

    @initialize(overflow=st.sampled_from(["raise", "wait"]))
    def start(self, overflow: str) -> None:
        self.supervisor = ScriptedSupervisor(
            self.make,
            max_concurrency=SLOTS,
            inbox_size=INBOX,
            overflow=overflow,
            max_restarts=RESTARTS,
            restart_period=PERIOD,
            num_retries=1,
        )

    @rule(kind=st.sampled_from(sorted(STEPS)), timeout=st.sampled_from([5.0, 60.0, 600.0]))
    def ask(self, kind: str, timeout: float) -> None:
        number = len(self.tasks)
        self.outcomes[number] = []
        self.tasks[number] = self.loop.create_task(self.call(number, kind, timeout))

    @rule(data=st.data())
    @precondition(lambda self: self.tasks)
    def cancel(self, data: st.DataObject) -> None:
        self.tasks[data.draw(st.sampled_from(sorted(self.tasks)))].cancel()

    @rule()
    def turn(self) -> None:
        self.run(asyncio.sleep(0))

    @rule()
    def let_it_settle(self) -> None:
        self.run(settle())

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 40.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @rule(data=st.data(), read=st.booleans())
    @precondition(lambda self: self.streams)
    def end_a_stream(self, data: st.DataObject, *, read: bool) -> None:
        stream = self.streams.pop(data.draw(st.integers(0, len(self.streams) - 1)))

        async def drink() -> None:
            with suppress(AiocomplError):
                await stream.response()

        self.run(drink() if read else stream.aclose())

    @rule()
    @precondition(lambda self: self.streams)
    def drop_a_stream(self) -> None:
        self.streams.pop()

    @rule(timeout=st.sampled_from([None, 1.0, 20.0]))
    @precondition(lambda self: len(self.closing) < 2)
    def drain(self, timeout: float | None) -> None:
        self.closing.append(self.loop.create_task(self.supervisor.drain(timeout)))

    @rule()
    @precondition(lambda self: len(self.closing) < 2)
    def close(self) -> None:
        self.closing.append(self.loop.create_task(self.supervisor.aclose()))

    @invariant()
    def never_more_in_flight_than_slots(self) -> None:
        for transport in self.transports:
            assert transport.max_in_flight <= SLOTS
        if self.supervisor is not None:
            for child in self.supervisor.snapshot().endpoints:
                assert 0 <= child.in_flight <= SLOTS
                assert 0 <= child.queued <= INBOX

    @invariant()
    def never_more_restarts_than_the_intensity(self) -> None:
        if self.supervisor is None:
            return
        for child in self.supervisor._children.values():
            assert len(child._restarts._times) <= RESTARTS

    @invariant()
    def never_two_outcomes(self) -> None:
        assert all(len(outcomes) <= 1 for outcomes in self.outcomes.values())

    @override
    def teardown(self) -> None:
        if self.supervisor is not None:
            self.run(self.finish())
            for number, task in self.tasks.items():
                assert task.done()
                begun = self.outcomes[number]
                assert len(begun) == 1 or (task.cancelled() and not begun)
        self.loop.close()

    async def finish(self) -> None:
        await asyncio.sleep(1000)
        self.streams.clear()
        await self.supervisor.aclose()
        await settle()
        for child in self.supervisor.snapshot().endpoints:
            assert (child.in_flight, child.queued) == (0, 0)
        for transport in self.transports:
            assert transport.in_flight == 0
            assert transport.closed
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert len(self.loop._scheduled) <= 1  # type: ignore[attr-defined] # no timer is left but a cancelled one


SupervisorMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
TestSupervisorMachine = SupervisorMachine.TestCase

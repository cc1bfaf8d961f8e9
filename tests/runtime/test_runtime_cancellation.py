"""Cancelled at each await point: the caller gets CancelledError, the slot is free, no task is left, the session serves on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from runtime_kit import (
    BODY,
    MESSAGES,
    ScriptedChild,
    ScriptedSupervisor,
    assert_nothing_left,
    call_of,
    outcome,
    plain,
)

from aiocompl._compat import override
from aiocompl.errors import APITimeoutError, SupervisorClosedError
from aiocompl.testing import Delivery, ScriptedTransport, Slice, faults, settle

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

SLOW_BODY = Delivery(slices=(Slice(b"{", 1), Slice(b"}", 50)), length=2)
DEAF = Delivery(opened=False, ending="silence")
EVENT = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
STREAM = Delivery.stream([EVENT, Slice(EVENT, 50)])
SLOW_END = Delivery.stream([EVENT, b"data: [DONE]\n\n", Slice(b": bye\n\n", 50)])


def once(first: Delivery) -> Any:
    """One delivery for the first request, plain answers for the others."""
    steps = iter([first])
    return lambda _: next(steps, plain(1))


async def usable(scripted: ScriptedChild) -> None:
    assert call_of(await scripted.ask()).id == BODY["id"]
    assert scripted.child.snapshot().restarts == 0


async def check(scripted: ScriptedChild, task: asyncio.Task[Any], before: set[asyncio.Task[Any]]) -> None:
    task.cancel()
    assert isinstance(await outcome(task), asyncio.CancelledError)
    await assert_nothing_left(scripted.child, before)
    await usable(scripted)


@pytest.mark.parametrize(
    ("first", "after"),
    [(plain(9), 0), (plain(9), 1), (DEAF, 5), (SLOW_BODY, 0.5), (SLOW_BODY, 1), (SLOW_BODY, 7)],
    ids=["at once", "before headers", "silence", "body unread", "in the body", "late in the body"],
)
async def test_in_flight(first: Delivery, after: float) -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(once(first), slots=1) as scripted:
        task = scripted.begin()
        if after:
            await asyncio.sleep(after)
        else:
            await settle()
        await check(scripted, task, before)
        assert scripted.transports[0].records[0].ended is not None


async def test_before_it_ran() -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(slots=1) as scripted:
        await check(scripted, scripted.begin(), before)


async def test_in_the_inbox() -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(plain(5), slots=1) as scripted:
        first = scripted.begin()
        await settle()
        task = scripted.begin()
        await settle()
        assert scripted.child.snapshot().queued == 1
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        assert (scripted.child.snapshot().queued, scripted.child.snapshot().in_flight) == (0, 1)
        await first
        await assert_nothing_left(scripted.child, before)
        assert scripted.sent == 1
        await usable(scripted)


async def test_waiting_for_room() -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(plain(5), slots=1, inbox_size=1, overflow="wait") as scripted:
        others = [scripted.begin() for _ in range(2)]
        await settle()
        task = scripted.begin()
        await settle()
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        await asyncio.wait(others)
        await assert_nothing_left(scripted.child, before)
        assert scripted.sent == 2
        await usable(scripted)


@pytest.mark.parametrize("inbox_size", [1, 2], ids=["waiting for room", "waiting for a slot"])
async def test_in_the_turn_in_which_its_turn_comes(inbox_size: int) -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(plain(5), slots=1, inbox_size=inbox_size, overflow="wait") as scripted:
        tasks = [scripted.begin() for _ in range(3)]
        loop = asyncio.get_running_loop()
        loop.call_at(5, tasks[1].cancel)
        loop.call_at(5, tasks[2].cancel)
        await asyncio.wait(tasks)
        assert [task.cancelled() for task in tasks] == [False, True, True]
        await assert_nothing_left(scripted.child, before)
        await usable(scripted)


async def test_given_a_slot_and_cancelled_before_it_ran() -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(plain(5), slots=1) as scripted:

        async def answered_and_cancelling() -> None:
            await scripted.ask()
            second.cancel()

        first = asyncio.create_task(answered_and_cancelling())
        await settle()
        second = scripted.begin()
        assert isinstance(await outcome(second), asyncio.CancelledError)
        await first
        await assert_nothing_left(scripted.child, before)
        assert scripted.sent == 1
        await usable(scripted)


async def test_in_the_turn_in_which_the_answer_comes() -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(plain(5), slots=1) as scripted:
        task = scripted.begin()
        asyncio.get_running_loop().call_at(5, task.cancel)
        result = await outcome(task)
        assert isinstance(result, asyncio.CancelledError)
        await assert_nothing_left(scripted.child, before)
        await usable(scripted)


async def test_before_the_actor_runs() -> None:
    before = asyncio.all_tasks()
    scripted = ScriptedChild(slots=1)
    task = scripted.begin()
    await asyncio.sleep(0)
    await check(scripted, task, before)
    await scripted.child.aclose()


async def test_opening_a_stream() -> None:
    before = asyncio.all_tasks()
    slow = Delivery.stream([EVENT], delay=9)
    async with ScriptedChild(once(slow), slots=1) as scripted:
        task = scripted.begin(stream=True)
        await asyncio.sleep(1)
        await check(scripted, task, before)


@pytest.mark.parametrize(("first", "reads"), [(STREAM, 1), (SLOW_END, 1)], ids=["mid-stream", "at its end"])
async def test_reading_a_stream(first: Delivery, reads: int) -> None:
    before = asyncio.all_tasks()
    async with ScriptedChild(once(first), slots=1) as scripted:
        stream: Any = await scripted.ask(stream=True)
        for _ in range(reads):
            await anext(stream)
        task = asyncio.create_task(anext(stream))
        await settle()
        assert scripted.child.snapshot().in_flight == 1
        await check(scripted, task, before)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_closing_the_supervisor() -> None:
    class Slow(ScriptedTransport):
        @override
        async def aclose(self) -> None:
            await asyncio.sleep(10)
            await super().aclose()

    made: list[Slow] = []

    def make(_: object) -> Slow:
        made.append(Slow(plain(100)))
        return made[-1]

    supervisor = ScriptedSupervisor(make)
    calls = [
        asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base=f"http://h{number}/v1"))
        for number in range(3)
    ]
    await asyncio.sleep(1)
    closing = asyncio.create_task(supervisor.aclose())
    await asyncio.sleep(1)
    closing.cancel()
    assert isinstance(await outcome(closing), asyncio.CancelledError)
    for call in calls:
        assert isinstance(await outcome(call), SupervisorClosedError)
    await supervisor.aclose()
    assert [transport.closed for transport in made] == [True] * 3, "those not waited for yet are closed too"


async def test_draining() -> None:
    supervisor = ScriptedSupervisor(lambda _: ScriptedTransport(plain(100)))
    call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
    await asyncio.sleep(1)
    draining = asyncio.create_task(supervisor.drain())
    await asyncio.sleep(1)
    draining.cancel()
    assert isinstance(await outcome(draining), asyncio.CancelledError)
    assert isinstance(await outcome(call), SupervisorClosedError)
    assert supervisor.snapshot().state == "closed"


async def test_sleeping_before_a_retry() -> None:
    transport = ScriptedTransport.simulating([faults.rate_limited(retry_after=60), "yes"])
    async with ScriptedSupervisor(lambda _: transport) as supervisor:
        before = asyncio.all_tasks()
        call = asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base="http://h/v1"))
        await asyncio.sleep(1)
        call.cancel()
        assert isinstance(await outcome(call), asyncio.CancelledError)
        await settle()
        assert len(asyncio.all_tasks() - before) == 1, "the actor"
        answer = await supervisor.acompletion("m", MESSAGES, api_base="http://h/v1")
        assert answer.choices[0].message.content == "yes"


async def test_deadline_and_cancellation_at_the_same_instant() -> None:
    async with ScriptedChild(plain(100)) as scripted:
        for cancel_first in (True, False):
            task = scripted.begin(timeout=7)
            loop = asyncio.get_running_loop()
            if not cancel_first:
                await settle()
            loop.call_at(loop.time() + 7, task.cancel)
            assert isinstance(await outcome(task), asyncio.CancelledError)
        await assert_nothing_left(scripted.child, asyncio.all_tasks())


async def test_closing_and_cancellation_in_the_same_turn() -> None:
    scripted = ScriptedChild(plain(100))
    tasks = [scripted.begin() for _ in range(2)]
    await asyncio.sleep(1)
    tasks[0].cancel()
    closing = asyncio.create_task(scripted.child.aclose())
    asyncio.get_running_loop().call_soon(tasks[1].cancel)
    for task in tasks:
        assert isinstance(await outcome(task), asyncio.CancelledError)
    await closing


async def test_asyncio_timeout_around_a_call(looptime: Any) -> None:
    async with ScriptedChild(plain(100)) as scripted:
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(5):
                await scripted.ask()
        assert not isinstance(raised.value, APITimeoutError)
        assert (looptime, task.cancelling()) == (5, 0)
        await assert_nothing_left(scripted.child, asyncio.all_tasks())


async def test_asyncio_timeout_at_the_same_instant_as_the_deadline() -> None:
    async with ScriptedChild(plain(100)) as scripted:
        task = asyncio.current_task()
        assert task is not None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await scripted.ask(timeout=5)
        assert task.cancelling() == 0


async def test_a_deadline_within_a_wider_asyncio_timeout() -> None:
    async with ScriptedChild(plain(100)) as scripted:
        async with asyncio.timeout(50):
            with pytest.raises(APITimeoutError):
                await scripted.ask(timeout=5)
            await asyncio.sleep(1)
        await assert_nothing_left(scripted.child, asyncio.all_tasks())


async def test_task_group() -> None:
    async with ScriptedChild(plain(100), slots=2) as scripted:
        before = asyncio.all_tasks()
        tasks: list[asyncio.Task[Any]] = []
        with pytest.raises(ExceptionGroup) as raised:
            async with asyncio.TaskGroup() as group:
                tasks += [
                    group.create_task(scripted.ask(timeout=5 if number == 1 else 600)) for number in range(4)
                ]
        assert [type(error) for error in raised.value.exceptions] == [APITimeoutError]
        assert [task.cancelled() for task in tasks] == [True, False, True, True]
        await assert_nothing_left(scripted.child, before)


async def test_a_task_that_was_cancelled_before_and_went_on() -> None:
    async with ScriptedChild(plain(100)) as scripted:

        async def stubborn() -> object:
            try:
                await asyncio.sleep(50)
            except asyncio.CancelledError:
                return await scripted.ask(timeout=5)
            return None

        task = asyncio.create_task(stubborn())
        await settle()
        task.cancel()
        assert isinstance(await outcome(task), APITimeoutError)
        assert task.cancelling() == 1

"""One endpoint's inbox, slots, deadlines and crashes, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import (
    BUGGY,
    ENDPOINT,
    REFUSED,
    Bugs,
    ScriptedChild,
    assert_nothing_left,
    call_of,
    outcome,
    plain,
)

from aiocompl._compat import override
from aiocompl.errors import (
    ActorDiedError,
    APIStatusError,
    APITimeoutError,
    EndpointDownError,
    InboxFullError,
)
from aiocompl.runtime.child import Child
from aiocompl.runtime.child_values import ChildSpec
from aiocompl.testing import Delivery, ScriptedTransport, Slice, settle

if TYPE_CHECKING:
    from aiocompl.wire.transport import Transport

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


async def test_slots_are_never_exceeded(looptime: Any) -> None:
    async with ScriptedChild(slots=3) as scripted:
        await asyncio.gather(*(scripted.ask() for _ in range(10)))
        assert looptime == 4
        assert scripted.transports[0].max_in_flight == 3
        assert scripted.child.snapshot().completed == 10


async def test_first_come_first_served() -> None:
    async with ScriptedChild(slots=1) as scripted:
        tasks = [scripted.begin(model=f"m{number}") for number in range(5)]
        await asyncio.wait(tasks)
        bodies = [record.request.body for record in scripted.transports[0].records]
        assert [f"m{number}".encode() in body for number, body in enumerate(bodies)] == [True] * 5


async def test_nobody_overtakes_the_line_before_a_full_inbox() -> None:
    async with ScriptedChild(slots=1, inbox_size=1, overflow="wait") as scripted:
        order: list[int] = []

        async def ask(number: int) -> None:
            await scripted.ask()
            order.append(number)

        tasks = [asyncio.create_task(ask(number)) for number in range(4)]
        await asyncio.sleep(0.5)
        tasks += [asyncio.create_task(ask(number)) for number in range(4, 6)]
        await asyncio.wait(tasks)
        assert order == list(range(6))


async def test_inbox_full_raises() -> None:
    async with ScriptedChild(slots=1, inbox_size=2) as scripted:
        tasks = [scripted.begin() for _ in range(3)]
        await settle()
        with pytest.raises(InboxFullError, match=r"2 requests wait already \(inbox_size=2\)"):
            await scripted.ask()
        assert (scripted.child.snapshot().queued, scripted.child.snapshot().in_flight) == (2, 1)
        await asyncio.wait(tasks)
        await scripted.ask()


async def test_inbox_full_waits(looptime: Any) -> None:
    async with ScriptedChild(slots=1, inbox_size=1, overflow="wait") as scripted:
        await asyncio.gather(*(scripted.ask() for _ in range(6)))
        assert looptime == 6
        assert scripted.transports[0].max_in_flight == 1


@pytest.mark.parametrize("inbox_size", [1, 5])
async def test_deadline_while_queued(looptime: Any, inbox_size: int) -> None:
    async with ScriptedChild(plain(100), slots=1, inbox_size=inbox_size, overflow="wait") as scripted:
        first = scripted.begin()
        await settle()
        others = [scripted.begin(timeout=7) for _ in range(3)]
        for task in others:
            error = await outcome(task)
            assert isinstance(error, APITimeoutError)
            assert "within the timeout of 7 s (waiting for a slot)" in str(error)
        assert looptime == 7
        assert not isinstance(await outcome(first), Exception)
        assert scripted.sent == 1, "one whose deadline has passed is never sent"


async def test_let_in_where_a_slot_is_free_already(looptime: Any) -> None:
    async with ScriptedChild(slots=2, inbox_size=1, overflow="wait") as scripted:
        await asyncio.gather(*(scripted.ask() for _ in range(4)))
        assert looptime == 2


async def test_deadline_in_flight(looptime: Any) -> None:
    async with ScriptedChild(plain(100)) as scripted:
        before = asyncio.all_tasks()
        with pytest.raises(APITimeoutError, match="in flight") as raised:
            await scripted.ask(timeout=7)
        assert looptime == 7
        assert (raised.value.provider, raised.value.model) == ("test", "m")
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await assert_nothing_left(scripted.child, before)
        assert scripted.transports[0].records[0].outcome == "cancelled"
        assert scripted.child.snapshot().failed == 1


async def test_deadline_within_the_body(looptime: Any) -> None:
    slow = Delivery(slices=(Slice(b"{", 1), Slice(b"}", 50)), length=2)
    async with ScriptedChild(slow) as scripted:
        with pytest.raises(APITimeoutError):
            await scripted.ask(timeout=7)
        assert looptime == 7
        assert scripted.transports[0].records[0].ended == 7


async def test_an_error_status_is_no_crash() -> None:
    async with ScriptedChild(Delivery.json(REFUSED, status=500)) as scripted:
        with pytest.raises(APIStatusError):
            await scripted.ask()
        snapshot = scripted.child.snapshot()
        assert (snapshot.restarts, snapshot.failed, snapshot.in_flight) == (0, 1, 0)
        assert snapshot.last_error is not None


@pytest.mark.parametrize("where", ["encoding", "decoding", "streaming", "transport", "body"])
async def test_a_bug_costs_the_culprit_its_call(where: str) -> None:
    script: dict[str, Any] = {
        "transport": RuntimeError("Session is closed"),
        "body": Delivery(length=9, error=RuntimeError("a bug")),
    }
    codec: Any = Bugs(
        encoding=where == "encoding", decoding=where == "decoding", streaming=where == "streaming"
    )
    async with ScriptedChild(script.get(where)) as scripted:
        with pytest.raises(ActorDiedError, match="please report it") as raised:
            await scripted.ask(codec=codec, stream=where == "streaming")
        assert not raised.value.retryable
        assert (raised.value.provider, raised.value.model) == ("test", "m")
        assert raised.value.__cause__ is not None
        await settle()
        assert scripted.child.snapshot().restarts == 1
        assert scripted.child.snapshot().in_flight == 0
        assert all(record.ended is not None for record in scripted.transports[0].records)
        assert scripted.transports[0].closed


async def test_a_crash_and_the_others(looptime: Any) -> None:
    async with ScriptedChild(plain(10), slots=3) as scripted:
        in_flight = [scripted.begin() for _ in range(2)]
        await asyncio.sleep(1)
        culprit = scripted.begin(codec=Bugs(encoding=True))
        queued = [scripted.begin() for _ in range(2)]
        await settle()
        errors = [await outcome(task) for task in in_flight]
        assert [isinstance(error, ActorDiedError) and error.retryable for error in errors] == [True, True]
        error = await outcome(culprit)
        assert isinstance(error, ActorDiedError)
        assert not error.retryable
        for task in queued:
            call_of(await task)
        assert looptime == 11, "what was queued is served by the next actor at once"
        assert [transport.closed for transport in scripted.transports] == [True, False]


async def test_a_crash_ends_open_streams() -> None:
    endless = Delivery.stream([b"data: " + b'{"id":"1","choices":[]}\n\n'], ending="silence")
    async with ScriptedChild(lambda request: endless if b"stream" in request.body else plain()) as scripted:
        stream: Any = await scripted.ask(stream=True)
        await anext(stream)
        with pytest.raises(ActorDiedError):
            await scripted.ask(codec=BUGGY)
        await settle()
        with pytest.raises(ActorDiedError, match="with this stream open") as raised:
            await anext(stream)
        assert raised.value.retryable
        with pytest.raises(StopAsyncIteration):
            await anext(stream)


async def test_restart_intensity() -> None:
    async with ScriptedChild(plain(), max_restarts=2, restart_period=10) as scripted:
        for _ in range(3):
            with pytest.raises(ActorDiedError):
                await scripted.ask(codec=BUGGY)
            await asyncio.sleep(1)
        assert scripted.child.snapshot().state == "down"
        assert scripted.child.snapshot().restarts == 2
        with pytest.raises(EndpointDownError, match=r"crashed more than 2 times in 10 s .*ZeroDivisionError"):
            await scripted.ask()
        assert len(scripted.transports) == 3
        assert all(transport.closed for transport in scripted.transports)


async def test_crashes_far_apart_are_forgiven() -> None:
    async with ScriptedChild(plain(), max_restarts=1, restart_period=10) as scripted:
        for _ in range(5):
            with pytest.raises(ActorDiedError):
                await scripted.ask(codec=BUGGY)
            await asyncio.sleep(11)
        call_of(await scripted.ask())


async def test_down_refuses_what_is_queued_and_what_stands_in_line(looptime: Any) -> None:
    settings: dict[str, Any] = {"slots": 1, "inbox_size": 2, "overflow": "wait", "max_restarts": 0}
    async with ScriptedChild(plain(1), **settings) as scripted:
        culprit = scripted.begin(codec=BUGGY)
        await settle()
        waiting = [scripted.begin() for _ in range(6)]
        assert isinstance(await outcome(culprit), ActorDiedError)
        for task in waiting:
            assert isinstance(await outcome(task), EndpointDownError)
        assert looptime == 1
        assert scripted.sent == 1


async def test_a_transport_that_cannot_be_made() -> None:
    def make() -> Transport:
        raise OSError("no more descriptors")

    child = Child(ChildSpec(endpoint=ENDPOINT, make_transport=make, max_restarts=2))
    scripted = ScriptedChild()
    ours, scripted.child = scripted.child, child
    with pytest.raises(EndpointDownError, match="no more descriptors"):
        await scripted.ask()
    assert child.snapshot().restarts == 2
    await child.aclose()
    await ours.aclose()


async def test_a_transport_that_cannot_be_closed() -> None:
    class Stubborn(ScriptedTransport):
        @override
        async def aclose(self) -> None:
            await super().aclose()
            raise OSError("stubborn")

    made: list[Stubborn] = []

    def make() -> Stubborn:
        made.append(Stubborn(plain(1)))
        return made[-1]

    scripted = ScriptedChild()
    await scripted.child.aclose()
    scripted.child = Child(ChildSpec(endpoint=ENDPOINT, make_transport=make))
    with pytest.raises(ActorDiedError):
        await scripted.ask(codec=BUGGY)
    await scripted.ask()
    await scripted.child.aclose()
    assert [transport.closed for transport in made] == [True, True]
    assert scripted.child.snapshot().state == "closed"

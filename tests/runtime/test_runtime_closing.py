"""Closing, draining and looking at one endpoint, in virtual time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from runtime_kit import (
    BUGGY,
    ENDPOINT,
    Bugs,
    ScriptedChild,
    Step,
    call_of,
    outcome,
    plain,
)

from aiocompl.errors import (
    ActorDiedError,
    APIConnectionError,
    EndpointDownError,
    InboxFullError,
    SupervisorClosedError,
)
from aiocompl.runtime.child import _wake
from aiocompl.testing import settle

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]


async def test_close_in_the_middle() -> None:
    scripted = ScriptedChild(plain(10), slots=2, inbox_size=2, overflow="wait")
    tasks = [scripted.begin() for _ in range(6)]
    await asyncio.sleep(1)
    assert scripted.child.snapshot().queued == 2
    await scripted.child.aclose()
    for task in tasks:
        assert isinstance(await outcome(task), SupervisorClosedError)
    assert scripted.transports[0].closed
    assert [record.outcome for record in scripted.transports[0].records] == ["cancelled"] * 2
    with pytest.raises(SupervisorClosedError):
        await scripted.ask()
    await scripted.child.aclose()


async def test_close_before_the_actor_ran() -> None:
    scripted = ScriptedChild()
    task = scripted.begin()
    await asyncio.sleep(0)
    other = ScriptedChild()
    await other.child.aclose()
    await scripted.child.aclose()
    assert isinstance(await outcome(task), SupervisorClosedError)


async def test_close_from_many_places_at_once() -> None:
    scripted = ScriptedChild(plain(10))
    task = scripted.begin()
    await asyncio.sleep(1)
    await asyncio.gather(*(scripted.child.aclose() for _ in range(3)))
    assert isinstance(await outcome(task), SupervisorClosedError)


async def test_closing_is_finished_even_if_nobody_waits() -> None:
    scripted = ScriptedChild(plain(10))
    task = scripted.begin()
    await asyncio.sleep(1)
    closing = asyncio.create_task(scripted.child.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    assert isinstance(await outcome(closing), asyncio.CancelledError)
    assert isinstance(await outcome(task), SupervisorClosedError)
    await settle()
    assert scripted.transports[0].closed


async def test_closed_within_the_crash() -> None:
    scripted = ScriptedChild(plain(10))
    task = scripted.begin()
    await asyncio.sleep(1)
    crashing = scripted.begin(codec=Bugs(encoding=True))
    await asyncio.sleep(0)
    scripted.child.start_close()
    assert isinstance(await outcome(crashing), ActorDiedError)
    assert isinstance(await outcome(task), (ActorDiedError, SupervisorClosedError))
    await scripted.child.aclose()
    assert scripted.child.snapshot().state == "closed"
    assert all(transport.closed for transport in scripted.transports)


async def test_drain_waits_for_what_runs(looptime: Any) -> None:
    scripted = ScriptedChild(plain(10), slots=1)
    tasks = [scripted.begin() for _ in range(2)]
    await asyncio.sleep(1)
    drains = [asyncio.create_task(scripted.child.drain()) for _ in range(3)]
    await settle()
    assert scripted.child.snapshot().state == "draining"
    with pytest.raises(SupervisorClosedError):
        await scripted.ask()
    drains[0].cancel()
    await asyncio.wait(drains[1:])
    assert looptime == 20
    for task in tasks:
        call_of(await task)
    await scripted.child.drain()
    await scripted.child.aclose()


async def test_drain_lets_a_call_come_again(looptime: Any) -> None:
    steps: Iterator[Step] = iter([APIConnectionError("broken"), plain(5)])
    scripted = ScriptedChild(lambda _: next(steps))

    async def call() -> object:
        try:
            return await scripted.ask()
        except APIConnectionError:
            await scripted.child.rest(30)
        return await scripted.ask(again=True)

    task = asyncio.create_task(call())
    await settle()
    await scripted.child.drain()
    assert looptime == 35
    assert not isinstance(await outcome(task), Exception)
    await scripted.child.aclose()


async def test_closing_ends_a_rest(looptime: Any) -> None:
    scripted = ScriptedChild()
    task = asyncio.create_task(scripted.child.rest(30))
    await asyncio.sleep(1)
    await scripted.child.aclose()
    assert isinstance(await outcome(task), SupervisorClosedError)
    assert looptime == 1


async def test_closed_in_the_turn_in_which_a_rest_ends(looptime: Any) -> None:
    scripted = ScriptedChild()
    task = asyncio.create_task(scripted.child.rest(30))
    await settle()
    turn = next(iter(scripted.child._resting))
    turn.add_done_callback(lambda _: scripted.child.start_close())
    assert await outcome(task) is None
    await scripted.child.aclose()
    assert looptime == 30


async def test_woken_after_it_was_ended() -> None:
    scripted = ScriptedChild()
    task = asyncio.create_task(scripted.child.rest(30))
    await settle()
    turn = next(iter(scripted.child._resting))
    scripted.child._refuse_all()
    scripted.child._refuse_all()
    _wake(turn)
    assert isinstance(await outcome(task), SupervisorClosedError)
    await scripted.child.aclose()


async def test_only_the_first_verdict_counts() -> None:
    async with ScriptedChild(plain(100)) as scripted:
        task = scripted.begin()
        await asyncio.sleep(1)
        actor = scripted.child._actor
        assert actor is not None
        envelope = next(iter(actor._in_flight))
        envelope.abort(InboxFullError("first"))
        envelope.abort(EndpointDownError("second"))
        assert isinstance(await outcome(task), InboxFullError)
        envelope.abort(EndpointDownError("too late"))
        assert envelope.task is None


async def test_two_bugs_are_one_crash() -> None:
    async with ScriptedChild(plain(1)) as scripted:
        tasks = [scripted.begin(codec=BUGGY) for _ in range(2)]
        for task in tasks:
            assert isinstance(await outcome(task), ActorDiedError)
        await settle()
        assert scripted.child.snapshot().restarts == 1


async def test_a_call_outside_any_task_is_refused() -> None:
    async with ScriptedChild() as scripted:
        refused: list[BaseException] = []

        def step() -> None:
            try:
                scripted.ask().send(None)
            except RuntimeError as error:
                refused.append(error)

        asyncio.get_running_loop().call_soon(step)
        await settle()
        assert "inside a task" in str(refused[0])


async def test_snapshot(looptime: Any) -> None:
    delays = iter([1, 2, 3, 4, 100])
    async with ScriptedChild(lambda _: plain(next(delays)), slots=1) as scripted:
        empty = scripted.child.snapshot()
        assert (empty.latency_p50, empty.latency_p95, empty.last_error) == (None, None, None)
        for _ in range(4):
            await scripted.ask()
        snapshot = scripted.child.snapshot()
        assert (snapshot.latency_p50, snapshot.latency_p95) == (3, 4)
        assert (snapshot.endpoint, snapshot.provider, snapshot.state) == (
            ENDPOINT.base_url,
            "test",
            "running",
        )
        assert "sk-secret" not in repr(snapshot)


async def test_latencies_are_those_of_the_latest() -> None:
    async with ScriptedChild(plain()) as scripted:
        scripted.child._latencies = [9.0] * 512
        scripted.child._completed = 512
        for _ in range(512):
            await scripted.ask()
        snapshot = scripted.child.snapshot()
        assert (snapshot.latency_p95, snapshot.completed) == (0, 1024)

"""Slots that are resized, and set by how an endpoint answers, in virtual time."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any, Self

import pytest
from queueing_server import QueueingServer
from runtime_kit import BODY, BUGGY, MESSAGES, ScriptedChild, ScriptedSupervisor, outcome, plain

from aiocompl import AdaptivePolicy, AiocomplError, RateLimitError
from aiocompl.runtime.stream import CompletionStream
from aiocompl.testing import Delivery, ScriptedTransport, Slice, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.wire.messages import HTTPRequest

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

EVENT = b'data: {"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


def spread(seconds: float, seed: int = 0) -> Callable[[], float]:
    rng = Random(seed)
    return lambda: seconds * rng.uniform(0.7, 1.3)


class Endpoint:
    """A child with adaptive slots before a server of fixed capacity, asked by many callers all the time."""

    def __init__(self, server: QueueingServer, policy: AdaptivePolicy | None = None) -> None:
        self.server = server
        self.scripted = ScriptedChild(self.step, adaptive=policy or AdaptivePolicy(), slots=16)
        self.refused = 0
        self._tasks: list[asyncio.Task[None]] = []

    def step(self, request: HTTPRequest) -> Delivery:
        self.scripted.transports[-1].records.clear()  # it looks through all of them each time
        taken = self.server.take(asyncio.get_running_loop().time())
        if taken is None:
            return Delivery.json({"error": {"message": "too many"}}, status=429, delay=0.01)
        waits, takes = taken
        if b'"stream":true' in request.body:
            return Delivery.stream([EVENT, Slice(EVENT, takes * 0.9), DONE], delay=waits + takes * 0.1)
        return plain(waits + takes)

    async def call(self, *, stream: bool) -> None:
        while True:
            try:
                answer = await self.scripted.ask(timeout=10**6, stream=stream)
                if isinstance(answer, CompletionStream):
                    await answer.response()
            except RateLimitError:
                self.refused += 1
                await asyncio.sleep(0.5)

    @property
    def limit(self) -> int:
        return self.scripted.child._slots

    async def average(self, seconds: float) -> float:
        """The limit over some time."""
        limits = []
        for _ in range(100):
            await asyncio.sleep(seconds / 100)
            limits.append(self.limit)
        return sum(limits) / 100

    async def wait_for(self, low: float, high: float) -> float:
        """Seconds until the limit is between two bounds."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while not low <= self.limit <= high:  # noqa: ASYNC110 - in virtual time
            await asyncio.sleep(0.1)
        return loop.time() - begun

    def begin(self, callers: int, *, stream: bool = False) -> None:
        self._tasks += [asyncio.create_task(self.call(stream=stream)) for _ in range(callers)]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.scripted.child.aclose()


@pytest.mark.parametrize(("capacity", "seconds"), [(5, 1.0), (20, 0.2), (20, 10.0), (100, 1.0)])
async def test_the_slots_find_the_capacity_and_follow_it(capacity: int, seconds: float) -> None:
    async with Endpoint(QueueingServer(capacity, spread(seconds))) as endpoint:
        endpoint.begin(3 * capacity)
        await asyncio.sleep(40 * seconds)
        assert await endpoint.average(40 * seconds) == pytest.approx(capacity, rel=0.2)
        half = capacity // 2
        endpoint.server.set_capacity(half, asyncio.get_running_loop().time())
        within = max(0.2 * half, 1)
        assert await endpoint.wait_for(half - within, half + within) < 30 * seconds
        assert await endpoint.average(40 * seconds) == pytest.approx(half, rel=0.2, abs=1)


async def test_refusals_cut_the_slots() -> None:
    async with Endpoint(QueueingServer(20, spread(1.0), refuses=True)) as endpoint:
        endpoint.begin(60)
        await asyncio.sleep(40)
        assert await endpoint.average(60) == pytest.approx(20, rel=0.2)
        endpoint.server.set_capacity(10, asyncio.get_running_loop().time())
        assert await endpoint.wait_for(1, 12) < 3
        assert endpoint.refused < 0.05 * endpoint.scripted.child.snapshot().completed


async def test_streams_are_measured_until_they_begin() -> None:
    async with Endpoint(QueueingServer(20, spread(5.0))) as endpoint:
        endpoint.begin(60, stream=True)
        await asyncio.sleep(600)
        assert await endpoint.average(300) == pytest.approx(20, rel=0.2)


async def test_slots_that_are_not_used_do_not_grow() -> None:
    async with Endpoint(QueueingServer(100, spread(1.0))) as endpoint:
        endpoint.begin(4)
        await asyncio.sleep(300)
        assert endpoint.limit == 16


async def test_an_endpoint_that_answers_nobody_in_time_is_slow() -> None:
    async with ScriptedChild(
        lambda _: plain(60 if slow else 1), adaptive=AdaptivePolicy(initial=10, max_limit=10)
    ) as scripted:
        slow = False
        for _ in range(10):
            await asyncio.gather(*(scripted.ask(timeout=5) for _ in range(10)))
        assert scripted.child.snapshot().slots == 10
        slow = True
        for _ in range(10):
            await asyncio.gather(*(scripted.ask(timeout=5) for _ in range(10)), return_exceptions=True)
        assert scripted.child.snapshot().slots < 10


@pytest.mark.parametrize(
    ("step", "counts"),
    [
        (Delivery.json({"error": {"message": "no"}}, status=429), True),
        (Delivery.json({"error": {"message": "no"}}, status=503), True),
        (Delivery.json({"error": {"message": "no", "code": "insufficient_quota"}}, status=429), False),
        (Delivery.json({"error": {"message": "no"}}, status=400), False),
        (Delivery.json({"error": {"message": "no"}}, status=500), False),
    ],
)
async def test_what_counts_as_a_refusal(step: Delivery, *, counts: bool) -> None:
    async with ScriptedChild(step, adaptive=AdaptivePolicy(initial=20), slots=20) as scripted:
        for _ in range(3):
            with pytest.raises(AiocomplError):
                await scripted.ask()
        assert (scripted.child.snapshot().slots < 20) == counts


async def test_a_call_that_never_got_a_slot_says_nothing() -> None:
    async with ScriptedChild(plain(100), adaptive=AdaptivePolicy(initial=1), slots=1) as scripted:
        first = scripted.begin()
        await settle()
        with pytest.raises(AiocomplError):
            await scripted.ask(timeout=5)
        await first
        assert scripted.child.snapshot().slots == 1


async def test_a_new_actor_begins_with_the_slots_that_were_found() -> None:
    refuse = Delivery.json({"error": {"message": "no"}}, status=429)
    steps = iter([refuse] * 3)
    async with ScriptedChild(
        lambda _: next(steps, plain(1)), adaptive=AdaptivePolicy(initial=20), slots=20
    ) as scripted:
        for _ in range(3):
            await outcome(scripted.begin())
        found = scripted.child.snapshot().slots
        assert found < 20
        await outcome(scripted.begin(codec=BUGGY))
        await settle()
        tasks = [scripted.begin() for _ in range(30)]
        await settle()
        snapshot = scripted.child.snapshot()
        assert (snapshot.restarts, snapshot.slots, snapshot.in_flight) == (1, found, found)
        await asyncio.gather(*tasks)


async def test_more_slots_are_taken_at_once() -> None:
    async with ScriptedChild(plain(10), slots=2) as scripted:
        tasks = [scripted.begin() for _ in range(6)]
        await settle()
        actor: Any = scripted.child._actor
        actor.resize(5)
        await settle()
        assert (actor.slots, actor.in_flight, scripted.child.snapshot().queued) == (5, 5, 1)
        await asyncio.gather(*tasks)


async def test_fewer_slots_let_what_runs_finish() -> None:
    async with ScriptedChild(plain(10), slots=2) as scripted:
        tasks = [scripted.begin() for _ in range(6)]
        await settle()
        actor: Any = scripted.child._actor
        actor.resize(1)
        assert (actor.in_flight, scripted.child.snapshot().queued) == (2, 4)
        await asyncio.sleep(11)
        assert (actor.in_flight, scripted.child.snapshot().queued) == (1, 3)
        await asyncio.gather(*tasks)
        snapshot = scripted.child.snapshot()
        assert (snapshot.completed, snapshot.in_flight) == (6, 0)


async def test_with_too_many_in_flight_nobody_slips_in() -> None:
    async with ScriptedChild(plain(10), slots=3) as scripted:
        tasks = [scripted.begin() for _ in range(3)]
        await settle()
        actor: Any = scripted.child._actor
        actor.resize(1)
        tasks.append(scripted.begin())
        await settle()
        assert (actor.in_flight, scripted.child.snapshot().queued) == (3, 1)
        await asyncio.gather(*tasks)
        assert scripted.transports[0].max_in_flight == 3


@pytest.mark.parametrize("setting", ["auto", AdaptivePolicy(initial=16)])
async def test_a_supervisor_that_finds_out(setting: Any) -> None:
    transport = ScriptedTransport(Delivery.json(BODY, delay=1))
    async with ScriptedSupervisor(lambda _: transport, max_concurrency=setting) as supervisor:
        for _ in range(6):
            calls = [
                supervisor.acompletion("custom/m", MESSAGES, api_base="http://test.invalid/v1")
                for _ in range(100)
            ]
            await asyncio.gather(*calls)
        assert supervisor.snapshot().endpoints[0].slots > 30


@pytest.mark.parametrize("setting", [0, -1, True, 1.5, "automatic", None])
def test_a_concurrency_that_cannot_be(setting: Any) -> None:
    with pytest.raises(ValueError, match="max_concurrency"):
        ScriptedSupervisor(lambda _: ScriptedTransport(plain()), max_concurrency=setting)

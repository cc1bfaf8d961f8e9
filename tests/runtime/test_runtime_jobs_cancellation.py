"""Whoever leaves a job, wherever it is: nobody is held up, nothing is left, and the prediction is cancelled."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from jobs_kit import (
    DEAF,
    END,
    MESSAGES,
    MODEL,
    OUTPUT,
    RUNNING,
    SUCCEEDED,
    Replicate,
    begun,
    errands,
    finished,
    request,
    says,
    transport,
)
from runtime_kit import outcome

from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    IncompleteStreamError,
    SupervisorClosedError,
)
from aiocompl.testing import Delivery, Slice, settle

if TYPE_CHECKING:
    from aiocompl import Supervisor

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

SLOW_POLL = Delivery(slices=(Slice(b"{", 1), Slice(b"}", 50)), length=2)
SLOW_BODY = Delivery(status=201, slices=(Slice(b"{", 1), Slice(b"}", 5)), length=2)
SLOW_OUTPUT = Delivery.stream([*OUTPUT, Slice(END.data, 500)])
SLOW_END = Delivery.stream([*OUTPUT, END], ending="silence")


def begin(supervisor: Supervisor, **options: Any) -> asyncio.Task[Any]:
    return asyncio.create_task(supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret", **options))


async def read(supervisor: Supervisor) -> Any:
    stream = await supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret", stream=True)
    return await stream.response()


def now() -> float:
    return asyncio.get_running_loop().time()


BLOCKING = [
    ("in the creation", Replicate(create=[begun(9)]), 3, 9),
    ("at its end", Replicate(create=[begun(3)]), 3, 3),
    ("before a poll", Replicate(create=[begun(2)]), 2.05, 2.05),
    ("in a poll", Replicate(create=[begun(2)], poll=[DEAF]), 3, 3),
    ("in the body of a poll", Replicate(create=[begun(2)], poll=[SLOW_POLL]), 9, 9),
    ("between polls", Replicate(create=[begun(2)]), 9.04, 9.04),
    ("in a poll that was repeated", Replicate(poll=[APIConnectionError("broken")]), 0.3, 0.3),
]
STREAMING = [
    ("before it opens", Replicate(follow=[DEAF]), 3, 3),
    ("in the stream", Replicate(follow=[SLOW_OUTPUT]), 0.5, 0.5),
    ("late in it", Replicate(follow=[SLOW_OUTPUT]), 30, 30),
    ("in the polls instead of it", Replicate(follow=[says({}, status=404)]), 3.01, 3.01),
]


def cases(table: list[Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("replicate", "after", "when"), [case[1:] for case in table], ids=[case[0] for case in table]
    )


def fresh(replicate: Replicate) -> Replicate:
    """Parameters outlive their test."""
    return Replicate(replicate.create[:], replicate.poll[:], replicate.follow[:], replicate.cancel[:])


async def check_left(supervisor: Supervisor, replicate: Replicate, when: float) -> None:
    """The caller has gone at once, and a moment later the prediction is cancelled and nothing is left."""
    assert supervisor.snapshot().in_flight == 0
    await asyncio.sleep(20)
    assert [entry for entry in replicate.asked if entry[0] == "cancel"] == [("cancel", when)]
    assert not errands()
    left = now()
    await supervisor.aclose()
    assert now() == left
    assert replicate.cancelled == 1


@cases(BLOCKING)
async def test_the_caller_is_cancelled(replicate: Replicate, after: float, when: float) -> None:
    replicate = fresh(replicate)
    async with replicate.supervisor() as supervisor:
        task = begin(supervisor)
        await asyncio.sleep(after)
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        assert now() == after
        await check_left(supervisor, replicate, when)


@cases(BLOCKING)
async def test_the_deadline_passes(replicate: Replicate, after: float, when: float) -> None:
    replicate = fresh(replicate)
    async with replicate.supervisor(num_retries=0) as supervisor:
        assert isinstance(await outcome(begin(supervisor, timeout=after)), APITimeoutError)
        assert now() == after
        await check_left(supervisor, replicate, when)


@cases(STREAMING)
async def test_the_reader_is_cancelled(replicate: Replicate, after: float, when: float) -> None:
    replicate = fresh(replicate)
    async with replicate.supervisor() as supervisor:
        task = asyncio.create_task(read(supervisor))
        await asyncio.sleep(after)
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        assert now() == after
        await check_left(supervisor, replicate, when)


@pytest.mark.parametrize("how", ["close", "drop", "deadline", "leave"])
async def test_a_stream_is_left(how: str) -> None:
    replicate = Replicate(follow=[SLOW_OUTPUT])
    async with replicate.supervisor() as supervisor:
        stream = await supervisor.acompletion(
            MODEL, MESSAGES, api_key="r8_secret", stream=True, timeout=3 if how == "deadline" else None
        )
        await anext(stream)
        if how == "close":
            await stream.aclose()
        elif how == "leave":
            async with stream:
                pass
        elif how == "deadline":
            await asyncio.sleep(5)
            assert replicate.asked[-1] == ("cancel", 3)
            with pytest.raises(APITimeoutError):
                await anext(stream)
        else:
            del stream
            await settle()
        await check_left(supervisor, replicate, 3 if how == "deadline" else 0)


async def test_closed_under_a_read_that_goes_on() -> None:
    jobs, _ = transport(replicate := Replicate(follow=[Delivery.stream([*OUTPUT, END])]))
    response = await jobs.open(request(stream=True))
    for _ in OUTPUT:
        await response.read_slice()
    reading = asyncio.create_task(response.read_slice())
    await settle()
    response.close()
    await asyncio.wait([reading])
    await jobs.aclose()
    assert replicate.names == ["create", "follow", "cancel"]


@pytest.mark.parametrize("how", ["cancel", "close", "deadline"])
async def test_left_while_it_says_how_it_ended(how: str) -> None:
    replicate = Replicate(follow=[SLOW_END], poll=[DEAF])
    async with replicate.supervisor() as supervisor:
        stream = await supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret", stream=True, timeout=9)
        task = asyncio.create_task(stream.response())
        await asyncio.sleep(5)
        assert errands() == ["aiocompl jobs: finish"]
        if how == "cancel":
            task.cancel()
        elif how == "close":
            stream.close()
        errors = {
            "cancel": asyncio.CancelledError,
            "close": IncompleteStreamError,
            "deadline": APITimeoutError,
        }
        assert isinstance(await outcome(task), errors[how])
        await settle()
        assert not errands()
        assert supervisor.snapshot().in_flight == 0
    assert replicate.cancelled == 0  # it was over
    assert now() == (9 if how == "deadline" else 5)


async def test_a_finished_prediction_is_not_cancelled() -> None:
    replicate = Replicate(create=[says(SUCCEEDED, delay=9)])
    async with replicate.supervisor() as supervisor:
        task = begin(supervisor)
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(20)
    assert replicate.names == ["create"]


@pytest.mark.parametrize(
    "created",
    [
        Delivery.failing(APIConnectionError("broken"), delay=9),
        says({}, status=500, delay=9),
        says({}, status=201, delay=9),
    ],
)
async def test_nothing_was_created_after_all(created: Delivery) -> None:
    replicate = Replicate(create=[created])
    async with replicate.supervisor() as supervisor:
        task = begin(supervisor)
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.wait([task])
        assert sorted(errands()) == ["aiocompl jobs: create", "aiocompl jobs: see off"]
        await asyncio.sleep(20)
        assert not errands()
    assert replicate.names == ["create"]


async def test_a_creation_that_never_answers_is_given_up() -> None:
    replicate = Replicate(create=[DEAF])
    async with replicate.supervisor() as supervisor:
        task = begin(supervisor)
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(74)
        assert errands()
        await asyncio.sleep(2)
        assert not errands()
        left = now()
    assert now() == left


async def test_a_creation_in_the_middle_of_its_body() -> None:
    replicate = Replicate(create=[SLOW_BODY])
    async with replicate.supervisor() as supervisor:
        task = begin(supervisor)
        await asyncio.sleep(3)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(20)
    assert replicate.names == ["create"]


async def test_many_at_once_are_each_cancelled() -> None:
    replicate = Replicate(create=[begun(1)])
    async with replicate.supervisor(max_concurrency=50) as supervisor:
        tasks = [begin(supervisor) for _ in range(50)]
        await asyncio.sleep(0.5)
        for task in tasks[:25]:
            task.cancel()
        await asyncio.sleep(2)
        for task in tasks[25:]:
            task.cancel()
        await asyncio.wait(tasks)
        await settle()
        assert not errands()
    assert replicate.cancelled == 50


# ---------------------------------------------------------------- closing with jobs in flight


@pytest.mark.parametrize("after", [1, 5])
async def test_the_supervisor_closes(after: float) -> None:
    replicate = Replicate(create=[begun(2)], cancel=[says({}, delay=1)])
    supervisor = replicate.supervisor()
    task = begin(supervisor)
    stream = await supervisor.acompletion(MODEL, MESSAGES, api_key="r8_secret", stream=True)
    started = now()
    await asyncio.sleep(after)
    await supervisor.aclose()
    assert isinstance(await outcome(task), SupervisorClosedError)
    with pytest.raises(SupervisorClosedError):
        await anext(stream)
    assert replicate.cancelled == 2
    assert now() <= started + after + 2
    assert not errands()


async def test_a_drain_finishes_jobs() -> None:
    replicate = Replicate(create=[begun(2)], poll=[says(RUNNING), finished()])
    supervisor = replicate.supervisor()
    task = begin(supervisor)
    await settle()
    await supervisor.drain()
    assert (await outcome(task)).choices[0].message.content == "Hello"  # type: ignore[attr-defined]
    assert replicate.cancelled == 0


async def test_a_creation_that_hangs_holds_a_close_up_for_some_seconds_only() -> None:
    jobs, inner = transport(Replicate(create=[DEAF]))
    task = asyncio.create_task(jobs.open(request()))
    await settle()
    task.cancel()
    await asyncio.wait([task])
    await jobs.aclose()
    assert now() == 4
    assert [record.outcome for record in inner.records] == ["cancelled"]
    assert not errands()

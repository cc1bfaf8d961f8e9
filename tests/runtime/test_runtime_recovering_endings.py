"""How recovering streams end: by the deadline, from outside, in the middle, or for nobody."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest
from recovery_kit import Recovered, answer, read
from runtime_kit import outcome

from aiocompl.errors import (
    APITimeoutError,
    IncompleteStreamError,
    SupervisorClosedError,
)
from aiocompl.runtime.opening import Opening
from aiocompl.testing import settle

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]
virtual = pytest.mark.looptime

EVERY = pytest.mark.parametrize("recovery", ["raise", "resume", "restart", "buffer"])


@virtual
@EVERY
async def test_the_deadline_is_one_for_all(recovery: Any) -> None:
    """It is the error, whether the stream hangs or the next one does not open."""
    for script in (
        (answer("one", cut=1, ending="silence"), answer("x")),
        (answer("one", cut=1), answer("x")),
    ):
        async with Recovered(*script, recovery=recovery) as recovered:
            recovered.delay = 99
            now = asyncio.get_running_loop().time()
            stream = await recovered.open(5)
            _, error = await read(stream)
            assert isinstance(error, APITimeoutError)
            assert (error.provider, error.model) == ("test", "m")
            assert asyncio.get_running_loop().time() == now + 5
            await recovered.nothing_left()


@virtual
async def test_the_deadline_tells_while_nobody_reads() -> None:
    async with Recovered(answer("one", cut=2, ending="silence"), answer("x"), recovery="resume") as recovered:
        stream = await recovered.open(5)
        await anext(stream)
        await asyncio.sleep(6)
        [error] = recovered.ended
        assert isinstance(error, APITimeoutError)
        assert "closed" in repr(stream)
        assert (await read(stream))[1] is error
        await recovered.nothing_left()


async def test_closing_the_supervisor_is_the_end() -> None:
    recovered = Recovered(answer("one", cut=2, ending="silence"), answer("x"), recovery="restart")
    async with recovered:
        stream = await recovered.open()
        await anext(stream)
    _, error = await read(stream)
    assert isinstance(error, SupervisorClosedError)
    assert recovered.ended == [error]
    assert recovered.asked == []


async def test_a_bug_of_the_opener_is_raised() -> None:
    async with Recovered(answer("one", cut=1), recovery="raise") as recovered:
        stream = await recovered.open()
        stream._opening._open_next = _buggy
        with pytest.raises(ZeroDivisionError):
            await anext(stream)
        assert isinstance(recovered.ended[0], ZeroDivisionError)


async def _buggy(*_: object, **__: object) -> Any:
    raise ZeroDivisionError


STALLED = answer("one", cut=2, ending="silence")


async def opening(recovered: Recovered) -> tuple[Any, asyncio.Task[Any]]:
    """A stream whose reader waits for the next one to open."""
    recovered.delay = 3600
    stream = await recovered.open()
    reading = asyncio.create_task(stream.response())
    await settle()
    assert recovered.asked
    return stream, reading


@virtual
@EVERY
@pytest.mark.parametrize("how", ["cancel", "close", "aclose", "leave"])
async def test_ended_while_the_next_one_opens(recovery: Any, how: str) -> None:
    async with Recovered(answer("one", cut=1), answer("two"), recovery=recovery) as recovered:
        stream, reading = await opening(recovered)
        await end(how, stream, reading)
        await recovered.nothing_left()
        assert recovered.ended == [None]


@EVERY
@pytest.mark.parametrize("how", ["cancel", "close", "aclose", "leave"])
async def test_ended_in_the_middle(recovery: Any, how: str) -> None:
    async with Recovered(answer("one", cut=1), STALLED, recovery=recovery) as recovered:
        stream = await recovered.open()
        reading = asyncio.create_task(stream.response())
        await settle()
        await end(how, stream, reading)
        await recovered.nothing_left()
        assert recovered.ended == [None]


async def end(how: str, stream: Any, reading: asyncio.Task[Any]) -> None:
    expected: type[BaseException] = IncompleteStreamError
    if how == "cancel":
        reading.cancel()
        expected = asyncio.CancelledError
    elif how == "close":
        stream.close()
    elif how == "aclose":
        await stream.aclose()
        await stream.aclose()
    else:
        async with stream:
            pass
    assert isinstance(await outcome(reading), expected)


async def test_dropped() -> None:
    async with Recovered(answer("one", cut=1), STALLED, recovery="resume") as recovered:
        stream: Any = await recovered.open()
        await anext(stream)
        await anext(stream)
        gone = weakref.ref(stream)
        gc.disable()
        try:
            del stream
            await settle()
            assert gone() is None, "no garbage collector is needed"
        finally:
            gc.enable()
        await recovered.nothing_left()


async def test_an_opening_that_does_not_heed_its_cancellation_is_closed() -> None:
    async with Recovered(answer("one", cut=1), answer("two"), recovery="raise") as recovered:
        stream = await recovered.open()
        inner = recovered.open_next

        async def stubborn(error: Any, text: str, *, prefill: bool) -> Any:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return await inner(error, text, prefill=prefill)

        stream._opening._open_next = stubborn
        reading = asyncio.create_task(stream.response())
        await settle()
        await stream.aclose()
        assert isinstance(await outcome(reading), IncompleteStreamError)
        await recovered.nothing_left()
        assert recovered.outcomes == ["failed", "closed"]


async def test_nothing_to_cancel() -> None:
    opening = Opening(_buggy, 0.0)
    await opening.aclose()
    assert opening.late


async def test_a_stream_that_could_not_be_made() -> None:
    stream: Any = object.__new__(Recovered.open.__globals__["RecoveringStream"])
    del stream
    gc.collect()

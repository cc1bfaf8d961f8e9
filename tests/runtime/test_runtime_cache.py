"""The cache under a supervisor: from the keywords of a call to what the provider sees."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from runtime_kit import MESSAGES

from aiocompl import BadRequestError, MemoryCache, Supervisor
from aiocompl.errors import SupervisorClosedError
from aiocompl.testing import Answer, Reply, faults, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiocompl.testing import Simulator

pytestmark = [pytest.mark.usefixtures("no_tasks_left", "no_blocking")]


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor(num_retries=0, cache=MemoryCache(), coalesce=True) as made:
        yield made


async def arrived(simulator: Simulator) -> None:
    while not simulator.requests:  # noqa: ASYNC110 - it is on its way through the kernel
        await asyncio.sleep(0.001)


@attrs.frozen
class Word:
    word: str


async def test_a_second_call(supervisor: Supervisor, simulator: Simulator) -> None:
    for cached in (False, True):
        response = await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)
        assert response.call is not None
        assert response.call.cached is cached
    await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url, temperature=1)
    await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url, cache=False)
    assert len(simulator.requests) == 3


async def test_it_is_read_as_each_caller_wants_it(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Reply(answer=Answer(text='{"word": "yes"}'))
    asked: dict[str, Any] = {"api_base": simulator.base_url, "response_format": Word}
    for _ in range(2):
        response = await supervisor.acompletion("m", MESSAGES, **asked)
        assert response.choices[0].message.parsed == Word("yes")
    stream = await supervisor.acompletion("m", MESSAGES, stream=True, **asked)
    assert (await stream.response()).choices[0].message.parsed == Word("yes")
    assert len(simulator.requests) == 1


async def test_the_last_reader_of_a_shared_stream(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Reply(answer=Answer(text="one two three"), faults=(faults.Stall(after_events=2),))
    calls = [
        supervisor.acompletion("m", MESSAGES, stream=True, api_base=simulator.base_url) for _ in range(3)
    ]
    streams = await asyncio.gather(*calls)
    for stream in streams:
        await anext(stream)
        assert supervisor.snapshot().in_flight == 1
        await stream.aclose()
    await simulator.requests[-1].wait_client_gone()
    await settle()
    assert supervisor.snapshot().in_flight == 0
    assert len(simulator.requests) == 1


async def test_the_last_caller_of_a_shared_request(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Reply(faults=(faults.Silence(),))
    calls = [
        asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url))
        for _ in range(3)
    ]
    await arrived(simulator)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    assert supervisor.snapshot().in_flight == 0
    await simulator.requests[-1].wait_client_gone()


async def test_a_misspelt_control(supervisor: Supervisor) -> None:
    with pytest.raises(BadRequestError, match="did you mean 'no-cache'"):
        await supervisor.acompletion("openai/m", MESSAGES, api_key="sk", cache={"no_cache": True})
    async with Supervisor() as plain:
        with pytest.raises(BadRequestError, match="did you mean 'ttl'"):
            await plain.acompletion("openai/m", MESSAGES, api_key="sk", cache={"tll": 3})


async def test_a_closed_supervisor_answers_nothing(simulator: Simulator) -> None:
    async with Supervisor(cache=MemoryCache()) as supervisor:
        await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)
    with pytest.raises(SupervisorClosedError):
        await supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url)


async def test_closing_ends_shared_requests(supervisor: Supervisor, simulator: Simulator) -> None:
    simulator.script = Reply(faults=(faults.Silence(),))
    calls = [
        asyncio.create_task(supervisor.acompletion("m", MESSAGES, api_base=simulator.base_url))
        for _ in range(2)
    ]
    await arrived(simulator)
    await supervisor.aclose()
    errors = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(error, SupervisorClosedError) for error in errors)
    assert errors[0] is not errors[1]

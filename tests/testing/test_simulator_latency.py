from __future__ import annotations

import asyncio
from random import Random
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

import pytest
from bare_client import Client, content, parsed

from aiocompl.testing import Constant, Exponential, Latency, LogNormal, Reply, Uniform, faults

if TYPE_CHECKING:
    from aiocompl.testing import Simulator
    from aiocompl.testing.latency import Distribution
    from aiocompl.testing.plugin import SimulatorFactory


def drawn(distribution: Distribution, count: int = 4000) -> list[float]:
    chance = Random(1)
    return [distribution.sample(chance) for _ in range(count)]


def test_constant() -> None:
    assert set(drawn(Constant(seconds=2.0), 3)) == {2.0}


def test_uniform() -> None:
    values = drawn(Uniform(low=1, high=3))
    assert 1 <= min(values) <= max(values) <= 3
    assert fmean(values) == pytest.approx(2, rel=0.05)


def test_exponential() -> None:
    values = drawn(Exponential(mean=0.5))
    assert min(values) >= 0
    assert fmean(values) == pytest.approx(0.5, rel=0.1)
    assert drawn(Exponential(mean=0), 1) == [0.0]


def test_lognormal() -> None:
    values = drawn(LogNormal(median=0.5, sigma=1))
    assert min(values) > 0
    assert median(values) == pytest.approx(0.5, rel=0.1)
    assert fmean(values) > median(values)
    assert drawn(LogNormal(median=0), 1) == [0.0]


@pytest.mark.looptime
async def test_blocking_answer_comes_with_its_last_token(
    simulator: Simulator, client: Client, looptime: Any
) -> None:
    simulator.script = Latency(first_token=2, between_tokens=0.5, headers=1)
    await client.ask(simulator, "hello there")  # four tokens
    assert looptime == 3.5


@pytest.mark.looptime
async def test_stream_in_time(simulator: Simulator, client: Client, looptime: Any) -> None:
    simulator.script = Latency(first_token=2, between_tokens=0.5, headers=1)
    times = []
    async with client.post(simulator, "hello there", stream=True) as response:
        assert looptime == 1
        while frame := await response.content.readuntil(b"\n\n"):
            times.append(float(looptime))
            assert parsed(frame)
    assert times == [1, 2, 2.5, 3, 3.5, 3.5, 3.5]


@pytest.mark.looptime
async def test_latency_of_the_simulator_and_of_one_reply(
    simulator_factory: SimulatorFactory, client: Client, looptime: Any
) -> None:
    slow = Latency(first_token=10)
    simulator = await simulator_factory([None, Reply(latency=Latency(first_token=1))], latency=slow)
    await client.ask(simulator)
    assert looptime == 10
    await client.ask(simulator)
    assert looptime == 11


@pytest.mark.looptime
async def test_error_takes_the_same_time(simulator: Simulator, client: Client, looptime: Any) -> None:
    simulator.script = Reply(latency=Latency(first_token=4), faults=(faults.server_error(),))
    assert await client.status(simulator) == 500
    assert looptime == 4


@pytest.mark.looptime
async def test_many_at_once_do_not_wait_for_each_other(
    simulator: Simulator, client: Client, looptime: Any
) -> None:
    simulator.script = Latency(first_token=1)
    await asyncio.gather(*[client.ask(simulator) for _ in range(20)])
    assert looptime == 1
    assert simulator.max_in_flight == 20
    assert simulator.in_flight == 0


RANDOM = [
    Latency(first_token=Uniform(low=0, high=1), between_tokens=Uniform(low=0, high=1)),
    Latency(first_token=Exponential(mean=1), between_tokens=LogNormal(median=1)),
]


@pytest.mark.looptime
@pytest.mark.parametrize("latency", RANDOM)
async def test_same_seed_same_times(
    simulator_factory: SimulatorFactory, client: Client, looptime: Any, latency: Latency
) -> None:
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for seed in (1, 1, 2):
        simulator = await simulator_factory(latency=latency, seed=seed)
        start = float(looptime)
        await client.ask(simulator)
        assert content(await client.stream(simulator))
        seconds[seed].append(round(float(looptime) - start, 4))
    first, second = seconds[1]
    assert first == pytest.approx(second, abs=0.001)
    assert seconds[2] != [first]

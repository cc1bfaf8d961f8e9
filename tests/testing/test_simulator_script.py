from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from aiocompl.testing import Answer, Asked, Delivery, Mix, Reply, Simulator, faults

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing.plugin import SimulatorFactory
    from aiocompl.testing.script import Behaviour, Script


async def said(client: Client, simulator: Simulator, count: int = 1, **params: Any) -> list[str]:
    """What each of some requests got: the text or the status."""
    got = []
    for _ in range(count):
        body = await client.ask(simulator, "hi", **params)
        got.append(body["choices"][0]["message"]["content"] if "choices" in body else body["error"]["type"])
    return got


@pytest.mark.parametrize("script", ["yes", Answer(text="yes"), Reply(answer=Answer(text="yes"))])
async def test_one_behaviour_for_all(simulator: Simulator, client: Client, script: Script) -> None:
    simulator.script = script
    assert simulator.script is script
    assert await said(client, simulator, 3) == ["yes"] * 3


async def test_in_turn_and_then_plain(simulator: Simulator, client: Client) -> None:
    simulator.script = [faults.server_error(), "second", None]
    assert await said(client, simulator, 4) == ["server_error", "second", "You said: hi", "You said: hi"]


async def test_function_of_the_request(simulator: Simulator, client: Client) -> None:
    def script(asked: Asked) -> Behaviour:
        assert asked.headers["content-type"] == "application/json"
        return f"{asked.number} {asked.model} {asked.text} {asked.body['seed']}"

    simulator.script = script
    assert await said(client, simulator, 2, seed=7) == ["1 gpt-4o hi 7", "2 gpt-4o hi 7"]


async def test_by_model(simulator: Simulator, client: Client) -> None:
    simulator.script = {"a": "from a", "b": ["b once"]}
    assert await said(client, simulator, 2, model="a") == ["from a"] * 2
    assert await said(client, simulator, 2, model="b") == ["b once", "You said: hi"]
    assert await said(client, simulator, 1, model="c") == ["You said: hi"]


async def test_delivery_as_it_stands(simulator: Simulator, client: Client) -> None:
    simulator.script = Delivery.json({"odd": True}, status=203)
    async with client.post(simulator) as response:
        assert response.status == 203
        assert await response.read() == b'{"odd":true}'


async def test_mix_is_the_same_under_one_seed(simulator_factory: SimulatorFactory, client: Client) -> None:
    weighted: list[tuple[float, Behaviour]] = [(0.3, faults.server_error()), (0.2, "twenty")]
    runs = []
    for seed in (1, 1, 2):
        simulator = await simulator_factory(Mix(weighted, seed=seed))
        runs.append(await said(client, simulator, 40))
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {"server_error", "twenty", "You said: hi"}


def test_mix_keeps_its_shares() -> None:
    mix = Mix.of_faults(0.3, seed=3)
    asked = cast("Asked", None)  # a mix does not look at it
    drawn = [mix(asked) for _ in range(10_000)]
    assert sum(each is not None for each in drawn) == pytest.approx(3000, rel=0.05)
    assert {each for each in drawn if each is not None and not isinstance(each, faults.Status)} == {
        each for each in faults.quick() if not isinstance(each, faults.Status)
    }


def test_mix_of_chosen_faults() -> None:
    mix = Mix.of_faults(1, among=[faults.Reset()])
    assert mix(cast("Asked", None)) == faults.Reset()


@pytest.mark.parametrize("weights", [(0.6, 0.6), (-0.1, 0.2)])
def test_weights_that_are_no_probabilities(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        Mix([(weight, None) for weight in weights])


async def test_bug_in_a_script_shows_at_the_end(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    def script(asked: Asked) -> Behaviour:
        raise LookupError(asked.model)

    simulator = Simulator(script)
    await simulator.start()
    assert await client_status(client, simulator) == 500
    with pytest.raises(LookupError, match="gpt-4o"):
        await simulator.aclose()
    await simulator.aclose()
    assert "LookupError" in caplog.text


async def test_script_that_answers_with_something_else(client: Client) -> None:
    simulator = Simulator(cast("Script", lambda _: 5))
    await simulator.start()
    assert await client_status(client, simulator) == 500
    with pytest.raises(TypeError, match="not 5"):
        await simulator.aclose()


async def client_status(client: Client, simulator: Simulator) -> int:
    async with client.post(simulator) as response:
        return response.status


def test_unknown_dialect() -> None:
    with pytest.raises(ValueError, match="no dialect 'klingon'"):
        Simulator(dialect="klingon")

"""Races, fan-outs and batches through the running loop's default supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl import (
    AllModelsFailedError,
    BadRequestError,
    Contestant,
    NotNeededError,
    Supervisor,
    abatch_completion,
    abatch_completion_models,
    abatch_completion_models_all_responses,
    aiter_batch,
)
from aiocompl.client import default_supervisor
from aiocompl.testing import Simulator, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MESSAGES = [{"role": "user", "content": "hi"}]
SCRIPT: dict[str, Any] = {"good": "fine", "bad": faults.server_error(), "silent": faults.Silence()}


@pytest.fixture
async def shared() -> AsyncIterator[dict[str, Any]]:
    async with Simulator(SCRIPT) as simulator:
        yield {"api_base": simulator.base_url, "num_retries": 0}
        await default_supervisor().aclose()


def text_of(answer: Any) -> Any:
    return answer.choices[0].message.content


async def test_a_race(shared: dict[str, Any]) -> None:
    seen: list[Contestant] = []
    answer = await abatch_completion_models(
        ["bad", "silent", "good"], MESSAGES, accept=lambda _: True, on_result=seen.append, **shared
    )
    assert text_of(answer) == "fine"
    assert {item.outcome for item in seen} == {"failed", "lost", "won"}
    assert default_supervisor().snapshot().in_flight == 0
    with pytest.raises(AllModelsFailedError):
        await abatch_completion_models(["bad", "good"], MESSAGES, max_started=1, stagger=0, **shared)
    stream = await abatch_completion_models(["bad", "good"], MESSAGES, stream=True, **shared)
    assert text_of(await stream.response()) == "fine"


async def test_a_fan_out(shared: dict[str, Any]) -> None:
    answers = await abatch_completion_models_all_responses(
        ["silent", "good"], MESSAGES, n_required=1, **shared
    )
    assert isinstance(answers[0], NotNeededError)
    assert text_of(answers[1]) == "fine"
    texts = ["", ""]
    async with await abatch_completion_models_all_responses(
        ["good", "good"], MESSAGES, stream=True, **shared
    ) as merged:
        async for index, chunk in merged:
            assert not isinstance(chunk, Exception)
            texts[index] += chunk.choices[0].delta.content or ""
    assert texts == ["fine", "fine"]


async def test_a_batch(shared: dict[str, Any]) -> None:
    results = await abatch_completion("good", ["a", "b"], concurrency=1, **shared)
    assert [text_of(result) for result in results] == ["fine", "fine"]
    async with aiter_batch("good", (text for text in "abc"), **shared) as stream:
        assert sorted([index async for index, _ in stream]) == [0, 1, 2]
    with pytest.raises(BadRequestError):
        await abatch_completion("good", ["a"], concurrency=0, **shared)


async def test_a_race_by_a_comma_separated_name(shared: dict[str, Any]) -> None:
    async with Supervisor() as supervisor:
        answer = await supervisor.acompletion("bad, good", MESSAGES, fastest_response=True, **shared)
        assert text_of(answer) == "fine"

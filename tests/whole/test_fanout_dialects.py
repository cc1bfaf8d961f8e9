"""Several answers from dialects that give one a call: over real sockets, whole and streamed, and closed early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl import Supervisor
from aiocompl.testing import Answer, Reply, Simulator, Usage, faults

if TYPE_CHECKING:
    from aiocompl import ChatCompletion

MODELS = [
    "openai/responses/gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "cohere/command-a-03-2025",
    "cohere/v1/command-r",
    "ollama/llama3.2",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
]
MESSAGES = [{"role": "user", "content": "Hello!"}]


def said(answer: ChatCompletion) -> list[tuple[int, Any, Any]]:
    return sorted((choice.index, choice.message.content, choice.finish_reason) for choice in answer.choices)


@pytest.mark.parametrize("model", MODELS)
async def test_two_answers(model: str) -> None:
    usage = Usage(prompt_tokens=9, completion_tokens=3)
    async with (
        Simulator(Answer(text="Fine.", usage=usage)) as simulator,
        Supervisor(num_retries=0) as supervisor,
    ):
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "made-up"}
        two: dict[str, Any] = {**place, "n": 2, "n_by_fanout": True}
        whole = await supervisor.acompletion(model, MESSAGES, **two)
        stream = await supervisor.acompletion(model, MESSAGES, stream=True, **two)
        streamed = await stream.response()
        one = await supervisor.acompletion(model, MESSAGES, **place)
    assert len(simulator.requests) == 5
    assert one.usage is not None
    for answer in (whole, streamed):
        assert said(answer) == [(0, "Fine.", "stop"), (1, "Fine.", "stop")]
        assert answer.usage is not None
        assert answer.usage.prompt_tokens == 2 * one.usage.prompt_tokens == 18
        assert answer.usage.completion_tokens == 2 * one.usage.completion_tokens == 6
        assert answer.call is not None
        assert len(answer.call.parts) == 2
        assert len(answer.provider_specific_fields["fanout"]) == 2


async def test_the_provider_sees_all_of_them_gone() -> None:
    stalled = Reply(answer=Answer(text="one two three"), faults=(faults.Stall(after_events=4),))
    async with Simulator(stalled) as simulator, Supervisor() as supervisor:
        stream = await supervisor.acompletion(
            "anthropic/claude-sonnet-4-5", MESSAGES, api_base=simulator.base_url, api_key="made-up",
            stream=True, n=3, n_by_fanout=True,
        )  # fmt: skip
        async with stream:
            await anext(stream)
            assert supervisor.snapshot().in_flight == 3
        for request in simulator.requests:
            await request.wait_client_gone()
        assert len(simulator.requests) == 3
        assert supervisor.snapshot().in_flight == 0

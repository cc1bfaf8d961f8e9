"""`n_by_fanout` streamed: many streams as one; closing it, or losing one of them, closes all."""

from __future__ import annotations

import asyncio
import gc
import pickle
from typing import Any, TypedDict

import orjson
import pytest
from runtime_kit import BODY, MESSAGES, outcome
from test_runtime_fanout_n import ALL, Scripted, event, streams, text

from aiocompl.errors import (
    APITimeoutError,
    IncompleteStreamError,
    SupervisorClosedError,
    UnsupportedParamsError,
)
from aiocompl.testing import Delivery, settle

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

O1: dict[str, Any] = {"model": "openai/o1", "messages": MESSAGES, "api_base": "http://h/v1", "api_key": "k"}
"""A model that refuses `n`."""


async def test_one_stream_of_many(looptime: Any) -> None:
    async with Scripted(streams(1, rest=3), streams(2, rest=1), streams(3, rest=2)) as scripted:
        stream = await scripted.stream()
        seen: dict[int, str] = {}
        order: list[int] = []
        async for chunk in stream:
            assert chunk.id == "c1"
            for choice in chunk.choices:
                seen[choice.index] = seen.get(choice.index, "") + (choice.delta.content or "")
                if choice.finish_reason:
                    order.append(choice.index)
        assert seen == {0: "answer 1", 1: "answer 2", 2: "answer 3"}
        assert order == [1, 2, 0]
        assert looptime == 3
        answer = await stream.response()
        assert text(answer.choices) == ALL
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (30, 6)
        parts = answer.provider_specific_fields["fanout"]
        assert [(part["id"], part["usage"]["completion_tokens"]) for part in parts] == [
            ("c1", 1),
            ("c2", 2),
            ("c3", 3),
        ]
        assert answer.call is stream.call
        assert [part.total for part in stream.call.parts] == [3, 1, 2]
        assert (stream.call.first_token, stream.call.total) == (0, 3)


async def test_the_whole_of_it_at_once() -> None:
    async with Scripted(streams(1), streams(2), streams(3)) as scripted:
        stream = await scripted.stream()
        assert text((await stream.response()).choices) == ALL
        assert scripted.supervisor.snapshot().in_flight == 0


async def test_reasoning_tags_are_text_as_in_any_stream_of_the_dialect() -> None:
    step = Delivery.stream([event(1, {"content": "<think>x</think>"}), event(1, {}, "stop")])
    async with Scripted(step, step) as scripted:
        answer = await (await scripted.stream(n=2)).response()
        assert [choice.message.content for choice in answer.choices] == ["<think>x</think>"] * 2


async def test_a_stream_that_is_cut() -> None:
    before = asyncio.all_tasks()
    cut = Delivery.stream([event(2, {"content": "answer"})])
    async with Scripted(streams(1, rest=50), cut, streams(3, rest=50)) as scripted:
        stream = await scripted.stream()
        seen: list[int] = []

        async def read() -> None:
            async for chunk in stream:
                seen.extend(choice.index for choice in chunk.choices)

        with pytest.raises(IncompleteStreamError):
            await read()
        assert sorted(seen) == [0, 1, 2]
        await scripted.nothing_left(before)
        assert [chunk async for chunk in stream] == []


@pytest.mark.parametrize("how", ["close", "aclose", "leave", "drop"])
async def test_closing_closes_all(how: str) -> None:
    before = asyncio.all_tasks()
    async with Scripted(streams(1, rest=50), streams(2, rest=50), streams(3, rest=50)) as scripted:
        stream = await scripted.stream()
        await anext(stream)
        assert scripted.supervisor.snapshot().in_flight == 3
        if how == "close":
            stream.close()
        elif how == "aclose":
            await stream.aclose()
        elif how == "leave":
            async with stream:
                pass
        else:
            del stream
            gc.collect()
        await scripted.nothing_left(before)


async def test_one_that_is_never_read_closes_all() -> None:
    before = asyncio.all_tasks()
    async with Scripted(streams(1), streams(2), streams(3)) as scripted:
        stream = await scripted.stream()
        del stream
        gc.collect()
        await scripted.nothing_left(before)


async def test_cancelling_the_reader_closes_all() -> None:
    before = asyncio.all_tasks()
    async with Scripted(streams(1, rest=50), streams(2, rest=60), streams(3, rest=70)) as scripted:
        stream = await scripted.stream()
        reading = asyncio.create_task(stream.response())
        await asyncio.sleep(1)
        reading.cancel()
        assert isinstance(await outcome(reading), asyncio.CancelledError)
        await scripted.nothing_left(before)
        with pytest.raises(IncompleteStreamError):
            await stream.response()


async def test_the_deadline_passes_within_the_stream() -> None:
    before = asyncio.all_tasks()
    async with Scripted(streams(1, rest=50), streams(2), streams(3)) as scripted:
        stream = await scripted.stream(timeout=5)
        with pytest.raises(APITimeoutError, match="within the stream"):
            await stream.response()
        await scripted.nothing_left(before)


async def test_the_supervisor_is_closed_within_the_stream() -> None:
    async with Scripted(streams(1, rest=50), streams(2, rest=50), streams(3, rest=50)) as scripted:
        stream = await scripted.stream()
        await anext(stream)
        reading = asyncio.create_task(stream.response())
        await settle()
        await scripted.supervisor.aclose()
        assert isinstance(await outcome(reading), SupervisorClosedError)


async def test_its_response_can_be_read_whole() -> None:
    async with Scripted(streams(1), streams(2), streams(3)) as scripted:
        stream: Any = await scripted.stream()
        body = await stream._lease.response.read()
        assert body.endswith(b"data: [DONE]\n\n")
        assert await stream._lease.response.read_slice() == b""
        stream.close()


class Answer(TypedDict):
    a: int


async def test_a_stream_of_many_is_read_as_the_class_that_was_given() -> None:
    def words(number: int) -> Delivery:
        text = orjson.dumps({"a": number}).decode()
        return Delivery.stream([event(number, {"content": text}, "stop"), b"data: [DONE]\n\n"])

    async with Scripted(words(1), words(2)) as scripted:
        stream = await scripted.stream(n=2, response_format=Answer)
        whole = pickle.loads(pickle.dumps(await stream.response()))  # noqa: S301 - our own
        assert [choice.message.parsed for choice in whole.choices] == [{"a": 1}, {"a": 2}]
        assert len(whole.call.parts) == 2


async def test_all_of_it_together() -> None:
    body = {"message": {"role": "assistant", "content": '{"a":1}'}, "finish_reason": "stop", "index": 0}
    deliveries = [Delivery.json({**BODY, "choices": [body]}) for _ in range(4)]
    async with Scripted(*deliveries) as scripted:
        answer = await scripted.begin(
            model="openai/o1, openai/o1",
            api_base=None,
            fastest_response=True,
            n=2,
            response_format=Answer,
            functions=[{"name": "f", "parameters": {}}],
            temperature=0.5,
            logit_bias={"1": 1},
            drop_params=True,
            allowed_openai_params=["logit_bias"],
        )
        assert [choice.message.parsed for choice in answer.choices] == [{"a": 1}] * 2
        assert answer.call.dropped_params == ("temperature",)
        assert [contestant.outcome for contestant in answer.call.race.contestants] == ["won", "lost"]
        assert all(body["logit_bias"] == {"1": 1} for body in scripted.bodies)


@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "openai/responses/gpt-5", "bedrock/m"])
async def test_who_gives_one_answer_a_call_says_how_to_get_more(model: str) -> None:
    async with Scripted() as scripted:
        with pytest.raises(UnsupportedParamsError, match=r"one answer a call: .* n_by_fanout=True") as caught:
            await scripted.begin(model=model, api_base=None, n_by_fanout=False)
        assert str(caught.value).startswith(model.partition("/")[0])

"""`n_by_fanout`: many calls as one answer, one stream; nothing is left of any however it ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import orjson
import pytest
from runtime_kit import BODY, MESSAGES, REFUSED, ScriptedSupervisor, outcome

from aiocompl.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    InternalServerError,
    UnsupportedParamsError,
)
from aiocompl.runtime.fanout_n import fan_out
from aiocompl.testing import Delivery, ScriptedTransport, Slice, settle
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.runtime.stream import CompletionStream

pytestmark = [pytest.mark.looptime, pytest.mark.usefixtures("no_tasks_left")]

O1: dict[str, Any] = {"model": "openai/o1", "messages": MESSAGES, "api_base": "http://h/v1", "api_key": "k"}
"""A model that refuses `n`."""


def says(number: int, delay: float = 0.0) -> Delivery:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": f"answer {number}"},
        "finish_reason": "stop",
    }
    usage = {"prompt_tokens": 10, "completion_tokens": number, "total_tokens": 10 + number}
    body = {**BODY, "id": f"c{number}", "choices": [choice], "usage": usage}
    return Delivery.json(body, delay=delay)


def event(number: int, delta: Any, finish: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + orjson.dumps({"id": f"c{number}", "model": "m", "choices": [choice], **more}) + b"\n\n"


def streams(number: int, delay: float = 0.0, rest: float = 0.0) -> Delivery:
    """Two words, the second after `rest` seconds, then usage."""
    usage = {"prompt_tokens": 10, "completion_tokens": number, "total_tokens": 10 + number}
    heading = orjson.dumps({"id": f"c{number}", "model": "m", "choices": [], "usage": usage})
    return Delivery.stream(
        [
            event(number, {"role": "assistant", "content": "answer "}),
            Slice(event(number, {"content": str(number)}), rest, 1),
            event(number, {}, "stop"),
            b"data: " + heading + b"\n\n",
            b"data: [DONE]\n\n",
        ],
        delay=delay,
    )


class Scripted:
    """A supervisor on one transport, whose answers come in turn."""

    def __init__(self, *steps: Any, **settings: Any) -> None:
        in_turn: Iterator[Any] = iter(steps)
        self.transport = ScriptedTransport(lambda _: next(in_turn))
        self.supervisor = ScriptedSupervisor(lambda _: self.transport, **{"num_retries": 0, **settings})

    def begin(self, **keywords: Any) -> asyncio.Task[Any]:
        call = {"n": 3, "n_by_fanout": True, **O1, **keywords}
        return asyncio.create_task(self.supervisor.acompletion(**call))

    async def stream(self, **keywords: Any) -> CompletionStream:
        stream: CompletionStream = await self.begin(stream=True, **keywords)
        return stream

    async def nothing_left(self, before: set[asyncio.Task[Any]]) -> None:
        """No slot in use, and no task but the actor's."""
        await settle()
        assert (self.supervisor.snapshot().in_flight, self.supervisor.snapshot().queued) == (0, 0)
        own = {child._task for child in self.supervisor._children.values()}
        assert asyncio.all_tasks() <= before | own

    @property
    def bodies(self) -> list[Any]:
        return [orjson.loads(record.request.body) for record in self.transport.records]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.supervisor.aclose()


def text(choices: Any) -> list[tuple[int, str, str]]:
    return [(choice.index, choice.message.content, choice.finish_reason) for choice in choices]


ALL = [(0, "answer 1", "stop"), (1, "answer 2", "stop"), (2, "answer 3", "stop")]


# ---------------------------------------------------------------- whole answers


async def test_one_answer_of_many_calls_at_once(looptime: Any) -> None:
    async with Scripted(says(1, 3), says(2, 1), says(3, 2)) as scripted:
        answer = await scripted.begin()
        assert looptime == 3
        assert text(answer.choices) == ALL
        assert answer.id == "c1"
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
            30,
            6,
            36,
        )
        assert [part["id"] for part in answer.provider_specific_fields["fanout"]] == ["c1", "c2", "c3"]
        assert [part.total for part in answer.call.parts] == [3, 1, 2]
        assert (answer.call.total, answer.call.provider) == (3, "openai")
        assert all("n" not in body for body in scripted.bodies)


async def test_only_where_it_is_asked_for() -> None:
    async with Scripted(says(1)) as scripted:
        with pytest.raises(UnsupportedParamsError, match="n not supported"):
            await scripted.begin(n_by_fanout=False)
        assert scripted.bodies == []


@pytest.mark.parametrize(
    ("keywords", "sent"),
    [
        ({"model": "openai/gpt-4o"}, 3),
        ({"n": 1}, 1),
        ({"n": None}, None),
        ({"additional_drop_params": ["n"]}, None),
        ({"allowed_openai_params": ["n"]}, 3),
    ],
    ids=str,
)
async def test_one_call_where_one_is_enough(keywords: dict[str, Any], sent: int | None) -> None:
    async with Scripted(says(1)) as scripted:
        await scripted.begin(**keywords)
        assert [body.get("n") for body in scripted.bodies] == [sent]


async def test_dialects_without_n() -> None:
    text_block = [{"type": "text", "text": "yes"}]
    body = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": text_block,
            "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    async with Scripted(Delivery.json(body), Delivery.json(body)) as scripted:
        answer = await scripted.begin(model="anthropic/claude-sonnet-4-5", n=2)
        assert [choice.message.content for choice in answer.choices] == ["yes", "yes"]


async def test_drop_params_drops_the_rest_and_not_n() -> None:
    async with Scripted(says(1), says(2)) as scripted:
        answer = await scripted.begin(n=2, temperature=0.5, drop_params=True)
        assert len(answer.choices) == 2
        assert answer.call.dropped_params == ("temperature",)


@pytest.mark.parametrize("n", [0, -1, 129, 2.0, "3", True])
async def test_n_must_be_a_number_of_answers(n: Any) -> None:
    async with Scripted() as scripted:
        with pytest.raises(BadRequestError, match="n must be a whole number from 1 to 128"):
            await scripted.begin(n=n)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_first_error_cancels_the_others(stream: bool, looptime: Any) -> None:
    made = streams if stream else says
    refusal = Delivery.json(REFUSED, status=500, delay=2)
    before = asyncio.all_tasks()
    async with Scripted(made(1, 1), refusal, made(3, 50)) as scripted:
        task = scripted.begin(stream=stream)
        with pytest.raises(InternalServerError):
            await task
        assert looptime == 2
        await scripted.nothing_left(before | {task})


async def test_the_error_keeps_its_cause() -> None:
    error = APIConnectionError("broken")
    error.__cause__ = OSError("why")
    async with Scripted(Delivery.failing(error), says(2, 50), says(3, 50)) as scripted:
        with pytest.raises(APIConnectionError) as caught:
            await scripted.begin()
        assert isinstance(caught.value.__cause__, OSError)


async def test_each_call_is_retried_by_itself() -> None:
    broken = Delivery.failing(APIConnectionError("broken"))
    async with Scripted(broken, says(2), says(3), says(1), num_retries=1) as scripted:
        answer = await scripted.begin()
        assert text(answer.choices) == ALL
        assert [len(part.attempts) for part in answer.call.parts] == [2, 1, 1]


async def test_one_deadline_for_all(looptime: Any) -> None:
    async with Scripted(says(1), says(2, 50), says(3, 50), max_concurrency=2) as scripted:
        with pytest.raises(APITimeoutError):
            await scripted.begin(timeout=5)
        assert looptime == 5


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("after", [0, 0.5, 1.5])
async def test_cancelling(stream: bool, after: float) -> None:
    made = streams if stream else says
    before = asyncio.all_tasks()
    async with Scripted(made(1, 1), made(2, 2), made(3, 3), max_concurrency=2) as scripted:
        task = scripted.begin(stream=stream)
        await asyncio.sleep(after)
        task.cancel()
        assert isinstance(await outcome(task), asyncio.CancelledError)
        await scripted.nothing_left(before)


async def test_cancelled_while_the_others_are_being_cancelled(looptime: Any) -> None:
    turns = iter(range(3))

    async def ask() -> Any:
        if next(turns) == 1:
            raise InternalServerError("no")
        try:
            await asyncio.sleep(50)
        finally:
            await asyncio.sleep(2)  # takes its time to end

    before = asyncio.all_tasks()
    task = asyncio.create_task(fan_out(3, ask, 0.0, ChatRequest("m", ())))
    await asyncio.sleep(1)
    task.cancel()
    assert isinstance(await outcome(task), asyncio.CancelledError)
    assert looptime == 2
    assert asyncio.all_tasks() <= before


async def test_a_failure_leaves_no_cancellation_behind() -> None:
    async with Scripted(Delivery.json(REFUSED, status=500), says(2, 50), says(3, 50)) as scripted:
        with pytest.raises(InternalServerError):
            await scripted.supervisor.acompletion(**O1, n=3, n_by_fanout=True)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

from __future__ import annotations

from typing import Any

import pytest

from aiocompl import Supervisor
from aiocompl.errors import BadRequestError, RateLimitError
from aiocompl.runtime.mock import mock_answer
from aiocompl.runtime.replay import CannedResponse
from aiocompl.runtime.stream import CompletionStream
from aiocompl.types.completion import ChatCompletion

CALLS = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
WITH_TOOLS = {
    "id": "chatcmpl-t",
    "object": "chat.completion",
    "created": 7,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": None, "tool_calls": CALLS},
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
}


def whole(mock: Any) -> ChatCompletion:
    answer = mock_answer(mock, model="m", stream=False)
    assert isinstance(answer, ChatCompletion)
    return answer


def streamed(mock: Any) -> CompletionStream:
    stream = mock_answer(mock, model="m", stream=True)
    assert isinstance(stream, CompletionStream)
    return stream


async def test_text() -> None:
    answer = whole("Hello  there\n")
    assert answer.choices[0].message.content == "Hello  there\n"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.call is not None
    assert answer.call.provider == "mock"


@pytest.mark.parametrize("mock", [WITH_TOOLS, ChatCompletion.model_validate(WITH_TOOLS)])
async def test_response(mock: Any) -> None:
    answer = whole(mock)
    assert answer is not mock
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0]["function"]["name"] == "f"


async def test_streamed_text() -> None:
    async with streamed("Hello  there\n") as stream:
        chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "Hello  there\n"
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[-1].choices[0].finish_reason == "stop"


async def test_streamed_response() -> None:
    answer = await streamed(WITH_TOOLS).response()
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0]["function"]["arguments"] == '{"a": 1}'
    assert answer.usage is not None
    assert answer.usage.total_tokens == 3


async def test_streamed_response_without_usage() -> None:
    bare = {name: value for name, value in WITH_TOOLS.items() if name != "usage"}
    assert all([chunk.choices async for chunk in streamed(bare)])
    whole = await streamed(bare).response()
    assert (whole.choices[0].finish_reason, whole.usage) == ("tool_calls", None)


async def test_exception() -> None:
    with pytest.raises(RateLimitError, match="slow"):
        mock_answer(RateLimitError("slow"), model="m", stream=False)


@pytest.mark.parametrize("mock", [3, {"choices": 3}, {"choices": [3]}])
async def test_neither(mock: Any) -> None:
    with pytest.raises(BadRequestError, match="mock_response") as raised:
        mock_answer(mock, model="m", stream=False)
    assert raised.value.param == "mock_response"


async def test_nobody_is_asked() -> None:
    supervisor = Supervisor()
    answer = await supervisor.acompletion(
        "no-such/model", [{"role": "user", "content": "Hi"}], mock_response="yes"
    )
    assert answer.choices[0].message.content == "yes"
    assert supervisor.snapshot().endpoints == ()


async def test_canned_response() -> None:
    response = CannedResponse(b"abc")
    assert (await response.read(), await response.read()) == (b"abc", b"")
    response.close()

"""An answer replayed as a stream, and put together again, is the same answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.runtime.replay import CannedResponse, StreamForm, replayed
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion

USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cost": 0.5}
TOKEN = {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}
CALLS = [
    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}},
    {"id": "call_2", "type": "custom", "custom": {"name": "g", "input": "x"}},
]
CITATION = {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A"}}


def whole(*messages: dict[str, Any], choice: dict[str, Any] | None = None, **more: Any) -> ChatCompletion:
    choices = [
        {
            "index": index,
            "finish_reason": "stop",
            "message": {"role": "assistant", **message},
            **(choice or {}),
        }
        for index, message in enumerate(messages)
    ]
    return ChatCompletion.model_validate({"id": "c1", "created": 5, "model": "m", "choices": choices, **more})


def call() -> CallInfo:
    return CallInfo("test", "http://test", "m", cached=True)


@pytest.mark.parametrize(
    "answer",
    [
        whole({"content": "Hello  there,\n you \n"}, usage=USAGE),
        whole({"content": "<think>no tag of ours</think> [DONE]\n\ndata: x"}),
        whole({"content": None, "tool_calls": CALLS}, choice={"finish_reason": "tool_calls"}),
        whole({"content": None, "function_call": {"name": "f", "arguments": "{}"}}),
        whole({"content": None, "refusal": "No."}),
        whole({"content": "yes", "reasoning_content": "hm  hm"}),
        whole({"content": "yes", "annotations": [CITATION], "x": {"y": [1]}}),
        whole({"content": [{"type": "text", "text": "a"}, {"type": "image", "url": "b"}]}),
        whole({"content": None, "audio": {"id": "a", "data": "AAAA", "transcript": "oh"}}),
        whole({"content": "a"}, choice={"logprobs": {"content": [TOKEN], "refusal": None}, "seed": 3}),
        whole(
            {"content": "one"}, {"content": "two"}, usage=USAGE, service_tier="flex", system_fingerprint="fp"
        ),
        whole({"content": "a"}, provider_specific_fields={"a": {"b": 1}}, provider="x"),
        whole({"content": "a"}, choice={"finish_reason": "length", "provider_specific_fields": {"r": "MAX"}}),
    ],
)
async def test_samples(answer: ChatCompletion) -> None:
    before = answer.to_dict()
    stream = replayed(answer, call(), StreamForm())
    chunks = [chunk async for chunk in stream]
    assert await stream.response() == answer
    assert answer.to_dict() == before
    assert {chunk.id for chunk in chunks} == {"c1"}
    assert all(chunk.choices for chunk in chunks)
    assert stream.call.cached


@pytest.mark.looptime
async def test_the_usage_has_a_chunk_where_that_is_asked_for() -> None:
    started = asyncio.get_running_loop().time() - 5
    answer, form = whole({"content": "a"}, usage=USAGE), StreamForm(shows_usage=True)
    stream = replayed(answer, call(), form, started=started)
    *_, last = [chunk async for chunk in stream]
    assert (last.choices, last.usage and last.usage.total_tokens) == ([], 7)
    assert stream.call.total == 5


async def test_the_canned_response_is_read_once() -> None:
    response = CannedResponse(b"body")
    assert (await response.read(), await response.read()) == (b"body", b"")


@pytest.mark.looptime
async def test_closing_it_early() -> None:
    async with replayed(whole({"content": "one two"}), call(), StreamForm()) as stream:
        await anext(stream)
    assert [chunk async for chunk in stream] == []


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=3))
def test_any_text(texts: list[str]) -> None:
    answer = whole(*({"content": text} for text in texts), usage=USAGE)

    async def again() -> ChatCompletion:
        return await replayed(answer, call(), StreamForm()).response()

    assert asyncio.run(again()) == answer

"""What the real model answers, through the real server: one server for all of these."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import pytest_asyncio
from local_kit import Asker

from aiocompl.local.transport import local_transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.local_model, pytest.mark.real_time, pytest.mark.asyncio(loop_scope="module")]


def tool(name: str, description: str, **properties: str) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": list(properties),
    }
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": parameters},
    }


WEATHER = tool("get_weather", "Get the current weather in a city", city="string")
TIME = tool("get_time", "Get the current time in a city", city="string")
ADD = tool("add", "Add two numbers", a="number", b="number")
IN_PARIS = "What is the weather in Paris?"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asker(weights: Path) -> AsyncIterator[Asker]:
    transport = local_transport("")
    yield Asker(transport)
    await transport.aclose()


def calls(answer: Any) -> list[tuple[str, Any]]:
    message = answer["choices"][0]["message"]
    return [
        (call["function"]["name"], orjson.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls", [])
    ]


async def test_chats(asker: Asker) -> None:
    answer = await asker.ask("What is the capital of France? Answer in English.")
    (choice,) = answer["choices"]
    assert "Paris" in choice["message"]["content"]
    assert choice["finish_reason"] == "stop"
    assert answer["model"] == "smollm2-135m-instruct"
    assert answer["usage"]["total_tokens"] > 40


async def test_says_the_same_each_time_at_temperature_0(asker: Asker) -> None:
    first, second = [(await asker.ask())["choices"][0]["message"]["content"] for _ in range(2)]
    assert first == second


async def test_takes_a_system_message_and_content_in_parts(asker: Asker) -> None:
    parts = [{"type": "text", "text": "What is the capital of France?"}]
    messages = [{"role": "developer", "content": "Answer in English."}, {"role": "user", "content": parts}]
    answer = await asker.ask(messages=messages)
    assert "Paris" in answer["choices"][0]["message"]["content"]


async def test_streams_what_it_would_answer_whole(asker: Asker) -> None:
    whole = await asker.ask()
    *chunks, last = await asker.stream(stream_options={"include_usage": True})
    text = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert text == whole["choices"][0]["message"]["content"]
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == 24


async def test_gives_several_answers_to_one_question(asker: Asker) -> None:
    answer = await asker.ask(n=4, temperature=1.0, seed=3)
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert len({choice["message"]["content"] for choice in answer["choices"]}) > 1


async def test_answers_more_at_once_than_it_has_slots(asker: Asker) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(asker.ask(max_tokens=4)) for _ in range(6)]
    assert {task.result()["usage"]["completion_tokens"] for task in asked} == {4}


async def test_more_answers_than_slots_are_refused(asker: Asker) -> None:
    refused = await asker.ask(n=5)
    assert refused["status"] == 400
    assert "between 1 <= value <= 4" in refused["error"]["message"]


async def test_stops_before_a_stop_sequence(asker: Asker) -> None:
    answer = await asker.ask(stop=["question"])
    assert answer["choices"][0]["message"]["content"] == "The answer to this "
    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_gives_logprobs(asker: Asker) -> None:
    answer = await asker.ask(logprobs=True, top_logprobs=3, max_tokens=2)
    tokens = answer["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == answer["choices"][0]["message"]["content"]
    for token in tokens:
        assert len(token["top_logprobs"]) == 3
        assert 0 < math.exp(token["logprob"]) <= 1


async def test_keeps_to_a_json_schema(asker: Asker) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    answer = await asker.ask(
        "Alice is 30 years old. Give her name and age as JSON.",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "person", "strict": True, "schema": schema},
        },
        max_tokens=60,
    )
    assert orjson.loads(answer["choices"][0]["message"]["content"]) == {"name": "Alice", "age": 30}


async def test_a_prompt_beyond_the_context_is_refused(asker: Asker) -> None:
    refused = await asker.ask("word " * 9000)
    assert refused["status"] == 400
    assert refused["error"]["type"] == "exceed_context_size_error"


@pytest.mark.parametrize(
    ("question", "tools", "expected"),
    [
        (IN_PARIS, [WEATHER], ("get_weather", {"city": "Paris"})),
        ("Is it raining in Oslo?", [WEATHER], ("get_weather", {"city": "Oslo"})),
        (IN_PARIS, [WEATHER, TIME], ("get_weather", {"city": "Paris"})),
        ("What time is it in Madrid?", [WEATHER, TIME], ("get_time", {"city": "Madrid"})),
        ("What time is it in Madrid?", [TIME, WEATHER], ("get_time", {"city": "Madrid"})),
        ("Add 17 and 25", [ADD], ("add", {"a": 17, "b": 25})),
    ],
)
async def test_calls_the_right_tool(
    asker: Asker, question: str, tools: list[Any], expected: tuple[str, Any]
) -> None:
    answer = await asker.ask(question, tools=tools, max_tokens=80)
    assert calls(answer) == [expected]
    assert answer["choices"][0]["finish_reason"] == "tool_calls"


async def test_streams_a_tool_call(asker: Asker) -> None:
    chunks = await asker.stream(IN_PARIS, tools=[WEATHER, TIME], max_tokens=80)
    deltas = [
        delta for chunk in chunks for delta in chunk["choices"][0]["delta"].get("tool_calls", []) if delta
    ]
    assert deltas[0]["function"]["name"] == "get_weather"
    assert orjson.loads("".join(delta["function"]["arguments"] for delta in deltas)) == {"city": "Paris"}
    assert len(deltas) > 2
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_needs_no_tool_for_small_talk(asker: Asker) -> None:
    answer = await asker.ask("Hello!", tools=[WEATHER])
    assert calls(answer) == []
    assert answer["choices"][0]["message"]["content"]


async def test_calls_a_tool_where_one_is_required(asker: Asker) -> None:
    params = {"tools": [WEATHER, ADD], "max_tokens": 80}
    question = "What is 2 plus 3?"
    assert calls(await asker.ask(question, **params)) == []
    assert calls(await asker.ask(question, tool_choice="required", **params)) == [("add", {"a": 2, "b": 3})]


async def test_calls_the_named_tool(asker: Asker) -> None:
    named = {"type": "function", "function": {"name": "get_time"}}
    answer = await asker.ask(IN_PARIS, tools=[WEATHER, TIME], tool_choice=named, max_tokens=80)
    assert calls(answer) == [("get_time", {"city": "Paris"})]


async def test_calls_no_tool_where_none_may_be(asker: Asker) -> None:
    answer = await asker.ask(IN_PARIS, tools=[WEATHER], tool_choice="none")
    assert calls(answer) == []
    assert "<tool_call>" not in answer["choices"][0]["message"]["content"]


async def test_answers_from_a_tools_result(asker: Asker) -> None:
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
    }
    messages = [
        {"role": "user", "content": IN_PARIS},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    answer = await asker.ask(messages=messages, tools=[WEATHER, TIME], max_tokens=60)
    assert "sunny" in answer["choices"][0]["message"]["content"]
    assert "<tool" not in answer["choices"][0]["message"]["content"]

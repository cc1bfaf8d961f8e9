from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from bare_client import content

from aiocompl.testing import Answer, Reply, ToolCall, Usage

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Simulator

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city"],
        },
    },
}


async def test_plain_answer_repeats_the_user(simulator: Simulator, client: Client) -> None:
    body = await client.ask(simulator, "hello there")
    assert body["object"] == "chat.completion"
    assert body["model"] == "gpt-4o"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "You said: hello there",
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    usage = body["usage"]
    assert usage["completion_tokens"] == 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + 4


async def test_plain_stream(simulator: Simulator, client: Client) -> None:
    *events, done = await client.stream(simulator, "hello there")
    assert done == "[DONE]"
    assert {event["id"] for event in events} == {events[0]["id"]}
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    assert all("usage" not in event for event in events)
    deltas = [event["choices"][0]["delta"] for event in events]
    assert deltas == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "You"},
        {"content": " said:"},
        {"content": " hello"},
        {"content": " there"},
        {},
    ]
    assert [event["choices"][0]["finish_reason"] for event in events] == [None] * 5 + ["stop"]


async def test_usage_stands_in_an_event_of_its_own_where_it_is_asked_for(
    simulator: Simulator, client: Client
) -> None:
    *events, last, _ = await client.stream(simulator, stream_options={"include_usage": True})
    assert all(event["usage"] is None for event in events)
    assert last["choices"] == []
    assert last["usage"] == (await client.ask(simulator))["usage"] | last["usage"]
    assert last["usage"]["completion_tokens"] == 4


async def test_obfuscation_where_it_is_asked_for(simulator: Simulator, client: Client) -> None:
    first, *_ = await client.stream(simulator, stream_options={"include_obfuscation": True})
    assert first["obfuscation"]


async def test_choices_differ_and_take_turns(simulator: Simulator, client: Client) -> None:
    body = await client.ask(simulator, "hello", n=3)
    texts = [choice["message"]["content"] for choice in body["choices"]]
    assert texts == ["You said: hello", "You said: hello (2)", "You said: hello (3)"]
    events = await client.stream(simulator, "hello", n=2)
    assert [content(events, index) for index in (0, 1)] == texts[:2]
    turns = [event["choices"][0]["index"] for event in events[:6]]
    assert turns == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("params", "text", "reason"),
    [
        ({"stop": "there"}, "You said: hello ", "stop"),
        ({"stop": ["x", " said"]}, "You", "stop"),
        ({"max_tokens": 2}, "You said:", "length"),
        ({"max_completion_tokens": 3}, "You said: hello", "length"),
        ({"max_tokens": 4}, "You said: hello there", "stop"),
    ],
)
async def test_limits_of_the_plain_answer(
    simulator: Simulator, client: Client, params: dict[str, Any], text: str, reason: str
) -> None:
    (choice,) = (await client.ask(simulator, "hello there", **params))["choices"]
    assert choice["message"]["content"] == text
    assert choice["finish_reason"] == reason


async def test_text_of_a_message_in_parts(simulator: Simulator, client: Client) -> None:
    parts = [
        {"type": "text", "text": "see "},
        {"type": "image_url", "image_url": {"url": "x"}},
        {"type": "text", "text": "this"},
    ]
    body = await client.ask(simulator, messages=[{"role": "user", "content": parts}])
    assert body["choices"][0]["message"]["content"] == "You said: see this"


async def test_json_object(simulator: Simulator, client: Client) -> None:
    body = await client.ask(simulator, "give json", response_format={"type": "json_object"})
    assert orjson.loads(body["choices"][0]["message"]["content"]) == {"echo": "give json"}


async def test_json_schema(simulator: Simulator, client: Client) -> None:
    schema = {
        "type": "object",
        "$defs": {"Leg": {"type": "object", "properties": {"length": {"type": "number", "minimum": 2}}}},
        "properties": {
            "name": {"type": "string", "maxLength": 3},
            "age": {"type": ["integer", "null"]},
            "tame": {"type": "boolean"},
            "kind": {"const": "cat"},
            "legs": {"type": "array", "items": {"$ref": "#/$defs/Leg"}, "minItems": 2},
            "owner": {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "nested": {"$ref": "#/$defs/Missing"},
        },
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "cat", "schema": schema}}
    body = await client.ask(simulator, "hello", response_format=wanted)
    assert orjson.loads(body["choices"][0]["message"]["content"]) == {
        "name": "hel",
        "age": 1,
        "tame": True,
        "kind": "cat",
        "legs": [{"length": 2.0}] * 2,
        "owner": None,
        "nested": {},
    }


async def test_schema_that_refers_to_itself_ends(simulator: Simulator, client: Client) -> None:
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "tree", "schema": schema}}
    body = await client.ask(simulator, "hello", response_format=wanted)
    assert "child" in orjson.loads(body["choices"][0]["message"]["content"])


@pytest.mark.parametrize(
    "choice",
    [
        "required",
        {"type": "function", "function": {"name": "weather"}},
        {
            "type": "allowed_tools",
            "allowed_tools": {
                "mode": "required",
                "tools": [{"type": "function", "function": {"name": "weather"}}],
            },
        },
    ],
)
async def test_tool_is_called_where_the_request_insists(
    simulator: Simulator, client: Client, choice: Any
) -> None:
    body = await client.ask(simulator, "Paris", tools=[WEATHER], tool_choice=choice)
    (answer,) = body["choices"]
    assert answer["finish_reason"] == "tool_calls"
    assert answer["message"]["content"] is None
    (call,) = answer["message"]["tool_calls"]
    assert call["type"] == "function"
    assert call["id"]
    assert call["function"]["name"] == "weather"
    assert orjson.loads(call["function"]["arguments"]) == {"city": "Paris", "unit": "C"}


@pytest.mark.parametrize("choice", ["auto", "none"])
async def test_tool_is_not_called_otherwise(simulator: Simulator, client: Client, choice: str) -> None:
    body = await client.ask(simulator, tools=[WEATHER], tool_choice=choice)
    assert body["choices"][0]["finish_reason"] == "stop"


async def test_tool_calls_in_a_stream(simulator: Simulator, client: Client) -> None:
    calls = (
        ToolCall(name="weather", arguments={"city": "Paris"}, id="call_a"),
        ToolCall(name="weather", arguments='{"city": "Ro', id="call_b"),
    )
    simulator.script = Answer(tool_calls=calls, token_chars=5)
    events = await client.stream(simulator, tools=[WEATHER])
    deltas = [call for event in events[1:-2] for call in event["choices"][0]["delta"]["tool_calls"]]
    openings = [delta for delta in deltas if "id" in delta]
    assert [(each["index"], each["id"], each["function"]["name"]) for each in openings] == [
        (0, "call_a", "weather"),
        (1, "call_b", "weather"),
    ]
    arguments = [
        "".join(delta["function"]["arguments"] for delta in deltas if delta["index"] == at) for at in (0, 1)
    ]
    assert arguments == ['{"city":"Paris"}', '{"city": "Ro']
    assert events[0]["choices"][0]["delta"]["content"] is None
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"


async def test_functions_by_their_old_name(simulator: Simulator, client: Client) -> None:
    params = {"functions": [WEATHER["function"]], "function_call": {"name": "weather"}}
    body = await client.ask(simulator, "Paris", **params)
    (answer,) = body["choices"]
    assert answer["finish_reason"] == "function_call"
    assert answer["message"]["function_call"]["name"] == "weather"
    assert "tool_calls" not in answer["message"]
    events = await client.stream(simulator, "Paris", **params)
    pieces = [event["choices"][0]["delta"]["function_call"] for event in events[1:-2]]
    assert pieces[0]["name"] == "weather"
    assert "".join(piece["arguments"] for piece in pieces) == '{"city":"Paris","unit":"C"}'


async def test_scripted_answer(simulator: Simulator, client: Client) -> None:
    simulator.script = Answer(
        text="No, but",
        refusal="I can't",
        reasoning="think hard",
        finish_reason="content_filter",
        usage=Usage(prompt_tokens=7, completion_tokens=9, cached_tokens=3, reasoning_tokens=2),
    )
    body = await client.ask(simulator)
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "content_filter"
    assert choice["message"] | {"annotations": []} == {
        "role": "assistant",
        "content": "No, but",
        "refusal": "I can't",
        "reasoning_content": "think hard",
        "annotations": [],
    }
    assert body["usage"]["total_tokens"] == 16
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 3
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2
    events = await client.stream(simulator)
    deltas = [event["choices"][0]["delta"] for event in events[1:-2]]
    assert deltas == [
        {"reasoning_content": "think"},
        {"reasoning_content": " hard"},
        {"refusal": "I"},
        {"refusal": " can't"},
        {"content": "No,"},
        {"content": " but"},
    ]


async def test_choices_scripted_apart(simulator: Simulator, client: Client) -> None:
    simulator.script = Reply(choices=(Answer(text="one"), Answer(text="two")), headers={"x-extra": "1"})
    async with client.post(simulator) as response:
        body = orjson.loads(await response.read())
        assert response.headers["x-extra"] == "1"
    assert [choice["message"]["content"] for choice in body["choices"]] == ["one", "two"]


async def test_logprobs(simulator: Simulator, client: Client) -> None:
    simulator.script = Answer(text="hé you", logprobs=(-0.5,))
    (choice,) = (await client.ask(simulator, logprobs=True, top_logprobs=2))["choices"]
    first, second = choice["logprobs"]["content"]
    assert (first["token"], first["logprob"], first["bytes"]) == ("hé", -0.5, [104, 195, 169])
    assert len(first["top_logprobs"]) == 2
    assert second["logprob"] < 0
    events = await client.stream(simulator, logprobs=True)
    streamed = [
        entry["token"]
        for event in events[:-1]
        if event["choices"][0]["logprobs"]
        for entry in event["choices"][0]["logprobs"]["content"]
    ]
    assert streamed == ["hé", " you"]


@pytest.mark.parametrize(
    ("text", "sizes", "tokens"),
    [
        ("a  bc\n d \n", (), ["a", "  bc", "\n d", " \n"]),
        ("abcdefg", 3, ["abc", "def", "g"]),
        ("abcdefg", (1, 2, 10), ["a", "bc", "defg"]),
        ("ab", (1, 2, 3), ["a", "b"]),
        ("", 3, []),
        (None, (), []),
        ("   ", (), ["   "]),
    ],
)
def test_cutting_into_tokens(text: str | None, sizes: Any, tokens: list[str]) -> None:
    assert Answer(token_chars=sizes).cut(text) == tokens


async def test_one_large_event(simulator: Simulator, client: Client) -> None:
    text = "x" * (3 * 1024 * 1024)
    simulator.script = text
    events = await client.stream(simulator)
    assert len(events) == 4
    assert content(events) == text


async def test_models(simulator_factory: Any, client: Client) -> None:
    simulator = await simulator_factory(models=["tiny", "huge"])
    async with client.session.get(f"{simulator.base_url}/models") as response:
        body = orjson.loads(await response.read())
    assert body["object"] == "list"
    assert [row["id"] for row in body["data"]] == ["tiny", "huge"]
    async with client.session.get(f"{simulator.base_url}/models/huge") as response:
        assert orjson.loads(await response.read())["id"] == "huge"
    async with client.session.get(f"{simulator.base_url}/models/none") as response:
        assert response.status == 404


async def test_headers_of_an_answer(simulator: Simulator, client: Client) -> None:
    async with client.post(simulator) as response:
        assert response.headers["x-request-id"] == "req_00000001"
        assert response.headers["content-type"] == "application/json"
    async with client.post(simulator, stream=True) as response:
        assert response.headers["x-request-id"] == "req_00000002"
        assert response.headers["content-type"].startswith("text/event-stream")

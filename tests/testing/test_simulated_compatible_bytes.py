"""Where Groq's and Mistral's formats are not OpenAI's, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from natives import NATIVES

from aiocompl.testing import Answer, Simulator, ToolCall, Usage, faults

if TYPE_CHECKING:
    from bare_client import Client

BY_NAME = {native.name: native for native in NATIVES}
TOOL = Answer(
    text="Hi",
    reasoning="Hm",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Rome"}, id="c1"), ToolCall(name="time")],
    usage=Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=3, reasoning_tokens=1),
)
WEATHER = {"name": "weather", "arguments": '{"city":"Rome"}'}
TIME = {"name": "time", "arguments": "{}"}
GROQ_USAGE = (
    '"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13,"queue_time":0.125,"prompt_time":0.25,'
    '"completion_time":0.5,"total_time":0.75,"prompt_tokens_details":{"cached_tokens":3},'
    '"completion_tokens_details":{"reasoning_tokens":1}}'
)
GROQ_HEAD = (
    'data: {"id":"chatcmpl-sim00000001","object":"chat.completion.chunk","created":1767225601,'
    '"model":"llama-3.3-70b-versatile","system_fingerprint":"fp_simulator","choices":'
)
MISTRAL_HEAD = (
    'data: {"id":"00000000000000000000000000000001","object":"chat.completion.chunk","created":1767225601,'
    '"model":"mistral-large-latest","choices":'
)


@pytest.fixture
async def say(client: Client, simulator: Simulator) -> Any:
    simulator.script = TOOL

    async def said(name: str, *, stream: bool = False, **how: Any) -> Any:
        _, _, body = await BY_NAME[name].post(client.session, simulator, stream=stream, **how)
        return [line for line in body.decode().splitlines() if line] if stream else orjson.loads(body)

    return said


async def test_groq(say: Any, simulator: Simulator) -> None:
    made = await say("groq")
    assert made["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Hi",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": WEATHER},
            {"id": "call_00000001_0_1", "type": "function", "function": TIME},
        ],
        "reasoning": "Hm",
    }
    assert made["x_groq"] == {"id": "req_00000000000000000000000001", "seed": 1}
    assert made["service_tier"] == "on_demand"
    assert orjson.dumps(made["usage"]).decode() in GROQ_USAGE
    simulator.script = [Answer(), Answer(refusal="No.")]
    assert (await say("groq"))["choices"][0]["message"] == {"role": "assistant"}
    assert (await say("groq"))["choices"][0]["message"] == {"role": "assistant", "content": "No."}


async def test_groq_streams(say: Any) -> None:
    lines = await say("groq", stream=True, stream_options={"include_usage": True})
    own = '"x_groq":{"id":"req_00000000000000000000000001",'
    assert lines[:2] == [
        (
            f'{GROQ_HEAD}[{{"index":0,"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}}],'
            f'{own}"seed":1}}}}'
        ),
        f'{GROQ_HEAD}[{{"index":0,"delta":{{"reasoning":"Hm"}},"logprobs":null,"finish_reason":null}}]}}',
    ]
    assert lines[-2:] == [
        (
            f'{GROQ_HEAD}[{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"tool_calls"}}],'
            f"{own}{GROQ_USAGE}}},{GROQ_USAGE}}}"
        ),
        "data: [DONE]",
    ]


async def test_groq_names_errors_within_streams(say: Any, simulator: Simulator) -> None:
    simulator.script = faults.ErrorEvent(at_event=1, message="It broke.")
    assert (await say("groq", stream=True))[1:] == [
        "event: error",
        'data: {"error":{"message":"It broke.","type":"server_error"}}',
    ]


async def test_mistral(say: Any, simulator: Simulator) -> None:
    made = await say("mistral")
    assert made["choices"] == [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": WEATHER, "index": 0},
                    {"id": "000001001", "type": "function", "function": TIME, "index": 1},
                ],
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "closed": True},
                    {"type": "text", "text": "Hi"},
                ],
            },
        }
    ]
    simulator.script = [Answer(reasoning="Hm"), Answer(text="half", finish_reason="content_filter")]
    assert [part["type"] for part in (await say("mistral"))["choices"][0]["message"]["content"]] == [
        "thinking"
    ]
    assert (await say("mistral"))["choices"][0]["finish_reason"] == "error"


async def test_mistral_streams(say: Any, simulator: Simulator) -> None:
    lines = await say("mistral", stream=True)
    counted = '"usage":{"prompt_tokens":9,"total_tokens":13,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3}}'
    thought = '[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}]'
    calls = orjson.dumps(
        [
            {"id": "c1", "type": "function", "function": WEATHER, "index": 0},
            {"id": "000001001", "type": "function", "function": TIME, "index": 1},
        ]
    ).decode()
    assert lines == [
        f'{MISTRAL_HEAD}[{{"index":0,"delta":{{"role":"assistant","content":""}},"finish_reason":null}}]}}',
        f'{MISTRAL_HEAD}[{{"index":0,"delta":{{"content":{thought}}},"finish_reason":null}}]}}',
        f'{MISTRAL_HEAD}[{{"index":0,"delta":{{"content":"Hi"}},"finish_reason":null}}]}}',
        (
            f'{MISTRAL_HEAD}[{{"index":0,"delta":{{"content":null,"tool_calls":{calls}}},"finish_reason":"tool_calls"}}],'
            f"{counted}}}"
        ),
        "data: [DONE]",
    ]
    simulator.script = Answer(text="a b c")
    both = await say("mistral", stream=True, n=2)
    assert [orjson.loads(line[6:])["choices"][0]["index"] for line in both[:-1]] == [0, 1, *[0] * 4, *[1] * 4]
    assert ['"usage"' in line for line in both] == [*[False] * 9, True, False]


async def test_errors_of_mistral_have_three_shapes(client: Client, simulator: Simulator) -> None:
    shown = []
    for status in (400, 401, 422):
        simulator.script = faults.Status(status=status)
        shown.append(orjson.loads((await BY_NAME["mistral"].post(client.session, simulator))[2]))
    text = "The request is not valid."
    assert shown == [
        {
            "object": "error",
            "message": text,
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        },
        {"detail": "Invalid API Key"},
        {"detail": [{"type": "value_error", "loc": ["body"], "msg": text, "input": None}]},
    ]

"""The native dialects byte by byte: what the facts say of each wire format, written out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from native_readers import messages_of
from natives import NATIVES

from aiocompl.testing import Answer, Simulator, ToolCall, Usage, faults

if TYPE_CHECKING:
    from bare_client import Client

BY_NAME = {native.name: native for native in NATIVES}
USAGE = Usage(prompt_tokens=9, completion_tokens=4, cached_tokens=3, reasoning_tokens=1)
TOOL = Answer(
    text="Hi",
    reasoning="Hm",
    tool_calls=[ToolCall(name="weather", arguments={"city": "Rome"}, id="c1")],
    usage=USAGE,
)


@pytest.fixture
async def say(client: Client, simulator: Simulator) -> Any:
    simulator.script = TOOL

    async def said(name: str, *, stream: bool = False, **how: Any) -> Any:
        _, _, body = await BY_NAME[name].post(client.session, simulator, stream=stream, **how)
        return body.decode().splitlines() if stream and name != "bedrock" else body

    return said


async def test_anthropic(say: Any) -> None:
    assert orjson.loads(await say("anthropic")) == {
        "model": "claude-sonnet-4-5",
        "id": "msg_sim00000001",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "c2lnbmF0dXJlIG9mIDE="},
            {"type": "text", "text": "Hi"},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": 6,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 3,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 4,
            "service_tier": "standard",
            "output_tokens_details": {"thinking_tokens": 1},
        },
    }
    lines = await say("anthropic", stream=True)
    assert lines[3:] == [
        "event: content_block_start",
        'data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}',
        "",
        "event: ping",
        'data: {"type":"ping"}',
        "",
        "event: content_block_delta",
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}',
        "",
        "event: content_block_delta",
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2lnbmF0dXJlIG9mIDI="}}',
        "",
        "event: content_block_stop",
        'data: {"type":"content_block_stop","index":0}',
        "",
        "event: content_block_start",
        'data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}',
        "",
        "event: content_block_delta",
        'data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hi"}}',
        "",
        "event: content_block_stop",
        'data: {"type":"content_block_stop","index":1}',
        "",
        "event: content_block_start",
        'data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"c1","name":"weather","input":{}}}',
        "",
        "event: content_block_delta",
        'data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\\"city\\":\\"Rome\\"}"}}',
        "",
        "event: content_block_stop",
        'data: {"type":"content_block_stop","index":2}',
        "",
        "event: message_delta",
        (
            'data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null,"stop_details":null},'
            '"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":3,"output_tokens":4,'
            '"output_tokens_details":{"thinking_tokens":1}}}'
        ),
        "",
        "event: message_stop",
        'data: {"type":"message_stop"}',
        "",
    ]


async def test_anthropic_refuses_by_a_stop_reason(say: Any, simulator: Simulator) -> None:
    simulator.script = Answer(refusal="I can't.")
    message = orjson.loads(await say("anthropic"))
    assert message["stop_reason"] == "refusal"
    assert message["content"] == [{"type": "text", "text": "I can't."}]


async def test_cohere(say: Any) -> None:
    made = orjson.loads(await say("cohere"))
    units = {"input_tokens": 9, "output_tokens": 4}
    call = {"id": "c1", "type": "function"}
    function = {"name": "weather", "arguments": '{"city":"Rome"}'}
    assert made == {
        "id": "00000000-0000-4000-8000-000000000001",
        "message": {
            "role": "assistant",
            "tool_plan": "Hi",
            "tool_calls": [{**call, "function": function}],
            "content": [{"type": "thinking", "thinking": "Hm"}],
        },
        "finish_reason": "TOOL_CALL",
        "usage": {"billed_units": units, "tokens": {**units, "reasoning_tokens": 1}, "cached_tokens": 3},
    }
    lines = await say("cohere", stream=True)
    assert lines[9:] == [
        "event: content-end",
        'data: {"type":"content-end","index":0}',
        "",
        "event: tool-plan-delta",
        'data: {"type":"tool-plan-delta","delta":{"message":{"tool_plan":"Hi"}}}',
        "",
        "event: tool-call-start",
        (
            'data: {"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c1","type":"function",'
            '"function":{"name":"weather","arguments":""}}}}}'
        ),
        "",
        "event: tool-call-delta",
        (
            'data: {"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":'
            '{"arguments":"{\\"city\\":\\"Rome\\"}"}}}}}'
        ),
        "",
        "event: tool-call-end",
        'data: {"type":"tool-call-end","index":0}',
        "",
        "event: message-end",
        (
            'data: {"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":9,'
            '"output_tokens":4},"tokens":{"input_tokens":9,"output_tokens":4,"reasoning_tokens":1},"cached_tokens":3}}}'
        ),
        "",
        "data: [DONE]",
        "",
    ]


async def test_cohere_v1(say: Any, simulator: Simulator) -> None:
    simulator.script = Answer(text="Hi you", usage=USAGE)
    lines = await say("cohere_v1", stream=True)
    assert lines[:3] == [
        '{"is_finished":false,"event_type":"stream-start","generation_id":"00000001-0000-4000-8000-000000000001"}',
        '{"is_finished":false,"event_type":"text-generation","text":"Hi"}',
        '{"is_finished":false,"event_type":"text-generation","text":" you"}',
    ]
    last = orjson.loads(lines[3])
    assert (last["is_finished"], last["event_type"], last["finish_reason"]) == (
        True,
        "stream-end",
        "COMPLETE",
    )
    whole = orjson.loads(await say("cohere_v1"))
    same = ("text", "finish_reason", "meta", "chat_history")
    assert [last["response"][name] for name in same] == [whole[name] for name in same]


async def test_gemini(say: Any, simulator: Simulator) -> None:
    made = orjson.loads(await say("gemini"))
    assert made == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hm", "thought": True},
                        {"text": "Hi"},
                        {
                            "functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "c1"},
                            "thoughtSignature": "c2lnbmF0dXJlIG9mIDE=",
                        },
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "finishMessage": "Model generated function call(s).",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 9,
            "candidatesTokenCount": 3,
            "totalTokenCount": 13,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
            "serviceTier": "standard",
            "thoughtsTokenCount": 1,
            "cachedContentTokenCount": 3,
        },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "simulated00000001",
    }
    lines = "\n".join(await say("gemini", stream=True))
    assert lines.count("data: {") == 4
    assert lines.count('"usageMetadata"') == 4
    vertex = orjson.loads(await say("vertex"))
    assert vertex["usageMetadata"]["trafficType"] == "ON_DEMAND"
    assert vertex["createTime"]
    simulator.script = Answer(tool_calls=[ToolCall(name="a"), ToolCall(name="b")])
    parts = orjson.loads(await say("gemini"))["candidates"][0]["content"]["parts"]
    assert [sorted(part) for part in parts] == [["functionCall", "thoughtSignature"], ["functionCall"]]
    assert "id" not in parts[0]["functionCall"]


async def test_gemini_ends_lines_in_crlf_and_candidates_apart(client: Client, simulator: Simulator) -> None:
    config: dict[str, Any] = {"generationConfig": {"candidateCount": 2, "responseLogprobs": True}}
    native = BY_NAME["gemini"]
    body = (await native.post(client.session, simulator, stream=True, **config))[2]
    assert body.count(b"\r\n\r\n") == body.count(b"\n") / 2
    indices = [event["candidates"][0]["index"] for event in native.split(body)]
    assert indices == [0] * 4 + [1] * 5 + [0, 1]
    made = orjson.loads((await native.post(client.session, simulator, **config))[2])
    assert [candidate["index"] for candidate in made["candidates"]] == [0, 1]
    chosen = made["candidates"][0]["logprobsResult"]["chosenCandidates"]
    assert "".join(each["token"] for each in chosen) == "You said: hello there"


async def test_gemini_says_in_the_body_when_to_come_again(client: Client, simulator: Simulator) -> None:
    simulator.script = faults.rate_limited(retry_after=34)
    _, _, body = await BY_NAME["gemini"].post(client.session, simulator)
    assert orjson.loads(body) == {
        "error": {
            "code": 429,
            "message": "Resource has been exhausted (e.g. check quota).",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}],
        }
    }


async def test_ollama(say: Any) -> None:
    made = orjson.loads(await say("ollama", think=True, logprobs=True))
    call = {"id": "c1", "function": {"index": 0, "name": "weather", "arguments": {"city": "Rome"}}}
    message = {"role": "assistant", "content": "Hi", "thinking": "Hm", "tool_calls": [call]}
    assert made["message"] == message
    assert made["logprobs"][0]["token"] == "Hi"
    assert (made["done"], made["done_reason"]) == (True, "stop")
    lines = [orjson.loads(line) for line in await say("ollama", stream=True)]
    assert [line["message"] for line in lines] == [
        {"role": "assistant", "content": "", "thinking": "Hm"},
        {"role": "assistant", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "assistant", "content": ""},
    ]
    assert sorted(set(lines[-1]) - set(lines[0])) == [
        "done_reason", "eval_count", "eval_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration",
        "total_duration",
    ]  # fmt: skip


async def test_ollama_streams_unless_told_otherwise(client: Client, simulator: Simulator) -> None:
    body = BY_NAME["ollama"].body("hi")
    async with client.session.post(f"{simulator.url}/api/chat", json=body) as response:
        assert response.content_type == "application/x-ndjson"
        assert (await response.read()).count(b"\n") == 4


async def test_bedrock(say: Any) -> None:
    usage = {
        "inputTokens": 6,
        "outputTokens": 4,
        "totalTokens": 13,
        "cacheReadInputTokens": 3,
        "cacheWriteInputTokens": 0,
        "serverToolUsage": {},
    }
    reasoning = {"text": "Hm", "signature": "c2lnbmF0dXJl00000001"}
    made = orjson.loads(await say("bedrock"))
    assert made == {
        "metrics": {"latencyMs": 1},
        "output": {
            "message": {
                "content": [
                    {"reasoningContent": {"reasoningText": reasoning}},
                    {"text": "Hi"},
                    {"toolUse": {"toolUseId": "c1", "name": "weather", "input": {"city": "Rome"}}},
                ],
                "role": "assistant",
            }
        },
        "stopReason": "tool_use",
        "usage": usage,
    }
    messages = messages_of(await say("bedrock", stream=True))
    assert all(payload.pop("p") for _, payload in messages)
    assert [(headers[":event-type"], payload) for headers, payload in messages] == [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "Hm"}}}),
        (
            "contentBlockDelta",
            {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2lnbmF0dXJl00000002"}}},
        ),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "Hi"}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        (
            "contentBlockStart",
            {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "c1", "name": "weather"}}},
        ),
        ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city":"Rome"}'}}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        ("messageStop", {"stopReason": "tool_use"}),
        ("metadata", {"metrics": {"latencyMs": 1}, "usage": usage}),
    ]


async def test_bedrock_names_its_exceptions(client: Client, simulator: Simulator) -> None:
    simulator.script = [
        faults.rate_limited(),
        faults.ErrorEvent(at_event=1, kind="rate_limit", message="Slow."),
    ]
    native = BY_NAME["bedrock"]
    status, headers, body = await native.post(client.session, simulator)
    assert (status, headers["x-amzn-errortype"].partition(":")[0]) == (429, "ThrottlingException")
    assert orjson.loads(body) == {"message": "Too many requests, please wait before trying again."}
    headers, payload = native.split((await native.post(client.session, simulator, stream=True))[2])[1]
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", "throttlingException")
    assert payload == {"message": "Slow."}


async def test_responses(say: Any) -> None:
    made = orjson.loads(await say("responses", include=["reasoning.encrypted_content"]))
    assert [item["type"] for item in made["output"]] == ["reasoning", "message", "function_call"]
    assert made["output"][0]["encrypted_content"]
    assert made["output"][1]["content"] == [
        {"type": "output_text", "annotations": [], "logprobs": [], "text": "Hi"}
    ]
    lines = await say("responses", stream=True)
    assert [line.removeprefix("event: response.") for line in lines if line.startswith("event")] == [
        "created", "in_progress", "output_item.added", "reasoning_summary_part.added",
        "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done",
        "output_item.done", "output_item.added", "content_part.added", "output_text.delta", "output_text.done",
        "content_part.done", "output_item.done", "output_item.added", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done", "completed",
    ]  # fmt: skip


async def test_responses_repeat_the_request_and_say_why_they_end(say: Any, simulator: Simulator) -> None:
    simulator.script = [Answer(refusal="No."), Answer(text="cut", finish_reason="length")]
    made = orjson.loads(await say("responses", temperature=0.5, reasoning={"effort": "low"}))
    assert (made["temperature"], made["reasoning"]) == (0.5, {"effort": "low", "summary": None})
    assert made["output"][0]["content"] == [{"type": "refusal", "refusal": "No."}]
    made = orjson.loads(await say("responses"))
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


async def test_azure(say: Any, simulator: Simulator, client: Client) -> None:
    made = orjson.loads(await say("azure"))
    assert made["model"] == "gpt-4o"
    assert made["prompt_filter_results"][0]["content_filter_results"]["jailbreak"]["detected"] is False
    assert made["choices"][0]["content_filter_results"]["hate"] == {"filtered": False, "severity": "safe"}
    simulator.script = faults.content_policy()
    status, _, body = await BY_NAME["azure"].post(client.session, simulator)
    error = orjson.loads(body)["error"]
    assert (status, error["code"]) == (400, "content_filter")
    assert error["innererror"]["code"] == "ResponsibleAIPolicyViolation"
    simulator.script = Answer(text="half", finish_reason="content_filter")
    choice = orjson.loads(await say("azure"))["choices"][0]
    assert choice["content_filter_results"]["violence"]["filtered"] is True

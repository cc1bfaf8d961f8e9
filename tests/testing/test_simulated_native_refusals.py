"""What the real providers refuse, the simulated ones refuse, in their words as far as those are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from natives import NATIVES, SCHEMA

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Simulator
    from aiocompl.testing.plugin import SimulatorFactory

BY_NAME = {native.name: native for native in NATIVES}
USER = {"role": "user", "content": "hi"}
TOOL = {"name": "weather", "input_schema": SCHEMA}
USE = {"type": "tool_use", "id": "a", "name": "weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
FUNCTION = {"name": "weather", "parameters": SCHEMA}


def said(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def parts(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "parts": list(blocks)}


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("anthropic", {"max_tokens": None}, "max_tokens: Field required"),
    ("anthropic", {"max_tokens": "7"}, "valid integer"),
    ("anthropic", {"logprobs": True}, "logprobs: Extra inputs are not permitted"),
    ("anthropic", {"temperature": 1.5}, "temperature: range: 0..1"),
    ("anthropic", {"stop_sequences": [" "]}, "must contain non-whitespace"),
    ("anthropic", {"thinking": {"type": "enabled"}}, "budget_tokens: Field required"),
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 10}}, "greater than or equal to 1024"),
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "must be greater than `thinking"),
    ("anthropic", {"messages": "hi"}, "should be a valid list"),
    ("anthropic", {"messages": []}, "at least one message"),
    ("anthropic", {"messages": [{"role": "tool", "content": "x"}]}, "Unexpected role"),
    ("anthropic", {"messages": [{"role": "user"}]}, "content: Field required"),
    ("anthropic", {"messages": [said("user", {"type": "text", "text": " "})]}, "must be non-empty"),
    ("anthropic", {"messages": [USER, said("assistant", USE)]}, "without `tool_result` blocks"),
    ("anthropic", {"messages": [USER, said("assistant", USE), USER]}, "without `tool_result` blocks"),
    ("anthropic", {"messages": [said("user", RESULT)]}, "unexpected `tool_use_id`"),
    ("anthropic", {"tool_choice": {"type": "auto"}}, "while providing `tools`"),
    ("anthropic", {"tools": [{**TOOL, "name": "no spaces"}]}, "should match pattern"),
    ("anthropic", {"tools": [{"name": "weather"}]}, "input_schema: Field required"),
    ("anthropic", {"tools": [{**TOOL, "input_schema": {"type": "array"}}]}, "should be 'object'"),
    ("cohere", {"model": ""}, "model is required"),
    ("cohere", {"messages": []}, "at least one message"),
    ("cohere", {"messages": [{"role": "developer", "content": "x"}]}, "role must be one of"),
    ("cohere", {"messages": [{"role": "tool", "content": "x"}]}, "tool_call_id is required"),
    ("cohere", {"messages": [{"role": "user"}]}, "must have content"),
    ("cohere", {"p": 1}, "p must be between"),
    ("cohere", {"frequency_penalty": -1}, "frequency_penalty must be between"),
    ("cohere", {"temperature": -1}, "temperature must be at least 0"),
    ("cohere", {"stop_sequences": ["a"] * 6}, "at most 5"),
    ("cohere", {"tools": [{"function": {"name": "f"}}]}, "parameters is required"),
    ("cohere", {"tool_choice": "REQUIRED"}, "requires tools"),
    (
        "cohere",
        {"tools": [{"function": FUNCTION}], "response_format": {"type": "json_object"}},
        "not supported together",
    ),
    ("cohere_v1", {"message": ""}, "must be at least 1 token long"),
    ("cohere_v1", {"tool_results": [{}]}, "cannot specify both message and tool_results"),
    ("cohere_v1", {"chat_history": [{"role": "user-ish", "message": "x"}]}, "role must be one of"),
    ("cohere_v1", {"k": 501}, "k must be between"),
    ("gemini", {"messages": []}, 'Unknown name \\"messages\\"'),
    ("gemini", {"contents": []}, "contents is not specified"),
    ("gemini", {"contents": [parts("assistant", {"text": "x"})]}, "valid role: user, model"),
    ("gemini", {"contents": [parts("user")]}, "must not be empty"),
    ("gemini", {"contents": [parts("user", {"text": ""})]}, "at least one parts field"),
    (
        "gemini",
        {"contents": [parts("user", {"functionResponse": {"name": "f"}})]},
        "equal to the number of function",
    ),
    ("gemini", {"generationConfig": {"temperature": 2.5}}, "must be in the range"),
    ("gemini", {"generation_config": {"top_p": 2}}, "must be in the range"),
    ("gemini", {"generationConfig": {"stopSequences": ["a"] * 6}}, "at most 5"),
    (
        "gemini",
        {"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}},
        "only one of thinking budget",
    ),
    ("gemini", {"generationConfig": {"responseSchema": {"type": "OBJECT"}}}, "requires a response mime type"),
    ("gemini", {"tools": [{"functionDeclarations": [{"name": "1st"}]}]}, "Invalid function name"),
    ("gemini", {"toolConfig": {"functionCallingConfig": {"mode": "SOME"}}}, "Invalid value at"),
    ("gemini", {"toolConfig": {"functionCallingConfig": {"allowedFunctionNames": ["f"]}}}, "mode is ANY"),
    ("groq", {"logit_bias": {"1": 2}}, "property 'logit_bias' is unsupported"),
    ("groq", {"n": 2}, "must be at most 1"),
    ("groq", {"messages": [{**USER, "name": "me"}]}, "property 'name' is unsupported"),
    (
        "groq",
        {"messages": [USER, {"role": "assistant", "content": "x", "function_call": None}, USER]},
        "property 'function_call' is unsupported",
    ),
    ("mistral", {"seed": 1}, "Extra inputs are not permitted"),
    ("mistral", {"stream_options": {}}, "Extra inputs are not permitted"),
    ("mistral", {"temperature": 1.6}, "less than or equal to 1.5"),
    ("mistral", {"tool_choice": "some"}, "'auto', 'none', 'any' or 'required'"),
    ("mistral", {"messages": [{"role": "developer", "content": "x"}]}, "Input tag 'developer'"),
    ("mistral", {"messages": [{**USER, "name": "me"}]}, "Extra inputs are not permitted"),
    ("mistral", {"messages": [USER, {"role": "assistant", "content": ""}]}, "either content or tool_calls"),
    ("mistral", {"messages": [USER, {"role": "assistant", "content": "x"}]}, "Expected last role User"),
    (
        "mistral",
        {
            "messages": [
                USER,
                {
                    "role": "assistant",
                    "tool_calls": [{"id": "call_1", "type": "function", "function": FUNCTION}],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "x"},
            ]
        },
        "with a length of 9",
    ),
    ("ollama", {"model": ""}, "model is required"),
    ("ollama", {"messages": [{"role": "developer", "content": "x"}]}, "invalid role: developer"),
    ("ollama", {"messages": [said("user", {"type": "text", "text": "x"})]}, "of type string"),
    (
        "ollama",
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]},
        "looks like object",
    ),
    ("bedrock", {"messages": []}, "must start with a user message"),
    ("bedrock", {"messages": [said("user", {"text": "x"})] * 2}, "must alternate"),
    ("bedrock", {"messages": [said("user", {"text": "x"}), said("system", {"text": "x"})]}, "enum value set"),
    ("bedrock", {"messages": [said("user")]}, "is empty"),
    ("bedrock", {"messages": [said("user", {"text": " "})]}, "is blank"),
    ("bedrock", {"inferenceConfig": {"maxTokens": 0}}, "maxTokens"),
    ("bedrock", {"inferenceConfig": {"temperature": 2}}, "temperature"),
    ("bedrock", {"toolConfig": {"tools": []}}, "length greater than or equal to 1"),
    ("bedrock", {"toolConfig": {"tools": [{"toolSpec": {"name": "a b"}}]}}, "regular expression pattern"),
    (
        "bedrock",
        {"messages": [said("user", {"toolResult": {"toolUseId": "a", "content": []}})]},
        "exceeds the number of toolUse",
    ),
    (
        "bedrock",
        {"messages": [said("user", {"toolResult": {"toolUseId": "a/b", "content": []}})]},
        "regular expression pattern",
    ),
    (
        "bedrock",
        {
            "messages": [
                said("user", {"text": "x"}),
                said("assistant", {"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}),
                said("user", {"text": "x"}),
            ]
        },
        "Expected toolResult blocks",
    ),
    ("responses", {"model": ""}, "Missing required parameter: 'model'"),
    ("responses", {"input": None}, "Missing required parameter: 'input'"),
    ("responses", {"messages": []}, "Unknown parameter: 'messages'"),
    ("responses", {"max_tokens": 5}, "Unknown parameter: 'max_tokens'"),
    ("responses", {"input": [{"role": "tool", "content": "x"}]}, "Invalid value: 'tool'"),
    ("responses", {"input": [said("user", {"type": "text", "text": "x"})]}, "Invalid value: 'text'"),
    ("responses", {"input": [{"type": "function_call_output", "call_id": "a"}]}, "No tool call found"),
    ("responses", {"temperature": 3}, "decimal out of range"),
    ("responses", {"tools": [{"name": "f"}]}, "tools[0].type"),
    ("responses", {"tools": [{"type": "function", "function": FUNCTION}]}, "tools[0].name"),
    ("azure", {"messages": []}, "empty array"),
]


@pytest.mark.parametrize(("name", "change", "words"), REFUSED)
async def test_refused(
    client: Client, simulator: Simulator, name: str, change: dict[str, Any], words: str
) -> None:
    status, _, body = await BY_NAME[name].post(client.session, simulator, **change)
    assert status in (400, 422)
    assert words in body.decode()
    assert simulator.requests[0].model is None


async def test_anthropic_wants_its_version(client: Client, simulator: Simulator) -> None:
    native = BY_NAME["anthropic"]
    status, _, body = await native.post(client.session, simulator, headers={})
    assert status == 400
    assert b"anthropic-version: header is required" in body
    newest = {"anthropic-version": "2026-10-21"}
    status, _, body = await native.post(client.session, simulator, headers=newest, temperature=0.5)
    assert status == 400
    assert b"temperature: Extra inputs" in body


async def test_azure_wants_its_version_on_the_old_path(client: Client, simulator: Simulator) -> None:
    url = f"{simulator.url}/openai/deployments/gpt-4o/chat/completions"
    async with client.session.post(
        url, json=BY_NAME["azure"].body("hi"), headers={"api-key": "k"}
    ) as response:
        assert response.status == 404
        assert b"Resource not found" in await response.read()


async def test_how_gemini_takes_a_key(client: Client, simulator_factory: SimulatorFactory) -> None:
    simulator = await simulator_factory(api_key="right")
    body = BY_NAME["gemini"].body("hi")
    url = f"{simulator.url}/v1beta/models/gemini-2.5-flash:generateContent"
    async with client.session.post(url, json=body) as response:
        assert response.status == 403
    async with client.session.post(f"{url}?key=wrong", json=body) as response:
        assert response.status == 400
        assert b'"reason":"API_KEY_INVALID"' in await response.read()
    async with client.session.post(f"{url}?key=right", json=body) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("authorization", "words"),
    [
        ("AWS4-HMAC-SHA256 Credential=right/x", "does not conform"),
        (
            "AWS4-HMAC-SHA256 Credential=other/20260102/us-east-1/bedrock/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, Signature=" + "0" * 64,
            "security token",
        ),
        ("Bearer other", "security token"),
    ],
)
async def test_bedrock_looks_at_signatures(
    client: Client, simulator_factory: SimulatorFactory, authorization: str, words: str
) -> None:
    simulator = await simulator_factory(api_key="right")
    headers = {"authorization": authorization, "x-amz-date": "20260102T030405Z"}
    status, sent, body = await BY_NAME["bedrock"].post(client.session, simulator, headers=headers)
    assert (status, sent["x-amzn-errortype"].partition(":")[0]) == (403, "UnrecognizedClientException")
    assert words in body.decode()

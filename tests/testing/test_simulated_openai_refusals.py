from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Simulator
    from aiocompl.testing.plugin import SimulatorFactory

USER = {"role": "user", "content": "hi"}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
ANSWER = {"role": "tool", "tool_call_id": "c1", "content": "ok"}
TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"model": ""}, None, None),
        ({"messages": None}, "messages", "missing_required_parameter"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
        ({"messages": [USER, {"role": "robot", "content": ""}]}, "messages[1].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content", "invalid_type"),
        (
            {"messages": [{"role": "tool", "content": ""}]},
            "messages[0].tool_call_id",
            "missing_required_parameter",
        ),
        ({"messages": [USER, ANSWER]}, "messages.[1].role", None),
        ({"messages": [USER, CALL]}, "messages.[2].role", None),
        ({"messages": [USER, CALL, USER]}, "messages.[2].role", None),
        ({"temperature": 3}, "temperature", "decimal_above_max_value"),
        ({"temperature": "warm"}, "temperature", "invalid_type"),
        ({"n": 0}, "n", "decimal_below_min_value"),
        ({"n": 1.5}, "n", "invalid_type"),
        ({"stream": True, "stream_options": [1]}, "stream_options", "invalid_type"),
        ({"response_format": "json"}, None, None),
        ({"messages": [{**CALL, "tool_calls": [{}]}]}, None, None),
        ({"messages": [{"role": "user", "content": ["x"]}]}, None, None),
        ({"tool_choice": "auto"}, "tool_choice", None),
        ({"tools": []}, "tools", "invalid_value"),
        ({"tools": [{"function": {}}]}, "tools[0].type", "missing_required_parameter"),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools[0].function.name",
            "invalid_value",
        ),
        ({"stream_options": {}}, "stream_options", None),
        ({"stop": list("abcde")}, "stop", "array_above_max_length"),
        ({"model": "o3", "max_tokens": 5}, "max_tokens", "unsupported_parameter"),
        ({"response_format": {"type": "json_object"}}, "messages", None),
    ],
)
async def test_bad_request(
    simulator: Simulator, client: Client, params: dict[str, Any], param: str | None, code: str | None
) -> None:
    async with client.post(simulator, **params) as response:
        assert response.status == 400
        error = orjson.loads(await response.read())["error"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"]
    assert simulator.requests[0].status == 400


@pytest.mark.parametrize(
    "params",
    [
        {"messages": [USER, CALL, ANSWER, USER]},
        {"model": "gpt-5-chat-latest", "max_tokens": 5},
        {"tools": [TOOL], "tool_choice": "auto"},
        {"temperature": None},
        {"messages": [{"role": "system", "content": "be brief"}]},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "x", "schema": {"properties": {"a": True}}},
            }
        },
    ],
)
async def test_good_request(simulator: Simulator, client: Client, params: dict[str, Any]) -> None:
    assert await client.status(simulator, **params) == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_body_that_is_no_json_object(simulator: Simulator, client: Client, body: bytes) -> None:
    async with client.session.post(f"{simulator.base_url}/chat/completions", data=body) as response:
        assert response.status == 400
        assert "JSON" in orjson.loads(await response.read())["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "invalid_api_key"),
        ({"authorization": "Bearer wrong"}, 401, "invalid_api_key"),
        ({"authorization": "Basic right"}, 401, "invalid_api_key"),
        ({"authorization": "Bearer right"}, 200, None),
    ],
)
async def test_key(
    simulator_factory: SimulatorFactory,
    client: Client,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    simulator = await simulator_factory(api_key="right")
    async with client.post(simulator, headers=headers) as response:
        assert response.status == status
        body = orjson.loads(await response.read())
    assert body.get("error", {}).get("code") == code


async def test_unknown_model(simulator_factory: SimulatorFactory, client: Client) -> None:
    simulator = await simulator_factory(models=["tiny"])
    async with client.post(simulator) as response:
        assert response.status == 404
        error = orjson.loads(await response.read())["error"]
    assert error["code"] == "model_not_found"
    assert "gpt-4o" in error["message"]
    assert await client.status(simulator, model="tiny") == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/chat/completions", 405), ("POST", "/models", 405), ("POST", "/nothing", 404)],
)
async def test_wrong_address(
    simulator: Simulator, client: Client, method: str, path: str, status: int
) -> None:
    async with client.session.request(method, simulator.base_url + path) as response:
        assert response.status == status
        assert orjson.loads(await response.read())["error"]["message"]

"""The simulated watsonx.ai chat: what it refuses, and what it says beside OpenAI's envelope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.testing import Answer, Simulator, faults

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bare_client import Client

CHAT = "/ml/v1/text/chat"
VERSION = "?version=2025-10-01"
USER = {"role": "user", "content": "hello there"}
BODY: dict[str, Any] = {"model_id": "ibm/granite", "project_id": "p", "messages": [USER]}
OPEN = {"type": "object", "properties": {"additionalProperties": {"type": "string"}}}
"""A schema in which the forbidden word is a property's name."""


def tool(**function: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": "f", "parameters": OPEN, **function}}


@pytest.fixture
async def watsonx() -> AsyncIterator[Simulator]:
    async with Simulator(dialect="watsonx") as simulator:
        yield simulator


async def post(
    client: Client, simulator: Simulator, body: dict[str, Any], path: str = CHAT + VERSION
) -> tuple[int, bytes]:
    async with client.session.post(simulator.base_url + path, json=body) as response:
        return response.status, await response.read()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_id": None}, "'model_id' is a required field"),
        ({"project_id": None}, "either space_id or project_id"),
        ({"model": "m"}, "model is not a known property"),
        ({"stream": True}, "stream is not a known property"),
        ({"messages": []}, "empty array"),
        ({"stop": ["a"] * 5}, "array too long"),
        ({"tools": [tool()], "tool_choice": "auto"}, "'tool_choice' is not of the type object"),
        ({"tools": [tool()], "tool_choice_option": "any"}, "must be one of auto, none, required"),
        (
            {"tools": [tool()], "tool_choice_option": "auto", "tool_choice": {"type": "function"}},
            "only one of",
        ),
        ({"tools": [tool(strict=True)]}, "strict is not a known property"),
        ({"tools": [tool(parameters={"additionalProperties": False})]}, "additionalProperties"),
        (
            {"tools": [tool(parameters={"properties": {"a": {"items": {"additionalProperties": False}}}})]},
            "additionalProperties",
        ),
    ],
)
async def test_what_it_refuses(
    client: Client, watsonx: Simulator, change: dict[str, Any], words: str
) -> None:
    body = {name: value for name, value in {**BODY, **change}.items() if value is not None}
    status, answer = await post(client, watsonx, body)
    made = orjson.loads(answer)
    assert (status, made["status_code"]) == (400, 400)
    assert made["errors"][0]["code"] == "invalid_request_entity"
    assert words in made["errors"][0]["message"]


async def test_a_version_is_wanted_and_a_key_checked(client: Client, watsonx: Simulator) -> None:
    status, answer = await post(client, watsonx, BODY, CHAT)
    assert status == 400
    assert b"'version' was not provided" in answer
    async with Simulator(dialect="watsonx", api_key="right", models=["m"]) as closed:
        assert (await post(client, closed, BODY))[0] == 401
        async with client.session.post(
            closed.base_url + CHAT + VERSION, json=BODY, headers={"authorization": "Bearer right"}
        ) as response:
            assert response.status == 404
            assert (await response.json())["errors"][0]["code"] == "model_not_supported"


async def test_a_whole_answer(client: Client, watsonx: Simulator) -> None:
    watsonx.script = Answer(text="Hi", reasoning="Hm")
    status, answer = await post(client, watsonx, {**BODY, "tools": [tool()], "tool_choice_option": "none"})
    made = orjson.loads(answer)
    assert (status, made["model_id"], made["choices"][0]["message"]["content"]) == (200, "ibm/granite", "Hi")
    assert made["choices"][0]["message"]["reasoning_content"] == "Hm"
    assert made["system"]["warnings"][0]["id"] == "disclaimer_warning"
    assert made["created_at"]
    assert "service_tier" not in made
    assert watsonx.requests[0].model == "ibm/granite"


@pytest.mark.parametrize(
    ("option", "calls"), [({"tool_choice_option": "required"}, True), ({"tool_choice_option": "auto"}, False)]
)
async def test_tools(client: Client, watsonx: Simulator, option: dict[str, Any], calls: bool) -> None:
    _, answer = await post(client, watsonx, {**BODY, "tools": [tool()], **option})
    assert bool(orjson.loads(answer)["choices"][0]["message"].get("tool_calls")) is calls


async def test_a_deployments_stream(client: Client, watsonx: Simulator) -> None:
    watsonx.script = Answer(text="Hi you")
    path = f"/ml/v1/deployments/mine/text/chat_stream{VERSION}"
    assert (await post(client, watsonx, BODY, path))[0] == 400  # it has a model and a project
    _, answer = await post(client, watsonx, {"messages": [USER]}, path)
    frames = [frame.split("\n", 2) for frame in answer.decode().split("\n\n") if frame]
    assert [frame[0] for frame in frames] == [f"id: {number}" for number in range(1, len(frames) + 1)]
    assert {frame[1] for frame in frames} == {"event: message"}
    values = [orjson.loads(frame[2].removeprefix("data: ")) for frame in frames]
    assert {value["model_id"] for value in values} == {"mine"}
    said = [value["choices"][0]["delta"].get("content") or "" for value in values if value["choices"]]
    assert "".join(said) == "Hi you"
    assert [("usage" in value) for value in values] == [False] * (len(values) - 1) + [True]


async def test_an_error_in_a_stream(client: Client, watsonx: Simulator) -> None:
    watsonx.script = faults.ErrorEvent(kind="context_length")
    _, answer = await post(client, watsonx, BODY, f"/ml/v1/text/chat_stream{VERSION}")
    last = answer.decode().split("\n\n")[-2].split("\n")
    assert last[1] == "event: error"
    (error,) = orjson.loads(last[2].removeprefix("data: "))["errors"]
    assert error["code"] == "invalid_input_argument"
    assert "cannot exceed the total tokens limit" in error["message"]


async def test_elsewhere_it_is_openais(client: Client, watsonx: Simulator) -> None:
    body = {"model": "m", "messages": [USER]}
    status, answer = await post(client, watsonx, body, "/v1/chat/completions")
    assert status == 200
    assert "model_id" not in orjson.loads(answer)
    _, answer = await post(client, watsonx, {**body, "stream": True}, "/v1/chat/completions")
    assert answer.endswith(b"data: [DONE]\n\n")

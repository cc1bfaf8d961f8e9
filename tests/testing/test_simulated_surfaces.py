"""The simulated hosts and routes: where they are, what they refuse, and how they answer and fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.testing import Answer, Simulator, ToolCall, faults
from aiocompl.testing.dialects import make_dialect

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing.asked import ProblemKind

VERTEX = "/v1/projects/p/locations/l"
RUN = "/client/v4/accounts/a/ai/run/@cf/meta/llama"
USER = {"role": "user", "content": "hello"}
CALL = Answer(text="", tool_calls=[ToolCall(name="f", arguments='{"a":1}')])
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


async def post(
    client: Client, simulator: Simulator, path: str, body: dict[str, Any], **headers: str
) -> tuple[int, Any]:
    """Status and body, parsed where it is JSON."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.session.post(simulator.url + path, json=body, headers=sent) as response:
        data = await response.read()
        return response.status, orjson.loads(data) if "json" in response.content_type else data


def events(data: bytes) -> list[Any]:
    lines = data.decode().split("\n\n")
    return [orjson.loads(line[6:]) for line in lines if line.startswith("data: {")]


# ---------------------------------------------------------------- Vertex AI


async def test_open_models_on_vertex(client: Client, simulator: Simulator) -> None:
    simulator.script = CALL
    path = f"{VERTEX}/endpoints/openapi/chat/completions"
    for model, call_id, has_content in (
        ("meta/llama-maas", "call_00000001_0_0", True),
        ("google/gemini", "", False),
    ):
        status, made = await post(
            client, simulator, path, {"model": model, "messages": [USER], "tools": [TOOL]}
        )
        assert (status, made["model"]) == (200, model)
        message = made["choices"][0]["message"]
        assert message["tool_calls"][0]["id"] == call_id
        assert ("content" in message) is has_content


@pytest.mark.parametrize(
    ("kind", "code", "word"),
    [
        ("content_policy", 400, "INVALID_ARGUMENT"),
        ("server_error", 500, "INTERNAL"),
        ("rate_limit", 429, "RESOURCE_EXHAUSTED"),
    ],
)
async def test_an_error_in_a_stream_of_open_models_on_vertex(
    client: Client, simulator: Simulator, kind: ProblemKind, code: int, word: str
) -> None:
    simulator.script = faults.ErrorEvent(kind=kind, message="No.")
    body = {"model": "meta/llama-maas", "messages": [USER], "stream": True}
    _, data = await post(client, simulator, f"{VERTEX}/endpoints/openapi/chat/completions", body)
    assert events(data)[-1] == {"error": {"code": code, "message": "No.", "status": word}}


async def test_an_error_in_a_stream_of_geminis_has_its_own_code(client: Client, simulator: Simulator) -> None:
    simulator.script = faults.ErrorEvent(kind="overloaded", message="No.")
    path = "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"
    _, data = await post(client, simulator, path, {"contents": [{"parts": [{"text": "hi"}]}]})
    last = orjson.loads(data.split(b"data: ")[-1])
    assert last == {"error": {"code": 503, "message": "No.", "status": "UNAVAILABLE"}}


async def test_the_base_url_of_vertex_is_the_host(client: Client) -> None:
    async with Simulator("hi", dialect="vertex") as simulator:
        assert simulator.base_url == simulator.url
        path = f"{VERTEX}/publishers/google/models/gemini-2.5-flash:generateContent"
        status, made = await post(client, simulator, path, {"contents": [{"parts": [{"text": "hi"}]}]})
        assert (status, made["candidates"][0]["content"]["parts"]) == (200, [{"text": "hi"}])
        path = f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5:rawPredict"
        body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": [USER]}
        status, made = await post(client, simulator, path, body)
        assert (status, made["content"]) == (200, [{"type": "text", "text": "hi"}])


async def test_what_vertex_refuses(client: Client) -> None:
    async with Simulator(dialect="vertex_openai", api_key="token") as simulator:
        path = f"{VERTEX}/endpoints/openapi/chat/completions"
        body = {"model": "meta/llama", "messages": [USER]}
        status, made = await post(client, simulator, path, body)
        assert (status, made[0]["error"]["status"]) == (401, "UNAUTHENTICATED")
        status, made = await post(
            client, simulator, path, body | {"model": "llama"}, authorization="Bearer token"
        )
        assert (status, made[0]["error"]["status"]) == (400, "INVALID_ARGUMENT")
        assert (await post(client, simulator, "/v1/no/such", {}, authorization="Bearer token"))[0] == 404


async def test_an_endpoint_of_ones_own_and_mistral(client: Client, simulator: Simulator) -> None:
    own = f"{VERTEX}/endpoints/42/chat/completions"
    assert (await post(client, simulator, own, {"model": "", "messages": [USER]}))[1]["model"] == "42"
    raw = f"{VERTEX}/publishers/mistralai/models/mistral-m"
    body = {"model": "mistral-m", "messages": [USER]}
    assert (await post(client, simulator, f"{raw}:rawPredict", body))[1]["object"] == "chat.completion"
    status, data = await post(client, simulator, f"{raw}:streamRawPredict", body)
    assert (status, data.endswith(b"data: [DONE]\n\n")) == (200, True)
    assert (await post(client, simulator, f"{raw}:rawPredict", body | {"model": "other"}))[0] == 400


# ---------------------------------------------------------------- Cloudflare


async def test_workers_ai(client: Client, simulator: Simulator) -> None:
    simulator.script = lambda asked: Answer(text=f"{asked.text} {asked.model}")
    status, made = await post(client, simulator, RUN, {"messages": [USER]})
    assert (status, made["success"], made["errors"]) == (200, True, [])
    assert made["result"]["response"] == "hello @cf/meta/llama"
    assert made["result"]["usage"]["completion_tokens"] > 0
    _, data = await post(client, simulator, RUN, {"messages": [USER], "stream": True})
    pieces = events(data)
    assert "".join(piece["response"] for piece in pieces) == "hello @cf/meta/llama"
    assert pieces[-1]["usage"]["completion_tokens"] == made["result"]["usage"]["completion_tokens"]
    assert data.endswith(b"data: [DONE]\n\n")


async def test_workers_ais_tools_and_json(client: Client, simulator: Simulator) -> None:
    simulator.script = [CALL, CALL, Answer(text='{"a":1}')]
    call = {"name": "f", "arguments": {"a": 1}}
    body = {"messages": [USER], "tools": [TOOL]}
    _, made = await post(client, simulator, RUN, body)
    assert made["result"]["tool_calls"] == [call]
    _, data = await post(client, simulator, RUN, body | {"stream": True})
    assert [event["tool_calls"] for event in events(data) if "tool_calls" in event] == [[call]]
    _, made = await post(
        client,
        simulator,
        RUN,
        {"messages": [USER], "response_format": {"type": "json_schema", "json_schema": {}}},
    )
    assert made["result"]["response"] == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": [USER], "tool_choice": "auto"},
        {"messages": [{"role": "developer", "content": "a"}]},
        {"messages": [{"role": "assistant", "content": None}]},
        {"messages": [USER], "temperature": 7},
    ],
)
async def test_what_workers_ai_refuses(client: Client, simulator: Simulator, body: dict[str, Any]) -> None:
    status, made = await post(client, simulator, RUN, body)
    assert (status, made["success"], made["result"]) == (400, False, None)
    assert made["errors"][0]["message"].startswith("AiError: Bad input")


async def test_workers_ais_errors(client: Client) -> None:
    script = [faults.rate_limited(), faults.context_length()]
    async with Simulator(script, dialect="cloudflare", api_key="k", models=["@cf/meta/llama"]) as simulator:
        assert (await post(client, simulator, RUN, {}))[1]["errors"][0]["code"] == 10000
        auth = {"authorization": "Bearer k"}
        assert (await post(client, simulator, f"{RUN}2", {}, **auth))[1]["errors"][0]["code"] == 5007
        body = {"messages": [USER]}
        status, made = await post(client, simulator, RUN, body, **auth)
        assert (status, made["errors"][0]["code"]) == (429, 3040)
        _, made = await post(client, simulator, RUN, body, **auth)
        assert "exceeded this model context window" in made["errors"][0]["message"]


async def test_workers_ai_fails_inside_a_stream(client: Client, simulator: Simulator) -> None:
    simulator.script = faults.ErrorEvent()
    _, data = await post(client, simulator, RUN, {"messages": [USER], "stream": True})
    assert events(data)[-1]["success"] is False


# ---------------------------------------------------------------- Hugging Face


@pytest.mark.parametrize(
    "path",
    [
        "/groq/openai/v1",
        "/together/v1",
        "/cohere/compatibility/v1",
        "/novita/v3/openai",
        "/zai-org/api/paas/v4",
    ],
)
async def test_routes_to_providers(client: Client, simulator: Simulator, path: str) -> None:
    body = {"model": "o/m", "messages": [USER]}
    assert (await post(client, simulator, f"{path}/chat/completions", body))[0] == 200
    simulator.script = faults.quota_exhausted()
    status, made = await post(client, simulator, f"{path}/chat/completions", body)
    assert (status, made["error"].split(" included")[0]) == (402, "You have exceeded your monthly")


@pytest.mark.parametrize("path", ["/groq/v1", "/together/openai/v1"])
async def test_a_route_that_is_none(client: Client, path: str) -> None:
    async with Simulator(dialect=make_dialect("huggingface")) as simulator:
        assert (await post(client, simulator, f"{path}/chat/completions", {"model": "m"}))[0] == 404


@pytest.mark.parametrize("given", ["broken json", '{"a":'])
async def test_arguments_that_are_no_json_from_tgi(client: Client, given: str) -> None:
    script = Answer(tool_calls=[ToolCall(name="f", arguments=given)])
    async with Simulator(script, dialect=make_dialect("tgi")) as simulator:
        body = {"model": "tgi", "messages": [USER], "tools": [TOOL]}
        status, made = await post(client, simulator, "/v1/chat/completions", body)
        assert status == 200
        assert made["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == given
        _, data = await post(client, simulator, "/v1/chat/completions", body | {"stream": True})
        deltas = [event["choices"][0]["delta"] for event in events(data) if event["choices"]]
        calls = [call["function"] for delta in deltas for call in delta.get("tool_calls") or ()]
        assert "".join(call["arguments"] for call in calls) == given


async def test_tgi(client: Client) -> None:
    async with Simulator([CALL, "hi", "hi"], dialect=make_dialect("tgi")) as simulator:
        path, body = "/v1/chat/completions", {"model": "tgi", "messages": [USER]}
        _, made = await post(client, simulator, path, body | {"tools": [TOOL]})
        assert made["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == {"a": 1}
        _, made = await post(client, simulator, path, body)
        assert made["choices"][0]["finish_reason"] == "eos_token"
        _, data = await post(client, simulator, path, body | {"stream": True})
        assert events(data)[-1]["choices"][0]["finish_reason"] == "eos_token"
        refused: tuple[dict[str, Any], ...] = (
            {"temperature": 0},
            {"top_p": 1},
            {"top_p": 0},
            {"n": 2},
            {"logit_bias": {}},
        )
        for wrong in refused:
            status, made = await post(client, simulator, path, body | wrong)
            assert (status, made["error_type"]) == (422, "validation")
        assert (await post(client, simulator, "/other", body))[0] == 404
        simulator.script = [faults.overloaded(), faults.server_error()]
        assert (await post(client, simulator, path, body))[1]["error_type"] == "overloaded"
        assert (await post(client, simulator, path, body))[1]["error_type"] == "generation"


async def test_hf_inference_names_the_model_twice(client: Client, simulator: Simulator) -> None:
    path = "/hf-inference/models/o/m/v1/chat/completions"
    assert (await post(client, simulator, path, {"model": "o/m", "messages": [USER]}))[0] == 200
    assert (await post(client, simulator, path, {"model": "other", "messages": [USER]}))[0] == 404


# ---------------------------------------------------------------- Databricks


async def test_databricks(client: Client, simulator: Simulator) -> None:
    simulator.script = Answer(text="Hi", reasoning="Hm")
    path = "/serving-endpoints/my-endpoint/invocations"
    _, made = await post(client, simulator, path, {"messages": [USER]})
    assert made["model"] == "my-endpoint"
    thought, said = made["choices"][0]["message"]["content"]
    assert (thought["summary"][0]["text"], said["text"]) == ("Hm", "Hi")
    _, data = await post(
        client,
        simulator,
        "/serving-endpoints/chat/completions",
        {"model": "m", "messages": [USER], "stream": True},
    )
    contents = [event["choices"][0]["delta"].get("content") for event in events(data)]
    assert [content[0]["type"] for content in contents if isinstance(content, list)] == ["reasoning"]


async def test_databricks_errors(client: Client, simulator: Simulator) -> None:
    simulator.script = [faults.rate_limited(), faults.context_length()]
    body = {"model": "m", "messages": [USER]}
    path = "/serving-endpoints/chat/completions"
    assert (await post(client, simulator, path, body))[1]["error_code"] == "REQUEST_LIMIT_EXCEEDED"
    _, made = await post(client, simulator, path, body)
    assert "Response from external model provider: {" in made["message"]

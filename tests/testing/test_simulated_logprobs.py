"""Log probabilities as each provider's documentation has them, and the same in both forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from natives import NATIVES

from aiocompl.testing import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from bare_client import Client

    from aiocompl.testing import Simulator

BY_NAME = {native.name: native for native in NATIVES}
SCRIPT = Answer(reasoning="Hm", text="Hi you", logprobs=(-0.5, -0.25))
OTHER = {"token": "Hi1", "logprob": -1.5}


def responses(entries: list[Any]) -> list[Any]:
    return [entry for part in entries for entry in part["logprobs"]]


def google(candidates: list[Any]) -> list[Any]:
    return [
        (chosen, top["candidates"])
        for result in (each["logprobsResult"] for each in candidates if "logprobsResult" in each)
        for chosen, top in zip(result["chosenCandidates"], result["topCandidates"], strict=True)
    ]


def whole_of(name: str, body: Any) -> list[Any]:
    """The entries of a blocking answer."""
    readers: dict[str, Callable[[], list[Any]]] = {
        "cohere": lambda: body["logprobs"],
        "gemini": lambda: google(body["candidates"]),
        "ollama": lambda: body["logprobs"],
        "responses": lambda: responses(body["output"][-1]["content"]),
        "mistral": lambda: body["choices"][0]["logprobs"]["content"],
    }
    return readers[name]()


def streamed_of(name: str, events: list[Any]) -> list[Any]:
    """The entries of a streamed answer, from where its tokens are."""
    if name == "cohere":
        return [event["logprobs"] for event in events if "logprobs" in event]
    if name == "gemini":
        return google([event["candidates"][0] for event in events])
    if name == "ollama":
        return [entry for event in events for entry in event.get("logprobs") or ()]
    if name == "responses":
        return responses([event for event in events if event["type"] == "response.output_text.delta"])
    choices = [event["choices"][0] for event in events]
    return [entry for choice in choices if "logprobs" in choice for entry in choice["logprobs"]["content"]]


FIRST: dict[str, Any] = {
    "cohere": {"text": "Hi", "token_ids": [2], "logprobs": [-0.5]},
    "gemini": (
        {"token": "Hi", "tokenId": 2, "logProbability": -0.5},
        [
            {"token": "Hi", "tokenId": 2, "logProbability": -0.5},
            {"token": "Hi1", "tokenId": 3, "logProbability": -1.5},
        ],
    ),
    "ollama": {
        "token": "Hi",
        "logprob": -0.5,
        "bytes": [72, 105],
        "top_logprobs": [
            {"token": "Hi", "logprob": -0.5, "bytes": [72, 105]},
            {**OTHER, "bytes": [72, 105, 49]},
        ],
    },
    "mistral": {
        "token": "Hi",
        "logprob": -0.5,
        "bytes": [72, 105],
        "token_id": 2,
        "top_logprobs": [
            {"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "token_id": 2},
            {**OTHER, "bytes": [72, 105, 49], "token_id": 3},
        ],
    },
}
FIRST["responses"] = FIRST["ollama"]
ASKED: dict[str, dict[str, Any]] = {
    "cohere": {"logprobs": True},
    "gemini": {"generationConfig": {"responseLogprobs": True, "logprobs": 2}},
    "ollama": {"logprobs": True, "top_logprobs": 2},
    "responses": {"include": ["message.output_text.logprobs"], "top_logprobs": 2},
    "mistral": {"logprobs": True, "top_logprobs": 2},
}


@pytest.mark.parametrize("name", ASKED)
async def test_where_they_are_asked_for(client: Client, simulator: Simulator, name: str) -> None:
    simulator.script = SCRIPT
    native = BY_NAME[name]
    whole = whole_of(name, orjson.loads((await native.post(client.session, simulator, **ASKED[name]))[2]))
    assert (len(whole), whole[0]) == (2, FIRST[name])
    body = (await native.post(client.session, simulator, stream=True, **ASKED[name]))[2]
    streamed = streamed_of(name, [each for each in native.split(body) if isinstance(each, dict)])
    if name == "responses":  # whose events leave the bytes out
        tops = [{"token": "Hi", "logprob": -0.5}, OTHER]
        assert (len(streamed), streamed[0]) == (2, {**tops[0], "top_logprobs": tops})
    else:
        assert streamed == whole


@pytest.mark.parametrize("name", ASKED)
async def test_where_they_are_not(client: Client, simulator: Simulator, name: str) -> None:
    simulator.script = SCRIPT
    native = BY_NAME[name]
    for stream in (False, True):
        body = (await native.post(client.session, simulator, stream=stream))[2]
        assert b'"logprob"' not in body
        assert b"logprobsResult" not in body
        assert b'"token_ids"' not in body


@pytest.mark.parametrize("beside", ["", "I shall see."])
async def test_cohere_takes_content_beside_tool_calls(
    client: Client, simulator: Simulator, beside: str
) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    thought = {"type": "thinking", "thinking": "Hm"}
    for content in ([{"type": "text", "text": beside}], [thought, {"type": "text", "text": beside}]):
        said = {"role": "assistant", "content": content, "tool_calls": [call]}
        answered = {"role": "tool", "tool_call_id": "c", "content": "1"}
        messages = [{"role": "user", "content": "hi"}, said, answered]
        assert (await BY_NAME["cohere"].post(client.session, simulator, messages=messages))[0] == 200

"""Whatever the simulator says has been seen on the wire: each key at its place, with the type it has there.

Needs the recorded traffic of the folder that AIOCOMPL_SHARED names.
"""

from __future__ import annotations

import base64
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import pytest
from native_readers import events_of, lines_of, messages_of
from natives import NATIVES, Native

from aiocompl.testing import Answer, ToolCall, Usage, faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bare_client import Client

    from aiocompl.testing import Simulator

CORPUS = Path(os.environ.get("AIOCOMPL_SHARED") or Path(__file__).resolve().parents[3] / "shared") / "corpus"
Shapes: TypeAlias = set[tuple[str, str]]

RECORDED = {
    "anthropic": [("anthropic", "messages")],
    "azure": [
        ("azure", "chat.completions"),
        ("openai", "chat.completions"),
        ("deepseek", "chat.completions"),
    ],
    "bedrock": [("bedrock", "converse"), ("bedrock", "converse-stream")],
    "cohere": [("cohere", "cohere.v2.chat")],
    "cohere_v1": [("cohere", "cohere.v1.chat")],
    "gemini": [("gemini", "generateContent"), ("gemini", "streamGenerateContent")],
    "gemini_array": [("gemini", "generateContent"), ("gemini", "streamGenerateContent")],
    "groq": [("groq", "chat.completions")],
    "mistral": [("mistral", "chat.completions")],
    "ollama": [("ollama", "ollama.chat")],
    "sagemaker": [("openai", "chat.completions"), ("deepseek", "chat.completions")],
    "responses": [("openai", "responses"), ("azure", "responses")],
    "vertex": [("vertex", "generateContent"), ("vertex", "streamGenerateContent")],
}
"""Where to look, first the API itself. Azure adds to OpenAI's format, and the reasoning text is DeepSeek's word."""

OPAQUE = ("input", "args", "arguments", "parameters", "metadata", "serverToolUsage")
"""What the caller's own tools and data give shape to."""

NOT_RECORDED = {
    "cohere_v1": {
        ".tool_calls": "nobody recorded tools with version 1; its documentation has these",
        "tool-calls-chunk": "the same",
        "tool-calls-generation": "the same",
        "stream-end.response.tool_calls": "the same",
        "stream-end.response.meta.cached_tokens": "recorded in whole answers, and both hold the same object",
    },
    "groq": {
        ".usage.prompt_tokens_details": "recorded in whole answers only, and both hold the same object",
        ".x_groq.usage.prompt_tokens_details": "the same",
    },
    "mistral": {
        ".choices[].delta.tool_calls[].index": "streams with tools were recorded before calls had one; whole answers have it",
        ".choices[].delta.tool_calls[].type": "the same",
        ".code": "of errors only a 401 was recorded; its documentation has these",
        ".message": "the same",
        ".object": "the same",
        ".param": "the same",
        ".type": "the same",
    },
    "responses": {
        "response.completed.response.output[].summary[]": "recorded in whole answers only, and both hold the same object",
        "response.incomplete.response": "one was recorded, of a request with other options; it is the completed one's object",
        ".incomplete_details": "recorded in a stream only, and both hold the same object",
        ".error.code": "null here where OpenAI has none for the kind of error; those recorded have one",
    },
    "sagemaker": dict.fromkeys(
        (".ErrorCode", ".LogStreamArn", ".Message", ".Original"),
        "nobody recorded an error of SageMaker's; its service model has these",
    ),
    "vertex": {
        ".error.details[]": "recorded without details; Google's error model is one, and AI Studio's was recorded",
    },
}
"""What is documented but in no recording, by how its path begins."""

SCRIPTS = (
    Answer(text="Hi there"),
    Answer(text="Hi there", finish_reason="length"),
    Answer(
        text="Hi there",
        reasoning="Thinking it over",
        tool_calls=[ToolCall(name="weather", arguments={"city": "Rome"}, id="c1"), ToolCall(name="time")],
        usage=Usage(prompt_tokens=50, completion_tokens=20, cached_tokens=30, reasoning_tokens=5),
    ),
)


def shapes(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each place in a JSON value, with the JSON type of what is there."""
    match value:
        case dict():
            yield path, "object"
            for name, part in value.items():
                yield from [(f"{path}.{name}", "given")] if name in OPAQUE else shapes(part, f"{path}.{name}")
        case list():
            yield path, "array"
            for part in value:
                yield from shapes(part, f"{path}[]")
        case bool() | None | str():
            yield path, type(value).__name__
        case _:
            yield path, "number"


def event_shapes(events: list[Any]) -> Iterator[tuple[str, str]]:
    """Those of a stream's events, each kind apart; padding and obfuscation of random length left out."""
    for event in events:
        kind, value = (event[0][":event-type"], event[1]) if isinstance(event, tuple) else ("", event)
        kind = kind or value.get("type") or value.get("event_type") or ""
        yield from shapes(value, kind)


def recorded_events(row: dict[str, Any]) -> list[Any]:
    if "response_b64" in row:
        return messages_of(base64.b64decode(row["response_b64"]))
    if "response_json" in row:
        body = row["response_json"]
        return body if isinstance(body, list) else [body]
    text = row["response_text"]
    if not text.startswith(("data:", "event:")):
        return lines_of(text.encode())
    frames = [frame for frame in text.replace("\r\n", "\n").split("\n\n") if "data: {" in frame]
    return events_of("\n\n".join(frames).encode())


@cache
def seen(provider: str, api: str) -> tuple[Shapes, Shapes, Shapes]:
    """All shapes of whole answers, of events and of errors that were recorded."""
    whole: Shapes = set()
    events: Shapes = set()
    errors: Shapes = set()
    for line in (CORPUS / f"{provider}.jsonl").read_bytes().splitlines():
        row = orjson.loads(line)
        if row["api"] != api:
            continue
        if row["status"] >= 300:
            errors.update(shapes(row.get("response_json")))
        elif row["stream"]:
            events.update(event_shapes(recorded_events(row)))
        elif "response_json" in row:
            whole.update(shapes(row["response_json"]))
    return whole, events, errors


def unseen(native: Native, said: Shapes, kind: int) -> list[str]:
    """What was said that nobody recorded."""
    known: Shapes = set()
    for provider, api in RECORDED[native.name]:
        known |= seen(provider, api)[kind]
        if native.name in ("ollama", "gemini", "gemini_array", "vertex"):  # whose events are answers in part
            known |= seen(provider, api)[0]
    excused = tuple(NOT_RECORDED.get(native.name, ()))
    return sorted(
        f"{path}: {kind}" for path, kind in said - known if not (excused and path.startswith(excused))
    )


@pytest.fixture(autouse=True)
def _corpus() -> None:
    if not CORPUS.is_dir():
        pytest.skip("no recorded traffic: AIOCOMPL_SHARED names no folder with a corpus in it")


pytestmark = pytest.mark.parametrize("native", NATIVES, ids=lambda native: native.name)


async def test_whole_answers(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = SCRIPTS
    said: Shapes = set()
    for _ in SCRIPTS:
        said.update(shapes(orjson.loads((await native.post(client.session, simulator))[2])))
    assert len(said) > 10
    assert unseen(native, said, 0) == []


async def test_events(native: Native, client: Client, simulator: Simulator) -> None:
    simulator.script = SCRIPTS
    said: Shapes = set()
    for _ in SCRIPTS:
        _, _, body = await native.post(client.session, simulator, stream=True)
        said.update(event_shapes(native.split(body)))
    assert len(said) > 10
    assert unseen(native, said, 1) == []


async def test_errors(native: Native, client: Client, simulator: Simulator) -> None:
    said: Shapes = set()
    for fault in (faults.rate_limited(3), faults.server_error(), faults.context_length()):
        simulator.script = fault
        error = orjson.loads((await native.post(client.session, simulator))[2])
        said.update(shapes(error))
    if not any(seen(*place)[2] for place in RECORDED[native.name]):
        pytest.skip("no error of this API was recorded")
    assert unseen(native, said, 2) == []

from __future__ import annotations

from typing import Any

import orjson
import pytest
from telemetry_kit import MESSAGES, PROMPT, request

from aiocompl.telemetry.events import CallStarted
from aiocompl.telemetry.otel_attributes import input_messages, output_messages, request_attributes, server_of
from aiocompl.types.request import EmbeddingRequest


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, {}),
        ({"n": 1, "temperature": True}, {}),
        ({"n": 3}, {"gen_ai.request.choice.count": 3}),
        ({"stop": "x"}, {"gen_ai.request.stop_sequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"gen_ai.request.stop_sequences": ["x", "y"]}),
        ({"response_format": {"type": "text"}}, {"gen_ai.output.type": "text"}),
        ({"response_format": {"type": "json_object"}}, {"gen_ai.output.type": "json"}),
        (
            {"encoding_format": "base64", "dimensions": 3},
            {"gen_ai.request.encoding_formats": ["base64"], "gen_ai.embeddings.dimension.count": 3},
        ),
    ],
)
def test_parameters(asked: dict[str, Any], expected: dict[str, Any]) -> None:
    assert request_attributes(request(params=asked), CallStarted()) == expected


def parts_of(*messages: Any) -> Any:
    told = input_messages(request(messages=messages))
    assert told is not None
    return [message["parts"] for message in orjson.loads(told)]


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": "x"}, [{"type": "text", "content": "x"}]),
        ({"role": "user", "content": None}, []),
        (
            {"role": "user", "content": [{"type": "text", "text": "x"}, 7]},
            [{"type": "text", "content": "x"}],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://h/a.png"}}]},
            [{"type": "uri", "modality": "image", "uri": "https://h/a.png"}],
        ),
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64,AA"}]},
            [{"type": "image_url"}],
        ),
        (
            {"role": "assistant", "reasoning_content": "hm", "content": "x", "tool_calls": [CALL, {}, 7]},
            [
                {"type": "reasoning", "content": "hm"},
                {"type": "text", "content": "x"},
                {"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"},
            ],
        ),
        (
            {"role": "tool", "tool_call_id": "c1", "content": "4"},
            [{"type": "tool_call_response", "id": "c1", "response": "4"}],
        ),
    ],
)
def test_messages(message: Any, expected: Any) -> None:
    assert parts_of(message) == [expected]


def test_what_is_no_chat_has_no_messages() -> None:
    assert input_messages(EmbeddingRequest(model="m", input=["x"])) is None
    assert output_messages(None) is None
    assert parts_of(*MESSAGES, 7) == [[{"type": "text", "content": PROMPT}]]


@pytest.mark.parametrize(
    ("endpoint", "server"),
    [("https://api.openai.com/v1", ("api.openai.com", 443)), ("local://x", ("x", None)), ("", ("", None))],
)
def test_servers(endpoint: str, server: tuple[str, int | None]) -> None:
    assert server_of(endpoint) == server

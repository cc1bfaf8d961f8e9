"""Messages and parameters as the vendors of the catalogue want them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.openai_messages import short_id
from aiocompl.codecs.vendor import Vendor
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

USER = {"role": "user", "content": "Hi"}
TOOLS = [{"type": "function", "function": {"name": "f"}}]
SIGNED = [{"type": "thinking", "thinking": "Hm", "signature": "s"}]
ANSWER: JSON = {
    "role": "assistant",
    "content": "Hello",
    "refusal": None,
    "reasoning_content": "Hm",
    "thinking_blocks": SIGNED,
    "provider_specific_fields": {"a": 1},
}


def encoded(name: str, messages: list[JSON], params: JSON | None = None, model: str = "m") -> JSON:
    vendor = find_vendor(name)
    assert vendor is not None
    codec = OpenAICodec(vendor, Endpoint(provider=name, base_url="https://x"))
    before = orjson.dumps(messages)
    body: JSON = orjson.loads(codec.encode_request(ChatRequest(model, messages, params or {})).body)
    assert orjson.dumps(messages) == before
    return body


def written(name: str, message: JSON, params: JSON | None = None, model: str = "m") -> JSON:
    found: JSON = encoded(name, [message], params, model)["messages"][0]
    return found


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("openai", {"role": "assistant", "content": "Hello"}),
        ("groq", {"role": "assistant", "content": "Hello", "reasoning": "Hm"}),
        ("cerebras", {"role": "assistant", "content": "Hello", "reasoning": "Hm"}),
        ("deepseek", {"role": "assistant", "content": "Hello", "reasoning_content": "Hm"}),
        ("minimax", {"role": "assistant", "content": "<think>\nHm\n</think>\n\nHello"}),
        (
            "mistral",
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "signature": "s"},
                    {"type": "text", "text": "Hello"},
                ],
            },
        ),
        (
            "databricks",
            {
                "role": "assistant",
                "content": [
                    {
                        "type": "reasoning",
                        "summary": [{"type": "summary_text", "text": "Hm", "signature": "s"}],
                    },
                    {"type": "text", "text": "Hello"},
                ],
            },
        ),
    ],
)
def test_an_answer_put_back(name: str, sent: JSON) -> None:
    assert encoded(name, [ANSWER, USER])["messages"][0] == sent


@pytest.mark.parametrize(
    ("name", "message", "sent"),
    [
        (
            "mistral",
            ANSWER | {"thinking_blocks": None, "content": None},
            [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}],
        ),
        ("mistral", ANSWER | {"content": [{"type": "text", "text": "a"}]}, [{"type": "text", "text": "a"}]),
        ("mistral", {"role": "assistant", "content": "Hello"}, "Hello"),
        (
            "databricks",
            ANSWER | {"thinking_blocks": [{"thinking": "no signature"}]},
            [{"type": "text", "text": "Hello"}],
        ),
        (
            "deepinfra",
            {
                "role": "tool",
                "tool_call_id": "c",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
            "ab",
        ),
    ],
)
def test_content(name: str, message: JSON, sent: Any) -> None:
    assert written(name, message)["content"] == sent


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        ({"type": "text", "text": "a"}, {"type": "text", "text": "a"}),
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            {"type": "input_audio", "input_audio": "AA"},
        ),
        ({"type": "input_audio", "input_audio": "AA"}, {"type": "input_audio", "input_audio": "AA"}),
        ({"type": "file", "file": {"file_id": "i"}}, {"type": "file", "file_id": "i"}),
        ({"type": "file", "file_id": "i"}, {"type": "file", "file_id": "i"}),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "n"}},
            {
                "type": "document_url",
                "document_url": "data:application/pdf;base64,AA",
                "document_name": "n",
            },
        ),
        (
            {"type": "file", "file": {"file_url": "https://x/a.pdf"}},
            {"type": "document_url", "document_url": "https://x/a.pdf"},
        ),
    ],
)
def test_parts_for_mistral(part: JSON, sent: JSON) -> None:
    assert written("mistral", {"role": "user", "content": [part]})["content"] == [sent]


def test_nulls_names_and_roles() -> None:
    called: JSON = {
        "role": "assistant",
        "content": None,
        "tool_calls": [],
        "function_call": None,
        "name": "n",
    }
    assert written("groq", called) == {"role": "assistant", "tool_calls": []}
    assert written("together", called) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [],
        "name": "n",
    }
    assert written("mistral", called) == {"role": "assistant", "content": None, "tool_calls": []}
    assert written("mistral", USER | {"role": "developer", "name": "n"}) == USER | {"role": "system"}
    assert written("openrouter", USER | {"role": "developer"}) == USER | {"role": "developer"}
    tool = {"role": "tool", "name": "f", "tool_call_id": "123456789", "content": "1"}
    assert written("mistral", tool) == tool


def test_ids_of_tool_calls_are_the_same_wherever_they_stand() -> None:
    call = {"id": "call_" + "a" * 30, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: list[JSON] = [
        {"role": "assistant", "tool_calls": [call, call | {"id": "AbCd12345"}, {"function": {"name": "g"}}]},
        {"role": "tool", "tool_call_id": call["id"], "content": "1"},
        {"role": "tool", "tool_call_id": "AbCd12345", "content": "1"},
    ]
    assistant, one, other = encoded("mistral", messages)["messages"]
    assert [item.get("id") for item in assistant["tool_calls"]] == [one["tool_call_id"], "AbCd12345", None]
    assert re.fullmatch("[a-zA-Z0-9]{9}", one["tool_call_id"])
    assert other["tool_call_id"] == "AbCd12345"
    assert encoded("mistral", messages) == encoded("mistral", messages)
    assert encoded("openai", messages)["messages"] == messages
    long = {"role": "tool", "tool_call_id": "x" * 41, "content": "1"}
    assert written("openai", long)["tool_call_id"] == short_id("x" * 41)
    assert written("deepseek", long) == long


@pytest.mark.parametrize(
    ("params", "model", "filled"),
    [
        ({"tools": TOOLS}, "deepseek-chat", False),
        ({}, "deepseek-reasoner", False),
        ({"tools": TOOLS}, "deepseek-reasoner", True),
        ({"tools": TOOLS, "reasoning_effort": "low"}, "deepseek-chat", True),
        ({"tools": TOOLS, "reasoning_effort": "none"}, "deepseek-chat", False),
        ({"tools": TOOLS, "thinking": {"type": "enabled"}}, "deepseek-chat", True),
        ({"tools": TOOLS, "thinking": {"type": "disabled"}}, "deepseek-reasoner", False),
    ],
)
def test_deepseek_wants_reasoning_in_every_earlier_answer(params: JSON, model: str, filled: bool) -> None:
    sent = written("deepseek", {"role": "assistant", "content": "Hello"}, params, model)
    assert sent.get("reasoning_content") == (" " if filled else None)


def test_reasoning_of_one_answer_tells_that_the_model_thinks() -> None:
    messages: list[JSON] = [ANSWER, {"role": "assistant", "content": "a"}]
    sent = encoded("deepseek", messages, {"tools": TOOLS})["messages"]
    assert [message["reasoning_content"] for message in sent] == ["Hm", " "]


@pytest.mark.parametrize(
    ("name", "params", "sent"),
    [
        ("mistral", {"seed": 1, "max_completion_tokens": 2}, {"random_seed": 1, "max_tokens": 2}),
        ("mistral", {"tool_choice": "required"}, {"tool_choice": "any"}),
        ("mistral", {"tool_choice": "auto"}, {"tool_choice": "auto"}),
        ("mistral", {"stream_options": {"include_usage": True}}, {}),
        ("groq", {"tool_choice": "required", "seed": 1}, {"tool_choice": "required", "seed": 1}),
    ],
)
def test_parameters(name: str, params: JSON, sent: JSON) -> None:
    assert encoded(name, [USER], params) == {"model": "m", "messages": [USER], **sent}


def test_the_path_is_the_vendors() -> None:
    vendor = find_vendor("writer")
    assert vendor is not None
    codec = OpenAICodec(vendor, Endpoint(provider="writer", base_url=vendor.base_url))
    assert codec.encode_request(ChatRequest("m", [USER])).url == "https://api.writer.com/v1/chat"


def test_a_vendor_without_wishes_gets_the_messages_as_they_are() -> None:
    plain = Vendor(name="p", title="P", base_url="")
    for vendor, count in ((plain, 6), (attrs.evolve(plain, loosely=True), 3)):
        codec = OpenAICodec(vendor, Endpoint(provider="p", base_url="https://x"))
        sent = orjson.loads(codec.encode_request(ChatRequest("m", [ANSWER])).body)["messages"][0]
        assert len(sent) == count

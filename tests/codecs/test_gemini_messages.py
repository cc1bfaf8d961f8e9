"""Gemini's dialect: how OpenAI's messages are said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from gemini_help import SKIP, STUDIO, TOOL, USER, call, codec, encode

from aiocompl.codecs.gemini.traits import traits_of
from aiocompl.errors import BadRequestError
from aiocompl.types.request import ChatRequest


def test_system_texts_are_joined_and_roles_alternate() -> None:
    body = encode(
        [
            {"role": "system", "content": "a"},
            USER,
            {"role": "user", "content": [{"type": "text", "text": ""}, {"type": "text", "text": "you"}]},
            {"role": "developer", "content": [{"type": "text", "text": "b"}]},
            {"role": "assistant", "content": "Yes"},
            {"role": "assistant", "content": ""},
        ]
    )
    assert body == {
        "contents": [
            {"role": "user", "parts": [{"text": "Hi"}, {"text": "you"}]},
            {"role": "model", "parts": [{"text": "Yes"}]},
        ],
        "systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]},
    }


SYSTEM = {"role": "system", "content": "Be brief"}


def test_where_a_system_text_has_no_place() -> None:
    brief = {"text": "Be brief"}
    assert encode([SYSTEM]) == {"contents": [{"role": "user", "parts": [brief]}]}
    assert encode([SYSTEM, USER], model="gemma-3-27b-it") == {
        "contents": [{"role": "user", "parts": [brief, {"text": "Hi"}]}]
    }
    assert encode([SYSTEM, {"role": "assistant", "content": "Yes"}], model="gemma-2-9b")["contents"] == [
        {"role": "user", "parts": [brief]},
        {"role": "model", "parts": [{"text": "Yes"}]},
    ]
    assert "systemInstruction" in encode([SYSTEM, USER], model="gemma-4-31b-it")


def test_a_turn_of_parallel_calls() -> None:
    body = encode(
        [
            USER,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    call(
                        "call_0",
                        "weather",
                        '{"city": "Rome"}',
                        provider_specific_fields={"thought_signature": "sig"},
                    ),
                    call("vcyiitct", "time", ""),
                ],
            },
            {"role": "tool", "tool_call_id": "vcyiitct", "content": "noon"},
            {"role": "tool", "tool_call_id": "call_0", "content": '{"sky": "clear"}'},
            {"role": "user", "content": "So?"},
        ]
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "sig"},
                {"functionCall": {"name": "time", "args": {}, "id": "vcyiitct"}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "weather", "response": {"sky": "clear"}}},
                {"functionResponse": {"name": "time", "response": {"result": "noon"}, "id": "vcyiitct"}},
                {"text": "So?"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("extra", "model", "signature"),
    [
        ({}, "gemini-3-flash-preview", SKIP),
        ({}, "gemini-2.5-flash", None),
        ({"extra_content": {"google": {"thought_signature": "s"}}}, "gemini-3-flash-preview", "s"),
        ({"extra_content": None, "provider_specific_fields": None}, "gemini-3.5-flash", SKIP),
    ],
)
def test_signatures_of_calls(extra: dict[str, Any], model: str, signature: str | None) -> None:
    calls = [call("a", "f", **extra), call("b", "g")]
    parts = encode([USER, {"role": "assistant", "tool_calls": calls}], model=model)["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts] == [signature, None]


def test_results_that_are_no_objects_and_a_legacy_calls_id() -> None:
    call = {"id": "call_f", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body = encode(
        [
            USER,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_f", "content": "{no JSON"},
            {"role": "tool", "tool_call_id": "call_g", "name": "g", "content": ""},
        ]
    )
    assert body["contents"][1:] == [
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"name": "f", "response": {"result": "{no JSON"}}},
                {"functionResponse": {"name": "g", "response": {"result": ""}}},
            ],
        },
    ]


PNG = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
INLINE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}


def test_results_with_images() -> None:
    turn = [
        {"role": "assistant", "tool_calls": [call("x1", "shoot")]},
        {"role": "tool", "tool_call_id": "x1", "content": [PNG]},
    ]
    old = encode([USER, *turn])["contents"][2]["parts"]
    assert old == [{"functionResponse": {"name": "shoot", "response": {}, "id": "x1"}}, INLINE]
    new = encode([USER, *turn], model="gemini-3-pro-image")["contents"][2]["parts"]
    assert new == [{"functionResponse": {"name": "shoot", "response": {}, "id": "x1", "parts": [INLINE]}}]


def test_an_answer_goes_back_as_it_came() -> None:
    message = {
        "role": "assistant",
        "content": "Sunny",
        "reasoning_content": "Hm. Aha.",
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm."},
            {"type": "thinking", "thinking": " Aha.", "signature": "s1"},
            {"type": "thinking", "thinking": "", "signature": "s2"},
            {"type": "redacted_thinking", "data": "another provider's"},
        ],
        "provider_specific_fields": {"parts": [{"executableCode": {"code": "1"}, "thoughtSignature": "s3"}]},
        "images": [PNG | {"provider_specific_fields": {"thought_signature": "s4"}}, PNG],
    }
    assert encode([USER, message])["contents"][1]["parts"] == [
        {"text": "Hm.", "thought": True},
        {"text": " Aha.", "thought": True, "thoughtSignature": "s1"},
        {"executableCode": {"code": "1"}, "thoughtSignature": "s3"},
        {"text": "Sunny", "thoughtSignature": "s2"},
        INLINE | {"thoughtSignature": "s4"},
        INLINE,
    ]
    silent = {"role": "assistant", "content": None, "thinking_blocks": [{"thinking": "", "signature": "s"}]}
    assert encode([USER, silent])["contents"][1]["parts"] == [{"text": "", "thoughtSignature": "s"}]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PNG, INLINE),
        (
            {"type": "image_url", "image_url": {"url": "https://h/a.webp?x=1", "detail": "high"}},
            {
                "fileData": {"mimeType": "image/webp", "fileUri": "https://h/a.webp?x=1"},
                "mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"},
            },
        ),
        (
            {
                "type": "image_url",
                "image_url": {"url": "https://h/a", "format": "image/heic", "detail": "auto"},
            },
            {"fileData": {"mimeType": "image/heic", "fileUri": "https://h/a"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}},
            {"inlineData": {"mimeType": "application/pdf", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_id": "files/abc", "filename": "talk.mp3"}},
            {"fileData": {"mimeType": "audio/mpeg", "fileUri": f"{STUDIO}/files/abc"}},
        ),
        (
            {
                "type": "file",
                "file": {"file_id": "gs://bucket/a", "format": "text/csv"},
                "video_metadata": {"fps": 1},
            },
            {"fileData": {"mimeType": "text/csv", "fileUri": "gs://bucket/a"}, "videoMetadata": {"fps": 1}},
        ),
        (
            {"type": "file", "file": {"file_url": "https://youtu.be/x"}},
            {"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/x"}},
        ),
        (
            {"type": "video_url", "video_url": {"url": "https://h/a.mov"}},
            {"fileData": {"mimeType": "video/mov", "fileUri": "https://h/a.mov"}},
        ),
        (
            {"type": "audio_url", "audio_url": "data:audio/ogg;base64,AAAA"},
            {"inlineData": {"mimeType": "audio/ogg", "data": "AAAA"}},
        ),
    ],
)
def test_media(part: dict[str, Any], expected: dict[str, Any]) -> None:
    body = encode([{"role": "user", "content": [part]}], model="gemini-3-flash-preview")
    assert body == {"contents": [{"role": "user", "parts": [expected]}]}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{"role": "tool", "tool_call_id": "x", "content": ""}], "messages[0].tool_call_id"),
        ([{"role": "user", "content": [{"type": "smell", "smell": "rose"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "video_url"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "messages[0].content[0]"),
        ([USER, {"role": "assistant", "tool_calls": [call("a", "f", "[1]")]}], "messages[1].tool_calls[0]"),
        (
            [{"role": "assistant", "images": [{"type": "image_url", "image_url": {"url": "https://h/a"}}]}],
            "messages",
        ),
        ([{"role": "assistant", "images": [{"type": "text", "text": "a"}]}], "messages"),
    ],
)
def test_messages_that_cannot_be_said(messages: list[dict[str, Any]], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        encode(messages)
    assert caught.value.param == param


def test_encoding_is_repeatable_and_changes_nothing() -> None:
    message = {"role": "assistant", "content": "a", "thinking_blocks": [{"thinking": "", "signature": "s"}]}
    request = ChatRequest(
        model="m",
        messages=[USER, message],
        params={"tools": [TOOL], "tool_config": {"a": 1}, "web_search_options": {}},
        extra_body={"generationConfig": {"topK": 1}},
    )
    before = orjson.dumps([list(request.messages), dict(request.params)])
    assert codec().encode_request(request) == codec().encode_request(request)
    assert orjson.dumps([list(request.messages), dict(request.params)]) == before


@pytest.mark.parametrize(
    ("model", "generation"),
    [
        ("gemini-2.5-flash", (2, 5)),
        ("publishers/google/models/gemini-3-pro-preview", (3, 0)),
        ("gemini-pro", (1, 0)),
        ("gemini-pro-latest", (99, 0)),
        ("gemma-3-27b-it", (2, 5)),
    ],
)
def test_generations(model: str, generation: tuple[int, int]) -> None:
    assert traits_of(model).generation == generation

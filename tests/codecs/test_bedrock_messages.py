"""Bedrock's Converse: what OpenAI's messages become."""

from __future__ import annotations

from typing import Any

import pytest
from bedrock_samples import CALL, HI, MARK, POINT, TOOL_USE, USER, body, content, turns

from aiocompl.errors import BadRequestError, UnsupportedParamsError

# Messages


def test_system_text_stands_apart_and_empty_text_nowhere() -> None:
    made = body(
        [
            {"role": "system", "content": "One."},
            USER,
            {
                "role": "developer",
                "content": [{"type": "text", "text": "Two."} | MARK, {"type": "text", "text": ""}],
            },
            {"role": "system", "content": "Three."} | MARK,
        ]
    )
    assert made["system"] == [{"text": "One."}, {"text": "Two."}, POINT, {"text": "Three."}, POINT]
    assert made["messages"] == [HI]


def test_turns_of_one_role_are_merged_and_empty_ones_of_the_assistant_left_out() -> None:
    made = turns(
        USER, {"role": "assistant", "content": ""}, USER, {"role": "assistant", "content": "a"} | MARK
    )
    assert made == [
        {"role": "user", "content": [{"text": "hi"}, {"text": "hi"}]},
        {"role": "assistant", "content": [{"text": "a"}, POINT]},
    ]


def test_an_empty_turn_of_the_user_is_refused() -> None:
    with pytest.raises(BadRequestError, match="must not be empty") as caught:
        turns({"role": "user", "content": ""})
    assert caught.value.param == "messages[0].content"


def test_calls_and_their_results() -> None:
    other = {**CALL, "id": "call_2", "function": {"name": "weather", "arguments": ""}} | MARK
    made = turns(
        USER,
        {"role": "assistant", "content": "let me see", "tool_calls": [CALL, other]},
        {"role": "tool", "tool_call_id": "call_1", "content": "rain"} | MARK,
        {"role": "tool", "tool_call_id": "call_2", "content": "", "is_error": True},
        USER,
    )
    assert made[1]["content"] == [
        {"text": "let me see"},
        TOOL_USE,
        {"toolUse": {"toolUseId": "call_2", "name": "weather", "input": {}}},
        POINT,
    ]
    assert made[2] == {
        "role": "user",
        "content": [
            {"toolResult": {"toolUseId": "call_1", "content": [{"text": "rain"}]}},
            POINT,
            {"toolResult": {"toolUseId": "call_2", "content": [], "status": "error"}},
            {"text": "hi"},
        ],
    }


def test_results_may_hold_json_and_images_and_say_their_status() -> None:
    parts = [
        {"type": "json", "json": {"a": 1}},
        {"type": "image_url", "image_url": "data:image/png;base64,AA=="},
    ]
    made = turns(USER, {"role": "tool", "tool_call_id": "a", "content": parts, "status": "success"})
    (_, block) = made[0]["content"]
    assert block["toolResult"] == {
        "toolUseId": "a",
        "content": [{"json": {"a": 1}}, {"image": {"format": "png", "source": {"bytes": "AA=="}}}],
        "status": "success",
    }


def test_ids_that_the_dialect_refuses_are_replaced_alike_in_call_and_result() -> None:
    for given in ("a b", "x" * 65, ""):
        made = turns(
            USER,
            {"role": "assistant", "content": None, "tool_calls": [{**CALL, "id": given or "ä"}]},
            {"role": "tool", "tool_call_id": given or "ä", "content": "r"},
        )
        used = made[1]["content"][0]["toolUse"]["toolUseId"]
        assert used == made[2]["content"][0]["toolResult"]["toolUseId"]
        assert len(used) <= 64
        assert used.isascii()


def test_arguments_that_are_no_object_are_refused() -> None:
    bad = {**CALL, "function": {"name": "f", "arguments": "[1]"}}
    with pytest.raises(BadRequestError, match="must be a JSON object") as caught:
        turns(USER, {"role": "assistant", "tool_calls": [bad]})
    assert caught.value.param == "messages[1].tool_calls[0]"


def test_signed_thinking_goes_back_before_everything_else() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "thinking", "thinking": "unsigned"},
        {"type": "redacted_thinking", "data": "AA=="},
    ]
    message = {"role": "assistant", "content": "so", "tool_calls": [CALL], "thinking_blocks": blocks}
    assert turns(USER, message)[1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "AA=="}},
        {"text": "so"},
        TOOL_USE,
    ]


RAW = [
    {"reasoningContent": {"reasoningText": {"text": "unsigned"}}},
    {"reasoningContent": {"redactedContent": "AA=="}},
    {"toolUse": {"toolUseId": "s", "name": "search", "input": {}, "type": "server_tool_use"}},
    {"toolResult": {"toolUseId": "s", "content": []}},
    {"citationsContent": {"content": [{"text": "cited"}], "citations": []}},
    {"toolUse": {"toolUseId": "call_1", "name": "weather", "input": {"city": "Oslo"}, "type": "tool_use"}},
]


def test_blocks_as_received_go_back_unless_the_message_was_changed() -> None:
    message: dict[str, Any] = {"role": "assistant", "content": "cited", "tool_calls": [CALL]}
    message["provider_specific_fields"] = {"converse_blocks": RAW}
    assert turns(USER, message)[1]["content"] == [*RAW[1:5], TOOL_USE]
    for change in ({"content": "other"}, {"tool_calls": None}):
        made = turns(USER, message | change)[1]["content"]
        assert {"toolResult": {"toolUseId": "s", "content": []}} not in made


# Content parts


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AA=="}},
            {"image": {"format": "jpeg", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "s3://bucket/a.JPG"}},
            {"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://bucket/a.JPG"}}}},
        ),
        (
            {"type": "file", "file": {"file_data": "AA=="}},
            {"document": {"format": "pdf", "source": {"bytes": "AA=="}, "name": "Document"}},
        ),
        (
            {
                "type": "file",
                "file": {"filename": "my  [1]/näme.v2.md", "file_data": "data:;base64,AA=="},
                "citations": {"enabled": True},
                "context": "c",
            },
            {
                "document": {
                    "format": "md",
                    "source": {"bytes": "AA=="},
                    "name": "my [1]-n-me-v2",
                    "citations": {"enabled": True},
                    "context": "c",
                }
            },
        ),
        (
            {"type": "file", "file": {"filename": "README", "file_data": "data:text/plain;base64,AA=="}},
            {"document": {"format": "txt", "source": {"bytes": "AA=="}, "name": "README"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:video/3gpp;base64,AA=="}},
            {"video": {"format": "three_gp", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"audio": {"format": "wav", "source": {"bytes": "AA=="}}},
        ),
        (
            {"type": "guardContent", "guardContent": {"text": {"text": "g"}}},
            {"guardContent": {"text": {"text": "g"}}},
        ),
        ({"type": "guarded_text", "text": "g"}, {"guardContent": {"text": {"text": "g"}}}),
        ({"type": "cachePoint", "cachePoint": {"type": "default"}}, POINT),
    ],
)
def test_parts(part: dict[str, Any], block: dict[str, Any]) -> None:
    assert content(part) == [block]


def test_no_two_documents_have_the_same_name() -> None:
    named = {"type": "file", "file": {"filename": "a.pdf", "file_data": "AA=="}}
    bare = {"type": "file", "file": {"file_data": "AA=="}}
    names = [block["document"]["name"] for block in content(named, named, named, bare, bare)]
    assert names == ["a", "a_2", "a_3", "Document", "Document_2"]


def test_cache_marks_become_blocks_of_their_own() -> None:
    hour = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}} | MARK
    made = content({"type": "text", "text": "a"} | MARK, hour, image)
    assert made[:4] == [{"text": "a"}, POINT, {"text": "b"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert made[5] == POINT


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA=="}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "hologram", "hologram": {}},
        {"type": "video"},
    ],
)
def test_parts_without_a_place_are_refused(part: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        content({"type": "text", "text": "a"}, part)
    assert caught.value.param == "messages[0].content[1]"

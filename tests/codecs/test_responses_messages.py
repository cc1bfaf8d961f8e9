"""What the Responses codec makes of messages."""

from __future__ import annotations

from typing import Any

import pytest
from native_driver import USER
from responses_help import SEARCH, called, custom_called, plain, said, text_part, thought

JSON = dict[str, Any]

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CUSTOM = {"id": "call_c", "type": "custom", "custom": {"name": "calculate", "input": "4 + 4"}}
SENT_CALL = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
SENT_CUSTOM = {"type": "custom_tool_call", "call_id": "call_c", "name": "calculate", "input": "4 + 4"}


def assistant(content: Any = None, **more: Any) -> JSON:
    return {"role": "assistant", "content": content, **more}


@pytest.mark.parametrize(
    ("messages", "instructions", "items"),
    [
        ([{"role": "system", "content": "S"}, USER], "S", [USER]),
        ([{"role": "developer", "content": "S"}, USER], "S", [USER]),
        ([{"role": "system", "content": "S"}], None, [{"role": "system", "content": "S"}]),
        (
            [{"role": "system", "content": [{"type": "text", "text": "S"}]}, USER],
            None,
            [{"role": "system", "content": [{"type": "input_text", "text": "S"}]}, USER],
        ),
        (
            [{"role": "system", "content": "S"}, USER, {"role": "system", "content": "T"}],
            "S",
            [USER, {"role": "system", "content": "T"}],
        ),
    ],
)
def test_leading_text_becomes_the_instructions(
    messages: list[JSON], instructions: str | None, items: list[JSON]
) -> None:
    body = plain.encode(*messages)
    assert body.get("instructions") == instructions
    assert body["input"] == items


def test_instructions_of_the_callers_own_leave_the_messages_alone() -> None:
    system = {"role": "system", "content": "S"}
    body = plain.encode(system, USER, instructions="I")
    assert body["instructions"] == "I"
    assert body["input"] == [system, USER]


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        ({"type": "text", "text": "a"}, {"type": "input_text", "text": "a"}),
        (
            {"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
        ),
        (
            {"type": "image_url", "image_url": {"url": "https://h/a.png"}},
            {"type": "input_image", "image_url": "https://h/a.png"},
        ),
        (
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
            {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "low"},
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, {"type": "input_file", "file_id": "file-1"}),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
            {"type": "input_file", "file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
        ),
        (
            {"type": "input_file", "file_url": "https://h/a.pdf"},
            {"type": "input_file", "file_url": "https://h/a.pdf"},
        ),
    ],
)
def test_parts_are_written_in_the_dialects_form(part: JSON, sent: JSON) -> None:
    (item,) = plain.encode({"role": "user", "content": [part]})["input"]
    assert item == {"role": "user", "content": [sent]}


@pytest.mark.parametrize(
    ("message", "items"),
    [
        (assistant("A"), [{"role": "assistant", "content": "A"}]),
        (assistant(""), []),
        (assistant(tool_calls=[CALL]), [SENT_CALL]),
        (
            assistant("A", tool_calls=[CALL, CUSTOM]),
            [{"role": "assistant", "content": "A"}, SENT_CALL, SENT_CUSTOM],
        ),
        (assistant(tool_calls=[CALL | {"namespace": "n", "odd": 1}]), [SENT_CALL | {"namespace": "n"}]),
        (
            assistant(tool_calls=[{"function": {"name": "f"}}]),
            [SENT_CALL | {"call_id": "call_0", "arguments": ""}],
        ),
        (
            assistant([{"type": "text", "text": "A"}, {"type": "refusal", "refusal": "R"}]),
            [
                {
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "R"}],
                }
            ],
        ),
        (
            assistant("A", refusal="R"),
            [
                {
                    "role": "assistant",
                    "content": [{"type": "output_text", "text": "A"}, {"type": "refusal", "refusal": "R"}],
                }
            ],
        ),
        (assistant(refusal="R"), [{"role": "assistant", "content": [{"type": "refusal", "refusal": "R"}]}]),
        (
            assistant("A", provider_specific_fields={"phase": "commentary"}),
            [{"role": "assistant", "content": "A", "phase": "commentary"}],
        ),
        (
            assistant("A", thinking_blocks=[thought("s")]),
            [thought("s"), {"role": "assistant", "content": "A"}],
        ),
        (
            assistant("A", thinking_blocks=[{"type": "thinking", "thinking": "t", "signature": "s"}]),
            [{"role": "assistant", "content": "A"}],
        ),
    ],
)
def test_an_assistants_message_becomes_its_items(message: JSON, items: list[JSON]) -> None:
    assert plain.encode(USER, message)["input"] == [USER, *items]


RAW = [thought("s"), SEARCH, said("A", "B"), called()]


@pytest.mark.parametrize(
    ("message", "received"),
    [
        (assistant("AB", tool_calls=[CALL]), True),
        (assistant("changed", tool_calls=[CALL]), False),
        (assistant("AB"), False),
    ],
)
def test_items_are_sent_as_they_were_received_unless_the_message_was_changed(
    message: JSON, received: bool
) -> None:
    kept = message | {"provider_specific_fields": {"items": RAW}}
    assert (plain.encode(USER, kept)["input"][1:] == RAW) is received


def test_items_can_answer_the_dialects_own_calls() -> None:
    output = {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": []}
    message = {
        "role": "tool",
        "tool_call_id": "c",
        "content": "",
        "provider_specific_fields": {"items": [output]},
    }
    assert plain.encode(USER, message)["input"] == [USER, output]


@pytest.mark.parametrize(("store", "kept"), [(True, 3), (False, 2), (None, 3)])
def test_reasoning_that_only_the_provider_holds_is_left_out_where_it_holds_nothing(
    store: bool | None, kept: int
) -> None:
    referred = {"type": "reasoning", "id": "rs_2", "summary": []}
    clear = {
        "type": "reasoning",
        "id": "rs_3",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "t"}],
    }
    message = assistant(thinking_blocks=[thought(), referred, clear])
    params = {} if store is None else {"store": store}
    assert len(plain.encode(USER, message, **params)["input"]) == 1 + kept


@pytest.mark.parametrize(
    ("content", "output"),
    [
        ("sunny", "sunny"),
        ([{"type": "text", "text": "sun"}, {"type": "text", "text": "ny"}], "sunny"),
        (
            [{"type": "image_url", "image_url": {"url": "https://h/a.png"}}],
            [{"type": "input_image", "image_url": "https://h/a.png"}],
        ),
    ],
)
def test_results_answer_their_calls(content: Any, output: Any) -> None:
    history = [USER, assistant(tool_calls=[CALL, CUSTOM])]
    results = [{"role": "tool", "tool_call_id": name, "content": content} for name in ("call_1", "call_c")]
    assert plain.encode(*history, *results)["input"][3:] == [
        {"type": "function_call_output", "call_id": "call_1", "output": output},
        {"type": "custom_tool_call_output", "call_id": "call_c", "output": output},
    ]


def test_a_custom_call_sent_as_received_has_its_result_too() -> None:
    raw = assistant(tool_calls=[CUSTOM], provider_specific_fields={"items": [SEARCH, custom_called()]})
    result = {"role": "tool", "tool_call_id": "call_c", "content": "8"}
    assert plain.encode(USER, raw, result)["input"][3]["type"] == "custom_tool_call_output"


def test_an_answers_own_parts_can_be_given_back() -> None:
    content = [text_part("A")]
    assert plain.encode(assistant(content))["input"] == [{"role": "assistant", "content": content}]

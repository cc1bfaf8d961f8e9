"""How OpenAI's messages and tools are written in Anthropic's dialect."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic_requests import (
    JSON,
    MARK,
    MODEL,
    OLD,
    SENT_TOOL,
    TOOL,
    USER,
    beside,
    call,
    encoded,
    text,
    turns,
)

from aiocompl.errors import BadRequestError, UnsupportedParamsError

# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("messages", "system"),
    [
        ([{"role": "system", "content": "A"}], "A"),
        ([{"role": "system", "content": "A"}, {"role": "developer", "content": "B"}], [text("A"), text("B")]),
        ([{"role": "system", "content": [text("A", cache_control=MARK)]}], [text("A", cache_control=MARK)]),
        ([{"role": "system", "content": "A", "cache_control": MARK}], [text("A", cache_control=MARK)]),
        ([USER, {"role": "system", "content": "A"}], "A"),
        ([{"role": "system", "content": " "}], None),
    ],
)
def test_system_text_is_hoisted(messages: list[JSON], system: Any) -> None:
    assert encoded([*messages, USER]).get("system") == system


def test_late_system_text_stays_where_a_model_takes_it() -> None:
    late = {"role": "developer", "content": "A"}
    other = {"role": "assistant", "content": "B"}
    body = encoded(
        [USER, late, late, other, late, USER, {"role": "system", "content": ""}], "claude-opus-4-8"
    )
    assert body["system"] == "A"
    assert body["messages"] == [
        USER,
        {"role": "system", "content": [text("A"), text("A")]},
        {"role": "assistant", "content": [text("B")]},
        USER,
    ]


def test_there_is_always_a_user_turn_and_text_in_it() -> None:
    other = {"role": "assistant", "content": "B"}
    assert turns({"role": "system", "content": "A"}) == [{"role": "user", "content": "."}]
    assert turns(other, USER, model=OLD)[0] == {"role": "user", "content": "."}
    assert turns(other, USER)[0]["role"] == "assistant"
    assert turns({"role": "user", "content": " "}) == [{"role": "user", "content": [text(".")]}]
    assert turns(USER, {"role": "assistant", "content": None}) == [USER]


def test_turns_of_one_role_are_one() -> None:
    assert turns(USER, {"role": "user", "content": [text("there")]}) == [
        {"role": "user", "content": [text("Hi"), text("there")]}
    ]


def test_marks_stay_and_strangers_go() -> None:
    assert turns({"role": "user", "content": "A", "cache_control": MARK}) == [
        {"role": "user", "content": [text("A", cache_control=MARK)]}
    ]
    assert turns({"role": "user", "content": [text("A", cache_control=MARK, strange=1)]}) == [
        {"role": "user", "content": [text("A", cache_control=MARK)]}
    ]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (
            {
                "type": "image_url",
                "image_url": {"url": "https://x/y.png", "detail": "low"},
                "cache_control": MARK,
            },
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}, "cache_control": MARK},
        ),
        (
            {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        ),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "file", "file": {"file_data": "data:image/webp;base64,AAAA"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "AAAA"}},
        ),
        (
            {
                "type": "file",
                "file": {"file_data": "data:text/csv;base64,YSxi"},
                "citations": {"enabled": True},
            },
            {
                "type": "document",
                "source": {"type": "text", "media_type": "text/plain", "data": "a,b"},
                "citations": {"enabled": True},
            },
        ),
        (
            {"type": "file", "file": {"file_id": "file_1"}},
            {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
        ),
        (
            {"type": "file", "file": {"file_url": "https://x/a.pdf"}},
            {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}},
        ),
        ({"type": "container_upload", "file_id": "f"}, {"type": "container_upload", "file_id": "f"}),
    ],
)
def test_parts_become_blocks(part: JSON, block: JSON) -> None:
    assert turns({"role": "user", "content": [part]}) == [{"role": "user", "content": [block]}]


@pytest.mark.parametrize(
    ("part", "error", "param"),
    [
        (
            {"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}},
            UnsupportedParamsError,
            "messages[0].content[0]",
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/plain;base64,?"}},
            BadRequestError,
            "messages[0].content[0]",
        ),
        ({"type": "image_url", "image_url": {}}, BadRequestError, None),
    ],
)
def test_parts_that_cannot_be_written(part: JSON, error: type[BadRequestError], param: str | None) -> None:
    with pytest.raises(error) as caught:
        turns({"role": "user", "content": [part]})
    assert (caught.value.param, caught.value.provider, caught.value.model) == (param, "anthropic", MODEL)


def test_prefill_does_not_end_in_white_space() -> None:
    begun = {"role": "assistant", "content": "So \n"}
    assert encoded([USER, begun], model="claude-sonnet-4-5")["messages"][-1]["content"] == [text("So")]
    last = {"role": "assistant", "tool_calls": [call("f")]}
    assert turns(USER, last)[-1]["content"][-1]["type"] == "tool_use"


def test_prefill_where_it_is_no_longer_taken() -> None:
    begun = {"role": "assistant", "content": "So"}
    for model in ("claude-opus-4-6", "claude-sonnet-5"):
        with pytest.raises(UnsupportedParamsError, match="goes on with no answer") as caught:
            encoded([USER, begun], model=model)
        assert caught.value.param == "messages"
        encoded([USER, begun, USER], model=model)
    paused = [text("So"), {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}]
    fields = {"provider_specific_fields": {"content_blocks": paused}}
    assert encoded([USER, begun | fields], model="claude-opus-4-6")["messages"][-1]["content"] == paused


# ---------------------------------------------------------------- calls and results


def test_results_come_together_before_everything_else() -> None:
    sent = turns(
        USER,
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [call("f", '{"a": 1}', "c1"), call("g", "", "c2")],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one", "is_error": True},
        {"role": "user", "content": "And?"},
        {"role": "tool", "tool_call_id": "c2", "content": [text("two")], "cache_control": MARK},
    )
    assert sent[1]["content"] == [
        text("I look."),
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
    ]
    assert sent[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "one", "is_error": True},
        {"type": "tool_result", "tool_use_id": "c2", "content": [text("two")], "cache_control": MARK},
        text("And?"),
    ]


def test_ids_are_made_fit_and_unique() -> None:
    round_: list[JSON] = [
        {"role": "assistant", "content": None, "tool_calls": [call("f", call_id="call_f")]},
        {"role": "tool", "tool_call_id": "call_f"},
    ]
    other: list[JSON] = [
        {"role": "assistant", "tool_calls": [call("g", call_id="a.b:c")]},
        {"role": "tool", "tool_call_id": "a.b:c", "content": "r"},
        {"role": "tool", "tool_call_id": "un.known", "content": "r"},
    ]
    sent = turns(USER, *round_, *round_, *other)
    used = [
        block["id"] for turn in sent for block in turn["content"] if isinstance(block, dict) and "id" in block
    ]
    answered = [
        block["tool_use_id"]
        for turn in sent
        for block in turn["content"]
        if isinstance(block, dict) and "tool_use_id" in block
    ]
    assert used == ["call_f", "call_f_2", "a_b_c"]
    assert answered == ["call_f", "call_f_2", "a_b_c", "un_known"]


def test_arguments_must_be_an_object() -> None:
    with pytest.raises(BadRequestError) as caught:
        turns(USER, {"role": "assistant", "tool_calls": [call("f", "[1]")]})
    assert caught.value.param == "messages[1].tool_calls[0]"


def test_tools_called_before_are_declared_but_not_to_be_called() -> None:
    body = encoded([USER, {"role": "assistant", "tool_calls": [call("f"), call("f", call_id="c2")]}, USER])
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "none"}


def test_signed_thinking_goes_back_and_unsigned_does_not() -> None:
    signed = {"type": "thinking", "thinking": "Hm", "signature": "s"}
    redacted = {"type": "redacted_thinking", "data": "d"}
    message = {
        "role": "assistant",
        "content": "B",
        "reasoning_content": "Hm",
        "thinking_blocks": [signed, redacted, {"type": "thinking", "thinking": "no signature"}],
    }
    assert turns(USER, message, USER)[1]["content"] == [signed, redacted, text("B")]


def test_blocks_as_received_go_back_unless_the_message_was_changed() -> None:
    raw = [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
        text("B"),
    ]
    message = {"role": "assistant", "content": "B", "provider_specific_fields": {"content_blocks": raw}}
    assert turns(USER, message, USER)[1]["content"] == raw
    assert turns(USER, {**message, "content": "C"}, USER)[1]["content"] == [text("C")]
    assert turns(USER, {**message, "provider_specific_fields": {}}, USER)[1]["content"] == [text("B")]


def test_a_refusal_is_text() -> None:
    assert turns(USER, {"role": "assistant", "content": None, "refusal": "No."}, USER)[1]["content"] == [
        text("No.")
    ]


# ---------------------------------------------------------------- tools


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"tools": [TOOL]}, {"tools": [SENT_TOOL]}),
        (
            {"tools": [{**TOOL, "cache_control": MARK}]},
            {"tools": [{**SENT_TOOL, "cache_control": MARK}]},
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}]},
            {"tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]},
        ),
        (
            {"tools": [{"type": "function", "function": {**TOOL["function"], "strict": True}}]},
            {"tools": [{**SENT_TOOL, "strict": True}]},
        ),
        (
            {"tools": [{"type": "memory_20250818", "name": "memory"}, TOOL]},
            {"tools": [{"type": "memory_20250818", "name": "memory"}, SENT_TOOL]},
        ),
        ({"tools": [TOOL], "tool_choice": "auto"}, {"tools": [SENT_TOOL], "tool_choice": {"type": "auto"}}),
        (
            {"tools": [TOOL], "tool_choice": "required"},
            {"tools": [SENT_TOOL], "tool_choice": {"type": "any"}},
        ),
        (
            {"tools": [TOOL], "tool_choice": "none", "parallel_tool_calls": False},
            {"tools": [SENT_TOOL], "tool_choice": {"type": "none"}},
        ),
        (
            {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tools": [SENT_TOOL], "tool_choice": {"type": "tool", "name": "f"}},
        ),
        (
            {"tools": [TOOL], "parallel_tool_calls": False},
            {"tools": [SENT_TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {
                "tools": [TOOL, {"type": "function", "function": {"name": "g"}}],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "f"}}],
                    },
                },
            },
            {"tools": [SENT_TOOL], "tool_choice": {"type": "any"}},
        ),
        (
            {
                "tools": [TOOL],
                "tool_choice": {"type": "function", "function": {"name": "f"}},
                "parallel_tool_calls": False,
            },
            {
                "tools": [SENT_TOOL],
                "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
            },
        ),
        (
            {
                "tools": [TOOL, {"type": "function", "function": {"name": "g"}}],
                "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}},
            },
            {"tools": [SENT_TOOL], "tool_choice": {"type": "auto"}},
        ),
        ({"tool_choice": "auto", "parallel_tool_calls": True}, {}),
        ({"web_search_options": {}}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        (
            {
                "web_search_options": {
                    "search_context_size": "low",
                    "user_location": {"type": "approximate", "approximate": {"city": "Ulm"}},
                }
            },
            {
                "tools": [
                    {
                        "type": "web_search_20250305",
                        "name": "web_search",
                        "max_uses": 1,
                        "user_location": {"type": "approximate", "city": "Ulm"},
                    }
                ]
            },
        ),
    ],
)
def test_tools_and_the_choice_among_them(params: JSON, sent: JSON) -> None:
    assert beside(**params) == sent

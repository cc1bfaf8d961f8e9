"""What the Responses codec makes of whole answers and of errors."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_driver import USER, fault
from responses_help import (
    KEY,
    SEARCH,
    USAGE,
    called,
    custom_called,
    plain,
    reasoner,
    response,
    said,
    text_part,
    thought,
)

from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.wire.messages import HTTPResponse

JSON = dict[str, Any]


def test_a_plain_answer_is_read_whole() -> None:
    got = reasoner.decode(response(thought("First.", "Then."), said("Hel", "lo"), billing={"payer": "p"}))
    assert got.to_dict() == {
        "id": "resp_1",
        "object": "chat.completion",
        "created": 1790000000,
        "model": "gpt-5.4-2026",
        "service_tier": "default",
        "store": True,
        "billing": {"payer": "p"},
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "native_finish_reason": "completed",
                "logprobs": None,
                "message": {
                    "role": "assistant",
                    "content": "Hello",
                    "refusal": None,
                    "reasoning_content": "First.\n\nThen.",
                    "thinking_blocks": [thought("First.", "Then.")],
                },
            }
        ],
        "usage": {
            "prompt_tokens": 20,
            "completion_tokens": 9,
            "total_tokens": 29,
            "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    }


def test_calls_keep_their_order_and_namespace() -> None:
    got = reasoner.decode(response(called(namespace="n"), custom_called())).choices[0]
    assert got.finish_reason == "tool_calls"
    assert got.message.content is None
    assert [call.to_dict() for call in got.message.tool_calls or ()] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "namespace": "n"},
        {"id": "call_c", "type": "custom", "custom": {"name": "calculate", "input": "4 + 4"}},
    ]
    assert got.message.get("provider_specific_fields") is None


@pytest.mark.parametrize(
    ("more", "finish_reason", "native"),
    [
        ({}, "stop", "completed"),
        ({"status": None}, "stop", "completed"),
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "length", "max_output_tokens"),
        ({"incomplete_details": {"reason": "content_filter"}}, "content_filter", "content_filter"),
        ({"incomplete_details": {"reason": "steered"}}, "steered", "steered"),
        ({"incomplete_details": None, "status": "incomplete"}, "incomplete", "incomplete"),
    ],
)
def test_the_finish_reason_follows_the_status(more: JSON, finish_reason: str, native: str) -> None:
    status = {"status": "incomplete"} if more.get("incomplete_details") else {}
    choice = plain.decode(response(said("A"), **status | more)).choices[0]
    assert choice.finish_reason == finish_reason
    assert choice.native_finish_reason == native


def test_a_refusal_is_no_content() -> None:
    message = plain.decode(response(said({"type": "refusal", "refusal": "No."}))).choices[0].message
    assert message.refusal == "No."
    assert message.content is None


def test_an_answer_of_reasoning_alone_has_empty_text() -> None:
    assert plain.decode(response(thought())).choices[0].message.content == ""


def test_annotations_count_from_the_start_of_the_whole_text() -> None:
    page = {"type": "url_citation", "url": "https://h", "title": "H", "start_index": 0, "end_index": 2}
    file = {"type": "file_citation", "file_id": "file-1", "index": 1}
    got = plain.decode(
        response(said(text_part("abc", annotations=[page]), text_part("de", annotations=[page, file])))
    )
    assert [note.to_dict() for note in got.choices[0].message.annotations or ()] == [
        {
            "type": "url_citation",
            "url_citation": {"url": "https://h", "title": "H", "start_index": 0, "end_index": 2},
        },
        {
            "type": "url_citation",
            "url_citation": {"url": "https://h", "title": "H", "start_index": 3, "end_index": 5},
        },
        {"type": "file_citation", "file_citation": {"file_id": "file-1", "index": 1}},
    ]


def test_log_probabilities_stand_beside_the_text() -> None:
    entry = {"token": "A", "logprob": -0.1, "bytes": [65], "top_logprobs": [{"token": "A", "logprob": -0.1}]}
    logprobs = plain.decode(response(said(text_part("A", logprobs=[entry])))).choices[0].logprobs
    assert logprobs is not None
    assert [token.to_dict()["token"] for token in logprobs.content or ()] == ["A"]


@pytest.mark.parametrize(
    "items",
    [
        [SEARCH, said("A")],
        [said("A", phase="commentary"), said("B", phase="final_answer")],
        [said("A"), thought()],
        [said("A", odd=1)],
        [said({"type": "output_text", "text": "A", "odd": 1})],
        [said({"type": "output_audio", "odd": 1})],
        [{"type": "compaction", "encrypted_content": "gAAA"}],
    ],
)
def test_items_without_a_place_are_kept_and_sent_back(items: list[JSON]) -> None:
    message = reasoner.decode(response(*items)).choices[0].message
    assert message.provider_specific_fields == {"items": items}
    assert reasoner.encode(USER, message.to_dict())["input"][1:] == items


def test_the_phase_of_a_message_is_kept_and_sent_back() -> None:
    message = reasoner.decode(response(said("A", phase="commentary"), called())).choices[0].message
    assert message.provider_specific_fields == {"phase": "commentary"}
    assert reasoner.encode(USER, message.to_dict())["input"][1]["phase"] == "commentary"


def test_pictures_are_given_as_data_uris() -> None:
    pictures: list[JSON] = [
        {"type": "image_generation_call", "id": "ig_1", "result": "QUJD"},
        {"type": "image_generation_call", "id": "ig_2", "result": "QUJD", "output_format": "webp"},
        {"type": "image_generation_call", "id": "ig_3", "result": None},
    ]
    images = plain.decode(response(*pictures)).choices[0].message.images
    assert [image["image_url"]["url"] for image in images] == [
        "data:image/png;base64,QUJD",
        "data:image/webp;base64,QUJD",
    ]
    assert [image["index"] for image in images] == [0, 1]


def test_usage_may_be_absent_or_say_more_or_less() -> None:
    assert plain.decode(response(said("A"), usage=None)).usage is None
    less = plain.decode(response(said("A"), usage={"input_tokens": 1, "output_tokens": 2})).usage
    assert less is not None
    assert less.total_tokens == 3
    assert less.prompt_tokens_details is None
    more = plain.decode(response(said("A"), usage=USAGE | {"cost_in_usd_ticks": 7})).usage
    assert more is not None
    assert more.cost_in_usd_ticks == 7


@pytest.mark.parametrize(
    ("error", "cls", "status"),
    [
        ({"code": "server_error", "message": f"Sorry, {KEY}"}, InternalServerError, 500),
        ({"code": "rate_limit_exceeded", "message": "Slow down"}, RateLimitError, 429),
        ({"code": "server_is_overloaded", "message": "m"}, ServiceUnavailableError, 503),
        ({"code": "invalid_prompt", "message": "m"}, BadRequestError, 400),
        (
            {"code": "invalid_prompt", "message": "flagged as potentially violating our usage policy"},
            ContentPolicyViolationError,
            400,
        ),
        ({"code": "image_content_policy_violation", "message": "m"}, ContentPolicyViolationError, 400),
        ({"code": "bio_policy", "message": "m"}, ContentPolicyViolationError, 400),
        ({"code": "context_length_exceeded", "message": "m"}, ContextWindowExceededError, 400),
        ({"code": "vector_store_timeout", "message": "m"}, InternalServerError, 500),
        (None, InternalServerError, 500),
    ],
)
def test_a_failed_answer_is_an_error(error: JSON | None, cls: type[AiocomplError], status: int) -> None:
    found = fault(lambda: plain.decode(response(status="failed", error=error)))
    assert type(found) is cls
    assert isinstance(found, APIError)
    assert found.status_code == status
    assert KEY not in str(found)


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (401, {"error": {"message": "m", "code": "invalid_api_key"}}, AuthenticationError),
        (400, {"code": "invalid-argument", "error": "Incorrect API key provided."}, AuthenticationError),
        (400, {"error": {"message": "m", "code": "context_length_exceeded"}}, ContextWindowExceededError),
        (400, {"error": {"message": "m", "code": "invalid_value"}}, BadRequestError),
        (502, "<html>", InternalServerError),
    ],
)
def test_errors_are_told_apart(status: int, body: Any, cls: type[AiocomplError]) -> None:
    raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
    assert isinstance(plain.codec.decode_error(plain.request(), HTTPResponse(status, {}, raw)), cls)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        orjson.dumps(response(status="queued")),
        orjson.dumps(response(status="cancelled")),
        orjson.dumps(response({"type": "message"})),
        orjson.dumps(response(said({"type": "output_text", "text": 5}))),
        orjson.dumps(response(called(call_id="c") | {"name": None, "arguments": None})).replace(
            b'"call_id"', b'"c"'
        ),
        orjson.dumps(response(said("A"), usage={"input_tokens": 1})),
    ],
)
def test_malformed_answers_are_reported(body: bytes) -> None:
    assert type(fault(lambda: plain.decode(body))) is APIResponseValidationError


@given(st.binary())
def test_any_bytes_are_read_or_reported(body: bytes) -> None:
    fault(lambda: plain.decode(body))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "content", "text", "summary", "call_id", "name", "arguments", "role", "id"]
            ),
            inner | st.sampled_from(["message", "reasoning", "function_call", "output_text"]),
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(_JSON)
def test_any_output_is_read_or_reported(output: Any) -> None:
    fault(lambda: plain.decode(response() | {"output": output}))

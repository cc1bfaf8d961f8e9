"""What the Responses codec makes of streams."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_driver import fault
from responses_help import (
    KEY,
    SEARCH,
    STARTED,
    USAGE,
    added,
    called,
    custom_called,
    delta,
    done,
    ended,
    event,
    plain,
    response,
    said,
    text_part,
    thought,
)

from aiocompl.errors import (
    AiocomplError,
    APIResponseValidationError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
)
from aiocompl.types.assemble import stream_chunk_builder

JSON = dict[str, Any]

CITED = text_part(
    "Hello",
    annotations=[
        {"type": "url_citation", "url": "https://h", "title": "H", "start_index": 0, "end_index": 5}
    ],
)
ITEMS = [thought("First.", "Then."), SEARCH, said(CITED), called("f", '{"a":1}'), custom_called()]
WHOLE = b"".join(
    [
        STARTED,
        event("response.in_progress", response=response(status="in_progress")),
        added({"type": "reasoning", "id": "rs_1", "summary": []}),
        delta("reasoning_summary_text", "Fir", summary_index=0),
        delta("reasoning_summary_text", "st.", summary_index=0),
        delta("reasoning_summary_text", "", summary_index=1),
        delta("reasoning_summary_text", "Then.", summary_index=1),
        done(ITEMS[0]),
        added(SEARCH, 1),
        event("response.web_search_call.searching", output_index=1, item_id="ws_1"),
        done(SEARCH, 1),
        added({"type": "message", "id": "msg_1", "content": []}, 2),
        delta("output_text", "Hel", 2, logprobs=[]),
        delta("output_text", "lo", 2, obfuscation="x"),
        event("response.something_new", odd=1),
        done(ITEMS[2], 2),
        added(called("f", ""), 3),
        delta("function_call_arguments", '{"a"', 3),
        delta("function_call_arguments", "", 3),
        delta("function_call_arguments", ":1}", 3),
        done(ITEMS[3], 3),
        added(custom_called(""), 4),
        delta("custom_tool_call_input", "4 + ", 4),
        delta("custom_tool_call_input", "4", 4),
        done(ITEMS[4], 4),
        ended(*ITEMS),
    ]
)


def decoded(data: bytes) -> Any:
    return stream_chunk_builder(plain.decode_stream([data]))


def test_a_stream_makes_what_the_blocking_call_gives() -> None:
    chunks = plain.decode_stream([WHOLE])
    assert stream_chunk_builder(chunks) == plain.decode(response(*ITEMS))
    assert {chunk.id for chunk in chunks} == {"resp_1"}
    assert {chunk.created for chunk in chunks} == {1790000000}
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-1] == "tool_calls"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    calls = [call for chunk in chunks[:-1] for call in chunk.choices[0].delta.tool_calls or ()]
    assert [(call.index, call.id) for call in calls if call.id] == [(0, "call_1"), (1, "call_c")]


def test_where_the_bytes_were_cut_does_not_matter() -> None:
    whole = plain.decode_stream([WHOLE])
    assert plain.decode_stream([WHOLE[i : i + 1] for i in range(len(WHOLE))]) == whole


@given(st.lists(st.integers(0, len(WHOLE)), max_size=6).map(sorted))
def test_the_stream_can_be_cut_anywhere(marks: list[int]) -> None:
    slices = [WHOLE[a:b] for a, b in pairwise([0, *marks, len(WHOLE)])]
    assert plain.decode_stream(slices) == plain.decode_stream([WHOLE])


def test_what_follows_the_end_does_not_matter() -> None:
    assert plain.decode_stream([WHOLE + b"data: [DONE]\n\n" + b"data: {\n\n"]) == plain.decode_stream([WHOLE])


@pytest.mark.parametrize(
    "stream",
    [
        [STARTED, *(done(item, position) for position, item in enumerate(ITEMS)), ended(*ITEMS)],
        [STARTED, ended(*ITEMS)],
        [STARTED, b"data: [DONE]\n\n", ended(*ITEMS)],
        [ended(*ITEMS)],
        [STARTED, *(done(item, position) for position, item in enumerate(ITEMS)), ended(output=ITEMS)],
    ],
)
def test_items_of_which_no_piece_came_are_told_all_the_same(stream: list[bytes]) -> None:
    assert decoded(b"".join(stream)) == plain.decode(response(*ITEMS))


def test_items_are_known_where_the_end_does_not_repeat_them() -> None:
    stream = b"".join([STARTED, *(done(item, position) for position, item in enumerate(ITEMS)), ended()])
    assert decoded(stream) == plain.decode(response(*ITEMS))


@pytest.mark.parametrize("pieces", [True, False])
def test_refusals_are_told(pieces: bool) -> None:
    item = said({"type": "refusal", "refusal": "No, no."})
    told = [delta("refusal", "No, "), delta("refusal", "no.")] if pieces else []
    assert decoded(b"".join([STARTED, *told, done(item), ended(item)])) == plain.decode(response(item))


def test_reasoning_in_the_clear_is_told() -> None:
    item = thought(content=[{"type": "reasoning_text", "text": "Hm."}])
    stream = b"".join([STARTED, delta("reasoning_text", "Hm.", content_index=0), done(item), ended(item)])
    assert decoded(stream) == plain.decode(response(item))


def test_log_probabilities_come_with_their_text() -> None:
    entry = {"token": "A", "logprob": -0.1, "bytes": [65], "top_logprobs": []}
    item = said(text_part("A", logprobs=[entry]))
    stream = b"".join([STARTED, delta("output_text", "A", logprobs=[entry]), done(item), ended(item)])
    assert decoded(stream) == plain.decode(response(item))


def test_an_incomplete_answer_says_why() -> None:
    details = {"reason": "max_output_tokens"}
    got = decoded(
        STARTED
        + delta("output_text", "Hel")
        + ended(said("Hel"), kind="incomplete", incomplete_details=details)
    )
    assert got.choices[0].finish_reason == "length"
    assert got.choices[0].native_finish_reason == "max_output_tokens"


def test_a_stream_without_usage_has_no_chunk_for_it() -> None:
    chunks = plain.decode_stream([STARTED + ended(said("A"), usage=None)])
    assert chunks[-1].choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("last", "cls"),
    [
        (
            ended(kind="failed", error={"code": "server_error", "message": f"Sorry, {KEY}"}),
            InternalServerError,
        ),
        (ended(error={"code": "rate_limit_exceeded", "message": "m"}), RateLimitError),
        (ended(kind="failed"), InternalServerError),
        (event("error", code="rate_limit_exceeded", message="m", param=None), RateLimitError),
        (event("error", error={"type": "rate_limit_error", "message": "m"}), RateLimitError),
        (event("error", code="context_length_exceeded", message="m"), ContextWindowExceededError),
        (event("error"), InternalServerError),
        (b'data: {"error": {"message": "m", "code": 429}}\n\n', RateLimitError),
        (b"event: error\ndata: out of order\n\n", InternalServerError),
    ],
)
def test_an_error_inside_a_stream_is_an_error(last: bytes, cls: type[AiocomplError]) -> None:
    chunks: list[Any] = []
    frames, decoder = plain.codec.frame_decoder(), plain.codec.stream_decoder(plain.request(stream=True))
    events = frames.feed(STARTED + delta("output_text", "Hel") + last)
    found = fault(lambda: decoder.feed(events, chunks))
    assert type(found) is cls
    assert KEY not in str(found)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "Hel"]


@pytest.mark.parametrize("cut", [0, len(STARTED), len(WHOLE) - 200, len(WHOLE) - 1])
def test_a_cut_stream_is_no_answer(cut: int) -> None:
    assert type(fault(lambda: plain.decode_stream([WHOLE[:cut]]))) is IncompleteStreamError


@pytest.mark.parametrize(
    "data",
    [
        b"data: <html>\n\n",
        b"data: []\n\n",
        b"data: \xff\n\n",
        delta("output_text", 5),
        delta("function_call_arguments", "{}", 9),
        added({"type": "function_call", "name": None, "call_id": "c"}),
        done(called() | {"arguments": {}}),
        event("response.completed", response=response(status="queued")),
        event("response.completed"),
    ],
)
def test_malformed_events_are_reported(data: bytes) -> None:
    found = fault(lambda: plain.decode_stream([STARTED + data]))
    assert type(found) is APIResponseValidationError
    assert found.status_code == 200


def test_two_calls_at_one_position_are_two_calls() -> None:
    names = ("call_1", "call_2", "call_3")
    stream = [STARTED, *(added(called("f", "", name)) for name in names)]
    stream += [delta("function_call_arguments", "{}"), ended(called("f", "{}", "call_3"))]
    chunks = plain.decode_stream([b"".join(stream)])
    calls = [call for chunk in chunks[:-1] for call in chunk.choices[0].delta.tool_calls or ()]
    assert [call.index for call in calls] == [0, 1, 2, 2]
    assert [call.id for call in calls] == [*names, None]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.prompt_tokens == USAGE["input_tokens"]


@given(st.binary())
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    fault(lambda: plain.decode_stream([data]))


@given(st.lists(st.sampled_from([part + b"\n\n" for part in WHOLE.split(b"\n\n")]), max_size=12))
def test_events_in_any_order_are_read_or_reported(events: list[bytes]) -> None:
    fault(lambda: plain.decode_stream([b"".join(events)]))


def test_events_that_only_say_how_it_goes_are_passed_over() -> None:
    spoken = STARTED + delta("output_text", "Hi") + ended(said("Hi"))
    silent = [
        STARTED,
        event("keepalive", sequence_number=1),
        event("response.web_search_call.searching", output_index=0),
        event("response.still_to_be_invented", output_index=0),
        delta("output_text", "Hi"),
        ended(said("Hi")),
    ]
    assert decoded(b"".join(silent)) == decoded(spoken)

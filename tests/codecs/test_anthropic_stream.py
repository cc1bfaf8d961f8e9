"""Streams in Anthropic's dialect that are odd, broken or no streams at all."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from anthropic_answers import (
    CITED,
    END,
    FORCED,
    REQUEST,
    SEARCH,
    SEARCHED,
    START,
    TEXT,
    THOUGHT,
    block_events,
    play,
    read,
    sse,
    stream_of,
    text,
    tool_use,
)
from anthropic_requests import CODEC, JSON, MODEL
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import AiocomplError, APIResponseValidationError, IncompleteStreamError
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.types.request import ChatRequest


def test_blocks_may_begin_with_all_they_hold() -> None:
    blocks = [{**THOUGHT}, text("Hi", citations=[CITED]), tool_use("f", {"a": 1}), {**SEARCH}]
    events = [
        event
        for index, block in enumerate(blocks)
        for event in (
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_stop", "index": index},
        )
    ]
    got = stream_chunk_builder(play(sse(START, *events, *END)))
    assert got.to_dict() == read({**TEXT, "content": blocks}).to_dict()


def test_a_block_without_its_end_is_whole_all_the_same() -> None:
    first, second = block_events(0, THOUGHT)[:-1], block_events(0, SEARCH)[:-1]
    got = stream_chunk_builder(play(sse(START, *first, *second, *END))).choices[0].message
    assert got.thinking_blocks == [THOUGHT]
    assert got.provider_specific_fields["content_blocks"] == [THOUGHT, SEARCH]


def test_arguments_that_were_cut_off_are_kept_as_they_are() -> None:
    events = block_events(0, SEARCH)
    del events[-2]
    events += block_events(1, tool_use("f", {"a": 1}))
    del events[-2]
    got = stream_chunk_builder(play(sse(START, *events, *END))).choices[0].message
    assert got.provider_specific_fields["content_blocks"][0]["input"] == '{"query":"q"'
    assert [call.function.arguments for call in got.tool_calls or () if call.function] == ['{"a":1']


def test_what_is_still_to_be_invented_is_kept() -> None:
    deltas = [{"type": "new_delta", "content": "a", "more": 1}, {"type": "new_delta", "content": "b"}]
    events: list[JSON] = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "compaction", "content": None}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": 0},
        {"type": "unheard_of"},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "context_management": {"edits": []}},
        {"type": "message_stop", "metrics": {"a": 1}},
    ]
    got = stream_chunk_builder(play(sse(START, *events))).choices[0]
    assert got.message.provider_specific_fields["content_blocks"] == [
        {"type": "compaction", "content": "ab", "more": 1}
    ]
    assert (got.context_management, got.metrics) == ({"edits": []}, {"a": 1})


def test_a_stream_that_ends_early_is_an_error_after_its_chunks() -> None:
    events = stream_of(TEXT)
    for end in range(len(events)):
        with pytest.raises(IncompleteStreamError):
            play(sse(*events[:end]))


def test_nothing_after_the_end_matters() -> None:
    data = sse(*stream_of(TEXT))
    assert play([data, data]) == play(data + data) == play(data)


@pytest.mark.parametrize(
    "events",
    [
        [START, START],
        [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}],
        [block_events(0, tool_use("f", {}))[0]],
        [START, block_events(0, text("a"))[-1]],
        [END[-1]],
        [START, {"type": "content_block_start", "index": 0}],
    ],
)
def test_events_out_of_order_are_malformed(events: list[JSON]) -> None:
    with pytest.raises(APIResponseValidationError) as caught:
        play(sse(*events))
    assert (caught.value.provider, caught.value.model) == ("anthropic", MODEL)


# ---------------------------------------------------------------- bad input

KINDS = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "error",
        "text",
        "thinking",
        "tool_use",
        "text_delta",
        "input_json_delta",
        "citations_delta",
        "message",
    ]
)
NAMES = st.sampled_from(
    [
        "type",
        "message",
        "index",
        "content_block",
        "delta",
        "content",
        "id",
        "model",
        "usage",
        "stop_reason",
        "text",
        "input",
        "name",
        "thinking",
        "signature",
        "citations",
        "citation",
        "partial_json",
        "error",
        "output_tokens",
    ]
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=3) | KINDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
OBJECTS = st.builds(
    lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(NAMES, JSONS, max_size=5)
)


def fault(act: Callable[[], object]) -> AiocomplError | None:
    try:
        act()
    except AiocomplError as caught:
        return caught
    return None


BODIES = st.binary(max_size=40) | OBJECTS.map(orjson.dumps) | JSONS.map(orjson.dumps)


@given(body=BODIES, request_=st.sampled_from([REQUEST, FORCED]))
def test_any_answer_is_read_or_our_error(body: bytes, request_: ChatRequest) -> None:
    caught = fault(lambda: CODEC.decode_response(request_, HTTPResponse(200, {}, body)).to_dict())
    assert caught is None or caught.model == request_.model
    assert CODEC.decode_error(request_, HTTPResponse(400, {}, body)).model == request_.model


@given(bodies=st.lists(BODIES, max_size=4), end=st.booleans())
def test_any_events_are_read_or_our_error(bodies: list[bytes], end: bool) -> None:
    events = [("message", body) for body in [orjson.dumps(START), *bodies]]
    decoder, chunks = CODEC.stream_decoder(REQUEST), list[Any]()
    caught = fault(lambda: decoder.feed(events, chunks)) or (
        fault(lambda: decoder.end(chunks)) if end else None
    )
    assert caught is None or caught.model == MODEL
    assert all(chunk.to_dict() for chunk in chunks)


@given(st.data())
def test_a_stream_is_the_same_however_it_is_cut(data: st.DataObject) -> None:
    stream = sse(*stream_of(SEARCHED))
    marks = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in pairwise([0, *marks, len(stream)])]
    assert play(pieces) == play(stream)

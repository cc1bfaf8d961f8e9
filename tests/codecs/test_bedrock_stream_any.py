"""Bedrock's ConverseStream: any order of events and any payload, cut anywhere."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from test_bedrock_stream import CODEC, METADATA, MODEL, START, WHOLE, Step, decode, frame, stop

from aiocompl.errors import (
    AiocomplError,
    APIError,
)
from aiocompl.types.request import ChatRequest

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk


STEPS = st.lists(
    st.sampled_from([step for case in WHOLE for step in [*case[1], stop(case[3]), METADATA]]), max_size=12
)


@given(steps=STEPS, marks=st.lists(st.integers(0, 2000), max_size=10))
def test_any_order_of_events_decodes_alike_for_all_cuts_or_is_our_error(
    steps: list[Step], marks: list[int]
) -> None:
    data = b"".join(frame(*step) for step in [START, *steps])
    places = [0, *sorted(marks), len(data)]
    outcomes = []
    for slices in ([data], [data[a:b] for a, b in pairwise(places)]):
        chunks: list[ChatCompletionChunk] = []
        failure = None
        try:
            decode(slices, chunks)
        except AiocomplError as error:
            failure = type(error), error.message
        outcomes.append((chunks, failure))
    assert outcomes[0] == outcomes[1]


@given(
    payload=st.binary(max_size=40),
    name=st.sampled_from(
        [
            "contentBlockDelta",
            "contentBlockStart",
            "contentBlockStop",
            "messageStart",
            "messageStop",
            "metadata",
            "exception:x",
            "error:",
            "new",
        ]
    ),
)
def test_any_payload_decodes_or_raises_our_error(name: str, payload: bytes) -> None:
    decoder = CODEC.stream_decoder(ChatRequest(model=MODEL, messages=[], stream=True))
    chunks: list[ChatCompletionChunk] = []
    with suppress(APIError):
        decoder.feed([(name, payload)], chunks)
    assert len(chunks) <= 1

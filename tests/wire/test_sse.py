"""Server-sent events: one table of streams, each fed whole, byte by byte and cut at random."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import ResponseTooLargeError
from aiocompl.wire.messages import Event, HTTPRequest, HTTPResponse
from aiocompl.wire.sse import SSEDecoder

BOM = b"\xef\xbb\xbf"

STREAMS: dict[str, tuple[bytes, list[Event]]] = {
    "nothing": (b"", []),
    "one": (b"data: a\n\n", [("message", b"a")]),
    "no space": (b"data:a\n\n", [("message", b"a")]),
    "one space only is taken": (b"data:  a\n\n", [("message", b" a")]),
    "two": (b"data: a\n\ndata: b\n\n", [("message", b"a"), ("message", b"b")]),
    "carriage returns": (b"data: a\r\rdata: b\r\r", [("message", b"a"), ("message", b"b")]),
    "both": (b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", b"a"), ("message", b"b")]),
    "mixed": (b"data: a\r\ndata: b\rdata: c\n\r\n", [("message", b"a\nb\nc")]),
    "a mark at the start": (BOM + b"data: a\n\n", [("message", b"a")]),
    "a mark later on": (b"data: a\n\n" + BOM + b"data: b\n\n", [("message", b"a")]),
    "comments": (b": hi\n\n:\ndata: a\n: there\n\n", [("message", b"a")]),
    "several lines": (b"data: a\ndata: b\n\n", [("message", b"a\nb")]),
    "an empty line of data": (b"data: a\ndata:\ndata\ndata: b\n\n", [("message", b"a\n\n\nb")]),
    "empty data": (b"data:\n\n", [("message", b"")]),
    "a name": (b"event: error\ndata: a\n\ndata: b\n\n", [("error", b"a"), ("message", b"b")]),
    "a name after the data": (b"data: a\nevent:error\n\n", [("error", b"a")]),
    "an empty name": (b"event: x\nevent:\ndata: a\n\n", [("message", b"a")]),
    "a name that is no UTF-8": (b"event: \xff\ndata: a\n\n", [("�", b"a")]),
    "a name without data": (b"event: ping\n\ndata: a\n\n", [("message", b"a")]),
    "fields for reconnecting": (b"id: 1\nretry: 5\nnobody: knows\ndata: a\n\n", [("message", b"a")]),
    "a colon in the data": (b'data: {"a": 1}\n\n', [("message", b'{"a": 1}')]),
    "no end": (b"data: a\n\ndata: b\n", [("message", b"a")]),
    "no end of the line": (b"data: a\n\ndata: b", [("message", b"a")]),
    "other line ends of Unicode": (
        "data: a\u2028b\x0b\x0c\x85\n\n".encode(),
        [("message", "a\u2028b\x0b\x0c\x85".encode())],
    ),
    "many blank lines": (b"\n\r\n\r\n\ndata: a\n\n\n\n", [("message", b"a")]),
    "bytes that are no text": (b"data: \x00\xff\n\n", [("message", b"\x00\xff")]),
}

each_stream = pytest.mark.parametrize(("stream", "events"), STREAMS.values(), ids=list(STREAMS))


def decode(slices: list[bytes], limit: int = 1 << 25) -> list[Event]:
    decoder = SSEDecoder(limit)
    return [event for data in slices for event in decoder.feed(data)] + decoder.end()


def cut(data: bytes, at: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(edge, len(data)) for edge in at), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def outcome(slices: list[bytes], limit: int) -> list[Event] | str:
    try:
        return decode(slices, limit)
    except ResponseTooLargeError as error:
        return str(error)


@each_stream
def test_whole(stream: bytes, events: list[Event]) -> None:
    assert decode([stream]) == events


@each_stream
def test_byte_by_byte(stream: bytes, events: list[Event]) -> None:
    assert decode([bytes([byte]) for byte in stream]) == events


@each_stream
def test_in_two_at_every_place(stream: bytes, events: list[Event]) -> None:
    for at in range(len(stream)):
        assert decode([stream[:at], b"", stream[at:]]) == events


ends = {"LF": b"\n", "CR": b"\r", "CRLF": b"\r\n"}


@pytest.mark.parametrize("end", ends.values(), ids=list(ends))
@each_stream
def test_another_stream_may_follow_a_blank_line(end: bytes, stream: bytes, events: list[Event]) -> None:
    unended = [("message", b"b")] if stream.endswith((b"\n\ndata: b", b"\n\ndata: b\n")) else []
    assert decode([stream + end + end + b"data: more" + end + end]) == [
        *events,
        *unended,
        ("message", b"more"),
    ]


LIKELY = st.lists(
    st.sampled_from([b"data: ", b"data", b"event: ", b":", b"\r", b"\n", b"\r\n", b"\n\n", BOM, b"a", b"bc"])
    | st.binary(max_size=3)
).map(b"".join)


@given(LIKELY, st.lists(st.integers(0, 80)), st.integers(0, 30) | st.just(1 << 20))
def test_decoding_does_not_depend_on_where_the_bytes_were_cut(data: bytes, at: list[int], limit: int) -> None:
    whole = outcome([data], limit)
    assert outcome(cut(data, at), limit) == whole
    assert outcome([bytes([byte]) for byte in data], limit) == whole


def test_an_event_of_three_mebibytes() -> None:
    data = b"x" * (3 << 20)
    stream = b"data: " + data + b"\n\n"
    assert decode([stream[at : at + 65536] for at in range(0, len(stream), 65536)]) == [("message", data)]


@pytest.mark.parametrize(
    ("stream", "taken"),
    [
        (b"data: 12345678\n\n", True),  # 14 bytes
        (b"data: 123456789\n\n", False),
        (b"data: 1\ndata: 2\n\n", True),
        (b"data: 1\ndata: 2\ndata: 3\n\n", False),
        (b"data:1\ndata:2\ndata:3\n\n", False),
        (b"data: 1\n\ndata: 2\n\ndata: 3\n\n", True),
        (b": a comment without end", False),
        (b"event: " + b"e" * 8, False),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_the_limit_is_on_one_event(stream: bytes, size: int, *, taken: bool) -> None:
    slices = [stream[at : at + size] for at in range(0, len(stream), size)]
    if taken:
        assert decode(slices, limit=14)
    else:
        with pytest.raises(ResponseTooLargeError, match="max_event_bytes=14"):
            decode(slices, limit=14)


def test_requests_and_responses_show_neither_headers_nor_bodies() -> None:
    request = HTTPRequest("https://x/v1", {"Authorization": "Bearer secret"}, b"prompt")
    response = HTTPResponse(200, {"set-cookie": "secret"}, b"answer")
    assert repr(request) == "HTTPRequest(url='https://x/v1', method='POST')"
    assert repr(response) == "HTTPResponse(status=200)"

"""AWS event streams, by the sample in the documentation and by every cut."""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import APIResponseValidationError, ResponseTooLargeError
from aiocompl.wire.eventstream import EventStreamDecoder

if TYPE_CHECKING:
    from aiocompl.wire.messages import Event

SAMPLE = bytes.fromhex(
    "0000007a00000051ca2c46650b3a6576656e742d7479706507000b6d65737361676553746f700d3a636f6e74656e742d74797065070010"
    "6170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2273746f70526561736f6e223a22656e"
    "645f7475726e227d5fbf09fc"
)


def header(name: str, value: str) -> bytes:
    return (
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
    )


def frame(headers: bytes, payload: bytes = b"") -> bytes:
    prelude = struct.pack(">II", len(headers) + len(payload) + 16, len(headers))
    message = prelude + struct.pack(">I", crc32(prelude)) + headers + payload
    return message + struct.pack(">I", crc32(message))


def event(name: str, payload: bytes) -> bytes:
    return frame(header(":event-type", name) + header(":message-type", "event"), payload)


def decode(slices: list[bytes], max_event_bytes: int = 1000) -> list[Event]:
    decoder = EventStreamDecoder(max_event_bytes)
    events: list[Event] = []
    for data in slices:
        events += decoder.feed(data)
    return events + decoder.end()


def test_the_documented_sample() -> None:
    assert decode([SAMPLE]) == [("messageStop", b'{"stopReason":"end_turn"}')]


@pytest.mark.parametrize(
    ("headers", "payload", "expected"),
    [
        (header(":message-type", "event") + header(":event-type", "chunk"), b"{}", ("chunk", b"{}")),
        (
            header(":message-type", "exception") + header(":exception-type", "throttlingException"),
            b'{"message":"slow"}',
            ("exception:throttlingException", b'{"message":"slow"}'),
        ),
        (header(":message-type", "exception"), b"", ("exception:", b"")),
        (
            header(":message-type", "error") + header(":error-code", "InternalFailure") + header(":error-message", "oh"),
            b"",
            ("error:InternalFailure", b'{"message":"oh"}'),
        ),
        (header(":message-type", "error") + header(":error-code", "X"), b"told", ("error:X", b"told")),
        (b"", b"bare", ("message", b"bare")),
        (
            b"\x01a\x00\x01b\x01\x01c\x02\x00\x01d\x03\x00\x00\x01e\x04\x00\x00\x00\x00\x01f\x05" + bytes(8)
            + b"\x01g\x06\x00\x02xy\x01h\x08" + bytes(8) + b"\x01i\x09" + bytes(16) + header(":event-type", "all"),
            b"",
            ("all", b""),
        ),
    ],
    ids=["event", "exception", "nameless exception", "error", "error with payload", "no headers", "all types"],
)  # fmt: skip
def test_what_a_message_is_becomes_its_name(headers: bytes, payload: bytes, expected: Event) -> None:
    assert decode([frame(headers, payload)]) == [expected]


@given(
    payloads=st.lists(st.tuples(st.sampled_from(["a", "messageStop"]), st.binary(max_size=40)), max_size=5),
    marks=st.lists(st.integers(0, 400), max_size=8),
    tail=st.integers(0, 15),
)
def test_any_cut_decodes_the_same(payloads: list[tuple[str, bytes]], marks: list[int], tail: int) -> None:
    data = b"".join(event(name, payload) for name, payload in payloads) + SAMPLE[:tail]
    places = [0, *sorted(marks), len(data)]
    slices = [data[start:end] for start, end in pairwise(places)]
    assert decode(slices) == decode([data]) == payloads
    assert decode([data[i : i + 1] for i in range(len(data))]) == payloads


@given(
    place=st.integers(0, 2 * len(SAMPLE) - 1), flip=st.integers(1, 255), cut=st.integers(0, 2 * len(SAMPLE))
)
def test_a_corrupt_byte_is_an_error_after_the_events_before_it(place: int, flip: int, cut: int) -> None:
    data = bytearray(SAMPLE * 2)
    data[place] ^= flip
    for slices in ([bytes(data)], [bytes(data[:cut]), bytes(data[cut:])]):
        decoder = EventStreamDecoder()
        events: list[Event] = []
        with pytest.raises(APIResponseValidationError):  # noqa: PT012 - which call raises depends on the cut
            for part in slices:
                events += decoder.feed(part)
            decoder.end()
        assert events == decode([SAMPLE]) * (place // len(SAMPLE))
        with pytest.raises(APIResponseValidationError):
            decoder.feed(SAMPLE)


@given(data=st.binary(max_size=200))
def test_any_bytes_decode_or_raise_our_error(data: bytes) -> None:
    with suppress(APIResponseValidationError):
        assert decode([data]) == decode([data[i : i + 1] for i in range(len(data))])


@pytest.mark.parametrize(
    "headers",
    [
        b"\x05abc",
        b"\x01a\x63",
        b"\x01a\x07\x00\x05xy",
        b"\x01a\x07\x00",
        b"\x01\xff\x00",
        b"\x01a\x07\x00\x01\xff",
        b"\x01a\x05\x00",
    ],
)
def test_unreadable_headers_are_an_error(headers: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match="headers of a message"):
        decode([frame(headers)])


@pytest.mark.parametrize("lengths", [(15, 0), (0, 0), (40, 25), (16, 1)])
@pytest.mark.parametrize("rest", [b"", bytes(60)])
def test_lengths_that_contradict_each_other_are_an_error(lengths: tuple[int, int], rest: bytes) -> None:
    prelude = struct.pack(">II", *lengths)
    with pytest.raises(APIResponseValidationError, match="lengths"):
        decode([prelude + struct.pack(">I", crc32(prelude)) + rest])


@pytest.mark.parametrize("size", [1, 12, 1000])
def test_a_message_beyond_the_limit_raises_as_soon_as_its_length_is_known(size: int) -> None:
    data = event("a", bytes(100))
    assert len(decode([data], max_event_bytes=len(data))) == 1
    with pytest.raises(ResponseTooLargeError, match=f"max_event_bytes={len(data) - 1}"):
        decode([data[:12][i : i + size] for i in range(0, 12, size)], max_event_bytes=len(data) - 1)
    with pytest.raises(ResponseTooLargeError):
        decode([data], max_event_bytes=len(data) - 1)


def test_unbounded_kinds_of_headers_do_not_fill_the_memory() -> None:
    decoder = EventStreamDecoder()
    for number in range(200):
        assert decoder.feed(event(f"e{number}", b"")) == [(f"e{number}", b"")]
    assert len(decoder._headings) < 100

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import ResponseTooLargeError
from aiocompl.wire.jsonlines import JSONLinesDecoder


def decode(slices: list[bytes], limit: int = 1000) -> list[bytes]:
    decoder = JSONLinesDecoder(limit)
    events = [event for data in slices for event in decoder.feed(data)] + decoder.end()
    assert all(name == "message" for name, _ in events)
    return [line for _, line in events]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", []),
        (b'{"a":1}\n', [b'{"a":1}']),
        (b'{"a":1}', [b'{"a":1}']),
        (b'{"a":1}\r\n{"b":2}\r\n', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":1}\n\n\r\n{"b":2}\r', [b'{"a":1}', b'{"b":2}']),
        (b'{"a":"\xc2\x85\xe2\x80\xa8\x0b\x0c"}\n', [b'{"a":"\xc2\x85\xe2\x80\xa8\x0b\x0c"}']),
        (b'{"a":\r1}\n', [b'{"a":\r1}']),
    ],
)
def test_lines_whole_and_byte_by_byte(data: bytes, lines: list[bytes]) -> None:
    assert decode([data]) == lines
    assert decode([data[i : i + 1] for i in range(len(data))]) == lines


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)), st.integers(1, 60))
def test_never_depends_on_the_cuts(data: bytes, marks: list[int], limit: int) -> None:
    edges = sorted({0, len(data), *(mark for mark in marks if mark < len(data))})
    slices = [data[a:b] for a, b in pairwise(edges)]

    def outcome(parts: list[bytes]) -> list[bytes] | str:
        try:
            return decode(parts, limit)
        except ResponseTooLargeError:
            return "too large"

    assert outcome(slices) == outcome([data])


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda line: not {10, 13} & set(line))))
def test_gives_back_what_was_written(lines: list[bytes]) -> None:
    assert decode([b"\n".join(lines)]) == lines
    assert decode([b"".join(line + b"\r\n" for line in lines)]) == lines


@pytest.mark.parametrize(
    "slices", [[b"x" * 11], [b"x" * 6, b"x" * 5], [b"x" * 11 + b"\n"], [b"a\n" + b"x" * 11]]
)
def test_a_line_beyond_the_limit_raises(slices: list[bytes]) -> None:
    with pytest.raises(ResponseTooLargeError, match="max_event_bytes=10"):
        decode(slices, 10)


def test_the_limit_is_on_a_line_not_on_a_slice() -> None:
    assert decode([b"x" * 10 + b"\n" + b"y" * 10 + b"\n"], 10) == [b"x" * 10, b"y" * 10]


def test_lines_come_as_soon_as_they_are_whole() -> None:
    decoder = JSONLinesDecoder()
    assert decoder.feed(b'{"a":1}\n{"b"') == [("message", b'{"a":1}')]
    assert decoder.feed(b":2}\n") == [("message", b'{"b":2}')]
    assert decoder.end() == []

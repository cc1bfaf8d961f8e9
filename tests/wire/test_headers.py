"""What response headers say about waiting and about the request's name."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.wire.headers import request_id, retry_after

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "12.5"}, 0.0125),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after-ms": "-1", "retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT", "date": DATE}, 30.0),
        ({"retry-after": "Sun, 06 Nov 1994 09:50:07 +0100", "date": DATE}, 30.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT"}, None),  # whose clock?
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT", "date": "yesterday"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 GMT", "date": "Sun, 06 Nov 1994 08:49:37 -0000"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:50:07 +99999999999999", "date": DATE}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "in a while"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


HEADER = st.text(max_size=40) | st.from_regex(
    r"[A-Z][a-z]{2}, \d{1,3} [A-Z][a-z]{2} \d{1,6} [\d:]{1,9} \S{0,12}"
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("retry-after", "retry-after-ms", "date"), HEADER)))
def test_any_header_gives_a_sensible_number_or_nothing(headers: dict[str, str]) -> None:
    seconds = retry_after(headers)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, None),
        ({"x-request-id": "a", "request-id": "b"}, "a"),
        ({"request-id": "b"}, "b"),
        ({"apim-request-id": "c"}, "c"),
    ],
)
def test_request_id(headers: dict[str, str], name: str | None) -> None:
    assert request_id(headers) == name

"""What a dialect is held to the codec contract with; see `test_contract`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import orjson
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiocompl.codecs.base import Codec
    from aiocompl.types.model import JSON

BROKEN = '{"a": 7341'
KEY = "sk-contract-0123456789abcdef"

FOR_EACH = settings(max_examples=40)
"""Examples of a property that each of some dozens of dialects is held to: together they are many."""


def sse(*bodies: JSON, end: bytes = b"data: [DONE]\n\n") -> bytes:
    return b"".join(b"data: " + orjson.dumps(body) + b"\n\n" for body in bodies) + end


@attrs.frozen(kw_only=True)
class Dialect:
    """A codec, and what its provider answers to a greeting: "Hello", with a field that nobody foresaw."""

    name: str
    make: Callable[[], Codec]
    answer: bytes
    stream: bytes
    cut: bytes
    """The stream up to somewhere before its end, at the end of an event."""
    error: bytes
    """The body of an error, with `KEY` in its text."""
    stream_error: bytes
    """An error event, with `KEY` in its text."""
    unforeseen: Callable[[JSON], Any]
    """Reads the unforeseen field's value, 1, out of an answer's `to_dict()`."""
    one_url: bool = True
    """Whether streams are asked for at the same address."""

    whole_headers: Mapping[str, str] = attrs.field(factory=dict)
    """Headers that only the request of a blocking call has."""

    calls: bytes = b""
    """A stream of two calls, of ``f`` and of ``g``, as much alike as the dialect lets them be: with one index for both
    where there are indices, and arguments that are no JSON (`BROKEN`)."""

    reasons: bool = True
    """Whether the provider has words for why an answer ends."""

    ends: bool = True
    """Whether its streams have an end after which nothing matters; Gemini's just stop."""

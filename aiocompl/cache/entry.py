"""Answers as the bytes that caches keep: JSON, so that nothing that is read can do more than be wrong."""

from __future__ import annotations

from typing import Final

import attrs
import orjson

from aiocompl.codecs.base import MALFORMED
from aiocompl.types.call import CallInfo
from aiocompl.types.completion import ChatCompletion
from aiocompl.types.model import wire_fields

_FORM: Final = 1
"""Which form it is; entries of another are as good as not there."""


@attrs.frozen
class Entry:
    """A kept answer."""

    answer: ChatCompletion
    """With a `call` that says who answered, and `cached`; it belongs to whoever unpacked it."""

    at: float
    """When it was kept: seconds since 1970."""


def pack(answer: ChatCompletion, at: float) -> bytes:
    """The bytes of an answer: all that OpenAI's shape has, all that was beyond it, and who gave it.

    Args:
        answer: The answer.
        at: The present, in seconds since 1970.

    Raises:
        TypeError: A codec of the program's own put into it what is no JSON.
    """
    call = answer.call
    by = [call.provider, call.endpoint, call.model] if call is not None else ["", "", answer.model]
    return orjson.dumps({"form": _FORM, "at": at, "by": by, "answer": answer}, default=wire_fields)


def unpack(data: bytes) -> Entry:
    """What `pack` made, as new objects.

    Raises:
        ValueError: These bytes are none of `pack`'s.
    """
    try:
        held = orjson.loads(data)
        if held["form"] != _FORM:
            raise ValueError("an entry of another form")
        answer = ChatCompletion.take(held["answer"])
        provider, endpoint, model = held["by"]
        answer.call = CallInfo(provider, endpoint, model, cached=True)
        return Entry(answer, float(held["at"]))
    except MALFORMED as error:
        raise ValueError("no entry of a cache") from error

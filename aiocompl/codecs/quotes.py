"""Keeps the request's text out of errors: providers quote it in theirs, and messages end up in logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.errors import AiocomplError
    from aiocompl.types.request import Request

QUOTE: Final = 20
"""Characters of the shortest stretch that is taken for a quotation."""

CUT: Final = "[...]"
"""What stands in its place."""

_STEP: Final = QUOTE // 2
_GRAM: Final = QUOTE - _STEP + 1
"""Any stretch as long as a quotation holds the whole of a piece of this length that begins at a multiple of the step."""

_DEPTH: Final = 64


def conceal(error: AiocomplError, request: Request) -> None:
    """Cut from the error's message what it quotes of the request's text.

    Only where a provider has said something: then the error has its `body`, which stays as it is.
    """
    if isinstance(error, APIError) and error.body is not None:
        message = without_quotes(error.message, request.asked())
        if message != error.message:
            error.message = message
            error.args = (message,)


def without_quotes(message: str, asked: object) -> str:
    """The message with each stretch that stands in any of the texts in `asked` replaced by `CUT`.

    One look-up for every tenth character of the texts, however long: pieces of the message are looked for, and a
    piece that is found is extended as far as it goes.
    """
    pieces: dict[str, list[int]] = {}
    for at in range(len(message) - _GRAM + 1):
        pieces.setdefault(message[at : at + _GRAM], []).append(at)
    quoted = bytearray(len(message))
    if len(message) >= QUOTE:
        for text in _texts(asked, _DEPTH):
            _mark(message, text, pieces, quoted)
    return _cut(message, quoted)


def _texts(value: Any, depth: int) -> Iterator[str]:
    """All texts in a request that are long enough to be quoted."""
    if isinstance(value, str):
        if len(value) >= QUOTE:
            yield value
    elif depth and isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item, depth - 1)


def _mark(message: str, text: str, pieces: dict[str, list[int]], quoted: bytearray) -> None:
    """Mark what the message has of the text."""
    vain = set[str]()  # surroundings in which a piece makes no quotation, wherever it stands in the message
    for at in range(0, len(text) - _GRAM + 1, _STEP):
        starts = pieces.get(text[at : at + _GRAM])
        if not starts or (around := text[max(at - _STEP, 0) : at + QUOTE]) in vain:
            continue
        count = len(starts)
        for start in starts.copy():
            if not all(quoted[start : start + _GRAM]):
                first, last = _extended(message, start, text, at)
                if last - first < QUOTE:
                    continue
                quoted[first:last] = b"\x01" * (last - first)
            starts.remove(start)
        if at >= _STEP and len(starts) == count:
            vain.add(around)


def _extended(message: str, start: int, text: str, at: int) -> tuple[int, int]:
    """The bounds, in the message, of the longest stretch around a piece that both have."""
    first, last, shift = start, start + _GRAM, at - start
    while first > 0 and first + shift > 0 and message[first - 1] == text[first + shift - 1]:
        first -= 1
    end = min(len(message), len(text) - shift)
    while last < end and message[last] == text[last + shift]:
        last += 1
    return first, last


def _cut(message: str, quoted: bytearray) -> str:
    parts: list[str] = []
    at = 0
    while (first := quoted.find(1, at)) >= 0:
        end = quoted.find(0, first)
        parts += (message[at:first], CUT)
        at = end if end >= 0 else len(message)
    return "".join((*parts, message[at:]))

"""AWS event streams (``application/vnd.amazon.eventstream``), push style: slices of bytes in, events out.

A message is, big-endian: total length (u32), length of the headers (u32), CRC-32 of those eight bytes (u32), the
headers, the payload, CRC-32 of all before (u32). Its headers say what it is, and that becomes the event's name:

==================  ==================================================  ====================================
``:message-type``   name                                                data
==================  ==================================================  ====================================
``event``           ``:event-type``, such as ``contentBlockDelta``      the payload
``exception``       ``exception:`` and ``:exception-type``              the payload
``error``           ``error:`` and ``:error-code``                      the payload, or where there is none,
                                                                        ``{"message": <:error-message>}``
==================  ==================================================  ====================================

Source: https://smithy.io/2.0/aws/amazon-eventstream.html (2026-11).
"""

from __future__ import annotations

from struct import Struct
from struct import error as StructError  # noqa: N812 - a class, whatever its name
from typing import TYPE_CHECKING, Final, NoReturn
from zlib import crc32

import orjson

from aiocompl.errors import APIResponseValidationError, ResponseTooLargeError

if TYPE_CHECKING:
    from aiocompl.wire.messages import Event

MAX_EVENT_BYTES: Final = 32 * 1024 * 1024
"""The default limit on one message; the format's own is 24 MiB of payload and 128 KiB of headers."""

_PRELUDE: Final = 12
_OVERHEAD: Final = 16  # prelude and final checksum
_KNOWN_HEADERS: Final = 64  # header blocks remembered; a stream has a handful
_SKIPPED: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}  # bytes of a value, by its type
_BYTES, _STRING = 6, 7

_prelude = Struct(">III").unpack_from
_u32 = Struct(">I").unpack_from
_u16 = Struct(">H").unpack_from

_Heading = tuple[str, str]
"""What a block of headers comes to: the event's name, and the error's message where there is one."""


class EventStreamDecoder:
    """Cuts one stream into events. Feed it slices in order, then `end`.

    Args:
        max_event_bytes: The largest message taken, framing included; a larger one raises as soon as its length is known.
    """

    __slots__ = ("_failure", "_headings", "_held", "_max", "_need", "_parts")

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._parts: list[bytes] = []  # what has come of the unfinished message
        self._held = 0  # bytes of it
        self._need = _PRELUDE  # bytes that it takes to go on
        self._failure: APIResponseValidationError | None = None  # raised once the events before it are out
        self._headings: dict[bytes, _Heading] = {}  # by the raw headers, which repeat for each kind of event

    def feed(self, data: bytes) -> list[Event]:
        """Take a slice and return the events it completes, as (name, data).

        Events before a broken message are returned first; the next call, or `end`, then raises.

        Raises:
            ResponseTooLargeError: A message is larger than `max_event_bytes`.
            APIResponseValidationError: The bytes are no event stream: a checksum or a length is wrong.
        """
        if self._failure is not None:
            raise self._failure
        self._held += len(data)
        if self._held < self._need:
            self._parts.append(data)
            return []
        if self._parts:
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts.clear()
        events: list[Event] = []
        try:
            start = self._take_messages(data, events)
        except APIResponseValidationError as error:
            self._failure = error
            if not events:
                raise
            return events
        rest = data[start:]
        self._held = len(rest)
        if rest:
            self._parts.append(rest)
        return events

    def end(self) -> list[Event]:
        """Take the end of the stream: a message that is not whole is dropped.

        Raises:
            APIResponseValidationError: The message after the last event was broken.
        """
        if self._failure is not None:
            raise self._failure
        return []

    def _take_messages(self, data: bytes, into: list[Event]) -> int:
        """Append all whole messages in `data` to `into`, and return where the unfinished one begins."""
        start, size, headings = 0, len(data), self._headings
        while size - start >= _PRELUDE:
            total, headers_length, checksum = _prelude(data, start)
            if crc32(data[start : start + 8]) != checksum:
                _malformed("the checksum of a message's head is wrong", data[start:])
            end = start + total
            if end > size:
                self._check_lengths(total, headers_length, data[start:])
                self._need = total
                return start
            body = start + _PRELUDE
            payload = body + headers_length
            if payload > end - 4 or total > self._max:
                self._check_lengths(total, headers_length, data[start:])
            if crc32(data[start : end - 4]) != _u32(data, end - 4)[0]:
                _malformed("the checksum of a message is wrong", data[start:])
            headers = data[body:payload]
            heading = headings.get(headers) or self._read_heading(headers)
            into.append((heading[0], data[payload : end - 4] or _error_payload(heading)))
            start = end
        self._need = _PRELUDE
        return start

    def _check_lengths(self, total: int, headers_length: int, data: bytes) -> None:
        if headers_length > total - _OVERHEAD:
            _malformed("the lengths of a message contradict each other", data)
        if total > self._max:
            raise ResponseTooLargeError(
                f"an event of the stream has {total} bytes, more than max_event_bytes={self._max}"
            )

    def _read_heading(self, data: bytes) -> _Heading:
        try:
            heading = _heading(_headers(data))
        except (StructError, IndexError, KeyError, UnicodeDecodeError):
            _malformed("the headers of a message cannot be read", data)
        if len(self._headings) < _KNOWN_HEADERS:
            self._headings[data] = heading
        return heading


def _headers(data: bytes) -> dict[str, str]:
    """The headers that are text; those of other types are passed over."""
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind, at = data[at + 1 : name_end].decode(), data[name_end], name_end + 1
        if kind in (_BYTES, _STRING):
            length, at = _u16(data, at)[0], at + 2
            value = data[at : at + length]
            if kind == _STRING:
                headers[name] = value.decode()
        else:
            length = _SKIPPED[kind]
        at += length
    if at != len(data):
        raise IndexError("a header ends beyond the headers")
    return headers


def _heading(headers: dict[str, str]) -> _Heading:
    kind = headers.get(":message-type", "event")
    if kind == "exception":
        return f"exception:{headers.get(':exception-type', '')}", ""
    if kind == "error":
        return f"error:{headers.get(':error-code', '')}", headers.get(":error-message", "")
    return headers.get(":event-type", "message"), ""


def _error_payload(heading: _Heading) -> bytes:
    """The data of a message without a payload."""
    return orjson.dumps({"message": heading[1]}) if heading[1] else b""


def _malformed(reason: str, data: bytes) -> NoReturn:
    raise APIResponseValidationError(
        f"the answer is no AWS event stream: {reason}; see `body` for the bytes", body=repr(data[:256])
    )

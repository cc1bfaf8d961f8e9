"""Framing as the providers do it: one event as it goes over the wire."""

from collections.abc import Mapping
from struct import pack
from typing import Any
from zlib import crc32

import orjson

JSON = Mapping[str, Any]


def sse(event: JSON) -> bytes:
    """Frame an event as a server-sent one."""
    return b"data: " + orjson.dumps(event) + b"\n\n"


def named_sse(event: JSON) -> bytes:
    """Frame an event as a server-sent one that is named after its type."""
    return f"event: {event['type']}\n".encode() + sse(event)


def line(event: JSON) -> bytes:
    """Frame an event as a line of JSON."""
    return orjson.dumps(event) + b"\n"


def message(event: JSON) -> bytes:
    """Frame an event, `{type: payload}`, as a message of an AWS event stream."""
    ((name, payload),) = event.items()
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
        for key, value in headers.items()
    )
    body = orjson.dumps(payload)
    prelude = pack(">II", len(head) + len(body) + 16, len(head))
    whole = prelude + pack(">I", crc32(prelude)) + head + body
    return whole + pack(">I", crc32(whole))

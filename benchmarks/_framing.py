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


def predicted(event: JSON) -> bytes:
    """Frame an event of Replicate's, `{name: data}`: text stands as it is, all else as JSON."""
    ((name, data),) = event.items()
    text = data if isinstance(data, str) else orjson.dumps(data).decode()
    lines = "".join(f"data: {part}\n" for part in text.split("\n"))
    return f"event: {name}\nid: 1:0\n{lines}\n".encode()


def line(event: JSON) -> bytes:
    """Frame an event as a line of JSON."""
    return orjson.dumps(event) + b"\n"


def message(event: JSON) -> bytes:
    """Frame an event, `{type: payload}`, as a message of an AWS event stream."""
    ((name, payload),) = event.items()
    return _message(name, "application/json", orjson.dumps(payload))


def payload_part(event: JSON) -> bytes:
    """Frame a server-sent event as SageMaker does: as the payload of a message of an AWS event stream."""
    return in_payload(sse(event))


def in_payload(data: bytes) -> bytes:
    """Frame bytes as the payload of such a message."""
    return _message("PayloadPart", "application/octet-stream", data)


def _message(name: str, kind: str, body: bytes) -> bytes:
    headers = {":event-type": name, ":content-type": kind, ":message-type": "event"}
    head = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + pack(">H", len(value)) + value.encode()
        for key, value in headers.items()
    )
    prelude = pack(">II", len(head) + len(body) + 16, len(head))
    whole = prelude + pack(">I", crc32(prelude)) + head + body
    return whole + pack(">I", crc32(whole))

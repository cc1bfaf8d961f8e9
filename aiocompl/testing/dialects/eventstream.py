"""AWS's binary event stream, written: messages of headers and a payload, with their checksums.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html, whose framing Bedrock shares.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRING: Final = 7  # the type of a header's value
_OVERHEAD: Final = 16  # two lengths and two checksums


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message.

    Args:
        headers: Names and values, each value sent as a string.
        payload: What it carries.
    """
    written = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", len(written) + len(payload) + _OVERHEAD, len(written))
    head = prelude + struct.pack(">I", zlib.crc32(prelude)) + written + payload
    return head + struct.pack(">I", zlib.crc32(head))


def _header(name: str, value: str) -> bytes:
    key, content = name.encode(), value.encode()
    return struct.pack(">B", len(key)) + key + struct.pack(">BH", _STRING, len(content)) + content

"""Content parts written as the dialect's content blocks."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.parts import Audio, File, Image, Text, parts_of
from aiocompl.errors import BadRequestError, UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.parts import Part

Block = dict[str, Any]

_TEXT_MARKS: Final = frozenset({"cache_control", "citations"})
_IMAGE_MARKS: Final = frozenset({"cache_control"})
_DOCUMENT_MARKS: Final = frozenset({"cache_control", "citations", "context", "title"})


def blocks_of(content: Any, where: str) -> list[Block]:
    """The blocks of a message's content; blank text, which the dialect refuses, is left out.

    Raises:
        UnsupportedParamsError: A part is of a kind that the dialect lacks; `where` is the content's place.
        BadRequestError: A text file is no base64.
    """
    blocks = []
    for index, part in enumerate(parts_of(content)):
        if isinstance(part, Text) and not part.text.strip():
            continue
        blocks.append(_block(part, f"{where}[{index}]"))
    return blocks


def marked(blocks: list[Block], message: Mapping[str, Any]) -> list[Block]:
    """The blocks with the message's own ``cache_control``, where it has one, on the last."""
    mark = message.get("cache_control")
    return [*blocks[:-1], {**blocks[-1], "cache_control": mark}] if mark and blocks else blocks


def kept(extra: Mapping[str, Any], names: frozenset[str]) -> Block:
    """Those of the fields beyond OpenAI's that the dialect knows; it refuses all others."""
    return {name: value for name, value in extra.items() if name in names and value is not None}


def _block(part: Part, where: str) -> Block:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **kept(part.extra, _TEXT_MARKS)}
    if isinstance(part, Image):
        return {"type": "image", "source": _source(part), **kept(part.extra, _IMAGE_MARKS)}
    if isinstance(part, File):
        return _document(part, where)
    if isinstance(part, Audio):
        raise UnsupportedParamsError("this provider takes no audio", param=where)
    return dict(part.part)  # in the dialect's own words


def _source(part: Image | File) -> Block:
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type, "data": part.data}


def _document(part: File, where: str) -> Block:
    if part.media_type.startswith("image/"):
        return {"type": "image", "source": _source(part), **kept(part.extra, _IMAGE_MARKS)}
    if part.file_id:
        source: Block = {"type": "file", "file_id": part.file_id}
    elif part.media_type.startswith("text/"):
        source = {"type": "text", "media_type": "text/plain", "data": _text(part.data, where)}
    else:
        source = _source(part)
    title = {"title": part.filename} if part.filename else {}
    return {"type": "document", "source": source, **title, **kept(part.extra, _DOCUMENT_MARKS)}


def _text(data: str, where: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        raise BadRequestError(f"{where}.file.file_data is no base64: {error}", param=where) from error

"""Content parts made into the dialect's blocks: text, images, documents, sound, video, and marks of the prompt cache.

A block of the dialect's own can be given as a part of its name: ``{"type": "video", "video": {"format": ...}}``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.parts import Audio, File, Image, Other, Text, parts_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.parts import Part

Block = dict[str, Any]

NATIVE: Final = frozenset(
    {
        "audio",
        "cachePoint",
        "citationsContent",
        "document",
        "guardContent",
        "image",
        "json",
        "reasoningContent",
        "searchResult",
        "toolResult",
        "toolUse",
        "video",
    }
)
"""Blocks that pass as they are, given under their own names."""

MEDIA: Final[Mapping[str, tuple[str, str]]] = {
    "image/png": ("image", "png"),
    "image/jpeg": ("image", "jpeg"),
    "image/jpg": ("image", "jpeg"),
    "image/gif": ("image", "gif"),
    "image/webp": ("image", "webp"),
    "application/pdf": ("document", "pdf"),
    "text/csv": ("document", "csv"),
    "application/msword": ("document", "doc"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ("document", "docx"),
    "application/vnd.ms-excel": ("document", "xls"),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ("document", "xlsx"),
    "text/html": ("document", "html"),
    "text/plain": ("document", "txt"),
    "text/markdown": ("document", "md"),
    "video/mp4": ("video", "mp4"),
    "video/quicktime": ("video", "mov"),
    "video/x-matroska": ("video", "mkv"),
    "video/webm": ("video", "webm"),
    "video/x-flv": ("video", "flv"),
    "video/mpeg": ("video", "mpeg"),
    "video/x-ms-wmv": ("video", "wmv"),
    "video/3gpp": ("video", "three_gp"),
    "audio/mpeg": ("audio", "mp3"),
    "audio/wav": ("audio", "wav"),
    "audio/flac": ("audio", "flac"),
    "audio/ogg": ("audio", "ogg"),
}
"""For each media type the block and the format it becomes."""

ENDINGS: Final[Mapping[str, tuple[str, str]]] = {
    **{form: (kind, form) for kind, form in MEDIA.values()},
    "jpg": ("image", "jpeg"),
    "htm": ("document", "html"),
    "3gp": ("video", "three_gp"),
}
"""The same by the ending of a file name."""

_NOT_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_ \-()\[\]]+")
_SPACES: Final = re.compile(r" {2,}")
_MAX_NAME: Final = 190  # of 200, with room for a number


class Blocks:
    """Makes the blocks of one request, in which no two documents may have the same name."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def of(self, content: Any, where: str) -> list[Block]:
        """The blocks of a message's content. Empty text, which the dialect refuses, is left out.

        Args:
            content: Text, a list of content parts, or None.
            where: The content's place in the request, for errors.

        Raises:
            UnsupportedParamsError: The dialect has no place for a part.
        """
        blocks: list[Block] = []
        for index, part in enumerate(parts_of(content)):
            if isinstance(part, Text):
                blocks += [{"text": part.text}] if part.text else []
            else:
                blocks.append(self._block(part, f"{where}[{index}]"))
            if not isinstance(part, Other):
                blocks += cache_point(part.extra)
        return blocks

    def _block(self, part: Part, where: str) -> Block:
        if isinstance(part, Image):
            return self._media(part.media_type, part.data, part.url, None, part.extra, where)
        if isinstance(part, File):
            return self._media(part.media_type, part.data, part.url, part.filename, part.extra, where)
        if isinstance(part, Audio):
            return {"audio": {"format": part.format, "source": {"bytes": part.data}}}
        if isinstance(part, Other) and (block := _native(part)):
            return block
        raise UnsupportedParamsError(f"{where}: Converse has no such content part", param=where)

    def _media(
        self,
        media_type: str,
        data: str,
        url: str | None,
        name: str | None,
        extra: Mapping[str, Any],
        where: str,
    ) -> Block:
        found = MEDIA.get(media_type) or ENDINGS.get((url or name or "").rpartition(".")[2].lower())
        source = _source(data, url)
        if found is None or source is None:
            raise UnsupportedParamsError(
                f"{where}: Converse takes images, documents, video and sound of known formats as base64 data, "
                "or by a URL that begins with s3://; what stands elsewhere must be downloaded first",
                param=where,
            )
        kind, form = found
        block: Block = {"format": form, "source": source}
        if kind == "document":
            block["name"] = self._name(name)
            block |= {key: extra[key] for key in ("citations", "context") if key in extra}
        return {kind: block}

    def _name(self, filename: str | None) -> str:
        """The file's name as far as the dialect takes it, without its ending; with a number where it is taken."""
        stem, dot, ending = (filename or "").rpartition(".")
        bare = stem if dot else ending
        name = _SPACES.sub(" ", _NOT_IN_NAME.sub("-", bare)).strip()[:_MAX_NAME]
        free, number = name or "Document", 1
        while free in self._names:
            number += 1
            free = f"{name or 'Document'}_{number}"
        self._names.add(free)
        return free


def cache_point(extra: Mapping[str, Any]) -> list[Block]:
    """The block that marks the end of what is to be cached, where ``cache_control`` asks for it."""
    mark = extra.get("cache_control")
    if not mark:
        return []
    ttl = {"ttl": mark["ttl"]} if mark.get("ttl") else {}
    return [{"cachePoint": {"type": "default"} | ttl}]


def thinking_block(block: Mapping[str, Any]) -> Block | None:
    """A thinking block as the model gave it; None for one without signature, which no model takes back."""
    if block.get("type") == "redacted_thinking":
        return {"reasoningContent": {"redactedContent": block["data"]}}
    if not block.get("signature"):
        return None
    text = {"text": block.get("thinking", ""), "signature": block["signature"]}
    return {"reasoningContent": {"reasoningText": text}}


def _native(part: Other) -> Block | None:
    value = part.part.get(part.type)
    if part.type == "guarded_text":
        return {"guardContent": {"text": {"text": part.part.get("text")}}}
    return {part.type: value} if part.type in NATIVE and value is not None else None


def _source(data: str, url: str | None) -> dict[str, Any] | None:
    if data:
        return {"bytes": data}
    if url and url.startswith("s3://"):
        return {"s3Location": {"uri": url}}
    return None

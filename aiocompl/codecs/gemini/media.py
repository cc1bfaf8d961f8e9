"""Images, files, sound and video as parts: inline in base64, or by reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.parts import Audio, File, Image, Other, split_data_uri
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from aiocompl.codecs.gemini.traits import Traits

MEDIA_TYPES: Final[Mapping[str, str]] = {
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "avi": "video/avi",
    "css": "text/css",
    "csv": "text/csv",
    "flac": "audio/flac",
    "flv": "video/x-flv",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "mkv": "video/x-matroska",
    "mov": "video/mov",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/opus",
    "pdf": "application/pdf",
    "png": "image/png",
    "py": "text/x-python",
    "rtf": "text/rtf",
    "txt": "text/plain",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "wmv": "video/wmv",
    "xml": "text/xml",
}
"""The media type of a reference, by the ending of its name: nobody fetches anything to find out."""

_VIDEO_HOSTS: Final = ("youtube.com/", "youtu.be/")
_RESOLUTIONS: Final = {"low": "LOW", "medium": "MEDIUM", "high": "HIGH", "ultra_high": "ULTRA_HIGH"}
_URL_PARTS: Final = {"video_url": "video/mp4", "audio_url": "audio/mpeg", "file_url": "application/pdf"}
_SCHEMES: Final = ("http://", "https://", "gs://")


def media_part(
    part: Image | File | Audio | Other, traits: Traits, base_url: str, where: str
) -> dict[str, Any]:
    """One part that is no text.

    Args:
        part: What stood in the message.
        traits: The model's; the media resolution is left out where it does not know it, being a hint only.
        base_url: The endpoint's; the name of an uploaded file is completed with it.
        where: The place in the messages, for the error.

    Raises:
        BadRequestError: The dialect has no such part.
    """
    if isinstance(part, Audio):
        return _inline(f"audio/{part.format}", part.data)
    if isinstance(part, Other):
        return _url_part(part, base_url, where)
    if isinstance(part, Image):
        return _image(part, traits, base_url)
    if part.data:
        return _with_extra(_inline(part.media_type, part.data), part.extra)
    reference = part.url or part.file_id
    if not reference:
        raise BadRequestError(f"{where} must hold 'file_data', 'file_id' or 'file_url'", param=where)
    media_type = part.media_type or guess(part.filename or reference, "application/pdf")
    return _with_extra(_reference(reference, media_type, base_url), part.extra)


def guess(name: str, default: str) -> str:
    """The media type by the ending of a name or URL."""
    path = name.partition("?")[0].partition("#")[0]
    if any(host in name for host in _VIDEO_HOSTS):
        return "video/mp4"
    return MEDIA_TYPES.get(path.rpartition("/")[2].rpartition(".")[2].lower(), default)


def _image(part: Image, traits: Traits, base_url: str) -> dict[str, Any]:
    if part.data:
        made = _inline(part.media_type, part.data)
    else:
        url = part.url or ""
        made = _reference(url, part.media_type or guess(url, "image/jpeg"), base_url)
    level = _RESOLUTIONS.get(part.detail or "")
    if level and traits.rich_results:
        made["mediaResolution"] = {"level": f"MEDIA_RESOLUTION_{level}"}
    return _with_extra(made, part.extra)


def _url_part(part: Other, base_url: str, where: str) -> dict[str, Any]:
    default = _URL_PARTS.get(part.type)
    value = part.part.get(part.type)
    url = value.get("url") if isinstance(value, Mapping) else value
    if default is None or not isinstance(url, str):
        raise BadRequestError(
            f"{where}: this provider has no content part of type {part.type!r}", param=where
        )
    inline = split_data_uri(url)
    told = value.get("format") if isinstance(value, Mapping) else None
    made = _inline(*inline) if inline else _reference(url, told or guess(url, default), base_url)
    return _with_extra(made, part.part)


def _inline(media_type: str, data: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _reference(name: str, media_type: str, base_url: str) -> dict[str, Any]:
    uri = name if name.startswith(_SCHEMES) else f"{base_url}/{name}"
    return {"fileData": {"mimeType": media_type, "fileUri": uri}}


def _with_extra(made: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Frame rate and offsets of a video, under Google's name for them in Python."""
    if (metadata := extra.get("video_metadata")) is not None:
        made["videoMetadata"] = metadata
    return made

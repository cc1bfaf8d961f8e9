"""What an OpenAI message holds, taken apart once for all native dialects: text, images, files, audio, tool calls.

A native codec reads messages through these, so that what a part means is decided in one place; how it is written is
the dialect's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SYSTEM_ROLES: Final = frozenset({"system", "developer"})


@attrs.frozen
class Text:
    """A text part. `extra` holds what else stood in it, such as ``cache_control``."""

    text: str
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Image:
    """An image, by `url` (of a `media_type` where ``format`` told it) or as base64 `data` of a `media_type`."""

    url: str | None = None
    media_type: str = ""
    data: str = attrs.field(default="", repr=False)
    detail: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class File:
    """A document, by `file_id`, by `url`, or as base64 `data` of a `media_type`."""

    file_id: str | None = None
    url: str | None = None
    media_type: str = ""
    data: str = attrs.field(default="", repr=False)
    filename: str | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Audio:
    """Sound as base64 `data` in a `format` such as ``wav``."""

    data: str = attrs.field(repr=False)
    format: str
    extra: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Other:
    """A part of a type that OpenAI's schema does not have; a dialect may know it and take it as it is."""

    type: str
    part: Mapping[str, Any]


Part = Text | Image | File | Audio | Other


@attrs.frozen
class Call:
    """A tool call of an assistant message; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] = attrs.field(factory=dict)

    def arguments_object(self, where: str) -> dict[str, Any]:
        """The arguments as an object; empty text means no arguments.

        Raises:
            BadRequestError: They are no JSON object; `where` names the call.
        """
        if not self.arguments.strip():
            return {}
        try:
            value = orjson.loads(self.arguments)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise BadRequestError(
                f"{where}.function.arguments must be a JSON object for this provider", param=where
            )
        return value


def parts_of(content: Any) -> Iterator[Part]:
    """The parts of a message's content: text, null, or a list of content parts. Refusals count as text."""
    if content is None:
        return
    if isinstance(content, str):
        yield Text(content)
        return
    for part in content:
        yield _part(part)


def text_of(content: Any) -> str:
    """All text of a content, put together; parts that are no text are passed over."""
    if isinstance(content, str):
        return content
    return "".join(part.text for part in parts_of(content) if isinstance(part, Text))


def split_system(messages: Sequence[Mapping[str, Any]]) -> tuple[list[Text], list[Mapping[str, Any]]]:
    """All system and developer text, in order, and the other messages."""
    system = [
        part
        for message in messages
        if message["role"] in SYSTEM_ROLES
        for part in parts_of(message.get("content"))
        if isinstance(part, Text)
    ]
    return system, [message for message in messages if message["role"] not in SYSTEM_ROLES]


def calls_of(message: Mapping[str, Any]) -> list[Call]:
    """The calls of functions of an assistant message."""
    given: Sequence[Mapping[str, Any]] = message.get("tool_calls") or ()
    return [
        Call(
            id=call.get("id") or f"call_{index}",
            name=call["function"]["name"],
            arguments=call["function"].get("arguments") or "",
            extra={key: value for key, value in call.items() if key not in _CALL_KEYS},
        )
        for index, call in enumerate(given)
        if call.get("function")
    ]


def result_id(message: Mapping[str, Any]) -> str:
    """The id of the call that a tool message answers."""
    call_id: str = message["tool_call_id"]
    return call_id


def split_data_uri(url: str) -> tuple[str, str] | None:
    """Media type and base64 data of a ``data:`` URI, or None where it is no such thing."""
    if not url.startswith("data:"):
        return None
    heading, comma, data = url[5:].partition(",")
    if not comma or not heading.endswith(";base64"):
        return None
    return heading.removesuffix(";base64").partition(";")[0] or "application/octet-stream", data


_CALL_KEYS: Final = frozenset({"id", "type", "function", "index"})


def _part(part: Mapping[str, Any]) -> Part:
    kind = part["type"]
    value = part.get(kind)
    extra = {key: item for key, item in part.items() if key not in {"type", kind}}
    if kind == "text" and isinstance(value, str):
        return Text(value, extra)
    if kind == "refusal" and isinstance(value, str):
        return Text(value, extra)
    if kind == "image_url":
        image: Mapping[str, Any] = value if isinstance(value, Mapping) else {"url": value or ""}
        inline = split_data_uri(image["url"])
        detail = image.get("detail")
        if inline is None:
            return Image(url=image["url"], media_type=image.get("format") or "", detail=detail, extra=extra)
        return Image(media_type=inline[0], data=inline[1], detail=detail, extra=extra)
    if kind == "input_audio" and isinstance(value, Mapping):
        return Audio(data=value["data"], format=value["format"], extra=extra)
    if kind == "file" and isinstance(value, Mapping):
        return _file(value, extra)
    return Other(kind, part)


def _file(value: Mapping[str, Any], extra: Mapping[str, Any]) -> File:
    data, file_id, url = value.get("file_data"), value.get("file_id"), value.get("file_url")
    if file_id and "://" in file_id:  # LiteLLM's way of giving a URL
        file_id, url = None, url or file_id
    inline = split_data_uri(data) if data else None
    if data and inline is None:
        inline = ("application/pdf", data)  # bare base64, as some clients send it
    return File(
        file_id=file_id,
        url=url,
        media_type=inline[0] if inline else value.get("format") or "",
        data=inline[1] if inline else "",
        filename=value.get("filename"),
        extra=extra,
    )

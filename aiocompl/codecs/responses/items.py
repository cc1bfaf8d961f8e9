"""The conversation: OpenAI's messages made into the dialect's input items.

A message becomes one item, an assistant's several: its reasoning (from `thinking_blocks`), its text, its calls. Where an
answer's items could not be told in OpenAI's shape, they stand in `provider_specific_fields` as they were received, and
are sent back from there. A participant's `name` has no place in an item and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.openai_messages import unmarked
from aiocompl.codecs.parts import Audio, File, Image, Text, parts_of, result_id, text_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aiocompl.codecs.parts import Part
    from aiocompl.types.model import JSON

RAW_ITEMS: Final = "items"
"""Where in `provider_specific_fields` a message keeps its items as received, if OpenAI's shape cannot hold them."""

CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
"""The items that call a tool of the caller's, each with the field that holds what it is called with."""

CALL_MARKS: Final = frozenset({"namespace"})
"""What a call says beyond OpenAI's shape and is sent back with it."""


class InputItems:
    """The messages, taken one after another.

    Args:
        messages: OpenAI's messages.
        stored: Whether the provider may hold earlier answers. If not, reasoning that was not given away (encrypted or
            in the clear) is left out: the provider would look for it and refuse the request.

    Attributes:
        items: The items, each a new dict.
    """

    def __init__(self, messages: Sequence[Mapping[str, Any]], *, stored: bool) -> None:
        self.items: list[JSON] = []
        self._stored = stored
        self._custom: set[str] = (
            set()
        )  # ids of calls of custom tools, whose results are items of another type
        for index, message in enumerate(messages):
            self._take(message, f"messages[{index}]")

    def _take(self, message: Mapping[str, Any], where: str) -> None:
        role = message["role"]
        if (raw := _as_received(message)) is not None:
            self._add(raw)
        elif role == "assistant":
            self._add(_reasoning(message))
            self._add(_text_items(message, where))
            self._add(_calls(message))
        elif role == "tool":
            self._take_result(message, where)
        else:
            self.items.append({"role": role, "content": _content(message["content"], f"{where}.content")})

    def _add(self, items: Iterable[Mapping[str, Any]]) -> None:
        for item in items:
            kind = item.get("type")
            if kind == "custom_tool_call":
                self._custom.add(item["call_id"])
            if kind != "reasoning" or self._stored or item.get("encrypted_content") or item.get("content"):
                self.items.append(dict(item))

    def _take_result(self, message: Mapping[str, Any], where: str) -> None:
        call_id = result_id(message)
        kind = "custom_tool_call_output" if call_id in self._custom else "function_call_output"
        output = _content(message.get("content") or "", f"{where}.content")
        if isinstance(output, list) and all(part.keys() == {"type", "text"} for part in output):
            output = "".join(part["text"] for part in output)  # which all hosts of the dialect take
        self.items.append({"type": kind, "call_id": call_id, "output": output})


def called_ids(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of the calls among items, in order."""
    return [item["call_id"] for item in items if item.get("type") in CALLS]


def texts_of(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """The assistant's text among items, part by part."""
    return [part["text"] for part in text_parts(items)]


def text_parts(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The text parts of the assistant's messages among items."""
    return [part for part in message_parts(items) if part["type"] == "output_text"]


def message_parts(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All parts of the assistant's messages among items; compacted answers hold the user's messages too."""
    return [
        part
        for item in items
        if item.get("type") == "message" and item.get("role", "assistant") == "assistant"
        for part in item["content"]
    ]


def _as_received(message: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """The message's items as they were received, unless its text or calls have been changed since."""
    fields = message.get("provider_specific_fields")
    raw: Sequence[Mapping[str, Any]] | None = fields.get(RAW_ITEMS) if fields else None
    if raw is None or message["role"] != "assistant":
        return raw
    calls = [item["call_id"] for item in _calls(message)]
    same = "".join(texts_of(raw)) == text_of(message.get("content")) and called_ids(raw) == calls
    return raw if same else None


def _reasoning(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The reasoning that can be sent back: the dialect's own. Other providers' cannot."""
    return [block for block in message.get("thinking_blocks") or () if block.get("type") == "reasoning"]


def _text_items(message: Mapping[str, Any], where: str) -> list[JSON]:
    content, refusal = message.get("content"), message.get("refusal")
    parts: str | list[JSON]
    if isinstance(content, str):
        parts = content
    else:
        parts = [_said(part, f"{where}.content[{index}]") for index, part in enumerate(content or ())]
    if refusal:
        if isinstance(parts, str):
            parts = [{"type": "output_text", "text": parts}] if parts else []
        parts = [*parts, {"type": "refusal", "refusal": refusal}]
    if not parts:
        return []
    fields = message.get("provider_specific_fields") or {}
    phase = {"phase": fields["phase"]} if fields.get("phase") else {}
    return [{"role": "assistant", "content": parts, **phase}]


def _said(part: Mapping[str, Any], where: str) -> JSON:
    """A part of an assistant's text, which may be the dialect's own."""
    kind = part["type"]
    if kind == "text":
        return {**part, "type": "output_text"}
    if kind in {"output_text", "refusal"}:
        return dict(part)
    raise UnsupportedParamsError(f"{where}: an assistant's message holds text only", param=where)


def _calls(message: Mapping[str, Any]) -> list[JSON]:
    return [_call(index, call) for index, call in enumerate(message.get("tool_calls") or ())]


def _call(index: int, call: Mapping[str, Any]) -> JSON:
    call_id = call.get("id") or f"call_{index}"
    marks = {name: call[name] for name in CALL_MARKS if call.get(name)}
    if custom := call.get("custom"):
        item = {"call_id": call_id, "name": custom["name"], "input": custom.get("input") or ""}
        return {"type": "custom_tool_call", **item, **marks}
    return _function_call(call_id, call["function"]) | marks


def _function_call(call_id: str, function: Mapping[str, Any]) -> JSON:
    arguments = function.get("arguments") or ""
    return {"type": "function_call", "call_id": call_id, "name": function["name"], "arguments": arguments}


def _content(content: Any, where: str) -> Any:
    """A user's, system's or tool's content: text as it is, parts in the dialect's form."""
    if isinstance(content, str):
        return content
    return [_input_part(part, f"{where}[{index}]") for index, part in enumerate(parts_of(content))]


def _input_part(part: Part, where: str) -> JSON:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text, **unmarked(part.extra)}
        case Image():
            url = part.url if part.url is not None else f"data:{part.media_type};base64,{part.data}"
            detail = {"detail": part.detail} if part.detail else {}
            return {"type": "input_image", "image_url": url, **detail, **unmarked(part.extra)}
        case File():
            return {"type": "input_file", **_file(part), **unmarked(part.extra)}
        case Audio():
            raise UnsupportedParamsError(f"{where}: the Responses API takes no audio", param=where)
        case _:
            return dict(part.part)  # the dialect's own, such as input_file


def _file(file: File) -> JSON:
    data = f"data:{file.media_type};base64,{file.data}" if file.data else None
    fields = {
        "file_id": file.file_id,
        "file_url": file.url,
        "file_data": data,
        "filename": file.filename,
    }
    return {name: value for name, value in fields.items() if value is not None}

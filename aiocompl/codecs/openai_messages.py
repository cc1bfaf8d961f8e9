"""Messages as the vendors of OpenAI's dialect want them; what differs is data on their rows (`Vendor`).

A writer is made once per codec, and only for vendors who want anything changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.openai_params import is_prefill
from aiocompl.codecs.parts import File, parts_of, text_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.codecs.vendor import Vendor

OURS: Final = frozenset({"provider_specific_fields", "thinking_blocks"})
"""Fields of an answer's message that are aiocompl's own, and nobody's to be sent back as they are."""

MARK: Final = "cache_control"

MEDIA: Final = frozenset({"file", "image_url", "input_audio"})
"""OpenAI's types of content parts that are no text."""

_USUAL: Final = ("role", "content")

REASONING: Final = ("reasoning_content", "reasoning")

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class MessageWriter:
    """Writes the messages of each request to one vendor. Never changes what it is given."""

    def __init__(self, vendor: Vendor) -> None:
        self._roles = dict(vendor.roles)
        self._vendor = vendor
        self._fields = vendor.message_fields
        self._named = vendor.named_roles
        self._text_roles = vendor.text_roles
        self._refused_parts = vendor.refused_parts
        self._nulls = vendor.nulls
        self._ids = None if vendor.call_ids is None else re.compile(vendor.call_ids, re.DOTALL)
        self._mistral_parts = vendor.parts == "mistral"
        self._marks = takes_marks(vendor)
        self._history = vendor.history
        self._history_required = vendor.history_required
        self._mark = vendor.prefill if vendor.prefill in {"prefix", "partial"} else None
        self._alternating = vendor.alternating

    def write(
        self, messages: Sequence[Mapping[str, Any]], model: str, params: Mapping[str, Any]
    ) -> list[Mapping[str, Any]]:
        """The messages, in the vendor's form."""
        fill = self._history_required and _thinks_with_tools(messages, model, params)
        written = [self._message(message, fill=fill) for message in messages]
        if self._mark is not None and is_prefill(messages):
            written[-1] = {**written[-1], self._mark: written[-1].get(self._mark, True)}
        return _alternating(written) if self._alternating else written

    def _message(self, message: Mapping[str, Any], *, fill: bool) -> Mapping[str, Any]:
        role, content = message["role"], message.get("content")
        if len(message) == len(_USUAL) and isinstance(content, str) and role not in self._roles and not fill:
            return message  # nearly all are role and text, which nobody wants otherwise
        new = {key: value for key, value in message.items() if self._is_sent(key, value)}
        new["role"] = self._roles.get(role, role)
        if self._named is not None and role not in self._named:
            new.pop("name", None)
        if role == "assistant":
            self._write_history(message, new, fill=fill)
        if self._ids is not None:
            self._write_ids(new)
        content = new.get("content")
        if content is not None and not isinstance(content, str):
            new["content"] = self._content(role, content)
        return new

    def _is_sent(self, key: str, value: object) -> bool:
        if value is None:
            return key == "content" and self._nulls
        return key not in OURS and (self._fields is None or key in self._fields)

    def _content(self, role: str, content: Any) -> Any:
        if self._vendor.part_types is not None and isinstance(content, (list, tuple)):
            _check_parts(content, self._vendor)
        if role in self._text_roles:
            return text_of(content)
        if self._refused_parts:
            self._check_parts(content)
        parts = [_mistral_part(part) for part in content] if self._mistral_parts else content
        return parts if self._marks else [unmarked(part) for part in parts]

    def _check_parts(self, parts: Sequence[Mapping[str, Any]]) -> None:
        for part in parts:
            if part.get("type") in self._refused_parts:
                raise UnsupportedParamsError(
                    f"this provider takes no content of type {part['type']!r:.40}", param="messages"
                )

    def _write_history(self, message: Mapping[str, Any], new: dict[str, Any], *, fill: bool) -> None:
        """Write the reasoning of an earlier answer; `fill` its place where there is none."""
        text = next((message[name] for name in REASONING if message.get(name)), None)
        if self._history == "reasoning" and text:
            new.pop("reasoning_content", None)
            new["reasoning"] = text
        elif self._history in _BLOCKS:
            for name in REASONING:
                new.pop(name, None)
            if text and isinstance(new.get("content"), (str, type(None))):
                new["content"] = [*_BLOCKS[self._history](text, message), *_text_blocks(new.get("content"))]
        elif self._history == "think_tags" and text:
            new.pop("reasoning_content", None)
            new["content"] = f"<think>\n{text}\n</think>\n\n{text_of(new.get('content'))}"
        elif fill and not text:
            new["reasoning_content"] = " "

    def _write_ids(self, new: dict[str, Any]) -> None:
        if new.get("tool_call_id"):
            new["tool_call_id"] = self._id(new["tool_call_id"])
        if calls := new.get("tool_calls"):
            new["tool_calls"] = [
                {**call, "id": self._id(call["id"])} if call.get("id") else call for call in calls
            ]

    def _id(self, given: str) -> str:
        return given if self._ids is None or self._ids.fullmatch(given) else short_id(given)


def _check_parts(content: Any, vendor: Vendor) -> None:
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind in MEDIA and kind not in (vendor.part_types or ()):
            raise UnsupportedParamsError(
                f"{vendor.title} takes no content of type {kind}", provider=vendor.name, param="messages"
            )


def writer_for(vendor: Vendor) -> MessageWriter | None:
    """The vendor's writer, or None where messages go as they are."""
    if vendor.loosely or vendor.message_fields is not None or vendor.part_types is not None:
        return MessageWriter(vendor)
    return None


def takes_marks(vendor: Vendor) -> bool:
    """Whether ``cache_control`` may stand in content parts and tools: nobody who knows it refuses it, who refuses it is known."""
    return vendor.message_fields is None or MARK in vendor.message_fields


def unmarked(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A content part or a tool without the mark of the prompt cache, which is a hint for those who know it."""
    return {key: value for key, value in part.items() if key != MARK} if MARK in part else part


def short_id(given: str) -> str:
    """Nine letters and digits that stand for a tool call's id: the same ones each time, as good as never those of another."""
    number = int.from_bytes(blake2b(given.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    digits = list[str]()
    for _ in range(9):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)


def _thinks_with_tools(messages: Sequence[Mapping[str, Any]], model: str, params: Mapping[str, Any]) -> bool:
    """Whether the model will think, as far as the call tells, and has tools to do it with."""
    if not params.get("tools"):
        return False
    thinking = params.get("thinking")
    if isinstance(thinking, Mapping):
        return thinking.get("type") != "disabled"
    return (
        params.get("reasoning_effort") not in {None, "none"}
        or "reason" in model
        or "thinking" in model
        or any(message.get(name) for message in messages for name in REASONING)
    )


def _alternating(messages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages, those of one role in a row put together."""
    merged: list[Mapping[str, Any]] = []
    for message in messages:
        if merged and merged[-1]["role"] == message["role"] in _MERGED:
            contents = merged[-1].get("content") or "", message.get("content") or ""
            merged[-1] = {**merged[-1], **message, "content": _joined(*contents)}
        else:
            merged.append(message)
    return merged


_MERGED: Final = frozenset({"system", "user", "assistant"})


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return "\n\n".join(filter(None, (first, second)))
    return [
        part
        for content in (first, second)
        for part in (_text_blocks(content) if isinstance(content, str) else content)
    ]


def _text_blocks(content: str | None) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if content else []


def _thinking_blocks(text: str, message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Mistral's form."""
    signature = next(
        (block["signature"] for block in message.get("thinking_blocks") or () if block.get("signature")), None
    )
    block: dict[str, Any] = {"type": "thinking", "thinking": [{"type": "text", "text": text}]}
    return [block if signature is None else {**block, "signature": signature}]


def _reasoning_blocks(text: str, message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Databricks' form. Without a signature the models behind it take no reasoning back."""
    summary = [
        {"type": "summary_text", "text": block.get("thinking") or text, "signature": block["signature"]}
        for block in message.get("thinking_blocks") or ()
        if block.get("signature")
    ]
    return [{"type": "reasoning", "summary": summary}] if summary else []


_BLOCKS: Final = {"thinking_blocks": _thinking_blocks, "reasoning_blocks": _reasoning_blocks}


def _mistral_part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = part.get("type")
    if kind == "input_audio" and isinstance(part.get("input_audio"), Mapping):
        return {**part, "input_audio": part["input_audio"]["data"]}
    if kind == "file" and isinstance(part.get("file"), Mapping):
        file = next(iter(parts_of([part])))
        return _mistral_file(file) if isinstance(file, File) else part
    return part


def _mistral_file(file: File) -> dict[str, Any]:
    if file.file_id:
        return {"type": "file", "file_id": file.file_id}
    named = {"document_name": file.filename} if file.filename else {}
    url = file.url or f"data:{file.media_type or 'application/pdf'};base64,{file.data}"
    return {"type": "document_url", "document_url": url, **named}

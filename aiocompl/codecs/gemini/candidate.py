"""One candidate of an answer, read event by event: what each event adds, and what can be said only at the end."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.gemini.grounding import logprobs, url_citations
from aiocompl.codecs.gemini.partial import PartialCall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.gemini.surfaces import Surface

FINISH_REASONS: Final[Mapping[str, str]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}
"""The reasons that OpenAI has a word for. The others, failures all (``MALFORMED_FUNCTION_CALL``, ``OTHER``, ...), pass
as they are: calling them ``stop`` would hide that the answer is none."""

_BARRED: Final = frozenset({"length", "content_filter"})
"""Reasons that hold although functions were called."""

_READ: Final = frozenset({"content", "index", "finishReason", "logprobsResult"})
_CALL_KEYS: Final = frozenset({"id", "name", "args"})
_TEXT_KEYS: Final = frozenset({"text", "thought", "thoughtSignature"})


@attrs.define(eq=False)
class Candidate:
    """The state of one candidate."""

    index: int
    begun: bool = False
    finish_reason: str | None = None
    """In the provider's own word."""
    _calls: int = 0
    _partial: PartialCall | None = None
    _images: int = 0
    _text: list[str] = attrs.field(factory=list)
    _starts: list[int] = attrs.field(factory=list)
    """For each part how many pieces of text come before it."""
    _blocks: list[dict[str, Any]] = attrs.field(factory=list)
    _parts: list[dict[str, Any]] = attrs.field(factory=list)
    """Parts that OpenAI's shape has no place for: what Google's own tools were asked and answered, code, files."""
    _fields: dict[str, Any] = attrs.field(factory=dict)
    _sound: bytes = b""
    """Bytes of sound, fewer than three, that do not fill a group of base64 yet."""

    def take(self, data: Mapping[str, Any], surface: Surface) -> dict[str, Any] | None:
        """Take an event's part; returns the choice that it makes, or None where it adds nothing to be said now."""
        delta: dict[str, Any] = {}
        parts: Sequence[dict[str, Any]] = (data.get("content") or {}).get("parts") or ()
        if len(parts) == 1 and len(parts[0]) == 1 and type(text := parts[0].get("text")) is str:
            self._starts.append(len(self._text))
            if text:
                self._speak(delta, text)
        else:
            for part in parts:
                self._take_part(part, delta)
        if len(data) > 1 and not data.keys() <= _READ:
            self._keep_fields(data)
        if (word := data.get("finishReason")) is not None:
            self.finish_reason = surface.finish_reason(word)
        if (result := data.get("logprobsResult")) is not None:
            return self._choice(delta) | {"logprobs": logprobs(result)}
        return self._choice(delta) if delta else None

    def finish(self) -> dict[str, Any]:
        """The last choice: the finish reason, and what belongs to the message as a whole."""
        delta: dict[str, Any] = {}
        if self._sound:
            delta["audio"] = {"data": base64.b64encode(self._sound).decode()}
        if self._blocks:
            delta["thinking_blocks"] = self._blocks
        if cited := url_citations(self._fields, self._text, self._starts):
            delta["annotations"] = cited
        if self._partial is not None:  # broken off, by the bound on tokens mostly: no call to be answered
            self._fields["partialCall"] = self._partial.whole()
        if self._parts:
            self._fields["parts"] = self._parts
        if self._fields:
            delta["provider_specific_fields"] = self._fields
        word = self.finish_reason or ""
        reason = FINISH_REASONS.get(word, word)
        if self._calls and reason not in _BARRED:
            reason = "tool_calls"
        return self._choice(delta) | {"finish_reason": reason, "native_finish_reason": word}

    def _choice(self, delta: dict[str, Any]) -> dict[str, Any]:
        if not self.begun:
            self.begun = True
            delta["role"] = "assistant"
        return {"index": self.index, "delta": delta}

    def _take_part(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        self._starts.append(len(self._text))
        signature = part.get("thoughtSignature")
        if (call := part.get("functionCall")) is not None:
            self._take_call(call, signature, delta)
        elif "inlineData" in part and not part.get("thought"):
            self._take_media(part, delta)
        elif not part.keys() <= _TEXT_KEYS:
            self._parts.append(part)
        else:
            text = part.get("text") or ""
            if not part.get("thought"):
                if text:
                    self._speak(delta, text)
                text = ""
            elif text:
                delta["reasoning_content"] = delta.get("reasoning_content", "") + text
            self._think(text, signature)

    def _speak(self, delta: dict[str, Any], text: str) -> None:
        self._text.append(text)
        delta["content"] = delta.get("content", "") + text

    def _think(self, text: str, signature: str | None) -> None:
        """Add to the thoughts; a signature closes a block, and one of spoken text is a block without text."""
        last = self._blocks[-1] if self._blocks else None
        if text and last is not None and "signature" not in last:
            last["thinking"] += text
        elif text or signature:
            last = {"type": "thinking", "thinking": text}
            self._blocks.append(last)
        if signature and last is not None:
            last["signature"] = signature

    def _take_call(self, call: Mapping[str, Any], signature: str | None, delta: dict[str, Any]) -> None:
        """Tell a call, at once or with the last of its pieces."""
        if self._partial is not None or call.get("willContinue"):
            self._partial = self._partial or PartialCall()
            self._partial.add(call, signature)
            if call.get("willContinue"):
                return
            call, signature, self._partial = self._partial.whole(), self._partial.signature, None
        delta.setdefault("tool_calls", []).append(self._call(call, signature))

    def _call(self, call: Mapping[str, Any], signature: str | None) -> dict[str, Any]:
        index, self._calls = self._calls, self._calls + 1
        made: dict[str, Any] = {
            "index": index,
            "id": call.get("id") or f"call_{index}",
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": orjson.dumps(call.get("args") or {}).decode(),
            },
        }
        fields = {key: value for key, value in call.items() if key not in _CALL_KEYS}
        if signature:
            fields["thought_signature"] = signature
        if fields:
            made["provider_specific_fields"] = fields
        return made

    def _take_media(self, part: dict[str, Any], delta: dict[str, Any]) -> None:
        media_type, data = part["inlineData"]["mimeType"], part["inlineData"]["data"]
        if media_type.startswith("image/"):
            image = {
                "type": "image_url",
                "image_url": {"url": f"data:{media_type};base64,{data}"},
                "index": self._images,
            }
            self._images += 1
            if signature := part.get("thoughtSignature"):
                image["provider_specific_fields"] = {"thought_signature": signature}
            delta.setdefault("images", []).append(image)
        elif media_type.startswith("audio/"):
            self._add_sound(delta, media_type, data)
        else:
            self._parts.append(part)

    def _add_sound(self, delta: dict[str, Any], media_type: str, data: str) -> None:
        """Add sound in whole groups of base64, so that the pieces can be put together as text."""
        sound = self._sound + base64.b64decode(data)
        whole = len(sound) - len(sound) % 3
        self._sound = sound[whole:]
        before = delta.get("audio", {}).get("data", "")
        piece = base64.b64encode(sound[:whole]).decode()
        delta["audio"] = {"data": before + piece, "mime_type": media_type}

    def _keep_fields(self, data: Mapping[str, Any]) -> None:
        """Keep what stands beside the content; empty values, which some events repeat, say nothing."""
        for key, value in data.items():
            if key not in _READ and value not in ({}, [], None):
                old = self._fields.get(key)
                merged = old | value if isinstance(old, dict) and isinstance(value, dict) else value
                self._fields[key] = merged

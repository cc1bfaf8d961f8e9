"""OpenAI's messages as ``contents`` and ``systemInstruction``."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import attrs
import orjson

from aiocompl.codecs.gemini.media import media_part
from aiocompl.codecs.parts import SYSTEM_ROLES, Image, Text, calls_of, parts_of, result_id, split_data_uri
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.codecs.gemini.traits import Traits
    from aiocompl.codecs.parts import Call

SKIP_VALIDATOR: Final = base64.b64encode(b"skip_thought_signature_validator").decode()
"""What Google documents as the signature of a call that has none: made by hand, or by another model."""

OWN_ID: Final = re.compile(r"call_\d{1,3}").fullmatch
"""Ids that we gave because Gemini gave none; they are not sent back. (Gemini's own have four digits or more.)"""


@attrs.define(eq=False)
class Conversation:
    """The messages of one request on their way into the dialect."""

    traits: Traits
    base_url: str
    contents: list[dict[str, Any]] = attrs.field(factory=list)
    system: list[str] = attrs.field(factory=list)
    _names: dict[str, str] = attrs.field(factory=dict)
    """For each tool call id the function's name: results must repeat it."""
    _order: dict[str, int] = attrs.field(factory=dict)
    """For each tool call id its place among the calls of its turn."""
    _results: list[tuple[int, dict[str, Any], list[dict[str, Any]]]] = attrs.field(factory=list)
    """Results of the turn at hand: place, response, and media that stand beside it."""

    def add(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Take all messages, in order.

        Raises:
            BadRequestError: A message cannot be said in this dialect; `param` says which.
        """
        for index, message in enumerate(messages):
            role = message["role"]
            if role == "tool":
                self._add_result(index, message)
                continue
            self._flush_results()
            if role in SYSTEM_ROLES:
                self.system += [
                    part.text for part in parts_of(message.get("content")) if isinstance(part, Text)
                ]
            elif role == "assistant":
                self._put("model", self._model_parts(index, message))
            else:
                self._put("user", self._parts(index, message))
        self._flush_results()
        self._settle_system()

    def _settle_system(self) -> None:
        """Where there is nothing else to say, or no place for it, the system text becomes the user's."""
        self.system = [text for text in self.system if text]
        if self.system and not (self.contents and self.traits.has_system):
            first = [{"text": text} for text in self.system]
            self.system = []
            if self.contents and self.contents[0]["role"] == "user":
                self.contents[0]["parts"] = first + self.contents[0]["parts"]
            else:
                self.contents.insert(0, {"role": "user", "parts": first})

    def _put(self, role: str, parts: list[dict[str, Any]]) -> None:
        """Append parts; neighbours of one role are one content, since roles should alternate."""
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})

    def _parts(self, index: int, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The content's parts; empty text is refused by the provider and left out."""
        made: list[dict[str, Any]] = []
        for number, part in enumerate(parts_of(message.get("content"))):
            if not isinstance(part, Text):
                where = f"messages[{index}].content[{number}]"
                made.append(media_part(part, self.traits, self.base_url, where))
            elif part.text:
                made.append({"text": part.text})
        return made

    def _model_parts(self, index: int, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Thoughts, the provider's own parts, text, images, calls: the order in which models give them."""
        thoughts, signature = _thoughts(message)
        spoken = self._parts(index, message)
        if signature is not None:
            texts = [part for part in spoken if "text" in part] or [{"text": ""}]
            texts[-1]["thoughtSignature"] = signature
            spoken = spoken or texts
        native = _fields_of(message).get("parts") or ()
        images = [_image(image) for image in message.get("images") or ()]
        return [*thoughts, *native, *spoken, *images, *self._calls(index, message)]

    def _calls(self, index: int, message: Mapping[str, Any]) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        for number, call in enumerate(calls_of(message)):
            self._names[call.id] = call.name
            self._order[call.id] = number
            arguments = call.arguments_object(f"messages[{index}].tool_calls[{number}]")
            function: dict[str, Any] = {"name": call.name, "args": arguments}
            if _is_sent(call.id, call.name):
                function["id"] = call.id
            part: dict[str, Any] = {"functionCall": function}
            if (signature := _signature(call)) is not None:
                part["thoughtSignature"] = signature
            elif number == 0 and self.traits.signs_calls:  # of parallel calls only the first is signed
                part["thoughtSignature"] = SKIP_VALIDATOR
            made.append(part)
        return made

    def _add_result(self, index: int, message: Mapping[str, Any]) -> None:
        identity = result_id(message)
        name = self._names.get(identity) or message.get("name")
        if name is None:
            where = f"messages[{index}].tool_call_id"
            raise BadRequestError(f"{where} answers no tool call of the messages before it", param=where)
        parts = self._parts(index, message)
        texts = [part["text"] for part in parts if "text" in part]
        media = [part for part in parts if "text" not in part]
        response: dict[str, Any] = {"name": name, "response": _response("".join(texts), bare=not media)}
        if _is_sent(identity, name):
            response["id"] = identity
        if media and self.traits.rich_results:
            response["parts"], media = media, []
        place = self._order.get(identity, len(self._order))
        self._results.append((place, {"functionResponse": response}, media))

    def _flush_results(self) -> None:
        """All results of one turn in one content, in the order of its calls; what goes beside them follows."""
        results = sorted(self._results, key=lambda result: result[0])
        self._results.clear()
        self._put("user", [response for _, response, _ in results])
        self._put("user", [part for _, _, media in results for part in media])


def _thoughts(message: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """The thoughts, and the signature that belongs to the spoken text: it stands in a block of its own, without text."""
    made: list[dict[str, Any]] = []
    signature = None
    for block in message.get("thinking_blocks") or ():
        text, signed = block.get("thinking"), block.get("signature")
        if text:
            made.append({"text": text, "thought": True} | ({"thoughtSignature": signed} if signed else {}))
        elif signed:
            signature = signed
    return made, signature


def _signature(call: Call) -> str | None:
    """A call's signature, where we or Google's OpenAI-compatible surface put it."""
    if (signature := _fields_of(call.extra).get("thought_signature")) is not None:
        return str(signature)
    google = (call.extra.get("extra_content") or {}).get("google") or {}
    return google.get("thought_signature")


def _fields_of(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    fields = holder.get("provider_specific_fields")
    return fields if isinstance(fields, Mapping) else {}


def _is_sent(identity: str, name: str) -> bool:
    """Whether the id means something to Gemini: neither ours nor the one of a legacy function call."""
    return OWN_ID(identity) is None and identity != f"call_{name}"


def _response(text: str, *, bare: bool) -> dict[str, Any]:
    """A result as an object: one that is JSON as it is, other text wrapped; nothing beside media."""
    if text.lstrip().startswith("{"):
        try:
            return dict(orjson.loads(text))
        except ValueError:
            pass  # text that only begins like JSON
    return {"result": text} if text or bare else {}


def _image(image: Mapping[str, Any]) -> dict[str, Any]:
    """An image of an earlier answer, put back as the model's own part."""
    part = next(iter(parts_of([image])))
    inline = split_data_uri((image.get("image_url") or {}).get("url") or "")
    if not isinstance(part, Image) or inline is None:
        raise BadRequestError("images of an assistant message must be data URIs", param="messages")
    made: dict[str, Any] = {"inlineData": {"mimeType": inline[0], "data": inline[1]}}
    if (signature := _fields_of(image).get("thought_signature")) is not None:
        made["thoughtSignature"] = signature
    return made

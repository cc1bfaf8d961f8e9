"""The conversation: OpenAI's messages made into the dialect's system text and turns.

Turns of one role that follow each other become one, with tool results before everything else, as the dialect wants
the results of one assistant's turn together. Signed thinking comes back from `thinking_blocks`, and the blocks of
tools that the provider ran itself from `provider_specific_fields`, in the order in which they were received.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.anthropic.blocks import blocks_of, kept, marked
from aiocompl.codecs.parts import SYSTEM_ROLES, calls_of, result_id, text_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.anthropic.blocks import Block
    from aiocompl.codecs.anthropic.models import Claude

PLACEHOLDER: Final = "."
"""Stands for text where the dialect insists on some."""

RAW_BLOCKS: Final = "content_blocks"
"""Where in `provider_specific_fields` a message keeps its blocks as received, if OpenAI's shape cannot hold them."""

_SPOKEN: Final = frozenset({"redacted_thinking", "text", "thinking"})
_CALL_MARKS: Final = frozenset({"cache_control", "caller"})
_NOT_IN_ID: Final = re.compile(r"[^A-Za-z0-9_-]")


class Conversation:
    """The messages, taken one after another.

    Attributes:
        system: The blocks of the system text.
        turns: The turns, each a new dict.
        called: The names of the tools that were called, in order.
    """

    def __init__(self, messages: Sequence[Mapping[str, Any]], claude: Claude) -> None:
        self.system: list[Block] = []
        self.turns: list[dict[str, Any]] = []
        self.called: list[str] = []
        self._claude = claude
        self._ids: dict[str, str] = {}  # given id of a call -> the latest id it was sent with
        self._sent: set[str] = set()
        for index, message in enumerate(messages):
            self._take(message, f"messages[{index}]")
        self._finish()
        if claude.text_only:
            _check_text_only(self.turns)

    def _take(self, message: Mapping[str, Any], where: str) -> None:
        role = message["role"]
        if role in SYSTEM_ROLES:
            self._take_system(marked(blocks_of(message["content"], f"{where}.content"), message))
        elif role == "assistant":
            self._take_assistant(message, where)
        elif role == "user":
            self._take_user(message, where)
        else:
            self._add("user", [self._result(message, where)])

    def _take_system(self, blocks: list[Block]) -> None:
        """Keep late system text in its place where the model takes it there, which is after a user's turn."""
        late = self._claude.takes_late_system and self.turns and self.turns[-1]["role"] != "assistant"
        if not late:
            self.system += blocks
        elif blocks:
            self._add("system", blocks)

    def _take_user(self, message: Mapping[str, Any], where: str) -> None:
        content = message["content"]
        if isinstance(content, str) and content.strip() and not message.get("cache_control"):
            self._add("user", content)
            return
        blocks = blocks_of(content, f"{where}.content") or [_text(PLACEHOLDER)]
        self._add("user", marked(blocks, message))

    def _take_assistant(self, message: Mapping[str, Any], where: str) -> None:
        calls = [
            {
                "type": "tool_use",
                "id": self._new_id(call.id),
                "name": call.name,
                "input": call.arguments_object(f"{where}.tool_calls[{index}]"),
                **kept(call.extra, _CALL_MARKS),
            }
            for index, call in enumerate(calls_of(message))
        ]
        blocks = _as_received(message, calls)
        if blocks is None:
            content = message.get("content") or message.get("refusal")
            blocks = [*_thinking(message), *blocks_of(content, f"{where}.content"), *calls]
        self.called += [block["name"] for block in calls]
        if blocks:
            self._add("assistant", marked(blocks, message))

    def _result(self, message: Mapping[str, Any], where: str) -> Block:
        given = result_id(message)
        block: Block = {"type": "tool_result", "tool_use_id": self._ids.get(given) or _clean(given)}
        content = message.get("content")
        if not isinstance(content, str):
            content = blocks_of(content, f"{where}.content")
        if content:
            block["content"] = content
        return block | kept(message, frozenset({"cache_control", "is_error"}))

    def _new_id(self, given: str) -> str:
        """An id that the dialect takes and no earlier call has; other providers repeat theirs."""
        clean = unique = _clean(given)
        count = 1
        while unique in self._sent:
            count += 1
            unique = f"{clean}_{count}"
        self._sent.add(unique)
        self._ids[given] = unique
        return unique

    def _add(self, role: str, content: str | list[Block]) -> None:
        if self.turns and self.turns[-1]["role"] == role:
            turn = self.turns[-1]
            turn["content"] = [*_listed(turn["content"]), *_listed(content)]
        else:
            self.turns.append({"role": role, "content": content})

    def _finish(self) -> None:
        for turn in self.turns:
            if turn["role"] == "user" and isinstance(turn["content"], list):
                turn["content"].sort(key=lambda block: block["type"] != "tool_result")
        first = self.turns[0]["role"] if self.turns else None
        if first is None or (first == "assistant" and self._claude.needs_user_first):
            self.turns.insert(0, {"role": "user", "content": PLACEHOLDER})
        elif self.turns[-1]["role"] == "assistant":
            self._check_prefill(self.turns[-1])
            self._trim_prefill(self.turns[-1])

    def _check_prefill(self, turn: Mapping[str, Any]) -> None:
        """A turn with blocks of the provider's own tools is no prefill: it is gone on with by every model."""
        if self._claude.takes_prefill or any(block["type"] not in _SPOKEN for block in turn["content"]):
            return
        raise UnsupportedParamsError(
            "this model goes on with no answer that was begun: the last message must not be the assistant's",
            param="messages",
        )

    def _trim_prefill(self, turn: dict[str, Any]) -> None:
        """Text to be continued must not end in white space."""
        last = turn["content"][-1]
        if last["type"] == "text":
            turn["content"] = [*turn["content"][:-1], {**last, "text": last["text"].rstrip()}]


def _check_text_only(turns: Sequence[Mapping[str, Any]]) -> None:
    for turn in turns:
        for block in _listed(turn["content"]):
            if block["type"] != "text":
                raise UnsupportedParamsError(
                    f"this model takes text alone, no {block['type']!r} block", param="messages"
                )


def _as_received(message: Mapping[str, Any], calls: list[Block]) -> list[Block] | None:
    """The message's blocks as they were received, unless text or calls have been changed since."""
    fields = message.get("provider_specific_fields")
    raw = fields.get(RAW_BLOCKS) if fields else None
    if not raw:
        return None
    text = "".join(block["text"] for block in raw if block["type"] == "text")
    ids = [block["id"] for block in raw if block["type"] == "tool_use"]
    same = text == text_of(message.get("content")) and ids == [call["id"] for call in calls]
    return list(raw) if same else None


def _thinking(message: Mapping[str, Any]) -> list[Block]:
    """The thinking that can be sent back: signed, or redacted. Other providers' reasoning cannot."""
    return [
        dict(block)
        for block in message.get("thinking_blocks") or ()
        if block.get("signature" if block.get("type") == "thinking" else "data")
    ]


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _listed(content: str | list[Block]) -> list[Block]:
    return [_text(content)] if isinstance(content, str) else content


def _clean(given: str) -> str:
    return _NOT_IN_ID.sub("_", given) or "call"

"""The conversation: OpenAI's messages made into the dialect's system blocks and turns.

Turns must alternate, so those of one role that follow each other become one; the results of an assistant's tool calls
thus stand together in one user's turn, with what the user says next behind them.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.bedrock.blocks import Blocks, cache_point, thinking_block
from aiocompl.codecs.parts import SYSTEM_ROLES, calls_of, result_id, text_of
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.bedrock.blocks import Block

RAW_BLOCKS: Final = "converse_blocks"
"""Where in `provider_specific_fields` a message keeps its blocks as received, if OpenAI's shape cannot hold them."""

SERVER_TOOL: Final = "server_tool_use"
"""The type of a call that the provider answers itself."""

_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}").fullmatch


class Conversation:
    """The messages, taken one after another.

    Attributes:
        system: The blocks of the system text.
        turns: The turns, each a new dict.
        uses_tools: Whether a tool was called or answered in it.
    """

    def __init__(self, messages: Sequence[Mapping[str, Any]]) -> None:
        self.system: list[Block] = []
        self.turns: list[dict[str, Any]] = []
        self.uses_tools = False
        self._blocks = Blocks()
        for index, message in enumerate(messages):
            self._take(message, f"messages[{index}]")

    def _take(self, message: Mapping[str, Any], where: str) -> None:
        role = message["role"]
        content = self._blocks.of(message.get("content"), f"{where}.content")
        if role in SYSTEM_ROLES:
            self.system += content + cache_point(message)
        elif role == "assistant":
            self._take_assistant(message, content, where)
        elif role == "user":
            if not content:
                raise BadRequestError(
                    f"{where}.content must not be empty for this provider", param=f"{where}.content"
                )
            self._append("user", content + cache_point(message))
        else:
            self._take_result(message, content)

    def _take_assistant(self, message: Mapping[str, Any], content: list[Block], where: str) -> None:
        calls: list[Block] = []
        for index, call in enumerate(calls_of(message)):
            arguments = call.arguments_object(f"{where}.tool_calls[{index}]")
            calls.append({"toolUse": {"toolUseId": _tool_id(call.id), "name": call.name, "input": arguments}})
            calls += cache_point(call.extra)
        thinking = [
            made
            for block in message.get("thinking_blocks") or ()
            if (made := thinking_block(block)) is not None
        ]
        self.uses_tools |= bool(calls)
        blocks = _as_received(message, calls) or thinking + content + calls
        self._append("assistant", blocks + (cache_point(message) if blocks else []))

    def _take_result(self, message: Mapping[str, Any], content: list[Block]) -> None:
        self.uses_tools = True
        result: dict[str, Any] = {"toolUseId": _tool_id(result_id(message)), "content": content}
        status = message.get("status") or ("error" if message.get("is_error") else None)
        if status:
            result["status"] = status
        self._append("user", [{"toolResult": result}, *cache_point(message)])

    def _append(self, role: str, blocks: list[Block]) -> None:
        if self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        elif blocks:
            self.turns.append({"role": role, "content": blocks})


def block_text(block: Mapping[str, Any]) -> str:
    """What a block says as text, citations left out."""
    if "citationsContent" in block:
        return "".join(piece.get("text", "") for piece in block["citationsContent"].get("content") or ())
    text: str = block.get("text", "")
    return text


def _as_received(message: Mapping[str, Any], calls: list[Block]) -> list[Block] | None:
    """The message's blocks as they were received, unless text or calls have been changed since.

    Reasoning without a signature stays out, for no model takes it back, and so does the type of a common call, which
    only answers have.
    """
    raw = (message.get("provider_specific_fields") or {}).get(RAW_BLOCKS)
    if not raw:
        return None
    uses = [block["toolUse"] for block in raw if "toolUse" in block]
    ids = [use["toolUseId"] for use in uses if use.get("type") != SERVER_TOOL]
    given = [call["toolUse"]["toolUseId"] for call in calls if "toolUse" in call]
    if ids != given or "".join(map(block_text, raw)) != text_of(message.get("content")):
        return None
    return [_sendable(block) for block in raw if not _unsigned(block)]


def _sendable(block: Block) -> Block:
    use = block.get("toolUse")
    if use is None or use.get("type") == SERVER_TOOL:
        return block
    return {"toolUse": {key: value for key, value in use.items() if key != "type"}}


def _unsigned(block: Mapping[str, Any]) -> bool:
    reasoning = block.get("reasoningContent") or {}
    return "reasoningText" in reasoning and not reasoning["reasoningText"].get("signature")


def _tool_id(given: str) -> str:
    """The id of a call; one that another provider made and the dialect would refuse is replaced by its digest."""
    return given if _ID(given) else f"call_{sha256(given.encode()).hexdigest()[:32]}"

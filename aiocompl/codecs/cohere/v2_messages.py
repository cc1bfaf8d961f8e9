"""OpenAI's messages as Cohere's v2 chat takes them. It refuses fields it does not know, so only known ones are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl.codecs.parts import SYSTEM_ROLES, Image, Other, Text, calls_of, parts_of, result_id, text_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.parts import Call, Part


def message_of(index: int, message: Mapping[str, Any]) -> dict[str, Any]:
    """One message.

    Args:
        index: Its place among the messages, for errors.
        message: The message in OpenAI's shape.

    Raises:
        UnsupportedParamsError: It holds what Cohere has no place for, such as audio or a file.
    """
    role = message["role"]
    if role in SYSTEM_ROLES:
        return {"role": "system", "content": _content(index, message, "system")}
    if role == "assistant":
        return _assistant(index, message)
    if role == "user":
        return {"role": "user", "content": _content(index, message, "user")}
    return {"role": "tool", "tool_call_id": result_id(message), "content": _content(index, message, "tool")}


def _assistant(index: int, message: Mapping[str, Any]) -> dict[str, Any]:
    """An assistant message; beside tool calls its text is the plan, since content may hold thinking only."""
    body: dict[str, Any] = {"role": "assistant"}
    thinking, plan = _reasoning(message)
    calls = calls_of(message)
    if calls:
        body["tool_calls"] = [_call(call) for call in calls]
        if plan := plan + text_of(message.get("content")):
            body["tool_plan"] = plan
    content = "" if calls else _content(index, message, "assistant")
    if thinking:
        texts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        content = [{"type": "thinking", "thinking": thinking}, *(texts if content else ())]
    if content or not calls:
        body["content"] = content
    return body


def _reasoning(message: Mapping[str, Any]) -> tuple[str, str]:
    """The thinking and the tool plan, which stand together in `reasoning_content` (see the module `v2`)."""
    kept = message.get("provider_specific_fields") or {}
    plan = kept.get("tool_plan") or ""
    reasoning = message.get("reasoning_content")
    if reasoning is None:
        blocks = message.get("thinking_blocks") or ()
        return "".join(block.get("thinking") or "" for block in blocks), plan
    return reasoning.removesuffix(plan), plan


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments or "{}"},
    }


def _content(index: int, message: Mapping[str, Any], role: str) -> str | list[dict[str, Any]]:
    content = message.get("content")
    if content is None or isinstance(content, str):
        return content or ""
    return [
        _part(f"messages[{index}].content[{number}]", part, role)
        for number, part in enumerate(parts_of(content))
    ]


def _part(where: str, part: Part, role: str) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image) and role == "user":
        image = {"url": part.url or f"data:{part.media_type};base64,{part.data}"}
        return {"type": "image_url", "image_url": image | ({"detail": part.detail} if part.detail else {})}
    if isinstance(part, Other) and (role, part.type) in {("tool", "document"), ("assistant", "thinking")}:
        return dict(part.part)
    kind = part.type if isinstance(part, Other) else type(part).__name__.lower()
    raise UnsupportedParamsError(
        f"{where}: Cohere takes no {kind} part in a message of role {role!r}", param=where
    )

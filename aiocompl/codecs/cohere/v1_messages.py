"""OpenAI's messages as Cohere's v1 chat takes them: a last message, or tool results, and the history before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from aiocompl.codecs.parts import SYSTEM_ROLES, Text, calls_of, parts_of, result_id
from aiocompl.errors import BadRequestError, UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROLES = {"system": "SYSTEM", "developer": "SYSTEM", "user": "USER", "assistant": "CHATBOT"}
"""OpenAI's roles as v1's; results of tools are of the role ``TOOL``."""


def conversation(messages: Sequence[Mapping[str, Any]], *, preamble: bool) -> dict[str, Any]:
    """The messages as ``{"message", "chat_history", "preamble", "tool_results"}``, as far as there are such.

    Args:
        messages: In OpenAI's shape.
        preamble: Take the system messages at the beginning as the preamble; else they begin the history.

    Raises:
        UnsupportedParamsError: A message holds what is no text, or the last one is neither the user's nor a tool's.
        BadRequestError: A tool message answers no call.
    """
    texts: list[str] = []
    start = 0
    while preamble and start < len(messages) and messages[start]["role"] in SYSTEM_ROLES:
        texts.append(_text(start, messages[start]))
        start += 1
    history = _history(messages, start)
    if not history or history[-1]["role"] not in {"USER", "TOOL"}:
        raise UnsupportedParamsError(
            "the last message must be the user's, or a tool's result, for Cohere's v1 chat", param="messages"
        )
    last = history.pop()
    body: dict[str, Any] = {"message": last.get("message", "")}
    if texts:
        body["preamble"] = "\n\n".join(texts)
    if history:
        body["chat_history"] = history
    if "tool_results" in last:
        body["tool_results"] = last["tool_results"]
    return body


def _history(messages: Sequence[Mapping[str, Any]], start: int) -> list[dict[str, Any]]:
    """All messages from `start` on as entries of the history; results that follow one another are one entry."""
    entries: list[dict[str, Any]] = []
    calls: dict[str, dict[str, Any]] = {}  # the latest call of each id
    for index, message in enumerate(messages[start:], start):
        role = ROLES.get(message["role"])
        if role is None:
            if not entries or entries[-1]["role"] != "TOOL":
                entries.append({"role": "TOOL", "tool_results": []})
            entries[-1]["tool_results"].append(_result(index, message, calls))
            continue
        entry: dict[str, Any] = {"role": role, "message": _text(index, message)}
        if role == "CHATBOT" and (made := _calls(index, message)):
            calls |= made
            entry["tool_calls"] = list(made.values())
        entries.append(entry)
    return entries


def _calls(index: int, message: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        call.id: {
            "name": call.name,
            "parameters": call.arguments_object(f"messages[{index}].tool_calls[{number}]"),
        }
        for number, call in enumerate(calls_of(message))
    }


def _result(index: int, message: Mapping[str, Any], calls: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    call = calls.get(result_id(message))
    if call is None:
        raise BadRequestError(
            f"messages[{index}].tool_call_id is no id of a tool call before it",
            param=f"messages[{index}].tool_call_id",
        )
    return {"call": call, "outputs": _outputs(_text(index, message))}


def _outputs(text: str) -> list[dict[str, Any]]:
    """A result as a list of objects: as it is where it is JSON of that kind, else as the text it is."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return value
    return [{"output": text}]


def _text(index: int, message: Mapping[str, Any]) -> str:
    texts: list[str] = []
    for number, part in enumerate(parts_of(message.get("content"))):
        if not isinstance(part, Text):
            where = f"messages[{index}].content[{number}]"
            raise UnsupportedParamsError(f"{where}: Cohere's v1 chat takes nothing but text", param=where)
        texts.append(part.text)
    return "".join(texts)

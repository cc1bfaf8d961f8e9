"""What an OpenAI chat request asks for, once `openai_checks` has found it in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.asked import Asked, Received, Tool

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BYTES_PER_TOKEN: Final = 4  # of a request, so that prompts are counted believably


def as_asked(received: Received, body: Mapping[str, Any]) -> Asked:
    """Say what the checked body asks for."""
    tools = _tools(body)
    return Asked(
        number=received.number,
        model=body["model"],
        stream=bool(body.get("stream")),
        text=_last_user_text(body["messages"]),
        prompt_tokens=max(1, len(received.body) // _BYTES_PER_TOKEN),
        body=body,
        headers=received.headers,
        choices=body.get("n") or 1,
        stop=_stop(body.get("stop")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        tools=tools,
        must_call=_must_call(body, tools),
        schema=_schema(body.get("response_format")),
    )


def _last_user_text(messages: Sequence[Mapping[str, Any]]) -> str:
    for message in reversed(messages):
        if message["role"] == "user":
            content = message.get("content") or ""
            if isinstance(content, str):
                return content
            return "".join(part["text"] for part in content if part.get("type") == "text")
    return ""


def _stop(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop or ())


def _tools(body: Mapping[str, Any]) -> tuple[Tool, ...]:
    listed = [tool["function"] for tool in body.get("tools") or () if tool["type"] == "function"]
    return tuple(
        Tool(name=function["name"], parameters=function.get("parameters") or {})
        for function in listed or body.get("functions") or ()
    )


def _must_call(body: Mapping[str, Any], tools: Sequence[Tool]) -> Tool | None:
    """The function that the request insists on: the one it names, or the first where any will do."""
    choice = body.get("tool_choice") or body.get("function_call")
    if choice == "required":
        return tools[0] if tools else None
    if not isinstance(choice, dict):
        return None
    if choice.get("type") == "allowed_tools":
        allowed = choice["allowed_tools"]
        choice = allowed["tools"][0] if allowed["mode"] == "required" else {}
    name = (choice.get("function") or choice).get("name")
    return next((tool for tool in tools if tool.name == name), None)


def _schema(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    kind = (response_format or {}).get("type")
    if response_format is not None and kind == "json_schema":
        schema: Mapping[str, Any] = response_format["json_schema"].get("schema") or {}
        return schema
    return {} if kind == "json_object" else None

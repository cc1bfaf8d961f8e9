"""Tools and the choice among them, flat as the dialect wants them; its built-in tools pass as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl.codecs.openai_messages import MARK
from aiocompl.codecs.tools import EMPTY_SCHEMA
from aiocompl.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.model import JSON


def tool_fields(params: Mapping[str, Any]) -> JSON:
    """The request's ``tools`` and ``tool_choice``.

    Raises:
        BadRequestError: The choice is none of the forms that OpenAI has.
    """
    tools = [_tool(tool) for tool in params.get("tools") or ()]
    if (search := params.get("web_search_options")) is not None:
        tools.append(_web_search(search))
    fields: JSON = {"tools": tools} if tools else {}
    choice = params.get("tool_choice")
    if choice is not None:
        fields["tool_choice"] = _choice(choice)
    return fields


def _tool(tool: Mapping[str, Any]) -> JSON:
    kind = tool["type"]
    inner = tool.get(kind)
    if kind == "function":
        beside = {k: v for k, v in tool.items() if k not in {"type", "function", MARK}}
        return _function(tool["function"]) | beside
    if kind == "custom" and inner:
        return _custom(inner)
    return dict(tool)


def _function(function: Mapping[str, Any]) -> JSON:
    """A function; unlike chat completions, the dialect takes one as strict that does not say."""
    parameters = function.get("parameters") or EMPTY_SCHEMA
    return {"type": "function", "strict": False, **function, "parameters": parameters}


def _custom(custom: Mapping[str, Any]) -> JSON:
    form = custom.get("format") or {}
    tool = {"type": "custom", **custom}
    if form.get("type") == "grammar" and "grammar" in form:
        tool["format"] = {"type": "grammar", **form["grammar"]}
    return tool


def _web_search(options: Mapping[str, Any]) -> JSON:
    tool = {"type": "web_search", **options}
    location = options.get("user_location")
    if location and "approximate" in location:
        tool["user_location"] = {"type": "approximate", **location["approximate"]}
    return tool


def _choice(choice: Any) -> Any:
    if choice in ("auto", "none", "required"):
        return choice
    if choice == "any":  # what several providers say for "required"
        return "required"
    if isinstance(choice, str):
        raise BadRequestError(
            "tool_choice must be 'auto', 'none', 'required' or an object that names a tool",
            param="tool_choice",
        )
    return _flat(choice)


def _flat(choice: Mapping[str, Any]) -> JSON:
    """The choice, or a tool named in it, with its name beside its type; the dialect's own forms are so already."""
    kind = choice["type"]
    inner = choice.get(kind)
    if not inner:
        return dict(choice)
    if kind == "allowed_tools":
        return {"type": kind, **inner, "tools": [_flat(tool) for tool in inner["tools"]]}
    return {"type": kind, **inner}

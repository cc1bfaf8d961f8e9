"""Tools and the choice among them, for all native dialects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import attrs

from aiocompl.errors import BadRequestError, UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Sequence

EMPTY_SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {}}


@attrs.frozen
class Tool:
    """A function that the model may call."""

    name: str
    description: str | None
    parameters: Mapping[str, Any]
    """A JSON Schema of type object; the empty one where none was given."""
    strict: bool | None = None
    extra: Mapping[str, Any] = attrs.field(factory=dict)
    """What else stood beside the function, such as ``cache_control``."""


@attrs.frozen
class ToolChoice:
    """Which tool the model must call."""

    mode: Literal["auto", "none", "required", "named"]
    name: str | None = None
    allowed: tuple[str, ...] = ()
    """The names that may be called, where `tool_choice` narrows them down."""


def tools_of(params: Mapping[str, Any]) -> tuple[list[Tool], list[Mapping[str, Any]]]:
    """The function tools, and the tools of other types (a provider's own) as they are."""
    tools: list[Tool] = []
    others: list[Mapping[str, Any]] = []
    for tool in params.get("tools") or ():
        if tool["type"] == "function":
            extra = {key: value for key, value in tool.items() if key not in {"type", "function"}}
            tools.append(_tool(tool["function"], extra))
        else:
            others.append(tool)
    return tools, others


def tool_choice_of(params: Mapping[str, Any]) -> ToolChoice | None:
    """What `tool_choice` says; None where it was not given.

    Raises:
        BadRequestError: It is none of the forms that OpenAI has.
    """
    choice = params.get("tool_choice")
    if choice is None:
        return None
    if choice in ("auto", "none", "required"):
        return ToolChoice(choice)
    if choice == "any":  # what several providers say for "required"
        return ToolChoice("required")
    if isinstance(choice, Mapping):
        return _choice_object(choice)
    raise _bad_choice()


def narrowed(tools: list[Tool], choice: ToolChoice | None) -> list[Tool]:
    """The tools that the choice leaves: for dialects that can say "call one of these" but cannot name which.

    Raises:
        BadRequestError: The choice names a tool that is not among them.
    """
    names = () if choice is None else choice.allowed or ((choice.name,) if choice.name else ())
    if not names:
        return tools
    if missing := set(names) - {tool.name for tool in tools}:
        raise BadRequestError(
            f"tool_choice names {', '.join(sorted(missing))}, which is not among the tools",
            param="tool_choice",
        )
    return [tool for tool in tools if tool.name in names]


def plain_tool(tool: Tool) -> dict[str, Any]:
    """A tool in OpenAI's shape, with nothing but name, description and parameters."""
    described = {} if tool.description is None else {"description": tool.description}
    function = {"name": tool.name, **described, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def refuse_other_tools(others: Sequence[Mapping[str, Any]]) -> None:
    """For dialects that know function tools only.

    Raises:
        UnsupportedParamsError: There is a tool of another type.
    """
    if others:
        raise UnsupportedParamsError(
            f"only function tools can be given to this provider, not {others[0]['type']!r}", param="tools"
        )


def response_schema(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The ``json_schema`` object of `response_format` (name, schema, strict), or None where it asks for no schema."""
    form = params.get("response_format")
    if not isinstance(form, Mapping) or form.get("type") != "json_schema":
        return None
    schema = form.get("json_schema")
    if not isinstance(schema, Mapping) or not isinstance(schema.get("schema"), Mapping):
        raise BadRequestError(
            "response_format.json_schema must hold a 'name' and a 'schema'",
            param="response_format.json_schema",
        )
    return schema


def stop_of(params: Mapping[str, Any]) -> Sequence[str]:
    """The stop sequences as a list."""
    stop = params.get("stop")
    if stop is None:
        return []
    return [stop] if isinstance(stop, str) else list(stop)


def _tool(function: Mapping[str, Any], extra: Mapping[str, Any]) -> Tool:
    return Tool(
        function["name"],
        function.get("description"),
        function.get("parameters") or EMPTY_SCHEMA,
        function.get("strict"),
        extra,
    )


def _choice_object(choice: Mapping[str, Any]) -> ToolChoice:
    kind = choice.get("type")
    if kind == "custom":
        raise UnsupportedParamsError("this provider has no custom tools to choose", param="tool_choice")
    if kind == "allowed_tools":
        return _allowed_tools(choice)
    function = choice.get("function") if kind == "function" else choice
    name = function.get("name") if isinstance(function, Mapping) else None
    if not isinstance(name, str):
        raise _bad_choice()
    return ToolChoice("named", name)


def _allowed_tools(choice: Mapping[str, Any]) -> ToolChoice:
    try:
        allowed = choice["allowed_tools"]
        names = tuple(tool["function"]["name"] for tool in allowed["tools"] if tool.get("function"))
        return ToolChoice("required" if allowed.get("mode") == "required" else "auto", allowed=names)
    except (AttributeError, KeyError, TypeError) as error:
        raise _bad_choice() from error


def _bad_choice() -> BadRequestError:
    return BadRequestError(
        "tool_choice must be 'auto', 'none', 'required', or {'type': 'function', 'function': {'name': ...}}",
        param="tool_choice",
    )

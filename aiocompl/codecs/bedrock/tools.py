"""Tools, the choice among them, and answers held to a JSON Schema: natively, or by a tool that must be called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.codecs.answer_tool import ANSWER_TOOL
from aiocompl.codecs.anthropic.models import claude_of
from aiocompl.codecs.bedrock.blocks import cache_point
from aiocompl.codecs.tools import EMPTY_SCHEMA, response_schema, tool_choice_of, tools_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from aiocompl.codecs.tools import Tool, ToolChoice

NO_SCHEMA: Final = (
    "ai21.",
    "amazon.",
    "cohere.",
    "deepseek.r1",
    "meta.",
    "mistral.mistral-7b",
    "mistral.mistral-large-24",
    "mistral.mistral-small-24",
    "mistral.mixtral",
    "mistral.pixtral",
    "writer.",
)
"""Models (besides early Claudes) that have no structured output."""

FORCEABLE: Final = ("amazon.nova", "anthropic.", "mistral.")
"""Models that can be made to call a tool; a bare ARN tells nothing and is taken for one of them."""

NATIVE_TOOLS: Final = ("toolSpec", "systemTool", "cachePoint")
"""Entries of the tool list in the dialect's own form, given under their own names."""

NO_TOOL: Final[Mapping[str, Any]] = {
    "toolSpec": {
        "name": "no_tool",
        "description": "No tool is available. Never call this.",
        "inputSchema": {"json": EMPTY_SCHEMA},
    }
}
"""Stands in where a conversation with tool calls goes on without tools: the dialect insists on a list."""


def tool_fields(params: Mapping[str, Any], model: str, *, history: bool, thinks: bool) -> dict[str, Any]:
    """The request's ``toolConfig``, and where they are called for ``outputConfig`` and ``additionalModelRequestFields``.

    Args:
        params: The call's parameters.
        model: The model's id.
        history: Whether the conversation has tool calls already.
        thinks: Whether the model is told to think, which excludes that a call is demanded.

    Raises:
        UnsupportedParamsError: The model cannot do it.
    """
    choice = tool_choice_of(params)
    tools = _tools(params, choice)
    fields: dict[str, Any] = {}
    native_choice = _choice(choice) if tools else None
    if native_choice is not None and "auto" not in native_choice and not _forceable(model):
        raise UnsupportedParamsError("this model cannot be made to call a tool", param="tool_choice")
    if uses_schema_tool(params, model):
        native_choice = _forced_choice(native_choice, bare=not tools, thinks=thinks, model=model)
        tools.append(_schema_tool(params))
    elif (schema := response_schema(params)) is not None:
        fields["outputConfig"] = {"textFormat": _text_format(schema)}
    if tools and params.get("parallel_tool_calls") is False:
        fields["additionalModelRequestFields"] = {"tool_choice": _one_at_a_time(native_choice, model)}
        native_choice = None  # the two exclude each other
    if tools or history:
        chosen = {} if native_choice is None else {"toolChoice": native_choice}
        fields["toolConfig"] = {"tools": tools or [NO_TOOL]} | chosen
    return fields


def uses_schema_tool(params: Mapping[str, Any], model: str) -> bool:
    """Whether the answer comes as the arguments of `ANSWER_TOOL`.

    Raises:
        UnsupportedParamsError: The model cannot be held to JSON at all.
    """
    form = params.get("response_format")
    kind = form.get("type") if isinstance(form, Mapping) else None
    if kind not in {"json_object", "json_schema"} or (kind == "json_schema" and _holds_schema(model)):
        return False
    if not _forceable(model):
        raise UnsupportedParamsError(
            "response_format: this model can neither be held to a schema nor be made to call a tool",
            param="response_format",
        )
    return True


def _holds_schema(model: str) -> bool:
    return claude_of(model).structured and not any(name in model for name in NO_SCHEMA)


def _forceable(model: str) -> bool:
    return model.startswith("arn:") or any(name in model for name in FORCEABLE)


def _tools(params: Mapping[str, Any], choice: ToolChoice | None) -> list[Mapping[str, Any]]:
    if choice is not None and choice.mode == "none":
        return []
    functions, others = tools_of(params)
    tools: list[Mapping[str, Any]] = []
    for tool in functions:
        if choice is None or not choice.allowed or tool.name in choice.allowed:
            tools += [{"toolSpec": _spec(tool)}, *cache_point(tool.extra)]
    for other in others:
        tools.append(_native_tool(other))
    return tools


def _spec(tool: Tool) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": {"type": "object", **tool.parameters}}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    return spec


def _native_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    for name in NATIVE_TOOLS:
        if name in tool:
            return {name: tool[name]}
    raise UnsupportedParamsError(f"tools: Converse has no tools of type {tool['type']!r:.40}", param="tools")


def _choice(choice: ToolChoice | None) -> dict[str, Any] | None:
    if choice is None:
        return None
    if choice.mode == "named":
        return {"tool": {"name": choice.name}}
    return {"any": {}} if choice.mode == "required" else {"auto": {}}


def _forced_choice(given: dict[str, Any] | None, *, bare: bool, thinks: bool, model: str) -> dict[str, Any]:
    """The choice that makes the model answer by `ANSWER_TOOL`, if need be after calls of the caller's tools."""
    if given is not None and "auto" not in given:
        return given
    if thinks or not claude_of(model).can_be_forced:
        return {"auto": {}}
    return {"tool": {"name": ANSWER_TOOL}} if bare else {"any": {}}


def _schema_tool(params: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = response_schema(params) or {}
    description = wanted.get("description") or "Give the answer to the user by calling this tool, as JSON."
    schema = {"type": "object", **wanted.get("schema", {})}
    return {"toolSpec": {"name": ANSWER_TOOL, "description": description, "inputSchema": {"json": schema}}}


def _text_format(wanted: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"schema": orjson.dumps(wanted["schema"]).decode()}
    schema |= {key: wanted[key] for key in ("name", "description") if wanted.get(key)}
    return {"type": "json_schema", "structure": {"jsonSchema": schema}}


def _one_at_a_time(choice: Mapping[str, Any] | None, model: str) -> dict[str, Any]:
    """Anthropic's own form of the choice, which can forbid parallel calls; the dialect has none."""
    if not claude_of(model).named:
        raise UnsupportedParamsError(
            "parallel_tool_calls: only Claude can be told to call one tool at a time",
            param="parallel_tool_calls",
        )
    kind, value = next(iter((choice or {"auto": {}}).items()))
    return {"type": kind, **value, "disable_parallel_tool_use": True}

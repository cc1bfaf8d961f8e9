"""Tools, the choice among them, and the tool that stands in for structured output on models without it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.codecs.answer_tool import ANSWER_TOOL, DESCRIPTION
from aiocompl.codecs.anthropic.models import claude_of
from aiocompl.codecs.anthropic.schema import narrowed
from aiocompl.codecs.tools import EMPTY_SCHEMA, response_schema, tool_choice_of, tools_of
from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiocompl.codecs.anthropic.models import Claude
    from aiocompl.codecs.tools import Tool
    from aiocompl.types.request import ChatRequest

_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none", "named": "tool"}
_FORCED: Final = frozenset({"any", "tool"})
_SEARCHES: Final = {"low": 1, "medium": 5, "high": 10}
"""How many searches a `search_context_size` allows; the dialect bounds their number, not their size."""


@attrs.frozen(kw_only=True)
class Reading:
    """What a request says about how its answer is to be read."""

    answer_tool: bool = False
    """It came with the answer tool: that tool's input is the content."""


PLAIN_READING: Final = Reading()


def reading_of(request: ChatRequest) -> Reading:
    """How the answer to a request is to be read."""
    params = request.params
    if not params or "response_format" not in params:
        return PLAIN_READING
    return Reading(answer_tool=answer_schema(params, claude_of(request.model)) is not None)


def answer_schema(params: Mapping[str, Any], claude: Claude) -> Mapping[str, Any] | None:
    """The schema that needs the answer tool, in OpenAI's wrapping; None where the model does without."""
    return None if claude.structured else response_schema(params)


def tool_fields(
    params: Mapping[str, Any], claude: Claude, *, called: Sequence[str], budgeted: bool
) -> dict[str, Any]:
    """The request's ``tools`` and ``tool_choice``, as far as it needs them.

    Args:
        params: The request's parameters.
        claude: The model.
        called: Tools that the conversation has called: they must be declared even where none may be called any more.
        budgeted: Whether the model is told to think by a budget, beside which no call can be demanded.

    Raises:
        UnsupportedParamsError: The model cannot be made to call a tool, or a tool is of OpenAI's own kind.
    """
    schema = answer_schema(params, claude)
    tools = _declared(params, claude)
    if not tools and schema is None:
        return _undeclared(called)
    if claude.text_only:
        names = ("tools", "functions", "web_search_options", "response_format")
        raise UnsupportedParamsError(
            "this model calls no tools" + ("" if tools else ", which its structured output needs"),
            param=next(name for name in names if params.get(name) is not None),
        )
    choice = _choice(params, has_tools=bool(tools), answers=schema is not None)
    if schema is not None:
        tools.append(_answer_tool(schema["schema"]))
    if choice and choice["type"] in _FORCED and (budgeted or not claude.can_be_forced):
        raise UnsupportedParamsError(
            "this model cannot be made to call a tool"
            + (" while it thinks by a budget" if budgeted else "")
            + (", which its structured output needs" if schema is not None else ""),
            param="tool_choice" if schema is None else "response_format",
        )
    return {"tools": tools, "tool_choice": choice} if choice else {"tools": tools}


def _declared(params: Mapping[str, Any], claude: Claude) -> list[dict[str, Any]]:
    """All tools in the caller's order, which prompt caching depends on."""
    choice = tool_choice_of(params)
    allowed = choice.allowed if choice else ()
    tools: list[dict[str, Any]] = []
    for index, given in enumerate(params.get("tools") or ()):
        if given["type"] == "custom" and "custom" in given:
            raise UnsupportedParamsError(
                "this provider has no custom tools with free text", param=f"tools[{index}]"
            )
        functions, others = tools_of({"tools": [given]})
        tools += [_tool(tool, claude) for tool in functions if not allowed or tool.name in allowed]
        tools += [dict(tool) for tool in others]
    options = params.get("web_search_options")
    return tools if options is None else [*tools, _web_search(options)]


def _tool(tool: Tool, claude: Claude) -> dict[str, Any]:
    strict = bool(tool.strict) and claude.structured
    schema = narrowed(tool.parameters) if strict else tool.parameters
    return {
        "name": tool.name,
        **({} if tool.description is None else {"description": tool.description}),
        "input_schema": schema if "type" in schema else {"type": "object", **schema},
        **({"strict": True} if strict else {}),
        **tool.extra,
    }


def _answer_tool(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": ANSWER_TOOL,
        "description": DESCRIPTION,
        "input_schema": schema,
    }


def _web_search(options: Mapping[str, Any]) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
    size = options.get("search_context_size")
    if size is not None:
        if size not in _SEARCHES:
            raise UnsupportedParamsError(
                f"search_context_size must be one of {', '.join(_SEARCHES)}", param="web_search_options"
            )
        tool["max_uses"] = _SEARCHES[size]
    if place := options.get("user_location"):
        tool["user_location"] = {"type": "approximate", **place.get("approximate", place)}
    return tool


def _undeclared(called: Sequence[str]) -> dict[str, Any]:
    """Declarations of the tools of an earlier part of the conversation, none of them to be called."""
    if not called:
        return {}
    tools = [{"name": name, "input_schema": EMPTY_SCHEMA} for name in dict.fromkeys(called)]
    return {"tools": tools, "tool_choice": {"type": "none"}}


def _choice(params: Mapping[str, Any], *, has_tools: bool, answers: bool) -> dict[str, Any] | None:
    asked = tool_choice_of(params)
    choice: dict[str, Any] | None = None
    if asked is not None:
        choice = {"type": _CHOICES[asked.mode]} | ({"name": asked.name} if asked.name else {})
    if answers:
        choice = _choice_with_answer(choice, has_tools=has_tools)
    single = params.get("parallel_tool_calls") is False
    if single and (choice is None or choice["type"] != "none"):
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    return choice


def _choice_with_answer(choice: dict[str, Any] | None, *, has_tools: bool) -> dict[str, Any]:
    """A call must come: the tool that was named, any of the caller's or the answer, or the answer alone."""
    if choice is not None and choice["type"] == "tool":
        return choice
    if has_tools and (choice is None or choice["type"] != "none"):
        return {"type": "any"}
    return {"type": "tool", "name": ANSWER_TOOL}

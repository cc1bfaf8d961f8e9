from __future__ import annotations

from typing import Any

import pytest

from aiocompl.policy.tool_text import tools_as_text

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where."},
        "unit": {"enum": ["C", "F", 3]},
        "days": {"type": ["integer", "null"]},
        "at": {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "boolean"}}]},
        "more": {"type": "object", "properties": {"deep": {"type": "string", "description": "not shown"}}},
        "free": {"type": "object"},
        "any": True,
        "list": {"type": "array"},
        "odd": {"type": 5, "anyOf": 5, "enum": None},
    },
    "required": ["city", "more"],
}

TEXT = """namespace functions {

// The weather.
type weather = (_: {
// Where.
city: string,
unit?: "C" | "F" | 3,
days?: number | null,
at?: number | boolean[],
more: {
deep?: string,
},
free?: object,
any?: any,
list?: any[],
odd?: any,
}) => any;

} // namespace functions"""


def test_a_tool() -> None:
    function = {"name": "weather", "description": "The weather.", "parameters": PARAMETERS}
    assert tools_as_text([{"type": "function", "function": function}]) == TEXT
    assert tools_as_text([function]) == TEXT
    anthropic = {"name": "weather", "description": "The weather.", "input_schema": PARAMETERS}
    assert tools_as_text([anthropic]) == TEXT


@pytest.mark.parametrize(
    ("tools", "lines"),
    [
        ([], []),
        ([None, 5, "x"], []),
        ([{"name": "f"}], ["type f = () => any;", ""]),
        ([{"name": "f", "parameters": {"properties": 5}}], ["type f = () => any;", ""]),
        (
            [{"name": "f", "parameters": {"properties": {"a": {"type": "string"}}, "required": 5}}],
            ["type f = (_: {", "a?: string,", "}) => any;", ""],
        ),
    ],
)
def test_oddities(tools: Any, lines: list[str]) -> None:
    assert tools_as_text(tools).splitlines() == [
        "namespace functions {",
        "",
        *lines,
        "} // namespace functions",
    ]


def test_depth_is_bounded() -> None:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = {"again": schema}
    lists: dict[str, Any] = {"type": "array"}
    lists["items"] = lists
    tools = [{"name": "f", "parameters": {"properties": {"a": schema, "b": lists}}}]
    assert 10 < tools_as_text(tools).count("again") < 30

"""Tools as models read them: OpenAI puts them into the prompt as types of a language much like TypeScript.

Source: as found by others out of the counts of recorded prompts (2026-11); off by a few tokens for most tools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_DEEPEST: Final = 20
_NUMBERS: Final = ("integer", "number")


def tools_as_text(tools: Sequence[Any]) -> str:
    """Tools in OpenAI's shape (or the older one of functions) as text. Whatever has no such shape is left out."""
    lines = ["namespace functions {", ""]
    for tool in tools:
        if isinstance(tool, Mapping):
            function = tool.get("function")
            lines += _function(function if isinstance(function, Mapping) else tool)
    return "\n".join([*lines, "} // namespace functions"])


def _function(function: Mapping[str, Any]) -> Iterator[str]:
    if description := function.get("description"):
        yield f"// {description}"
    schema = function.get("parameters", function.get("input_schema"))
    fields = list(_fields(schema, 0))
    yield f"type {function.get('name')} = (_: {{" if fields else f"type {function.get('name')} = () => any;"
    if fields:
        yield from fields
        yield "}) => any;"
    yield ""


def _fields(schema: Any, depth: int) -> Iterator[str]:
    """The fields of an object, a line each; only those of a function itself are described."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or depth > _DEEPEST:
        return
    required = schema.get("required")
    required = required if isinstance(required, (list, tuple)) else ()
    for name, field in properties.items():
        if not depth and isinstance(field, Mapping) and (description := field.get("description")):
            yield f"// {description}"
        yield f"{name}{'' if name in required else '?'}: {_type(field, depth)},"


def _type(schema: Any, depth: int) -> str:
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return "any"
    several = schema.get("anyOf") or schema.get("oneOf")
    if isinstance(several, (list, tuple)):
        return " | ".join(_type(part, depth + 1) for part in several)
    values = schema.get("enum")
    if isinstance(values, (list, tuple)):
        return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in values)
    kind = schema.get("type")
    if isinstance(kind, (list, tuple)):
        return " | ".join(_named_type(each, schema, depth) for each in kind)
    return _named_type(kind, schema, depth)


def _named_type(kind: Any, schema: Mapping[str, Any], depth: int) -> str:
    if kind in _NUMBERS:
        return "number"
    if kind == "array":
        return f"{_type(schema.get('items'), depth + 1)}[]"
    if kind == "object":
        fields = "\n".join(_fields(schema, depth + 1))
        return f"{{\n{fields}\n}}" if fields else "object"
    return kind if isinstance(kind, str) else "any"

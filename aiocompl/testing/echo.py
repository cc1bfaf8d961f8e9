"""The answer where no script says another: it repeats the user, so that it is known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.testing.answer import Answer, ToolCall

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.testing.asked import Asked

_MAX_DEPTH: Final = 8  # of a schema that refers to itself


def echo(asked: Asked, choice: int) -> Answer:
    """The plain answer: a call of the tool that is insisted on, JSON that fits the schema, or "You said: ...".

    Args:
        asked: The request; its `stop` and `max_tokens` are obeyed.
        choice: Which of several answers, from 0; each reads differently.
    """
    if (tool := asked.must_call) is not None:
        return Answer(tool_calls=(ToolCall(name=tool.name, arguments=sample(tool.parameters, asked.text)),))
    if asked.schema is not None:
        document = sample(asked.schema, asked.text) or {"echo": asked.text}
        return _shortened(orjson.dumps(document).decode(), asked)
    text = f"You said: {asked.text}"
    return _shortened(f"{text} ({choice + 1})" if choice else text, asked)


def _shortened(text: str, asked: Asked) -> Answer:
    ends = [at for stop in asked.stop if (at := text.find(stop)) >= 0]
    answer = Answer(text=text[: min(ends)] if ends else text)
    tokens = answer.cut(answer.text)
    if asked.max_tokens is None or len(tokens) <= asked.max_tokens:
        return answer
    return Answer(text="".join(tokens[: asked.max_tokens]), finish_reason="length")


def sample(schema: Mapping[str, Any], text: str) -> Any:
    """A value that fits the JSON Schema, as far as types, enums, constants, references and minima go.

    Args:
        schema: The schema.
        text: What strings hold.
    """
    return _sample(schema, text, schema, 0)


def _sample(schema: Mapping[str, Any], text: str, root: Mapping[str, Any], depth: int) -> Any:
    if depth > _MAX_DEPTH or not isinstance(schema, dict):  # true and false are schemas too
        return None
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    if "$ref" in schema:
        return _sample(_referred(schema["$ref"], root), text, root, depth + 1)
    for union in ("anyOf", "oneOf", "allOf"):
        if schema.get(union):
            return _sample(schema[union][0], text, root, depth + 1)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _sample(part, text, root, depth + 1) for name, part in properties.items()}
    if kind == "array":
        item = _sample(schema.get("items", {"type": "string"}), text, root, depth + 1)
        return [item] * max(1, schema.get("minItems", 1))
    return _scalar(kind, schema, text)


def _scalar(kind: str, schema: Mapping[str, Any], text: str) -> Any:
    match kind:
        case "string":
            return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]
        case "integer":
            return int(schema.get("minimum", 1))
        case "number":
            return float(schema.get("minimum", 1))
        case "boolean":
            return True
        case _:
            return None


def _referred(pointer: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference inside the schema (``#/$defs/Name``); an empty schema where it leads nowhere."""
    found: Any = root
    for key in pointer.removeprefix("#").strip("/").split("/") if pointer != "#" else ():
        found = found.get(key, {})
    return found if isinstance(found, dict) else {}

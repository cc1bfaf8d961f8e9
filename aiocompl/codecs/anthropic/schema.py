"""JSON Schemas brought into the subset that structured outputs and strict tools take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

REFUSED: Final = frozenset(
    {
        "contains",
        "else",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "if",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "not",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "uniqueItems",
    }
)
"""Keywords that the provider refuses; they are told to the model in the description instead."""

_OF_SCHEMAS: Final = frozenset({"properties", "$defs", "definitions"})
_LISTS: Final = frozenset({"anyOf", "allOf", "oneOf"})


def narrowed(schema: Any) -> Any:
    """The schema without refused keywords, objects closed; what is already so comes out equal.

    An object whose `additionalProperties` is set keeps it: the provider's refusal is better than another meaning.
    """
    if not isinstance(schema, Mapping):
        return schema
    result, told = dict[str, Any](), dict[str, Any]()
    for key, value in schema.items():
        if key in REFUSED and not (key == "minItems" and value in (0, 1)):
            told[key] = value
        elif key in _OF_SCHEMAS and isinstance(value, Mapping):
            result[key] = {name: narrowed(item) for name, item in value.items()}
        elif key in _LISTS and isinstance(value, (list, tuple)):
            name = "anyOf" if key == "oneOf" else key
            result[name] = [*result.get(name, ()), *(narrowed(item) for item in value)]
        else:
            result[key] = narrowed(value) if key == "items" else value
    if result.get("type") == "object":
        result.setdefault("additionalProperties", False)
    if told:
        result["description"] = _with_hint(result.get("description"), told)
    return result


def _with_hint(description: str | None, told: Mapping[str, Any]) -> str:
    hint = "{" + ", ".join(f"{key}: {orjson.dumps(told[key]).decode()}" for key in sorted(told)) + "}"
    return f"{description}\n\n{hint}" if description else hint

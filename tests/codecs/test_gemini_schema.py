"""Schemas for Gemini's models before 2.0, which take a subset of OpenAPI's."""

from __future__ import annotations

from typing import Any

import pytest
from gemini_help import SCHEMA, TOOL, sent

from aiocompl.codecs.gemini.schema import openapi_schema
from aiocompl.errors import UnsupportedParamsError


def test_models_before_2_take_openapis_subset() -> None:
    params = {
        "tools": [TOOL, {"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
    }
    clean = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}
    assert sent(params, "gemini-1.5-pro") == {
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": clean},
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "weather", "description": "Now", "parameters": clean},
                    {"name": "now"},
                ]
            }
        ],
    }


@pytest.mark.parametrize(
    ("schema", "clean"),
    [
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        ({"enum": ["a", 1, None]}, {"type": "STRING", "enum": ["a", "1"]}),
        ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
        ({"type": "string", "format": "uuid"}, {"type": "STRING"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "array", "items": {"type": "number"}}, {"type": "ARRAY", "items": {"type": "NUMBER"}}),
        ({"type": "object", "additionalProperties": False}, {"type": "OBJECT"}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "STRING", "nullable": True}),
        (
            {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
            {"anyOf": [{"type": "STRING"}, {"type": "BOOLEAN"}]},
        ),
        ({"anyOf": [{"type": "null"}]}, {"nullable": True}),
        ({"allOf": [{"type": "string"}, {"minLength": 1}]}, {"type": "STRING", "minLength": 1}),
        (
            {"$defs": {"A": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/A", "title": "T"}}},
            {"properties": {"a": {"type": "STRING", "title": "T"}}},
        ),
    ],
)
def test_schemas_in_openapis_subset(schema: dict[str, Any], clean: dict[str, Any]) -> None:
    assert openapi_schema(schema, param="p") == clean


@pytest.mark.parametrize("reference", ["#/$defs/A", "#/$defs/B", "https://elsewhere/x"])
def test_schemas_that_refer_to_themselves_or_nowhere(reference: str) -> None:
    schema = {"$defs": {"A": {"items": {"$ref": "#/$defs/A"}}}, "items": {"$ref": reference}}
    with pytest.raises(UnsupportedParamsError) as caught:
        openapi_schema(schema, param="p")
    assert caught.value.param == "p"

"""What the native dialects are asked for in ways of their own: JSON by a schema, Claude by Vertex AI's paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from natives import NATIVES, SCHEMA

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Simulator

BY_NAME = {native.name: native for native in NATIVES}
SCHEMAS: list[tuple[str, dict[str, Any]]] = [
    ("anthropic", {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("cohere", {"response_format": {"type": "json_object", "json_schema": SCHEMA}}),
    ("cohere_v1", {"response_format": {"type": "json_object", "schema": SCHEMA}}),
    ("gemini", {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}}),
    (
        "vertex",
        {
            "generationConfig": {
                "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
            }
        },
    ),
    ("ollama", {"format": SCHEMA}),
    (
        "bedrock",
        {
            "outputConfig": {
                "textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"schema": orjson.dumps(SCHEMA).decode()}},
                }
            }
        },
    ),
    ("responses", {"text_": {"format": {"type": "json_schema", "name": "c", "schema": SCHEMA}}}),
    ("groq", {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}}}),
    ("mistral", {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}}}),
    ("azure", {"response_format": {"type": "json_schema", "json_schema": {"name": "c", "schema": SCHEMA}}}),
]


@pytest.mark.parametrize(("name", "wanted"), SCHEMAS)
async def test_json_that_fits_a_schema(
    client: Client, simulator: Simulator, name: str, wanted: dict[str, Any]
) -> None:
    native = BY_NAME[name]
    body = native.body("Rome") | {key.rstrip("_"): value for key, value in wanted.items()}
    body |= {"stream": False} if name == "ollama" else {}
    async with client.session.post(
        simulator.url + native.path, json=body, headers=native.headers
    ) as response:
        assert native.whole(orjson.loads(await response.read())).text == '{"city":"Rome"}'


async def test_anthropic_at_vertex(client: Client, simulator: Simulator) -> None:
    where = f"{simulator.url}/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-5"
    native = BY_NAME["anthropic"]
    body = {
        "anthropic_version": "vertex-2023-10-16",
        "max_tokens": 9,
        "messages": native.body("hi")["messages"],
    }
    async with client.session.post(f"{where}:rawPredict", json=body) as response:
        assert native.whole(orjson.loads(await response.read())).text == "You said: hi"
    async with client.session.post(f"{where}:streamRawPredict", json=body) as response:
        assert native.streamed(native.split(await response.read())).text == "You said: hi"
    assert simulator.requests[0].model == "claude-sonnet-5"
    async with client.session.post(f"{where}:rawPredict", json={"max_tokens": 9}) as response:
        assert b"anthropic_version: Field required" in await response.read()
    async with client.session.post(f"{where}:otherPredict", json=body) as response:
        assert response.status == 404

"""The page about providers is made from the code, and says what the code does."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from docs_blocks import ROOT

from aiocompl.codecs import dialects
from aiocompl.codecs.catalogue import ALIASES
from aiocompl.codecs.natives import NATIVE_ALIASES
from aiocompl.codecs.routing import known_vendors

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(ROOT / "docs" / "_ext"))
tables = import_module("provider_tables")
embedding_tables = import_module("embedding_tables")

PAGE = (ROOT / "docs" / "reference" / "providers.md").read_text()


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


def test_every_dialect_has_a_column() -> None:
    assert tables.DIALECTS.keys() | tables.HOSTED.keys() == dialects._CODECS.keys()
    assert tables.DIALECTS.keys().isdisjoint(tables.HOSTED)
    models = [(name, model) for name, column in tables.DIALECTS.items() for model in column.models]
    for name, model in models:
        prefix, _, rest = model.partition("/")
        vendor = next(vendor for vendor in known_vendors() if vendor.name == prefix)
        assert dialects.dialect_of(vendor, rest)[0] == name


def codec_class(dialect: str) -> type:
    module, name = dialects._CODECS[dialect]
    found: type = getattr(import_module(f"aiocompl.codecs.{module}"), name)
    return found


@pytest.mark.parametrize(("hosted", "dialect"), tables.HOSTED.items())
def test_a_dialect_without_a_column_is_another_at_another_host(hosted: str, dialect: str) -> None:
    assert issubclass(codec_class(hosted), codec_class(dialect))


def test_every_dialect_but_openais_has_its_parameters_on_the_page() -> None:
    asked = set(re.findall(r"^```\{providers\} parameters (\w+)$", PAGE, re.MULTILINE))
    assert asked == tables.DIALECTS.keys() - {"openai", "vertex_ai"}  # Vertex AI's stand with Gemini's


@pytest.mark.parametrize("what", ["natives", "abilities", "vendors", "embeddings"])
def test_the_page_has_every_table(what: str) -> None:
    assert f"```{{providers}} {what}\n" in PAGE


@pytest.mark.parametrize("make", [tables.natives, tables.abilities, tables.vendors])
def test_tables_are_regular(make: Callable[[], str]) -> None:
    rows = cells(make())
    assert {len(row) for row in rows} == {len(rows[0])}
    assert all(cell for row in rows[1:] for cell in row)


def test_every_vendor_and_alias_is_in_one_of_the_tables() -> None:
    both = tables.natives() + "\n" + tables.vendors()
    names = [vendor.name for vendor in known_vendors()]
    aliases = [alias for alias, name in {**ALIASES, **NATIVE_ALIASES}.items() if name in names]
    assert [name for name in names + aliases if both.count(f"`{name}/`") != 1] == []


def test_embeddings_are_what_the_codecs_say() -> None:
    table, plain, none = embedding_tables.embeddings().split("\n\n")
    header, _, *rows = cells(table)
    assert {len(row) for row in rows} == {len(header)}
    found = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert found["`bedrock/`"]["texts a request"] == "1 or 96"
    assert found["`bedrock/`"]["`dimensions`"] == "some models"
    assert found["`openai/`"]["token numbers"] == "yes"
    assert found["`openai/`"]["`input_type`"] == "no"
    assert found["`voyage/`"]["takes also"] == "`output_dtype`, `truncation`"
    assert "`together/`" in plain
    assert "`groq/`" in none
    everywhere = [vendor.name for vendor in known_vendors()]
    assert [name for name in everywhere if f"{table}{plain}{none}".count(f"`{name}/`") != 1] == []


def test_abilities_are_what_the_codecs_say() -> None:
    header, _, *rows = cells(tables.abilities())
    found = {row[0]: dict(zip(header[1:], row[1:], strict=True)) for row in rows}
    assert found["streams"]["Bedrock"] == "AWS events"
    assert found["`tools`"].keys() == {column.title for column in tables.DIALECTS.values()}
    assert {title for title, cell in found["`tools`"].items() if cell != "yes"} == {
        "Replicate",
        "SageMaker, prompts",
    }
    assert (
        found["images by URL"] | {"OpenAI": "yes", "Ollama": "no", "Cohere v1": "no"}
        == found["images by URL"]
    )
    assert found["`seed`"]["Anthropic"] == "no"
    assert found["`temperature`"]["Anthropic"] == "some models"
    assert found["prompt cache"]["Anthropic"] == "`cache_control`"


def test_nothing_is_left_out_in_silence() -> None:
    ignored = [
        (model, name)
        for column in tables.DIALECTS.values()
        for model in column.models
        for name, probe in tables.PROBES.items()
        if not tables.takes(model, probe)
        and tables.body_of(model, {**probe.before, **probe.params}, probe.part) is not None
    ]
    assert ignored == []

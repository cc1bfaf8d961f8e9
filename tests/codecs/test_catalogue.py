"""The catalogue: each row is well formed, each name leads to one vendor, and no known vendor is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from array import array
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from aiocompl.codecs.catalogue import ALIASES, FAMILIES, family_vendor, find_vendor, vendors
from aiocompl.codecs.legacy import OLD_NAMES
from aiocompl.codecs.natives import NATIVES
from aiocompl.codecs.vendor import EmbeddingRules
from aiocompl.types.operation_params import OPERATION_PARAMS
from aiocompl.types.params import CALL_OPTIONS, OPENAI_PARAMS

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Vendor

SHARED = Path(os.environ.get("AIOCOMPL_SHARED") or Path(__file__).resolve().parents[3] / "shared")
FACTS = next(
    (path for path in (SHARED / "facts/providers.toml", SHARED / "providers.toml") if path.exists()), None
)
BOUNDS = {"max_tokens", "max_completion_tokens"}
CHATLESS = {"jina_ai", "tei", "voyage"}
LOCAL_HOSTS = {"localhost", "127.0.0.1"}

each_vendor = pytest.mark.parametrize("vendor", vendors(), ids=lambda vendor: vendor.name)


def facts() -> dict[str, dict[str, Any]]:
    return tomllib.loads(FACTS.read_text(encoding="utf-8")) if FACTS else {}


# ---------------------------------------------------------------- rows


@each_vendor
def test_base_url_is_one_to_append_to(vendor: Vendor) -> None:
    filled = vendor.base_url
    for placeholder, _ in vendor.url_env:
        value = "https://filled.example" if filled.startswith(f"{{{placeholder}}}") else "filled"
        filled = filled.replace(f"{{{placeholder}}}", value)
    url = urlsplit(filled)
    assert url.scheme == "https" or url.hostname in LOCAL_HOSTS
    assert url.hostname
    assert url.username is None
    assert url.query == url.fragment == ""
    assert not filled.endswith(("/", "/chat/completions"))


@each_vendor
def test_each_placeholder_has_its_variable(vendor: Vendor) -> None:
    placeholders = [field for _, field, _, _ in Formatter().parse(vendor.base_url) if field is not None]
    assert placeholders == [placeholder for placeholder, _ in vendor.url_env]


@each_vendor
def test_variables_are_named_like_variables(vendor: Vendor) -> None:
    variables = [*vendor.api_key_env, *vendor.base_env, *(variable for _, variable in vendor.url_env)]
    assert len(set(variables)) == len(variables)
    for variable in variables:
        assert variable == variable.upper()
        assert variable.replace("_", "").isalnum()
        assert variable.isascii()
    assert vendor.api_key_env


@each_vendor
def test_parameters_are_on_their_side(vendor: Vendor) -> None:
    assert vendor.unsupported <= OPENAI_PARAMS
    assert vendor.native.isdisjoint(OPENAI_PARAMS | CALL_OPTIONS)
    assert all(name.isidentifier() for name in vendor.native)


@each_vendor
def test_the_legacy_form_of_tools_is_refused_where_tools_are(vendor: Vendor) -> None:
    for name, old_name in OLD_NAMES.items():
        assert vendor.functions or (old_name in vendor.unsupported) == (name in vendor.unsupported)


@each_vendor
def test_the_bound_of_the_answer_is_renamed_and_never_refused_by_halves(vendor: Vendor) -> None:
    assert vendor.max_tokens in {*BOUNDS, "both"}
    assert vendor.unsupported & BOUNDS in (set(), BOUNDS)


@each_vendor
def test_renamed_and_implied_parameters_are_taken(vendor: Vendor) -> None:
    renamed = {given for given, _ in vendor.renames}
    assert renamed | vendor.implied <= OPENAI_PARAMS - vendor.unsupported
    assert renamed.isdisjoint(vendor.implied | BOUNDS)
    assert vendor.native.issuperset(sent for _, sent in vendor.renames)
    if vendor.usage_asked:
        assert "stream_options" not in renamed | vendor.implied | vendor.unsupported


@each_vendor
def test_messages_can_be_written_and_answers_read(vendor: Vendor) -> None:
    assert vendor.path.startswith("/") or (vendor.path == "" and vendor.name in CHATLESS)
    assert vendor.loosely == (vendor.name != "openai")
    assert vendor.message_fields is None or vendor.message_fields >= {
        "role",
        "content",
        "tool_calls",
        "tool_call_id",
    }
    assert vendor.call_ids is None or re.fullmatch(vendor.call_ids, "Ab3456789")
    assert {given for given, _ in vendor.roles} <= {"developer"}


@each_vendor
def test_embeddings_differ_in_known_ways(vendor: Vendor) -> None:
    rules, ours = vendor.embedding_rules, OPERATION_PARAMS["embeddings"]
    assert vendor.embeddings == "" or vendor.embeddings.startswith("/")
    assert vendor.embeddings or rules == EmbeddingRules() or vendor.name == "codestral"
    assert 1 <= vendor.max_inputs <= 2048
    assert rules.unsupported <= ours
    assert rules.native.isdisjoint(ours | CALL_OPTIONS)
    assert {given for given, _ in rules.renames} <= ours - rules.unsupported
    assert {given for given, _ in rules.input_types} <= {"query", "document"}
    assert not rules.input_types or "input_type" not in rules.unsupported
    assert array(rules.wire).itemsize in (1, 4)


@each_vendor
def test_the_rest_of_a_row(vendor: Vendor) -> None:
    kind, _, header = vendor.auth.partition(":")
    assert (kind, bool(header)) in {("bearer", False), ("header", True)}
    assert vendor.name.isascii()
    assert vendor.name.replace("_", "").isalnum()
    assert vendor.name == vendor.name.lower()
    assert vendor.title.strip() == vendor.title != ""
    assert vendor.docs == "" or urlsplit(vendor.docs).scheme == "https"


@pytest.mark.parametrize(
    ("name", "param"),
    [
        ("groq", "n"),
        ("anthropic", "user"),
        ("minimax", "frequency_penalty"),
        ("xai", "stop"),
        ("chutes", "max_completion_tokens"),
    ],
)
def test_what_is_ignored_renamed_or_refused_at_times_only_is_not_refused(name: str, param: str) -> None:
    vendor = find_vendor(name)
    assert vendor is not None
    assert param not in vendor.unsupported


def test_only_servers_on_ones_own_machine_go_without_a_key_or_tls() -> None:
    local = {vendor.name for vendor in vendors() if urlsplit(vendor.base_url).hostname in LOCAL_HOSTS}
    assert {vendor.name for vendor in vendors() if vendor.key_optional} == local | {"ovhcloud"}


# ---------------------------------------------------------------- names


def test_names_are_unique_and_the_best_known_come_first() -> None:
    names = [vendor.name for vendor in vendors()]
    assert len(set(names)) == len(names) > 120
    assert names[0] == "openai"
    assert names.index("groq") < names.index("abliteration")


@each_vendor
def test_a_vendor_is_found_by_its_name(vendor: Vendor) -> None:
    assert find_vendor(vendor.name) is vendor


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_leads_to_its_vendor(alias: str, name: str) -> None:
    vendor = find_vendor(alias)
    assert vendor is not None
    assert vendor.name == name
    assert alias not in {vendor.name for vendor in vendors()}


@pytest.mark.parametrize("name", ["", "nobody", "OpenAI", "openai/", "gpt-4o"])
def test_a_strange_name_finds_nobody(name: str) -> None:
    assert find_vendor(name) is None


@pytest.mark.parametrize("name", ["anthropic", "cohere", "gemini", "ollama"])
def test_a_makers_compatible_surface_has_both_names(name: str) -> None:
    plain, compat = find_vendor(name), find_vendor(f"{name}_compat")
    assert plain is not None
    assert compat is not None
    for field in ("base_url", "api_key_env", "base_env", "key_optional", "auth", "unsupported", "native"):
        assert getattr(plain, field) == getattr(compat, field)


# ---------------------------------------------------------------- families


@pytest.mark.parametrize(
    ("model", "vendor"),
    [
        ("gpt-4o", "openai"),
        ("gpt-5.1-mini", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("o1", "openai"),
        ("o1-mini", "openai"),
        ("o3", "openai"),
        ("o3-pro-2025-06-10", "openai"),
        ("o4-mini", "openai"),
        ("davinci-002", "openai"),
        ("babbage-002", "openai"),
        ("ft:gpt-4o-mini-2024-07-18:org::id", "openai"),
        ("ft:o4-mini-2025-04-16:org::id", "openai"),
        ("ft:open-mistral-7b:id", "mistral"),
        ("claude-sonnet-4-5", "anthropic"),
        ("command", "cohere"),
        ("command-r-plus", "cohere"),
        ("c4ai-aya-expanse-8b", "cohere"),
        ("aya-expanse-32b", "cohere"),
        ("gemini-2.5-flash", "gemini"),
        ("gemma-3-27b-it", "gemini"),
        ("mistral-large-latest", "mistral"),
        ("codestral-latest", "mistral"),
        ("open-mixtral-8x22b", "mistral"),
        ("open-mistral-nemo", "mistral"),
        ("grok-4", "xai"),
        ("deepseek-chat", "deepseek"),
        ("sonar", "perplexity"),
        ("sonar-pro", "perplexity"),
        ("jamba-large", "ai21"),
        ("MiniMax-M2", "minimax"),
        ("text-embedding-3-small", "openai"),
        ("text-embedding-005", "vertex_ai"),
        ("gemini-embedding-001", "gemini"),
        ("embed-v4.0", "cohere"),
        ("mistral-embed", "mistral"),
        ("codestral-embed", "mistral"),
        ("voyage-3.5", "voyage"),
        ("jina-embeddings-v3", "jina_ai"),
        ("pplx-embed-v1-0.6b", "perplexity"),
    ],
)
def test_a_bare_name_belongs_to_its_family(model: str, vendor: str) -> None:
    assert family_vendor(model) == vendor


@pytest.mark.parametrize(
    "model",
    [
        "",
        "gpt",
        "o30",
        "o3mini",
        "o2",
        "commander",
        "claude",
        "sonarqube",
        "mygpt-4o",
        "GPT-4o",
        "llama-3.1-8b",
        "qwen-max",
        "deepseek-ai/DeepSeek-V3",
        "openai/gpt-4o",
    ],
)
def test_a_name_of_no_family_is_not_guessed(model: str) -> None:
    assert family_vendor(model) is None


def test_each_family_has_a_vendor_and_is_reached() -> None:
    for start, vendor in FAMILIES:
        assert vendor in NATIVES or find_vendor(vendor) is not None
        assert family_vendor(f"{start.removesuffix('-')}-1") == vendor


# ---------------------------------------------------------------- loading


def test_rows_load_on_first_use_only() -> None:
    code = (
        "import sys, aiocompl.codecs.catalogue as c\n"
        "assert 'aiocompl.codecs.catalogue.majors' not in sys.modules\n"
        "assert c.find_vendor('openai') is not None\n"
        "assert 'aiocompl.codecs.catalogue.majors' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


# ---------------------------------------------------------------- against the collected facts


def test_no_vendor_of_the_collected_facts_is_missing_or_differs() -> None:
    if FACTS is None:
        pytest.skip(f"no providers.toml in {SHARED}: set AIOCOMPL_SHARED to the folder that has it")
    wrong = [difference for name, fact in facts().items() for difference in differences(name, fact)]
    assert wrong == []


def differences(name: str, fact: dict[str, Any]) -> list[str]:
    vendor = find_vendor(name)
    if vendor is None:
        return [f"{name} is missing"]
    known: dict[str, object] = {
        "base_url": vendor.base_url,
        "api_key_env": list(vendor.api_key_env),
        "base_env": list(vendor.base_env),
        "auth": vendor.auth,
        "key_optional": vendor.key_optional,
        "max_tokens": vendor.max_tokens,
    }
    asks = fact["stream_usage"] == "option"
    if name == "databricks":  # its host variable holds a host, so it fills a placeholder here
        known["base_url"] = ""
        known["base_env"] = [variable for _, variable in vendor.url_env] + list(vendor.base_env)
    refused = OPENAI_PARAMS.intersection(fact["unsupported"]) - BOUNDS
    if not vendor.functions:  # they go as tools
        refused -= {old for new, old in OLD_NAMES.items() if new not in vendor.unsupported}
    taken = refused - vendor.unsupported - vendor.implied
    unasked = [f"{name}'s streams are not asked for their usage"] if asks and not vendor.usage_asked else []
    return (
        [f"{name} takes {param}" for param in sorted(taken)]
        + unasked
        + [
            f"{name}.{field}: {value!r} is not {fact.get(field, False)!r}"
            for field, value in known.items()
            if value != fact.get(field, False)
        ]
    )

from __future__ import annotations

import os

import orjson
import pytest

from aiocompl.cli.app import run
from aiocompl.cli.providers import standing
from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.natives import BEDROCK
from aiocompl.codecs.routing import AZURE, known_vendors
from aiocompl.codecs.vendor import Vendor

SECRET = "sk-made-up-secret"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in known_vendors():
        for name in (*vendor.api_key_env, *vendor.base_env, *(variable for _, variable in vendor.url_env)):
            monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIOCOMPL_CACHE", os.devnull)


def test_every_provider_is_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["providers"]) == 0
    out, err = capsys.readouterr()
    heading, *rows = out.splitlines()
    assert heading.split() == ["PREFIX", "KEY", "VARIABLE", "PROVIDER", "BASE", "URL"]
    assert [row.split()[0] for row in rows] == [vendor.name for vendor in known_vendors()]
    assert rows[0].split() == ["openai", "missing", "OPENAI_API_KEY", "OpenAI", "https://api.openai.com/v1"]
    assert "GEMINI_API_KEY or GOOGLE_API_KEY" in out
    assert err.startswith(f"note: 0 of {len(rows)} providers are set up here; ")


def test_what_is_set_is_shown_by_name_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", SECRET)
    monkeypatch.setenv("GROQ_API_BASE", f"https://user:{SECRET}@host/v1")
    assert run(["providers"]) == 0
    out, err = capsys.readouterr()
    row = next(line for line in out.splitlines() if line.startswith("groq "))
    assert row.split() == ["groq", "set", "GROQ_API_KEY", "Groq", "from", "GROQ_API_BASE"]
    assert SECRET not in out + err


def test_configured_are_those_that_are_set_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", SECRET)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:11434")
    monkeypatch.setenv("AZURE_API_KEY", SECRET)  # and no resource
    assert run(["providers", "--configured", "--json"]) == 0
    out, err = capsys.readouterr()
    rows = {row["prefix"]: row for row in orjson.loads(out)}
    assert {"mistral", "ollama"} <= set(rows)
    assert {"azure", "openai", "local"}.isdisjoint(rows)
    assert rows["mistral"]["key"] == "set"
    assert rows["mistral"]["key_from"] == "MISTRAL_API_KEY"
    assert rows["mistral"]["base_url"] == "https://api.mistral.ai/v1"
    assert rows["ollama"]["key"] == "optional"
    assert rows["ollama"]["base_url_from"] == "OLLAMA_HOST"
    assert (SECRET in out, err) == (False, "")


def test_none_configured_prints_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["providers", "--configured"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "aiocompl chat --pull" in err


def test_json_has_every_provider_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["providers", "--json"]) == 0
    rows = {row["prefix"]: row for row in orjson.loads(capsys.readouterr().out)}
    assert len(rows) == len(known_vendors())
    assert rows["openai"]["missing_variables"] == ["OPENAI_API_KEY"]
    assert rows["azure"]["missing_variables"] == ["AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT"]
    assert rows["cloudflare"]["missing_variables"] == ["CLOUDFLARE_API_TOKEN", "CLOUDFLARE_ACCOUNT_ID"]
    assert rows["local"]["base_url"] is None


def test_every_variable_that_is_needed_is_in_the_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["providers", "azure", "VERTEX", "cloudflare"]) == 0
    out = capsys.readouterr().out
    assert "AZURE_OPENAI_API_KEY or AZURE_API_KEY and AZURE_OPENAI_ENDPOINT" in out
    assert "GOOGLE_OAUTH_ACCESS_TOKEN and GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION" in out
    monkeypatch.setenv("CLOUDFLARE_API_BASE", "https://here")
    assert run(["providers", "cloudflare"]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert "CLOUDFLARE_ACCOUNT_ID" not in row


def test_only_those_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["providers", "Together_AI", "cohere", "--json"]) == 0
    rows = {row["prefix"]: row for row in orjson.loads(capsys.readouterr().out)}
    assert set(rows) == {"together", "cohere", "cohere_compat"}
    assert rows["together"]["aliases"] == ["together_ai"]
    assert [rows[name]["dialect"] for name in sorted(rows)] == ["cohere", "openai", "openai"]
    assert run(["providers", "no-such-provider"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("note: no provider fits no-such-provider\n")


def test_bedrock_is_set_up_by_aws_credentials_too() -> None:
    pair = {"AWS_ACCESS_KEY_ID": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET}
    signed = standing(BEDROCK, pair)
    assert (signed.configured, signed.key_from, signed.missing) == (True, "AWS_ACCESS_KEY_ID", ())
    half = standing(BEDROCK, {"AWS_ACCESS_KEY_ID": SECRET})
    assert (half.configured, half.missing) == (False, ("AWS_BEARER_TOKEN_BEDROCK",))
    assert SECRET not in repr((signed, half))


def test_a_key_without_the_rest_of_the_address_is_not_enough() -> None:
    cloudflare = find_vendor("cloudflare")
    assert isinstance(cloudflare, Vendor)
    half = standing(cloudflare, {"CLOUDFLARE_API_KEY": SECRET})
    assert (half.configured, half.missing) == (False, ("CLOUDFLARE_ACCOUNT_ID",))
    whole = standing(cloudflare, {"CLOUDFLARE_API_KEY": SECRET, "CLOUDFLARE_ACCOUNT_ID": "x"})
    assert (whole.configured, whole.key_from) == (True, "CLOUDFLARE_API_KEY")
    azure = standing(AZURE, {"AZURE_API_KEY": SECRET, "AZURE_API_BASE": "https://x"})
    assert (azure.configured, azure.base_from) == (True, "AZURE_API_BASE")
    assert SECRET not in repr((half, whole, azure))

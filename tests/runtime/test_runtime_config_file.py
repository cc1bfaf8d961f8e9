"""Configuration files: YAML and TOML say the same, and what is wrong in one is told with its line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from aiocompl.errors import ConfigError, MissingExtraError
from aiocompl.policy.config import DeploymentConfig
from aiocompl.policy.read_config import read_file_config
from aiocompl.runtime.config_file import load_config

if TYPE_CHECKING:
    from pathlib import Path

YAML = """
model_list:
  - model_name: gpt-4o
    litellm_params: &azure
      model: azure/gpt-4o-eu
      api_key: os.environ/AZURE_KEY
      rpm: 60
  - model_name: gpt-4o
    litellm_params:
      <<: *azure
      model: azure/gpt-4o-us  # over what is merged
router_settings:
  fallbacks: [{"gpt-4o": ["anthropic/claude-sonnet-4-5"]}]
  timeout: 30
"""

TOML = """
[[model_list]]
model_name = "gpt-4o"
litellm_params = { model = "azure/gpt-4o-eu", api_key = "os.environ/AZURE_KEY", rpm = 60 }

[[model_list]]
model_name = "gpt-4o"
[model_list.litellm_params]
model = "azure/gpt-4o-us"
api_key = "os.environ/AZURE_KEY"
rpm = 60

[router_settings]
timeout = 30
[router_settings.fallbacks]
gpt-4o = ["anthropic/claude-sonnet-4-5"]
"""


def written(folder: Path, name: str, text: str | bytes) -> Path:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


@pytest.mark.parametrize(("name", "text"), [("a.yaml", YAML), ("a.YML", "\ufeff" + YAML), ("a.toml", TOML)])
def test_a_file_is_read(tmp_path: Path, name: str, text: str) -> None:
    config = read_file_config(load_config(written(tmp_path, name, text)), {"AZURE_KEY": "sk-1"}).router
    assert config.timeout == 30
    assert [one.model for one in config.fallbacks["gpt-4o"]] == ["anthropic/claude-sonnet-4-5"]
    assert config.deployments == tuple(
        DeploymentConfig(
            model_name="gpt-4o",
            id=made.id,
            params={"model": f"azure/gpt-4o-{region}", "api_key": "sk-1"},
            rpm=60,
        )
        for made, region in zip(config.deployments, ("eu", "us"), strict=True)
    )


@pytest.mark.parametrize("name", ["a.yaml", "a.toml"])
def test_an_empty_file_says_nothing(tmp_path: Path, name: str) -> None:
    assert load_config(str(written(tmp_path, name, ""))) == {}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{}", "must be called .yaml, .yml or .toml"),
        ("a.yaml", b"a: \xff", "is not UTF-8"),
        ("a.yaml", "- a", "must hold a mapping"),
        ("a.yaml", "a: 1\nb: [1", "expected ',' or ']', but got '<stream end>' (at line 2, column 6)"),
        ("a.yaml", "a: 1\nb:\n  c: 1\n  d: 2\n  c: 3", "the key 'c' is there already (at line 5)"),
        ("a.yaml", "a:\n- b: 1\n  b: 2", "the key 'b' is there already (at line 3)"),
        ("a.yaml", "a: 1\n---\nb: 1", "but found another document (at line 2, column 1)"),
        ("a.yaml", "a: !!python/object:os.system {}", "could not determine a constructor"),
        ("a.yaml", "a: \x00", "is no YAML: "),
        ("a.yaml", "a: 2024-13-45", "is no YAML: month must be in 1..12"),
        ("a.toml", "a = 1\na = 2\nb = 3", "Cannot overwrite a value (at line 2, column 6)"),
        ("a.toml", "a", "(at end of document)"),
    ],
)
def test_what_is_wrong_in_a_file(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    file = written(tmp_path, name, text)
    with pytest.raises(ConfigError) as raised:
        load_config(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert message in str(raised.value)


def test_a_mapping_within_itself_is_walked_once(tmp_path: Path) -> None:
    held = load_config(written(tmp_path, "a.yaml", "a: &a\n  b: *a"))
    assert held["a"]["b"] is held["a"]


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.toml: cannot be read: No such file"):
        load_config(tmp_path / "none.toml")


def test_yaml_is_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'aiocompl\[yaml\]'"):
        load_config(written(tmp_path, "a.yaml", YAML))

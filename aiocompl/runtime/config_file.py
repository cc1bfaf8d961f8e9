"""A configuration file off the disk: YAML or TOML, by its suffix. What it holds is read by `policy.read_config`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from aiocompl.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from os import PathLike

_YAML: Final = (".yaml", ".yml")


def load_config(path: str | PathLike[str]) -> Mapping[str, Any]:
    """What a file holds, as plain mappings, lists, texts and numbers. It blocks: files are small, and read once.

    Args:
        path: A file whose name ends in ``.yaml``, ``.yml`` (extra `yaml`) or ``.toml``.

    Raises:
        ConfigError: It cannot be read, is not what its name says, or says one thing twice; the message has the line
            where it is known.
        MissingExtraError: It is YAML, and that cannot be read here.
    """
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in (*_YAML, ".toml"):
        _bad(file, "must be called .yaml, .yml or .toml")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        _bad(file, f"cannot be read: {error.strerror}", error)
    except UnicodeDecodeError as error:
        _bad(file, "is not UTF-8", error)
    held = _toml(file, text) if suffix == ".toml" else _yaml(file, text)
    if held is None:
        return {}
    if not isinstance(held, Mapping):
        _bad(file, "must hold a mapping, such as 'model_list: [...]'")
    return held


def _toml(file: Path, text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _bad(file, str(error), error)


def _yaml(file: Path, text: str) -> Any:
    try:
        import yaml  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("YAML needs PyYAML: pip install 'aiocompl[yaml]'") from error
    try:
        return _constructed(file, yaml.SafeLoader(text))
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark  # a reader always says where
        _bad(file, f"{error.problem} (at line {mark.line + 1}, column {mark.column + 1})", error)
    except (yaml.YAMLError, ValueError) as error:  # a character that YAML has not, or a date that is none
        _bad(file, f"is no YAML: {error}", error)


def _constructed(file: Path, loader: Any) -> Any:
    node = loader.get_single_node()
    _refuse_doubles(file, node)
    return None if node is None else loader.construct_document(node)


def _refuse_doubles(file: Path, root: Any) -> None:
    """YAML takes the last of two equal keys; the first would be lost without a word."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not hasattr(node, "value") or isinstance(node.value, str):
            continue
        seen.add(id(node))
        keys = set[str]()
        for item in node.value:
            if not isinstance(item, tuple):
                waiting.append(item)
                continue
            key, value = item
            waiting.append(value)
            if str(key.value) in keys:
                line = key.start_mark.line + 1
                _bad(file, f"the key {str(key.value)!r:.60} is there already (at line {line})")
            keys.add(str(key.value))


def _bad(file: Path, message: str, cause: Exception | None = None) -> NoReturn:
    raise ConfigError(f"{file}: {message}") from cause

"""The fields of a provider that a program registers, and what each must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypedDict, TypeVar, cast, get_args

from aiocompl.codecs.vendor import EmbeddingRules, History, MaxTokens, Parts, Prefill, Reasoning

T = TypeVar("T")

_BASE_URL: Final = re.compile(r"(?:https?://|(?=\{))[^/?#@\s]+(?:/[^?#\s]*)?(?:\?[^#\s]*)?")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_TRIPLE: Final = 3
_AUTH: Final = re.compile(r"bearer|header:[A-Za-z0-9_-]+")


class ProviderFields(TypedDict, total=False):
    """How a provider differs from the others, all of it optional; `Vendor` tells what each field means."""

    title: str
    url_env: Mapping[str, str]
    """For each ``{PLACEHOLDER}`` of `base_url` the environment variable that fills it."""
    key_optional: bool
    """The provider answers without a key; what is assumed where `api_key_env` names no variable."""
    base_env: str | Collection[str]
    """Environment variables that override `base_url`; the first one set wins."""
    auth: str
    """``"bearer"``, or ``"header:Name"`` for a key that goes bare into that header."""
    key_headers: Collection[tuple[str, str, str]]
    path: str
    """What `base_url` is followed by: ``"/chat/completions"``."""
    max_tokens: MaxTokens
    """The field that bounds the answer; the other one is renamed to it."""
    unsupported: Collection[str]
    """OpenAI's parameters that are refused before anything is sent."""
    functions: bool
    one_answer: bool
    usage_asked: bool
    """Streams count the tokens only where `stream_options` asks for it: they are asked, where a call gives none."""
    usage_since: str
    model_refuses: Mapping[str, Collection[str]]
    """Parameters that some models refuse, by a pattern found in the model's name; the first that fits counts."""
    formats: Collection[str]
    schemaless: str
    schema_alone: bool
    unforced: str
    choices: Collection[str]
    allowed_tools: bool
    part_types: Collection[str]
    tool_omits: Collection[str]
    parameters_required: bool
    service_tiers: Mapping[str, str]
    reasoning_as: Reasoning
    logprobs_count: bool
    model_prefix: str
    prefill: Prefill
    prefill_base: str
    native: Collection[str]
    """Parameters beyond OpenAI's that the provider takes."""
    renames: Mapping[str, str]
    """OpenAI's parameters that go under another name."""
    defaults: Mapping[str, object]
    """Parameters that are sent where a call gives none."""
    implied: Collection[str]
    required: str
    openai_models: bool
    roles: Mapping[str, str]
    message_fields: Collection[str]
    named_roles: Collection[str]
    alternating: bool
    text_roles: Collection[str]
    nulls: bool
    refused_parts: Collection[str]
    call_ids: str
    parts: Parts
    history: History
    history_required: bool
    loosely: bool
    """Answers are read with all that vendors are known to do differently in mind; True unless said otherwise."""
    cites: bool
    reasoning: str
    think_tag: str
    embeddings: str
    """What `base_url` is followed by for embeddings: ``"/embeddings"``; empty where there are none."""
    embedding_rules: EmbeddingRules
    """How its embeddings differ from OpenAI's."""
    max_inputs: int
    rerank: str
    batches: str
    moderations: str
    models: str
    docs: str


def check_base_url(base_url: object, url_env: Mapping[str, str]) -> str:
    """A base URL without credentials, whose placeholders have a variable each.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(base_url, str) or not _BASE_URL.fullmatch(base_url):
        hint = "; a user or password must not be in it" if "@" in str(base_url) else ""
        raise ValueError(f"base_url must be a URL such as 'https://host/v1'{hint}")
    placeholders = set(_PLACEHOLDER.findall(base_url))
    if placeholders != set(url_env):
        odd = ", ".join(sorted(placeholders ^ set(url_env)))
        raise ValueError(
            f"url_env must name a variable for each placeholder of base_url, and no other: {odd}"
        )
    return base_url


def check_names(field: str, value: object) -> tuple[str, ...]:
    """One name, or several, as a tuple.

    Raises:
        ValueError: It is neither.
    """
    names = (value,) if isinstance(value, str) else _texts(field, value)
    if not all(names):
        raise ValueError(f"{field} must not be empty text")
    return names


def _texts(field: str, value: object) -> tuple[str, ...]:
    if isinstance(value, Collection) and not isinstance(value, (str, bytes, Mapping)):
        texts = tuple(cast("Collection[object]", value))
        if all(isinstance(text, str) for text in texts):
            return cast("tuple[str, ...]", texts)
    raise ValueError(f"{field} must be a collection of texts, not {value!r}")


def _set(field: str, value: object) -> frozenset[str]:
    return frozenset(_texts(field, value))


def _mapping(field: str, value: object) -> tuple[tuple[str, object], ...]:
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return tuple(cast("Mapping[str, object]", value).items())
    raise ValueError(f"{field} must be a mapping with text for keys, not {value!r}")


def check_pairs(field: str, value: object) -> tuple[tuple[str, str], ...]:
    """A mapping of text to text, as pairs.

    Raises:
        ValueError: It is none.
    """
    pairs = _mapping(field, value)
    if all(isinstance(text, str) for _, text in pairs):
        return cast("tuple[tuple[str, str], ...]", pairs)
    raise ValueError(f"{field} must be a mapping of text to text, not {value!r}")


def _triples(field: str, value: object) -> tuple[tuple[str, str, str], ...]:
    if isinstance(value, Collection) and not isinstance(value, (str, bytes, Mapping)):
        triples = tuple(_texts(field, item) for item in cast("Collection[object]", value))
        if all(len(triple) == _TRIPLE for triple in triples):
            return cast("tuple[tuple[str, str, str], ...]", triples)
    raise ValueError(f"{field} must be a collection of (variable, header, value), not {value!r}")


def _sets(field: str, value: object) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((_pattern(field, key), _set(field, names)) for key, names in _mapping(field, value))


def _flag(field: str, value: object) -> bool:
    return _instance(field, value, bool)


def _count(field: str, value: object) -> int:
    if type(value) is int and value > 0:
        return value
    raise ValueError(f"{field} must be a whole number from 1 up, not {value!r}")


def _rules(field: str, value: object) -> EmbeddingRules:
    return _instance(field, value, EmbeddingRules)


def _text(field: str, value: object) -> str:
    return _instance(field, value, str)


def _instance(field: str, value: object, kind: type[T]) -> T:
    if isinstance(value, kind):
        return value
    raise ValueError(f"{field} must be of type {kind.__name__}, not {value!r}")


def _one_of(field: str, value: object) -> object:
    if value in (choices := _CHOICES[field]):
        return value
    raise ValueError(f"{field} must be one of {', '.join(choices)}, not {value!r}")


def _auth(field: str, value: object) -> str:
    if isinstance(value, str) and _AUTH.fullmatch(value):
        return value
    raise ValueError(f"{field} must be 'bearer', or 'header:' and the header's name")


def _path(field: str, value: object) -> str:
    if isinstance(value, str) and value.startswith("/"):
        return value
    raise ValueError(f"{field} must begin with a slash, as '/chat/completions' does, not {value!r}")


def _pattern(field: str, value: object) -> str:
    text = _text(field, value)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{field} must be a regular expression: {error}") from error
    return text


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "max_tokens": get_args(MaxTokens),
    "parts": get_args(Parts),
    "prefill": get_args(Prefill),
    "history": get_args(History),
    "reasoning_as": get_args(Reasoning),
}

FIELD_CHECKS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "title": _text,
    "url_env": check_pairs,
    "key_optional": _flag,
    "base_env": check_names,
    "auth": _auth,
    "key_headers": _triples,
    "path": _path,
    "max_tokens": _one_of,
    "unsupported": _set,
    "functions": _flag,
    "one_answer": _flag,
    "usage_asked": _flag,
    "usage_since": _text,
    "model_refuses": _sets,
    "formats": _set,
    "schemaless": _pattern,
    "schema_alone": _flag,
    "unforced": _pattern,
    "choices": _set,
    "allowed_tools": _flag,
    "part_types": _set,
    "tool_omits": _set,
    "parameters_required": _flag,
    "service_tiers": check_pairs,
    "reasoning_as": _one_of,
    "logprobs_count": _flag,
    "model_prefix": _text,
    "prefill": _one_of,
    "prefill_base": _text,
    "native": _set,
    "renames": check_pairs,
    "defaults": _mapping,
    "implied": _set,
    "required": _text,
    "openai_models": _flag,
    "roles": check_pairs,
    "message_fields": _set,
    "named_roles": _set,
    "alternating": _flag,
    "text_roles": _set,
    "nulls": _flag,
    "refused_parts": _set,
    "call_ids": _pattern,
    "parts": _one_of,
    "history": _one_of,
    "history_required": _flag,
    "loosely": _flag,
    "cites": _flag,
    "reasoning": _text,
    "think_tag": _text,
    "embeddings": _text,
    "embedding_rules": _rules,
    "max_inputs": _count,
    "rerank": _text,
    "batches": _text,
    "moderations": _text,
    "models": _text,
    "docs": _text,
}
"""What each field of `ProviderFields` must be, and how it stands in a row."""

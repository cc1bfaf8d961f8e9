"""What makes two calls the same question: the key under which an answer is kept, and shared by calls at once.

Source of the idea: LiteLLM's caching (https://docs.litellm.ai, caching, 2026-11), whose keys hold the same things.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from aiocompl.types.model import Model, wire_fields

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

_FORM: Final = b"aiocompl/1\n"
"""Which form of key it is: keys of another form are other keys."""

_OF_NO_ACCOUNT: Final = frozenset(
    {"metadata", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "stream_options"}
)
"""Parameters that are sent and change nothing in the answer's words: labels, how the provider caches, and what a stream
tells besides."""

_OPTIONS: Final = frozenset(
    {
        "additional_drop_params",
        "allowed_openai_params",
        "api_base",
        "api_version",
        "aws_bedrock_runtime_endpoint",
        "aws_region_name",
        "azure",
        "base_url",
        "custom_llm_provider",
        "drop_params",
        "extra_body",
        "extra_headers",
        "extra_query",
        "n_by_fanout",
        "organization",
        "vertex_location",
        "vertex_project",
    }
)
"""The call options that say what is asked, and of whom. The others say how, or with what right."""


def cache_key(
    model: str,
    messages: object,
    params: Mapping[str, Any],
    *,
    options: Mapping[str, Any] | None = None,
    provider: str = "",
    api_base: str = "",
    namespace: str = "",
) -> str | None:
    """The key of a call's answer: 64 hexadecimal digits, or None where the call holds what has no one form in bytes.

    Mappings may be in any order. Whether the answer is streamed makes no difference. Of the options, those count that say
    what is asked or of whom; keys and credentials do not, so that tenants who must not share answers need namespaces.

    Args:
        model: The model as asked.
        messages: The messages as given.
        params: The parameters as given, OpenAI's and the provider's own.
        options: The call's options, all of them.
        provider: Who is asked, where one provider is.
        api_base: Where, without credentials.
        namespace: Keys of two namespaces are never the same.
    """
    given = {name: value for name, value in (options or {}).items() if name in _OPTIONS and value is not None}
    asked: JSON = {
        "api_base": api_base,
        "messages": messages,
        "model": model,
        "namespace": namespace,
        "options": given,
        "params": {n: v for n, v in params.items() if v is not None and n not in _OF_NO_ACCOUNT},
        "provider": provider,
    }
    try:
        if headers := given.get("extra_headers"):
            given["extra_headers"] = {name.lower(): value for name, value in headers.items()}
        data = orjson.dumps(asked, default=_plain, option=orjson.OPT_SORT_KEYS)
    except (TypeError, AttributeError):  # functions, objects, headers that are none
        return None
    return sha256(_FORM + data).hexdigest()


def _plain(value: object) -> object:
    """One level of what orjson does not know by itself, as the codecs send it."""
    if isinstance(value, Model):
        return wire_fields(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no one form in bytes")

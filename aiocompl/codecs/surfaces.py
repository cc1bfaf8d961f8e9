"""Which of its surfaces serves a provider's model, where one provider has several: read from the model's name.

Vertex AI and Azure's Foundry host other makers' models in these makers' dialects, and some providers have a path of
their own beside the OpenAI-compatible one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_RULES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "vertex_ai": (
        (r"(?:anthropic/)?(claude.+)", "vertex_claude"),
        (r"(?:mistralai/)?((?:mistral|ministral|codestral).+)", "vertex_mistral"),
        (r"openapi/(.+)", "vertex_openai"),
        (r"google/(.+)", "vertex_ai"),
        (r"((?!(?:endpoints|gemini|models|projects|publishers)/)[^/]+/.+)", "vertex_openai"),
    ),
    "azure_ai": ((r"(claude.+)", "foundry_claude"),),
    "cloudflare": ((r"run/(.+)", "cloudflare_run"),),
    "snowflake": ((r"messages/(.+)", "snowflake_claude"),),
}
"""For each provider how names begin that mean another surface than its usual one; the group is the model's name there."""

_BASES: Final[Mapping[tuple[str, str], str]] = {("cloudflare", "/run"): "cloudflare_run"}
"""Endings of base URLs that mean a surface by themselves."""

_PATTERNS: Final = {
    name: tuple((re.compile(pattern), dialect) for pattern, dialect in rules)
    for name, rules in _RULES.items()
}


def surface_of(provider: str, model: str) -> tuple[str, str] | None:
    """The dialect of a model and its name there, or None where the provider's usual surface has it."""
    for pattern, dialect in _PATTERNS.get(provider, ()):
        if (found := pattern.fullmatch(model)) is not None:
            return dialect, found[1]
    return None


def surface_at(provider: str, base_url: str) -> str | None:
    """The dialect that a base URL means, or None where it says nothing."""
    base = base_url.partition("?")[0].rstrip("/")
    found = (
        dialect for (name, ending), dialect in _BASES.items() if name == provider and base.endswith(ending)
    )
    return next(found, None)

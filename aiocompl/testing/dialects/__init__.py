"""The wire formats that the simulator speaks, one file each, found by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.testing.dialects.base import Dialect

DIALECTS: Final = (
    "anthropic",
    "azure",
    "bedrock",
    "cloudflare",
    "cohere",
    "cohere_v1",
    "databricks",
    "feature_extraction",
    "gemini",
    "gemini_array",
    "groq",
    "mistral",
    "huggingface",
    "ollama",
    "openai",
    "replicate",
    "responses",
    "sagemaker",
    "tgi",
    "vertex",
    "vertex_openai",
    "watsonx",
)
"""Their names, each that of its module."""


def make_dialect(name: str, *, api_key: str | None = None, models: Sequence[str] | None = None) -> Dialect:
    """Make the dialect that the module of this name in this package provides through its ``make``.

    Args:
        name: One of `DIALECTS`.
        api_key: The only key that is let in; None lets in all, and none.
        models: The only models there are; None takes any name.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in DIALECTS:
        raise ValueError(f"the simulator speaks no dialect {name!r}; it speaks {', '.join(DIALECTS)}")
    module = import_module(f"{__name__}.{name}")
    made: Dialect = module.make(api_key=api_key, models=models)
    return made

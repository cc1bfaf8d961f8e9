"""How models count tokens, as far as that is known: which tokenizer, and how theirs differ from it.

Source: OpenAI's cookbook on counting tokens; prices and token counts as measured over recorded answers (2026-11): the
counts of messages of plain text are exact for GPT-3.5 to GPT-4.1.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import attrs


@attrs.frozen(kw_only=True)
class Family:
    """Models that count alike."""

    encoding: str = "o200k_base"
    """The tokenizer that is theirs, or else the one that `factor` relates to."""

    exact: bool = False
    """Text is counted exactly by that tokenizer."""

    exact_messages: bool = False
    """Messages of plain text are, too: what goes around them is known."""

    factor: float = 1.0
    """Their tokens for each of the tokenizer's."""

    primer: int = 3
    """Tokens that each prompt has besides its messages."""

    tools: int = 9
    """Tokens that a prompt with tools has besides the tools themselves."""

    image: int = 765
    """Tokens of an image of middle size."""


_OLDER: Final = Family(encoding="cl100k_base", exact=True, exact_messages=True)
_PLAIN: Final = Family(exact=True, exact_messages=True)
_REASONING: Final = Family(exact=True, primer=2, tools=90)
_OTHER: Final = Family(factor=1.05, tools=50)

_FAMILIES: Final = (
    (r"gpt-4o.*(search|audio|realtime)|gpt-audio", Family(exact=True)),
    (r"gpt-3\.5|gpt-4($|-turbo|-\d|-vision)|text-embedding", _OLDER),
    (r"gpt-4(o|\.\d)|chatgpt-4o", _PLAIN),
    (r"gpt-oss", Family(exact=True, primer=65, tools=60)),
    (r"gpt-\d|(^|[^a-z])o[134]($|-)|codex|computer-use", _REASONING),
    (r"claude", Family(factor=1.2, primer=6, tools=550, image=1500)),
    (r"gemini|gemma", Family(primer=0, tools=50, image=560)),
    (r"deepseek", Family(primer=0, tools=250)),
    (r"mistral|mixtral|ministral|codestral|magistral|devstral|pixtral", Family(factor=1.05, tools=40)),
    (r"llama-?4", Family(factor=1.05, primer=6, tools=680)),
    (r"llama|qwen|qwq", Family(factor=1.05, primer=6, tools=150)),
)
"""By what stands in the model's name, the first that fits."""

_SEARCHES: Final = tuple((re.compile(pattern).search, family) for pattern, family in _FAMILIES)


@lru_cache(1000)
def family_of(model: str | None) -> Family:
    """The family of a model, by its name with or without a provider; a general one where nothing is known."""
    name = (model or "").rpartition("/")[2].lower()
    return next((family for search, family in _SEARCHES if search(name)), _OTHER)

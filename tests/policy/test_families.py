from __future__ import annotations

import pytest

from aiocompl.policy.families import family_of

EXACT, TEXT_ONLY, ESTIMATED = (True, True), (True, False), (False, False)


@pytest.mark.parametrize(
    ("model", "encoding", "exactness"),
    [
        ("gpt-4o", "o200k_base", EXACT),
        ("openai/gpt-4o-mini-2024-07-18", "o200k_base", EXACT),
        ("openrouter/openai/gpt-4.1-nano", "o200k_base", EXACT),
        ("gpt-4.5-preview", "o200k_base", EXACT),
        ("chatgpt-4o-latest", "o200k_base", EXACT),
        ("ft:gpt-4o-mini:org::1", "o200k_base", EXACT),
        ("gpt-4", "cl100k_base", EXACT),
        ("gpt-4-turbo", "cl100k_base", EXACT),
        ("gpt-4-0613", "cl100k_base", EXACT),
        ("gpt-3.5-turbo-0125", "cl100k_base", EXACT),
        ("text-embedding-3-small", "cl100k_base", EXACT),
        ("gpt-4o-search-preview", "o200k_base", TEXT_ONLY),
        ("gpt-audio-mini", "o200k_base", TEXT_ONLY),
        ("gpt-5.4-mini", "o200k_base", TEXT_ONLY),
        ("azure/o3-mini", "o200k_base", TEXT_ONLY),
        ("o1", "o200k_base", TEXT_ONLY),
        ("groq/openai/gpt-oss-120b", "o200k_base", TEXT_ONLY),
        ("claude-sonnet-4-5", "o200k_base", ESTIMATED),
        ("bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "o200k_base", ESTIMATED),
        ("gemini/gemini-2.5-pro", "o200k_base", ESTIMATED),
        ("mistral/mistral-large-latest", "o200k_base", ESTIMATED),
        ("groq/llama-3.3-70b-versatile", "o200k_base", ESTIMATED),
        ("azure/our-own-name", "o200k_base", ESTIMATED),
        ("", "o200k_base", ESTIMATED),
        (None, "o200k_base", ESTIMATED),
    ],
)
def test_how_models_count(model: str | None, encoding: str, exactness: tuple[bool, bool]) -> None:
    family = family_of(model)
    assert (family.encoding, (family.exact, family.exact_messages)) == (encoding, exactness)


def test_claude_needs_more_tokens() -> None:
    assert family_of("claude-sonnet-4-5").factor == 1.2
    assert family_of("deepseek-r1-distill-llama-70b") is family_of("deepseek-chat")

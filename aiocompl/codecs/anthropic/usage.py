"""Token counts: the dialect counts the prompt without what the cache served or took, OpenAI with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl.types.completion import CompletionTokensDetails, PromptTokensDetails, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping


def usage_of(counts: Mapping[str, Any]) -> Usage:
    """The counts as OpenAI has them; all fields but input and output tokens are kept beside them as they came."""
    written, cached = counts.get("cache_creation_input_tokens"), counts.get("cache_read_input_tokens")
    prompt = (counts.get("input_tokens") or 0) + (written or 0) + (cached or 0)
    completion = counts["output_tokens"]
    details = counts.get("output_tokens_details")
    thought = details.get("thinking_tokens") if details else None
    known = written is not None or cached is not None
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        total_tokens=prompt + completion,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=cached, cache_write_tokens=written)
        if known
        else None,
        completion_tokens_details=None
        if thought is None
        else CompletionTokensDetails(reasoning_tokens=thought),
        model_extra={
            name: value
            for name, value in counts.items()
            if name not in {"input_tokens", "output_tokens"} and value is not None
        },
    )

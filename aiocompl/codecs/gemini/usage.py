"""``usageMetadata`` as OpenAI counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.types.completion import CompletionTokensDetails, PromptTokensDetails, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

MODALITIES: Final = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}
"""The modalities by their numbers; see `Surface.finish_reasons`."""


def has_counts(raw: Mapping[str, Any]) -> bool:
    """Whether there is anything to count: the chunks before the last, and blocked prompts, have only the traffic type."""
    return "promptTokenCount" in raw or "totalTokenCount" in raw


def usage_of(raw: dict[str, Any]) -> Usage:
    """The usage; all of the raw one is kept in its ``provider_specific_fields``.

    The prompt's tokens include those of tool results that Google's own tools put into it, and the cached ones; the
    answer's include the thoughts, which the raw count leaves out.
    """
    prompt = _count(raw, "promptTokenCount") + _count(raw, "toolUsePromptTokenCount")
    answer, thoughts = _count(raw, "candidatesTokenCount"), _count(raw, "thoughtsTokenCount")
    total = _count(raw, "totalTokenCount")
    if prompt + answer != total:  # else the thoughts are in the answer's count already
        answer += thoughts
    asked = _by_modality(raw, "promptTokensDetails")
    given = _by_modality(raw, "candidatesTokensDetails")
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=answer,
        total_tokens=total or prompt + answer,
        prompt_tokens_details=PromptTokensDetails(
            cached_tokens=raw.get("cachedContentTokenCount", 0),
            audio_tokens=asked.get("AUDIO"),
            text_tokens=asked.get("TEXT"),
            image_tokens=asked.get("IMAGE"),
        ),
        completion_tokens_details=CompletionTokensDetails(
            reasoning_tokens=thoughts,
            audio_tokens=given.get("AUDIO"),
            text_tokens=given.get("TEXT"),
            model_extra={"image_tokens": given["IMAGE"]} if "IMAGE" in given else None,
        ),
        model_extra={"provider_specific_fields": raw},
    )


def _count(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name) or 0
    if not isinstance(value, int):
        raise TypeError(f"{name} is no number of tokens")
    return value


def _by_modality(raw: Mapping[str, Any], name: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for detail in raw.get(name) or ():
        modality = detail.get("modality")
        counts[str(MODALITIES.get(modality, modality))] = _count(detail, "tokenCount")
    return counts

"""Several answers as one: choices in order, every detail of the usage summed, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiocompl.types.completion import ChatCompletion
from aiocompl.types.merge import merge_completions

if TYPE_CHECKING:
    from aiocompl.types.model import JSON


def answer(number: int, **more: Any) -> JSON:
    message = {"role": "assistant", "content": f"answer {number}", "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        "id": f"c{number}",
        "object": "chat.completion",
        "created": number,
        "model": "m",
        "choices": [choice],
        **more,
    }


def merged(*answers: JSON) -> JSON:
    return merge_completions([ChatCompletion.model_validate(one) for one in answers]).to_dict()


def test_choices_in_order_and_the_heading_of_the_first() -> None:
    two = answer(2)
    two["choices"] += answer(2)["choices"]
    whole = merged(answer(1), two, answer(3))
    assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2, 3]
    assert [choice["message"]["content"] for choice in whole["choices"]] == [
        "answer 1", "answer 2", "answer 2", "answer 3"
    ]  # fmt: skip
    assert (whole["id"], whole["created"], whole["model"]) == ("c1", 1, "m")
    assert "usage" not in whole


def test_usage_is_summed_in_every_detail() -> None:
    one: JSON = {
        "prompt_tokens": 9,
        "completion_tokens": 3,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 4},
        "cost": 0.5,
        "tier": "a",
        "by_modality": [{"modality": "TEXT", "tokens": 9}],
        "estimated": True,
    }
    other: JSON = {
        "prompt_tokens": 9,
        "completion_tokens": 5,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 1, "unforeseen": 2},
        "completion_tokens_details": {"reasoning_tokens": 2},
        "cost": 0.25,
        "tier": "b",
        "by_modality": [{"modality": "TEXT", "tokens": 9}],
        "estimated": True,
    }
    whole = merged(answer(1, usage=one), answer(2), answer(3, usage=other))
    assert whole["usage"] == {
        "prompt_tokens": 18,
        "completion_tokens": 8,
        "total_tokens": 26,
        "prompt_tokens_details": {"cached_tokens": 9, "audio_tokens": 1, "unforeseen": 2},
        "completion_tokens_details": {"reasoning_tokens": 2},
        "cost": 0.75,
        "tier": "a",
        "by_modality": [{"modality": "TEXT", "tokens": 9}] * 2,
        "estimated": True,
    }


def test_nothing_is_lost() -> None:
    usage: JSON = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    first = answer(1, system_fingerprint="fp", provider_specific_fields={"a": 1}, citations=["x"])
    second = answer(2, usage=usage, citations=["y"])
    whole = merged(first, second)
    assert (whole["system_fingerprint"], whole["citations"]) == ("fp", ["x"])
    fields = whole["provider_specific_fields"]
    assert fields["a"] == 1
    parts = [{name: value for name, value in part.items() if name != "choices"} for part in (first, second)]
    assert fields["fanout"] == parts

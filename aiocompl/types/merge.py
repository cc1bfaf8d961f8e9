"""Several whole answers to one question, put together into one with as many choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.types.completion import ChatCompletion, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.types.model import JSON

FANOUT = "fanout"
"""Where in `provider_specific_fields` a merged answer keeps what each of its parts had besides choices."""


def merge_completions(answers: Sequence[ChatCompletion]) -> ChatCompletion:
    """One answer with the choices of all, in order; consumes its parts.

    What an answer has once (id, model, ...) is the first one's. Usage is the sum, every detail of it. Each part as it was,
    but for its choices, stands in ``provider_specific_fields["fanout"]``, so that nothing is lost.

    Args:
        answers: At least one; the order is kept.
    """
    first = answers[0]
    heads: list[JSON] = [attrs.evolve(answer, choices=[]).to_dict() for answer in answers]
    for head in heads:
        del head["choices"]
    usages: list[JSON] = [head["usage"] for head in heads if "usage" in head]
    choices = [choice for answer in answers for choice in answer.choices]
    for index, choice in enumerate(choices):
        choice.index = index
    extra = dict(first.model_extra)
    extra["provider_specific_fields"] = {**(extra.get("provider_specific_fields") or {}), FANOUT: heads}
    return attrs.evolve(first, choices=choices, usage=_sum_usage(usages), model_extra=extra, call=None)


def _sum_usage(usages: list[JSON]) -> Usage | None:
    if not usages:
        return None
    total: Any = {}
    for usage in usages:
        total = _sum(total, usage)
    return Usage.model_validate(total)


def _sum(one: Any, other: Any) -> Any:
    """The sum of two parts of usages: numbers are added, lists joined; of what has no sum the first one stays."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {**one, **{key: _sum(one.get(key), value) for key, value in other.items()}}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    if _is_number(one) and _is_number(other):
        return one + other
    return other if one is None else one


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

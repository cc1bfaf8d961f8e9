"""Several answers put together into one: to one question as its choices, to the parts of one call as its whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from aiocompl.types.completion import ChatCompletion, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiocompl.types.embedding import EmbeddingResponse
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
    choices = [choice for answer in answers for choice in answer.choices]
    for index, choice in enumerate(choices):
        choice.index = index
    extra = _with_heads(first.model_extra, heads)
    return attrs.evolve(first, choices=choices, usage=_sum_usage(answers), model_extra=extra, call=None)


def merge_embeddings(answers: Sequence[EmbeddingResponse]) -> EmbeddingResponse:
    """One answer with the vectors of all, in order; consumes its parts. The rest is as in `merge_completions`.

    Args:
        answers: At least one; the order is kept.
    """
    first = answers[0]
    data = [item for answer in answers for item in answer.data]
    for index, item in enumerate(data):
        item.index = index
    extra: JSON = dict(first.model_extra)
    if any(answer.model_extra for answer in answers):  # most say nothing that is not in the sum
        heads: list[JSON] = [attrs.evolve(answer, data=[]).to_dict() for answer in answers]
        for head in heads:
            del head["data"]
        extra = _with_heads(extra, heads)
    return attrs.evolve(first, data=data, usage=_sum_usage(answers), model_extra=extra, call=None)


def _with_heads(extra: JSON, heads: list[JSON]) -> JSON:
    fields = extra.get("provider_specific_fields") or {}
    return {**extra, "provider_specific_fields": {**fields, FANOUT: heads}}


def _sum_usage(answers: Sequence[ChatCompletion | EmbeddingResponse]) -> Usage | None:
    return sum_usage([answer.usage for answer in answers if answer.usage is not None])


def sum_usage(usages: Sequence[Usage]) -> Usage | None:
    """All tokens together; None where there are none to count."""
    total: Any = None
    for usage in usages:
        total = _sum(total, usage.to_dict())
    return None if total is None else Usage.model_validate(total)


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

"""`reasoning_effort` and `thinking`: by a budget of tokens on models up to 4.5, by an effort on later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.anthropic.models import Claude

MIN_BUDGET: Final = 1024

INTERLEAVED: Final = "interleaved-thinking"

BUDGETS: Final[Mapping[str, int]] = {
    "minimal": MIN_BUDGET,
    "low": 2048,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 24_576,
    "max": 32_000,
}
"""Tokens to think with; the answer's bound, of which they are part, caps them."""


def thinking_fields(
    params: Mapping[str, Any], claude: Claude, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The request's ``max_tokens``, and ``thinking`` and ``output_config`` where the parameters call for them.

    `thinking` is sent as it is and goes before what `reasoning_effort` would make of it.

    Raises:
        UnsupportedParamsError: The model does not know the effort, or cannot think, or cannot leave it; or the budget
            leaves the answer no room.
    """
    bound = params.get("max_completion_tokens", params.get("max_tokens"))
    fields: dict[str, Any] = {"max_tokens": claude.default_max_tokens if bound is None else bound}
    effort = params.get("reasoning_effort")
    if effort is not None:
        fields |= _of_effort(effort, claude, bound)
    thinking = params.get("thinking")
    if thinking is not None:
        fields["thinking"] = thinking
        budget = thinking.get("budget_tokens")
        if bound is None and budget:
            fields["max_tokens"] = _room_for(budget, claude)
        elif (
            isinstance(budget, int)
            and bound is not None
            and budget >= bound
            and not _interleaves(params, headers)
        ):
            raise UnsupportedParamsError(
                f"thinking: its budget_tokens ({budget}) must be below max_tokens ({bound}), which includes them",
                param="thinking",
            )
    return fields


def _interleaves(params: Mapping[str, Any], headers: Mapping[str, str] | None) -> bool:
    """Whether a beta lets the budget stand for all of a turn's answers."""
    told = (params.get("betas"), params.get("additionalModelRequestFields"), *(headers or {}).values())
    return any(INTERLEAVED in str(words) for words in told)


def _of_effort(effort: str, claude: Claude, bound: int | None) -> dict[str, Any]:
    if effort == "none":
        return _without(claude)
    if claude.thinking == "none":
        raise _refused("this model does not think")
    if claude.thinking == "adaptive":
        level = "low" if effort == "minimal" else effort
        if level not in claude.efforts:
            raise _refused(f"this model's efforts are none, minimal, {', '.join(claude.efforts)}")
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": level}}
    return _by_budget(effort, claude, bound)


def _without(claude: Claude) -> dict[str, Any]:
    if claude.always_thinks:
        raise _refused("this model always thinks")
    return {"thinking": {"type": "disabled"}} if claude.thinking == "adaptive" else {}


def _by_budget(effort: str, claude: Claude, bound: int | None) -> dict[str, Any]:
    if effort not in BUDGETS:
        raise _refused(f"this model's efforts are none, {', '.join(BUDGETS)}")
    budget = BUDGETS[effort]
    if bound is None:
        return {
            "thinking": {"type": "enabled", "budget_tokens": budget},
            "max_tokens": _room_for(budget, claude),
        }
    if bound <= MIN_BUDGET:
        raise _refused(f"thinking takes {MIN_BUDGET} tokens at least and is part of max_tokens: raise that")
    return {"thinking": {"type": "enabled", "budget_tokens": min(budget, bound - 1)}}


def _room_for(budget: int, claude: Claude) -> int:
    """A bound that leaves the answer its usual room beside the thinking, as far as the model goes."""
    usual = claude.default_max_tokens
    return max(usual, min(usual + budget, claude.max_output), budget + 1)


def _refused(reason: str) -> UnsupportedParamsError:
    return UnsupportedParamsError(f"reasoning_effort: {reason}", param="reasoning_effort")

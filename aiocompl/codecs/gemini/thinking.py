"""`reasoning_effort` and `thinking` as ``thinkingConfig``: levels from Gemini 3 on, budgets of tokens before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from aiocompl.codecs.gemini.traits import LEVELS
from aiocompl.errors import BadRequestError, UnsupportedParamsError

if TYPE_CHECKING:
    from aiocompl.codecs.gemini.traits import Traits

BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 24576,
    "max": 24576,
}
"""Tokens for each effort: those of Google's own OpenAI-compatible surface."""

LEAST_BUDGET: Final = 128
"""The least that a model takes which cannot stop thinking."""

_HIGHEST: Final = "HIGH"


def thinking_config(params: Mapping[str, Any], traits: Traits) -> dict[str, Any] | None:
    """The ``thinkingConfig``, or None where nothing was asked for. `thinking_config` goes before `thinking`, and that before `reasoning_effort`.

    Raises:
        UnsupportedParamsError: The model's thinking cannot be configured.
        BadRequestError: A value is none that is known.
    """
    if (native := params.get("thinking_config")) is not None:
        return dict(native)
    name = "thinking" if params.get("thinking") is not None else "reasoning_effort"
    value = params.get(name)
    if value is None:
        return None
    off = value == "none" or (isinstance(value, Mapping) and value.get("type") == "disabled")
    if not traits.thinks:
        if off:
            return None
        raise UnsupportedParamsError(f"{name}: this model does not think", param=name)
    if off:
        return _least(traits)
    return _from_thinking(value) if name == "thinking" else _from_effort(value, traits)


def _least(traits: Traits) -> dict[str, Any]:
    """As little thinking as the model can do."""
    if traits.thinks_in_levels:
        return {"thinkingLevel": traits.levels[0]}
    return {"thinkingBudget": 0 if traits.can_stop_thinking else LEAST_BUDGET}


def _from_effort(effort: object, traits: Traits) -> dict[str, Any]:
    budget = BUDGETS.get(effort) if isinstance(effort, str) else None
    if budget is None:
        known = ", ".join(["none", *BUDGETS])
        raise BadRequestError(f"reasoning_effort must be one of {known}", param="reasoning_effort")
    if not traits.thinks_in_levels:
        return {"includeThoughts": True, "thinkingBudget": budget}
    wanted = str(effort).upper()
    rank = LEVELS.index(wanted) if wanted in LEVELS else len(LEVELS)
    level = next((level for level in traits.levels if LEVELS.index(level) >= rank), _HIGHEST)
    return {"includeThoughts": True, "thinkingLevel": level}


def _from_thinking(thinking: object) -> dict[str, Any]:
    """Anthropic's form, as LiteLLM takes it everywhere: a type and a budget."""
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if not isinstance(thinking, Mapping) or kind not in {"enabled", "adaptive"}:
        raise BadRequestError(
            "thinking must be {'type': 'enabled', 'budget_tokens': ...}, 'adaptive' or 'disabled'",
            param="thinking",
        )
    budget = thinking.get("budget_tokens")
    return {"includeThoughts": True} | ({} if budget is None else {"thinkingBudget": budget})

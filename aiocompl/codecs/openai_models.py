"""What OpenAI's own models refuse, so that a call fails before it is sent.

Only parameters are judged here, never values that a newer model may have learnt: which levels of effort there are, the
model says itself.

Source: https://developers.openai.com/api/docs, reasoning models, and the errors that those models give (2026-11).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import attrs

from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen
class ModelRule:
    """How a family of models reasons."""

    effort: str = "medium"
    """The level at which it reasons where the call names none."""

    tools: bool = True
    """It takes function tools while it reasons; the others want the Responses API for that."""

    fixed: frozenset[str] = frozenset()
    """Parameters that it refuses at every level, besides those of all that reason."""


_PLAIN: Final = ModelRule(effort="none")

RULES: Final[tuple[tuple[str, ModelRule], ...]] = (
    ("gpt-5-chat", _PLAIN),
    ("gpt-5.1-chat", _PLAIN),
    ("gpt-5.2-chat", _PLAIN),
    ("gpt-5.1", ModelRule(effort="none")),
    ("gpt-5.2", ModelRule(effort="none")),
    ("gpt-5.3", ModelRule(effort="none")),
    ("gpt-5.4", ModelRule(effort="none", tools=False)),
    ("gpt-5.", ModelRule(tools=False)),
    ("gpt-5", ModelRule()),
    ("gpt-6", ModelRule(tools=False)),
    ("o1", ModelRule(fixed=frozenset({"parallel_tool_calls", "n"}))),
    ("o3-mini", ModelRule(fixed=frozenset({"parallel_tool_calls"}))),
    ("o3", ModelRule()),
    ("o4", ModelRule()),
)
"""By how the model's name begins; the first that fits counts. A model that fits none refuses nothing here."""

NEUTRAL: Final[Mapping[str, tuple[object, ...]]] = {
    "frequency_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "n": (1,),
    "parallel_tool_calls": (),
    "presence_penalty": (0,),
    "stop": ([],),
    "temperature": (1,),
    "top_logprobs": (),
    "top_p": (1,),
}
"""What a reasoning model refuses, each with the values that say nothing and pass all the same."""

_FIXED_ONLY: Final = frozenset({"n", "parallel_tool_calls"})
_WHILE_REASONING: Final = frozenset(NEUTRAL) - _FIXED_ONLY


@lru_cache(maxsize=256)
def rule_for(model: str) -> ModelRule:
    """The rule of the model's family, by its plain name: a fine-tuned model is of its base's."""
    name = model.removeprefix("ft:")
    return next((rule for start, rule in RULES if name.startswith(start)), _PLAIN)


def refused_params(model: str, params: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters among `params` that the model refuses, sorted."""
    rule = rule_for(model)
    if rule is _PLAIN:
        return ()
    names = rule.fixed
    effort = params.get("reasoning_effort")
    reasons = (effort or rule.effort) != "none"
    if reasons:
        names |= _WHILE_REASONING
    refused = [name for name in names & params.keys() if params[name] not in NEUTRAL[name]]
    if effort and reasons and not rule.tools and params.get("tools"):
        refused.append("reasoning_effort")
    return tuple(sorted(refused))


def check_params(model: str, params: Mapping[str, Any], *, provider: str) -> None:
    """Refuse what the model would refuse.

    Raises:
        UnsupportedParamsError: The message names all the parameters, `param` the first one.
    """
    refused = refused_params(model, params)
    if not refused:
        return
    hint = (
        "; it reasons with tools on the Responses API only: openai/responses/<model>, or reasoning_effort='none'"
        if "reasoning_effort" in refused
        else ""
    )
    raise UnsupportedParamsError(
        f"{', '.join(refused)} not supported by this model while it reasons{hint}",
        provider=provider,
        model=model,
        param=refused[0],
    )

"""`thinking` and `reasoning_effort` as gateways of OpenAI's dialect want them: in one object, `reasoning`.

Source: https://openrouter.ai/docs, reasoning tokens; https://vercel.com/docs/ai-gateway; https://docs.together.ai (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiocompl.codecs.vendor import Reasoning
    from aiocompl.types.model import JSON

_AMOUNTS: Final = frozenset({"effort", "max_tokens"})
"""The two ways to say how much, which exclude each other."""


def put_reasoning(body: JSON, form: Reasoning) -> None:
    """Write what a body says of reasoning into its ``reasoning``; what that says already goes before.

    Args:
        body: The request's body.
        form: ``"object"`` for all of it, ``"switch"`` for an object that knows nothing but ``enabled``.
    """
    thinking = body.pop("thinking", None)
    made = _of_thinking(thinking) if isinstance(thinking, Mapping) else {}
    if form == "switch":
        made = {"enabled": made.get("enabled", True)} if made else {}
    else:
        effort, included = body.pop("reasoning_effort", None), body.pop("include_reasoning", None)
        if effort is not None and made.get("enabled") is not False and "max_tokens" not in made:
            made = {"effort": effort}
        if included is not None:
            made["exclude"] = not included
    given = body.get("reasoning")
    if not isinstance(given, Mapping):
        if made:
            body["reasoning"] = made
        return
    if not _AMOUNTS.isdisjoint(given):
        made = {name: value for name, value in made.items() if name not in _AMOUNTS}
    body["reasoning"] = {**made, **given}


def _of_thinking(thinking: Mapping[str, Any]) -> JSON:
    """Anthropic's form of it: off, a budget of tokens, or as much as the model likes."""
    if thinking.get("type") == "disabled":
        return {"enabled": False}
    budget = thinking.get("budget_tokens")
    return {"enabled": True} if budget is None else {"max_tokens": budget}

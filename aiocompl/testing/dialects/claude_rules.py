"""What Claude's newer models refuse wherever they are served: sampling, and a last message of the assistant's.

Source: https://platform.claude.com/docs/en/about-claude/models (2026-11).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aiocompl.testing.dialects import parts

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = re.compile(r"claude-([a-z]+)-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
"""Family and version; those before 4 have their version first, and all that is refused here."""

_SAMPLING: Final = ("temperature", "top_p", "top_k")
_UNSAMPLED: Final = (4, 7)
"""The first version that takes none of them."""

_EITHER: Final = frozenset({("opus", 4, 1), ("opus", 4, 5), ("sonnet", 4, 5), ("haiku", 4, 5)})
"""Those that take a temperature or a `top_p`, not both."""

_UNFILLED: Final = (4, 6)
"""The first version that goes on with no message of its own."""

_THINKING_TOP_P: Final = 0.95


def check_claude(model: str, asked: Mapping[str, Any]) -> None:
    """Hold a request to the rules of its model.

    Args:
        model: Its name, with whatever the host puts around it.
        asked: What it asks, by Anthropic's names: sampling, `thinking`, `messages`.

    Raises:
        ProblemError: The model would refuse it with 400.
    """
    given = [name for name in _SAMPLING if asked.get(name) is not None]
    if (found := _NAME.search(model)) is not None:
        family, version = found[1], (int(found[2]), int(found[3] or 0))
        if version >= _UNSAMPLED and given:
            raise parts.refused(f"`{given[0]}` is deprecated for this model.", param=given[0])
        if (family, *version) in _EITHER and given[:2] == ["temperature", "top_p"]:
            raise parts.refused(
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
            )
        if version >= _UNFILLED and asked["messages"][-1].get("role") == "assistant":
            raise parts.refused(
                "This model does not support assistant message prefill. The conversation must end with a user message."
            )
    if (asked.get("thinking") or {}).get("type") == "enabled":
        _check_thinking(asked)


def _check_thinking(asked: Mapping[str, Any]) -> None:
    if asked.get("temperature") not in (None, 1):
        raise parts.refused("`temperature` may only be set to 1 when thinking is enabled.")
    if not parts.within(asked.get("top_p"), _THINKING_TOP_P, 1):
        raise parts.refused(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled."
        )
    if asked.get("top_k") is not None:
        raise parts.refused("`top_k` must be unset when thinking is enabled.")

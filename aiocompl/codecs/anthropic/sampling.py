"""Which of `temperature`, `top_p` and `top_k` a Claude takes, alone, together, and while it thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl.errors import UnsupportedParamsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.codecs.anthropic.models import Claude

DEFAULTS: Final[Mapping[str, float | None]] = {"temperature": 1, "top_p": 1, "top_k": None}
"""What models do anyway: such a value is left out where it would be refused."""

THINKING_TOP_P: Final = 0.95
"""The lowest `top_p` beside thinking."""


def sampling_fields(
    params: Mapping[str, Any], claude: Claude, thinking: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The parameters of sampling as they are sent, beside what ``thinking`` is sent.

    Raises:
        UnsupportedParamsError: The model takes no such value, or not beside another or beside thinking.
    """
    fields = {name: params[name] for name in DEFAULTS if params.get(name) is not None}
    if (temperature := fields.get("temperature")) is not None and temperature > 1:
        fields["temperature"] = 1.0  # OpenAI's scale goes to 2, the dialect's ends here
    if not claude.samples:
        for name in fields:
            if params[name] != DEFAULTS[name]:
                raise UnsupportedParamsError(f"this model takes no {name}", param=name)
        return {}
    if isinstance(thinking, dict) and thinking.get("type") in {"enabled", "adaptive"}:
        _check_thinking(fields)
    if claude.samples_by_one and "temperature" in fields and "top_p" in fields:
        _leave_one(fields)
    return fields


def _check_thinking(fields: Mapping[str, Any]) -> None:
    if fields.get("temperature", 1) != 1:
        raise UnsupportedParamsError("temperature can only be 1 while the model thinks", param="temperature")
    if fields.get("top_p", 1) < THINKING_TOP_P:
        raise UnsupportedParamsError(
            f"top_p can only be {THINKING_TOP_P} to 1 while the model thinks", param="top_p"
        )
    if "top_k" in fields:
        raise UnsupportedParamsError("this model takes no top_k while it thinks", param="top_k")


def _leave_one(fields: dict[str, Any]) -> None:
    """Leave `temperature` or `top_p` out, whichever says nothing."""
    idle = next((name for name in ("top_p", "temperature") if fields[name] == DEFAULTS[name]), None)
    if idle is None:
        raise UnsupportedParamsError("this model takes temperature or top_p, not both", param="top_p")
    del fields[idle]

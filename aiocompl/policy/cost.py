"""What an answer cost, in US dollars.

What the provider says itself goes first; else the price table of genai-prices (extra `prices`) is asked. Unknown is
None, never 0.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.completion import Usage

_TICKS_PER_DOLLAR: Final = 10_000_000_000

_PROVIDERS: Final[Mapping[str, str]] = {
    "bedrock": "aws",
    "gemini": "google",
    "moonshot": "moonshotai",
    "vertex_ai": "google",
    "xai": "x-ai",
}
"""Providers that the price table knows by another name."""


def cost(provider: str, model: str, usage: Usage | None) -> float | None:
    """What these tokens cost, or None where nobody knows.

    Args:
        provider: The provider's name here.
        model: The model's name at the provider.
        usage: The tokens; what the provider adds to them may hold the cost itself.
    """
    if usage is None:
        return None
    said = reported_cost(usage.model_extra)
    return said if said is not None else _table_cost(provider, model, usage)


def reported_cost(extra: Mapping[str, Any]) -> float | None:
    """What the provider itself says that the call cost, out of the fields that it adds to `usage`."""
    for value in (extra.get("cost"), extra.get("estimated_cost")):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    details = extra.get("cost")
    if isinstance(details, dict) and isinstance(details.get("total_cost"), (int, float)):
        return float(details["total_cost"])
    ticks = extra.get("cost_in_usd_ticks")
    return ticks / _TICKS_PER_DOLLAR if isinstance(ticks, int) else None


def _table_cost(provider: str, model: str, usage: Usage) -> float | None:
    table = _price_table()
    if table is None:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    counted = table.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=prompt.cached_tokens if prompt else None,
        cache_write_tokens=prompt.cache_write_tokens if prompt else None,
        input_audio_tokens=prompt.audio_tokens if prompt else None,
        output_audio_tokens=completion.audio_tokens if completion else None,
    )
    try:
        price = table.calc_price(counted, model, provider_id=_PROVIDERS.get(provider, provider))
    except (LookupError, ValueError):  # no such model, or tokens that its prices cannot be applied to
        return None
    return float(price.total_price)


@cache
def _price_table() -> Any:
    """The module of the price table, or None where it is not installed."""
    try:
        import genai_prices  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        return None
    return genai_prices

"""What tokens cost, in US dollars.

What the provider says itself goes first, then what the deployment or the program says, then the price table of
genai-prices (extra `prices`). Unknown is None, never 0.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.completion import Usage

_TICKS_PER_DOLLAR: Final = 10_000_000_000
_PER_MILLION: Final = 1_000_000
_CACHE_SIZE: Final = 10_000
_ROUNDING: Final = 1e-9

_PROVIDERS: Final[Mapping[str, str]] = {
    "bedrock": "aws",
    "gemini": "google",
    "moonshot": "moonshotai",
    "vertex_ai": "google",
    "xai": "x-ai",
}
"""Providers that the price table knows by another name."""

_PLAIN: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
}
"""What the table calls the fields of `Price`."""

_COUNTED: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_PROBES: Final = ((1000, 0, 0, 0), (0, 1000, 0, 0), (1000, 0, 1000, 0), (1000, 0, 0, 1000))
"""Counts of these: what they cost tells whether a model's price is that of plain tokens."""


@attrs.frozen(kw_only=True)
class Price:
    """What a token of a model costs, in US dollars."""

    input: float
    """A token of the prompt."""

    output: float
    """A token of the answer, reasoning included."""

    cached: float | None = None
    """A token of the prompt that was read from the provider's cache; None: as `input`."""

    cache_write: float | None = None
    """A token of the prompt that was written to it; None: as `input`."""

    def of(self, prompt: int, answer: int, cached: int = 0, written: int = 0) -> float | None:
        """What so many tokens cost; None where those cached and written are more than the prompt has."""
        plain = prompt - cached - written
        if plain < 0:
            return None
        dollars = plain * self.input + answer * self.output
        if cached:
            dollars += cached * (self.input if self.cached is None else self.cached)
        if written:
            dollars += written * (self.input if self.cache_write is None else self.cache_write)
        return dollars

    def of_usage(self, usage: Usage) -> float | None:
        """What these tokens cost; None where they contradict each other."""
        details = usage.prompt_tokens_details
        if details is None:
            return self.of(usage.prompt_tokens, usage.completion_tokens)
        cached, written = details.cached_tokens or 0, details.cache_write_tokens or 0
        return self.of(usage.prompt_tokens, usage.completion_tokens, cached, written)


def cost(provider: str, model: str, usage: Usage | None, *, price: Price | None = None) -> float | None:
    """What these tokens cost, or None where nobody knows.

    The first call may load the price table, which takes some 200 ms: see `aiocompl.runtime.price_table`.

    Args:
        provider: The provider's name here.
        model: The model's name at the provider.
        usage: The tokens; what the provider adds to them may hold the cost itself.
        price: What the deployment says a token costs, where it says so.
    """
    if usage is None:
        return None
    if (extra := usage.model_extra) and (said := reported_cost(extra)) is not None:
        return said
    price = price or registered(provider, model)
    return _table_cost(provider, model, usage) if price is None else price.of_usage(usage)


def cost_of(
    provider: str,
    model: str,
    prompt: int,
    answer: int,
    *,
    cached: int = 0,
    written: int = 0,
    price: Price | None = None,
) -> float | None:
    """What so many tokens cost, or None where nobody knows; see `cost`."""
    price = price or registered(provider, model)
    if price is None:
        row = _row(provider, model)
        if row is None:
            return None
        if row.price is None or prompt > row.up_to:
            counts = dict(zip(_COUNTED, (prompt, answer, cached, written), strict=True))
            return _asked_cost(provider, model, **counts)
        price = row.price
    return price.of(prompt, answer, cached, written)


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


def context_window(provider: str, model: str) -> int | None:
    """How many tokens prompt and answer may be together, or None where nobody knows."""
    if (said := _WINDOWS.get((provider, model))) is not None:
        return said
    row = _row(provider, model)
    return None if row is None else row.context_window


_REGISTERED: Final[dict[tuple[str, str], Price]] = {}
_WINDOWS: Final[dict[tuple[str, str], int]] = {}


def register(provider: str, model: str, price: Price, *, context_window: int | None = None) -> None:
    """Set what a model costs, whatever the price table says, and how many tokens it takes, where that is given."""
    _REGISTERED[provider, model] = price
    if context_window is not None:
        _WINDOWS[provider, model] = context_window


def unregister(provider: str, model: str) -> None:
    """Take back what `register` has set, if it has."""
    _REGISTERED.pop((provider, model), None)
    _WINDOWS.pop((provider, model), None)


def registered(provider: str, model: str) -> Price | None:
    """What the program says that the model costs, if it does."""
    return _REGISTERED.get((provider, model))


@attrs.frozen
class _Row:
    """What the price table says of a model, read once."""

    context_window: int | None
    price: Price | None
    """What a plain token costs, for as long as that depends neither on the time nor on anything else."""
    up_to: float
    """`price` holds for prompts of so many tokens; longer ones cost more a token."""


_ROWS: Final[dict[tuple[str, str], _Row | None]] = {}
_SNAPSHOT: Final[list[Any]] = []  # the state of the table that the rows were read from


def load_table() -> bool:
    """Load the price table, which takes some 200 ms the first time; whether there is one."""
    return _price_table() is not None


def table_loaded() -> bool:
    """Whether the price table is loaded, or known not to be installed."""
    return _price_table.cache_info().currsize > 0


def _table_cost(provider: str, model: str, usage: Usage) -> float | None:
    row = _row(provider, model)
    if row is None:
        return None
    prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
    sound_in = prompt.audio_tokens if prompt else None
    sound_out = completion.audio_tokens if completion else None
    if row.price is not None and usage.prompt_tokens <= row.up_to and not (sound_in or sound_out):
        return row.price.of_usage(usage)
    return _asked_cost(
        provider,
        model,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=prompt.cached_tokens if prompt else None,
        cache_write_tokens=prompt.cache_write_tokens if prompt else None,
        input_audio_tokens=sound_in,
        output_audio_tokens=sound_out,
    )


def _asked_cost(provider: str, model: str, **tokens: int | None) -> float | None:
    """The cost by the table's own arithmetic: a tenth of a millisecond."""
    price = _asked(provider, model, **tokens)
    return None if price is None else float(price.total_price)


def _asked(provider: str, model: str, **tokens: int | None) -> Any:
    table = _price_table()
    try:
        return table.calc_price(table.Usage(**tokens), model, provider_id=_PROVIDERS.get(provider, provider))
    except (LookupError, ValueError):  # tokens that its prices cannot be applied to
        return None


def _row(provider: str, model: str) -> _Row | None:
    """What the table says of a model; None where it does not know it, or is not installed."""
    table = _price_table()
    if table is None:
        return None
    snapshot = table.data_snapshot.get_snapshot()
    if not _SNAPSHOT or _SNAPSHOT[0] is not snapshot or len(_ROWS) >= _CACHE_SIZE:
        _ROWS.clear()  # the program has the table updated in the background, say
        _SNAPSHOT[:] = (snapshot,)
    key = (provider, model)
    if key not in _ROWS:
        _ROWS[key] = _read_row(snapshot, provider, model)
    return _ROWS[key]


def _read_row(snapshot: Any, provider: str, model: str) -> _Row | None:
    try:
        found = snapshot.find_provider_model(model, None, _PROVIDERS.get(provider, provider), None)[1]
    except LookupError:
        return None
    now = _asked(provider, model, input_tokens=0, output_tokens=0)
    if now is not None and _is_lasting(found.prices, now.model_price):
        price, up_to = _plain_price(now.model_price)
        if all(_is_right(price, provider, model, *probe) for probe in _PROBES):
            return _Row(found.context_window, price, up_to)
    return _Row(found.context_window, None, 0.0)


def _is_lasting(prices: Any, now: Any) -> bool:
    """Whether the price of today is known to stay: it has none of the day's hours, and no date to come."""
    if not isinstance(prices, list):
        return True
    begins = {id(item.prices): getattr(item.constraint, "start_date", None) for item in prices}
    dated = all(item.constraint is None or begins[id(item.prices)] is not None for item in prices)
    latest = max((date for date in begins.values() if date is not None), default=None)
    return dated and begins.get(id(now)) == latest


def _plain_price(prices: Any) -> tuple[Price, float]:
    """The prices of plain tokens, and the longest prompt that they hold for."""
    plain = {"input": 0.0, "output": 0.0}
    up_to = float("inf")
    for name, field in _PLAIN.items():
        value = getattr(prices, name)
        if value is not None:
            up_to = min([up_to, *(tier.start for tier in getattr(value, "tiers", ()))])
            plain[field] = float(getattr(value, "base", value)) / _PER_MILLION
    return Price(**plain), up_to


def _is_right(price: Price, provider: str, model: str, *probe: int) -> bool:
    """Whether the table itself comes to the same: it may count more than these tokens."""
    asked = _asked_cost(provider, model, **dict(zip(_COUNTED, probe, strict=True)))
    own = price.of(*probe)
    return asked is not None and own is not None and abs(asked - own) < _ROUNDING


@cache
def _price_table() -> Any:
    """The module of the price table with its data read, or None where it is not installed."""
    try:
        import genai_prices  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        return None
    genai_prices.data_snapshot.get_snapshot()
    return genai_prices

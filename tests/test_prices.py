from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import genai_prices
import pytest

from aiocompl import Usage, prices
from aiocompl.combinators.report import Contestant, RaceReport
from aiocompl.prices import Price, cost, reported_cost

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE: dict[str, Any] = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}


def usage(**more: Any) -> Usage:
    return Usage.model_validate({**USAGE, **more})


@pytest.mark.parametrize(
    ("said", "dollars"),
    [
        ({"cost": 0.00025}, 0.00025),  # OpenRouter
        ({"cost": 0}, 0.0),
        ({"cost_in_usd_ticks": 12_500_000}, 0.00125),  # xAI
        ({"cost": {"input_tokens_cost": 0.0, "total_cost": 0.006}}, 0.006),  # Perplexity
        ({"estimated_cost": 1.5e-05}, 1.5e-05),  # DeepInfra
        ({"cost": None, "estimated_cost": 0.5}, 0.5),
        ({"cost": "free"}, None),
        ({"cost": True}, None),
        ({"cost": {"total_cost": "?"}}, None),
        ({"cost": {}, "cost_in_usd_ticks": 10_000_000_000}, 1.0),
        ({"cost_in_usd_ticks": 0.5}, None),
        ({}, None),
    ],
)
def test_what_the_provider_says(said: dict[str, Any], dollars: float | None) -> None:
    assert reported_cost(said) == (None if dollars is None else pytest.approx(dollars))
    if dollars is not None:
        assert cost("nobody", "nothing", usage(**said)) == pytest.approx(dollars)


def test_the_table_knows_the_rest() -> None:
    plain = cost("openai", "gpt-4o", usage())
    assert plain == pytest.approx(1000 * 2.5e-6 + 500 * 10e-6)
    cached = cost("openai", "gpt-4o", usage(prompt_tokens_details={"cached_tokens": 1000}))
    assert cached is not None
    assert plain is not None
    assert cached < plain
    detailed = usage(completion_tokens_details={"reasoning_tokens": 100})
    assert cost("openai", "gpt-4o", detailed) == plain


@pytest.mark.parametrize(
    ("provider", "model"),
    [("gemini", "gemini-2.5-flash"), ("vertex_ai", "gemini-2.5-flash"), ("xai", "grok-3")],
)
def test_the_table_calls_some_providers_otherwise(provider: str, model: str) -> None:
    spent = cost(provider, model, usage())
    assert spent is not None
    assert spent > 0


def test_unknown_is_not_free() -> None:
    assert cost("openai", "no-such-model", usage()) is None
    assert cost("nobody", "gpt-4o", usage()) is None
    assert cost("openai", "gpt-4o", None) is None
    assert cost("openai", "gpt-4o", usage(prompt_tokens_details={"cached_tokens": 9999})) is None


@pytest.fixture
def no_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    prices._price_table.cache_clear()
    yield
    prices._price_table.cache_clear()


def test_without_the_table_only_providers_and_the_program_know(no_table: None) -> None:
    assert not prices.table_loaded()
    assert not prices.load_table()
    assert prices.table_loaded()
    assert cost("openai", "gpt-4o", usage()) is None
    assert prices.context_window("openai", "gpt-4o") is None
    assert cost("openai", "gpt-4o", usage(cost=0.5)) == 0.5
    assert cost("openai", "gpt-4o", usage(), price=Price(input=1e-3, output=0.0)) == 1.0


def test_the_table_loads_once() -> None:
    assert prices.load_table()
    assert prices.table_loaded()


def test_plain_prices_are_those_of_the_table() -> None:
    """Over all models: what is multiplied here is what the table itself would come to."""
    snapshot = genai_prices.data_snapshot.get_snapshot()
    counts = [(1000, 500, 0, 0), (1000, 500, 300, 200), (300_000, 10, 100_000, 0)]
    plain = 0
    for provider, model in ((one.id, model.id) for one in snapshot.providers for model in one.models):
        row = prices._row(provider, model)
        plain += row is not None and row.price is not None
        for prompt, answer, cached, written in counts if row is not None else ():
            details = {"cached_tokens": cached, "cache_write_tokens": written}
            tokens = usage(prompt_tokens=prompt, completion_tokens=answer, prompt_tokens_details=details)
            counted = dict(zip(prices._COUNTED, (prompt, answer, cached, written), strict=True))
            asked = prices._asked_cost(provider, model, **counted)
            assert cost(provider, model, tokens) == pytest.approx(asked, abs=1e-9), (provider, model)
    assert plain > 1000


def test_sound_has_a_price_of_its_own() -> None:
    heard = usage(prompt_tokens_details={"audio_tokens": 1000})
    said = usage(completion_tokens_details={"audio_tokens": 500})
    plain, sound = cost("openai", "gpt-audio", usage()), cost("openai", "gpt-audio", heard)
    spoken = cost("openai", "gpt-audio", said)
    assert plain is not None
    assert sound is not None
    assert spoken is not None
    assert plain < sound
    assert plain < spoken
    assert cost("openai", "gpt-audio", usage(prompt_tokens_details={"audio_tokens": 9999})) is None


def test_the_table_may_be_updated_while_the_program_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cost("openai", "gpt-4o", usage())
    empty = genai_prices.data_snapshot.DataSnapshot(providers=[], from_auto_update=True)
    with monkeypatch.context() as patched:
        patched.setattr(genai_prices.data_snapshot, "_custom_snapshot", empty)
        assert cost("openai", "gpt-4o", usage()) is None
    assert cost("openai", "gpt-4o", usage()) == before


def test_many_names_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "_CACHE_SIZE", 3)
    for number in range(10):
        assert cost("nobody", f"model-{number}", usage()) is None
    assert len(prices._ROWS) <= 3


class Dated:
    """A price of the table with what limits it in time."""

    def __init__(self, prices: object, constraint: object) -> None:
        self.prices, self.constraint = prices, constraint


class Begin:
    def __init__(self, start_date: int) -> None:
        self.start_date = start_date


NOW, OTHER = object(), object()


@pytest.mark.parametrize(
    ("listed", "lasting"),
    [
        (NOW, True),
        ([Dated(NOW, None)], True),
        ([Dated(OTHER, None), Dated(NOW, Begin(1))], True),
        ([Dated(OTHER, Begin(1)), Dated(NOW, Begin(2))], True),
        ([Dated(NOW, Begin(1)), Dated(OTHER, Begin(2))], False),
        ([Dated(NOW, None), Dated(OTHER, Begin(2))], False),
        ([Dated(NOW, None), Dated(OTHER, object())], False),  # at some hours of the day
    ],
)
def test_a_price_with_a_date_to_come_is_asked_for_each_time(listed: Any, lasting: bool) -> None:
    assert prices._is_lasting(listed, NOW) is lasting


@pytest.mark.parametrize(
    ("tokens", "dollars"),
    [
        ((10, 2), 10 * 3 + 2 * 5),
        ((10, 2, 4), 6 * 3 + 4 * 1 + 2 * 5),
        ((10, 2, 4, 6), 4 * 1 + 6 * 4 + 2 * 5),
        ((10, 2, 8, 3), None),
    ],
)
def test_a_price_of_ones_own(tokens: tuple[int, ...], dollars: float | None) -> None:
    price = Price(input=3.0, output=5.0, cached=1.0, cache_write=4.0)
    assert price.of(*tokens) == dollars
    assert Price(input=1.0, output=0.0).of(10, 5, 4, 2) == 10.0
    details = {"prompt_tokens_details": {"cached_tokens": 500, "cache_write_tokens": None}}
    assert price.of_usage(usage(**details)) == 500 * 3 + 500 * 1 + 500 * 5


def test_what_the_program_says_goes_before_the_table() -> None:
    price = Price(input=1e-3, output=2e-3)
    window = prices.context_window("openai", "gpt-4o")
    prices.register("openai", "gpt-4o", price)
    prices.register("nobody", "nothing", price, context_window=77)
    try:
        assert cost("openai", "gpt-4o", usage()) == pytest.approx(2.0)
        assert cost("openai", "gpt-4o", usage(), price=Price(input=0.0, output=0.0)) == 0.0
        assert cost("openai", "gpt-4o", usage(cost=0.5)) == 0.5
        assert prices.context_window("openai", "gpt-4o") == window == 128_000
        assert prices.context_window("nobody", "nothing") == 77
    finally:
        prices.unregister("openai", "gpt-4o")
        prices.unregister("nobody", "nothing")
    assert cost("openai", "gpt-4o", usage()) == pytest.approx(0.0075)
    assert prices.context_window("nobody", "nothing") is None


def test_a_contestants_cost() -> None:
    known = Contestant(index=0, model="openai/gpt-4o", outcome="won", provider="openai", usage=usage())
    by_name = Contestant(index=1, model="openai/gpt-4o", outcome="lost", usage=usage(), estimated=True)
    by_provider = Contestant(index=2, model="gpt-4o", outcome="lost", provider="openai", usage=usage())
    assert known.cost == by_name.cost == by_provider.cost == pytest.approx(0.0075)
    unknown = Contestant(index=3, model="m", outcome="failed")
    assert unknown.cost is None
    report = RaceReport(contestants=(known, by_name, unknown), elapsed=1.0)
    assert report.cost == pytest.approx(0.015)
    assert report.winner is known
    nobody = RaceReport(contestants=(unknown,), elapsed=1.0)
    assert (nobody.cost, nobody.winner) == (None, None)

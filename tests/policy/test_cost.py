from __future__ import annotations

import sys
from typing import Any

import pytest

from aiocompl import Usage
from aiocompl.combinators.report import Contestant, RaceReport
from aiocompl.policy import cost as cost_module
from aiocompl.policy.cost import cost, reported_cost

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


def test_without_the_table_only_providers_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    cost_module._price_table.cache_clear()
    try:
        assert cost("openai", "gpt-4o", usage()) is None
        assert cost("openai", "gpt-4o", usage(cost=0.5)) == 0.5
    finally:
        cost_module._price_table.cache_clear()


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

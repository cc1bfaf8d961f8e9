from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from aiocompl.combinators.report import Contestant, RaceReport
from aiocompl.policy import cost as module
from aiocompl.policy.cost import cost, reported_cost
from aiocompl.types.completion import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE = Usage.model_validate(
    {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 1},
        "completion_tokens_details": {"audio_tokens": 2},
    }
)
PLAIN = Usage(prompt_tokens=100, completion_tokens=50, total_tokens=150)


@pytest.mark.parametrize(
    ("extra", "dollars"),
    [
        ({"cost": 0.25}, 0.25),
        ({"cost": 0}, 0.0),
        ({"estimated_cost": 0.5}, 0.5),
        ({"cost": {"total_cost": 0.75}}, 0.75),
        ({"cost_in_usd_ticks": 20_000_000_000}, 2.0),
        ({"cost": True}, None),
        ({"cost": {"total_cost": "free"}}, None),
        ({"cost_in_usd_ticks": "many"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_what_the_provider_says_itself(extra: dict[str, Any], dollars: float | None) -> None:
    assert reported_cost(extra) == dollars


class Table:
    """A price table that knows one model, and takes down what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[dict[str, Any], str, str]] = []

    def Usage(self, **counted: Any) -> dict[str, Any]:  # noqa: N802 - the library's name
        return counted

    def calc_price(self, usage: dict[str, Any], model: str, *, provider_id: str) -> Any:
        self.asked.append((usage, model, provider_id))
        if model != "known":
            raise LookupError(model)
        return SimpleNamespace(total_price="0.125")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    made: Any = Table()
    monkeypatch.setitem(sys.modules, "genai_prices", made)
    module._price_table.cache_clear()
    yield made
    module._price_table.cache_clear()


def test_the_price_table_is_asked_by_its_own_names(table: Table) -> None:
    assert cost("bedrock", "known", USAGE) == 0.125
    assert cost("groq", "known", PLAIN) == 0.125
    (counted, model, provider), (plain, _, same) = table.asked
    assert (model, provider, same) == ("known", "aws", "groq")
    assert counted == {
        "input_tokens": 100,
        "output_tokens": 50,
        "cache_read_tokens": 40,
        "cache_write_tokens": None,
        "input_audio_tokens": 1,
        "output_audio_tokens": 2,
    }
    assert plain["cache_read_tokens"] is plain["output_audio_tokens"] is None


def test_what_nobody_knows_is_none_and_not_free(table: Table) -> None:
    assert cost("openai", "known", None) is None
    assert cost("openai", "unheard-of", PLAIN) is None
    assert len(table.asked) == 1


def test_the_providers_word_goes_before_the_table(table: Table) -> None:
    said = attrs.evolve(PLAIN, model_extra={"cost": 0.5})
    assert cost("openrouter", "known", said) == 0.5
    assert table.asked == []


def test_without_the_extra_there_is_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    module._price_table.cache_clear()
    assert cost("openai", "gpt-4o", PLAIN) is None
    module._price_table.cache_clear()


def test_a_contestant_is_priced_by_who_answered_or_by_its_name(table: Table) -> None:
    lost = Contestant(index=0, model="groq/known", outcome="lost", usage=PLAIN)
    won = Contestant(index=1, model="known", outcome="won", provider="openai", usage=PLAIN)
    nobody = Contestant(index=2, model="known", outcome="failed")
    report = RaceReport(contestants=(lost, won, nobody), elapsed=1.0)
    assert report.cost == 0.25
    assert [provider for _, _, provider in table.asked] == ["groq", "openai"]
    assert RaceReport(contestants=(nobody,), elapsed=1.0).cost is None

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aiocompl import (
    BadRequestError,
    ChatCompletion,
    EmbeddingResponse,
    completion_cost,
    context_window,
    cost_per_token,
    prices,
    register_model,
)
from aiocompl.costs import price_of
from aiocompl.prices import Price
from aiocompl.types.call import CallInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
OWN = {"input_cost_per_token": 1e-3, "output_cost_per_token": 2e-3}


def answer(call: CallInfo | None = None, model: str = "gpt-4o-2024-08-06", **more: Any) -> ChatCompletion:
    response = ChatCompletion.model_validate(
        {"id": "1", "model": model, "choices": [], "usage": {**USAGE, **more}}
    )
    response.call = call
    return response


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    prices._REGISTERED.clear()
    prices._WINDOWS.clear()


def test_an_answer() -> None:
    call = CallInfo("openai", "https://x/v1", "gpt-4o")
    assert completion_cost(answer(call)) == pytest.approx(0.0075)
    assert completion_cost(answer()) == pytest.approx(0.0075)
    assert completion_cost(answer(call, cost=0.5)) == 0.5
    assert completion_cost(answer(model="no-such-model")) is None
    call.price = Price(input=1e-3, output=0.0)
    assert completion_cost(answer(call)) == 1.0
    embedding = EmbeddingResponse.model_validate(
        {"model": "text-embedding-3-small", "data": [], "usage": USAGE}
    )
    assert completion_cost(embedding) is not None


def test_a_deployment_with_a_name_of_its_own() -> None:
    call = CallInfo("azure", "https://x", "our-own-name")
    assert completion_cost(answer(call)) == pytest.approx(0.0075)
    assert completion_cost(answer(call, model="our-own-name")) is None


def test_what_it_would_cost_elsewhere() -> None:
    own = answer(cost=0.5, prompt_tokens_details={"cached_tokens": 1000})
    register_model({"own/one": {**OWN, "cache_read_input_token_cost": 1e-4}})
    assert completion_cost(own, model="own/one") == pytest.approx(1.1)
    assert completion_cost(own, model="one", custom_llm_provider="own") == pytest.approx(1.1)
    own.usage = None
    assert completion_cost(own, model="own/one") is None
    assert completion_cost(answer(), model="own/one") == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("model", "provider", "dollars"),
    [
        ("gpt-4o", None, 0.0075),
        ("openai/gpt-4o", None, 0.0075),
        ("gpt-4o", "openai", 0.0075),
        ("openai/gpt-4o", "openai", 0.0075),
        ("openai/gpt-oss-120b", "groq", pytest.approx(0.0004, abs=0.0003)),
        ("groq/openai/gpt-oss-120b", None, pytest.approx(0.0004, abs=0.0003)),
        ("nobody/gpt-4o", None, None),
        ("nothing", None, None),
        ("", None, None),
    ],
)
def test_tokens_without_an_answer(model: str, provider: str | None, dollars: float | None) -> None:
    tokens: Any = {"prompt_tokens": 1000, "completion_tokens": 500}
    cost = completion_cost(model=model, custom_llm_provider=provider, **tokens)
    assert cost == (dollars if not isinstance(dollars, float) else pytest.approx(dollars))
    both = cost_per_token(model, custom_llm_provider=provider, **tokens)
    if cost is None:
        assert both is None
    else:
        assert both is not None
        assert sum(both) == pytest.approx(cost)


def test_there_must_be_something_to_count() -> None:
    with pytest.raises(BadRequestError, match="needs a response or a model"):
        completion_cost()


def test_cached_tokens_cost_less() -> None:
    plain = completion_cost(model="gpt-4o", prompt_tokens=1000)
    cached = completion_cost(model="gpt-4o", prompt_tokens=1000, cached_tokens=1000)
    assert plain is not None
    assert cached is not None
    assert 0 < cached < plain


@pytest.mark.parametrize("model", ["gemini-2.5-pro", "gemini/gemini-2.5-pro"])
def test_prices_of_long_prompts(model: str) -> None:
    short, long = (cost_per_token(model, tokens) for tokens in (100_000, 400_000))
    assert short is not None
    assert long is not None
    assert long[0] > 4 * short[0]


def test_context_windows() -> None:
    assert context_window("gpt-4o") == 128_000
    assert context_window("gpt-4o", custom_llm_provider="nobody") is None
    register_model({"nobody/m": {**OWN, "max_input_tokens": 77}})
    assert context_window("nobody/m") == 77


def test_what_models_cost_is_set_under_the_names_that_calls_have() -> None:
    register_model({"gpt-4o": OWN, "m": {**OWN, "litellm_provider": "together_ai", "mode": "chat"}})
    assert prices.registered("openai", "gpt-4o") == Price(input=1e-3, output=2e-3)
    assert prices.registered("together", "m") == Price(input=1e-3, output=2e-3)
    assert completion_cost(model="together_ai/m", prompt_tokens=1) == 1e-3


@pytest.mark.parametrize(
    "said",
    [
        {"input_cost_per_token": 1e-3},
        {"output_cost_per_token": 1e-3},
        {"input_cost_per_tokn": 1e-3, "output_cost_per_token": 1e-3},
        {**OWN, "input_cost_per_token": "1e-3"},
        {**OWN, "input_cost_per_token": True},
        {**OWN, "input_cost_per_token": -1},
        {**OWN, "cache_read_input_token_cost": float("nan")},
    ],
)
def test_prices_that_are_none(said: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError) as caught:
        register_model({"gpt-4o": OWN, "bad/m": said})
    assert "bad/m" in str(caught.value)
    assert "cost" in (caught.value.param or "")
    assert prices.registered("openai", "gpt-4o") is None


def test_a_deployments_own_price() -> None:
    assert price_of({"model": "gpt-4o"}) is None
    assert price_of({"model": "m", **OWN}) == Price(input=1e-3, output=2e-3)
    with pytest.raises(BadRequestError, match="output_cost_per_token is missing"):
        price_of({"input_cost_per_token": 1e-3})

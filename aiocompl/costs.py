"""What answers cost, and what models cost where the program knows better than the price table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiocompl import prices
from aiocompl.codecs.routing import provider_named_by
from aiocompl.errors import BadRequestError
from aiocompl.prices import Price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiocompl.types.completion import ChatCompletion, Usage
    from aiocompl.types.embedding import EmbeddingResponse

_FIELDS: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write",
}
"""LiteLLM's names of what a `Price` has."""


def completion_cost(
    response: ChatCompletion | EmbeddingResponse | None = None,
    *,
    model: str | None = None,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    cached_tokens: int = 0,
    custom_llm_provider: str | None = None,
) -> float | None:
    """What an answer cost in US dollars, or None where nobody knows.

    What the provider says goes first, then what `register_model` has set, then the price table of the extra `prices`. (Its
    first use takes some 200 ms; `await aiocompl.runtime.price_table.load_prices()` has that done beside the loop.)

    LiteLLM raises where it does not know a price; here that is None, so that no bookkeeping breaks a call.

    Args:
        response: An answer, or that of a stream (`await stream.response()`).
        model: What it cost at another model, or what tokens cost where there is no answer: ``"openai/gpt-4o"``.
        prompt_tokens: Tokens of the prompt, where there is no answer.
        completion_tokens: Tokens of the answer, where there is none.
        cached_tokens: Those of the prompt that come from the provider's cache.
        custom_llm_provider: The provider, where the model's name does not say.

    Raises:
        BadRequestError: There is neither an answer nor a model.
    """
    if response is None:
        if model is None:
            raise BadRequestError("completion_cost needs a response or a model", param="model")
        provider, name = _named(model, custom_llm_provider)
        return prices.cost_of(provider, name, prompt_tokens, completion_tokens, cached=cached_tokens)
    usage, call = response.usage, response.call
    if model is not None:
        provider, name = _named(model, custom_llm_provider)
        return _plain_cost(provider, name, usage)
    if call is None:
        provider, name = _named(response.model, custom_llm_provider)
        return prices.cost(provider, name, usage)
    dollars = prices.cost(call.provider, call.model, usage, price=call.price)
    if dollars is None and response.model != call.model:  # a deployment's own name, say
        dollars = prices.cost(call.provider, response.model, usage)
    return dollars


def cost_per_token(
    model: str,
    prompt_tokens: int = 0,
    completion_tokens: int = 0,
    *,
    custom_llm_provider: str | None = None,
) -> tuple[float, float] | None:
    """What so many tokens of the prompt and so many of the answer cost, in US dollars; None where nobody knows.

    Args:
        model: The model's name, such as ``"openai/gpt-4o"``.
        prompt_tokens: Tokens of the prompt.
        completion_tokens: Tokens of the answer.
        custom_llm_provider: The provider, where the model's name does not say.
    """
    provider, name = _named(model, custom_llm_provider)
    prompt = prices.cost_of(provider, name, prompt_tokens, 0)
    both = prices.cost_of(provider, name, prompt_tokens, completion_tokens)
    return None if prompt is None or both is None else (prompt, both - prompt)


def context_window(model: str, *, custom_llm_provider: str | None = None) -> int | None:
    """How many tokens a model takes, by the price table of the extra `prices`; None where nobody knows."""
    return prices.context_window(*_named(model, custom_llm_provider))


def register_model(models: Mapping[str, Mapping[str, Any]]) -> None:
    """Set what models cost, whatever the price table says.

    For example::

        register_model({"openai/gpt-4o": {"input_cost_per_token": 2e-6, "output_cost_per_token": 8e-6}})

    Args:
        models: By the model's name, with its provider there or as `litellm_provider`: `input_cost_per_token`,
            `output_cost_per_token`, and where they are known `cache_read_input_token_cost`,
            `cache_creation_input_token_cost` and `max_input_tokens`. LiteLLM's other fields are passed over.

    Raises:
        BadRequestError: A price is missing or is no number, or a name does not say the provider; nothing is set then.
    """
    read = [
        (_named(name, said.get("litellm_provider")), _price_of(name, said), said)
        for name, said in models.items()
    ]
    for (provider, model), price, said in read:
        prices.register(provider, model, price, context_window=said.get("max_input_tokens"))


def price_of(said: Mapping[str, Any]) -> Price | None:
    """The price that a deployment's settings hold under LiteLLM's names; None where they hold none.

    Raises:
        BadRequestError: A price is no number, or one of the two is missing.
    """
    return _price_of("a deployment", said) if any(name in said for name in _FIELDS) else None


def _price_of(whose: str, said: Mapping[str, Any]) -> Price:
    given: dict[str, float] = {}
    for name, field in _FIELDS.items():
        value = said.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            raise BadRequestError(f"{whose}: {name} must be US dollars, not {value!r}", param=name)
        given[field] = float(value)
    for name in ("input_cost_per_token", "output_cost_per_token"):
        if _FIELDS[name] not in given:
            raise BadRequestError(f"{whose}: {name} is missing (0 is for free)", param=name)
    return Price(**given)


def _plain_cost(provider: str, model: str, usage: Usage | None) -> float | None:
    """What tokens would cost at another model than the one that has counted them."""
    if usage is None:
        return None
    details = usage.prompt_tokens_details
    cached = (details.cached_tokens or 0) if details else 0
    return prices.cost_of(provider, model, usage.prompt_tokens, usage.completion_tokens, cached=cached)


def _named(model: str, provider: str | None) -> tuple[str, str]:
    """Provider and model of a name; a provider of no name where it says none."""
    first, slash, rest = model.partition("/")
    said = provider_named_by(model) or (first if slash else "")
    own = said if provider is None else provider_named_by(f"{provider}/{model}") or provider
    return own, rest if slash and said == own else model

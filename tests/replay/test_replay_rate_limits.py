"""Every recorded answer that tells of rate limits: the numbers are read, whatever the provider calls them."""

from __future__ import annotations

import pytest
from replay_corpus import CORPUS, Exchange, recorded

from aiocompl.rate_limits import read_rate_limits

REMAINING = {
    "anthropic": ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-output-tokens-remaining"),
    "azure": ("x-ratelimit-remaining-requests", None),
    "cohere": ("x-trial-endpoint-call-remaining", None),
    "groq": ("x-ratelimit-remaining-requests", None),
    "mistral": ("x-ratelimit-remaining-req-minute", None),
    "openai": ("x-ratelimit-remaining-requests", None),
    "replicate": ("ratelimit-remaining", None),
    "together": ("x-ratelimit-remaining", None),
    "xai": ("x-ratelimit-remaining-requests", None),
}


@pytest.mark.skipif(not CORPUS.exists(), reason="no corpus: set AIOCOMPL_SHARED")
@pytest.mark.parametrize("provider", REMAINING)
def test_recorded_headers(provider: str) -> None:
    requests, output_tokens = REMAINING[provider]
    told = [exchange for exchange in recorded(provider) if requests in exchange.headers]
    assert told
    for exchange in told:
        limits = read_rate_limits(exchange.headers)
        assert limits is not None, exchange.id
        assert limits.requests is not None, exchange.id
        assert limits.requests.remaining == int(exchange.headers[requests])
        if output_tokens in exchange.headers:
            assert limits.output_tokens is not None, exchange.id
            assert limits.output_tokens.remaining == int(exchange.headers[output_tokens])
        assert resets_are_read(exchange), exchange.id


def resets_are_read(exchange: Exchange) -> bool:
    """Whether a reset in seconds is there where one was told, at most a day; instants need the date, which is not kept."""
    told = [
        value for name, value in exchange.headers.items() if "reset" in name and not value.startswith("20")
    ]
    limits = read_rate_limits(exchange.headers)
    found = [] if limits is None else [limits.requests, limits.tokens]
    resets = [one.reset for one in found if one is not None and one.reset is not None]
    return not told or (bool(resets) and all(0 <= reset <= 86_400 for reset in resets))

"""What answers' headers say about rate limits, provider by provider, and any nonsense."""

from __future__ import annotations

import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl import CallInfo, RateLimit, RateLimitError, RateLimits
from aiocompl.rate_limits import read_rate_limits

DATE = {"date": "Sat, 02 Aug 2025 12:00:40 GMT"}

CASES: dict[str, tuple[dict[str, str], RateLimits | None]] = {
    "nothing": ({}, None),
    "other headers": ({"content-type": "application/json", "x-request-limiter": "3", **DATE}, None),
    "openai": (
        {
            "x-ratelimit-limit-requests": "5000",
            "x-ratelimit-limit-tokens": "150000000",
            "x-ratelimit-remaining-requests": "4999",
            "x-ratelimit-remaining-tokens": "149999980",
            "x-ratelimit-reset-requests": "12ms",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        RateLimits(
            requests=RateLimit(limit=5000, remaining=4999, reset=0.012),
            tokens=RateLimit(limit=150_000_000, remaining=149_999_980, reset=360.0),
        ),
    ),
    "openai, the tighter of two counts of tokens": (
        {
            "x-ratelimit-limit-tokens": "900",
            "x-ratelimit-remaining-tokens": "800",
            "x-ratelimit-limit-tokens_usage_based": "250",
            "x-ratelimit-remaining-tokens_usage_based": "240",
            "x-ratelimit-reset-tokens_usage_based": "3ms",
        },
        RateLimits(tokens=RateLimit(limit=250, remaining=240, reset=0.003)),
    ),
    "groq": (
        {
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-remaining-requests": "14399",
            "x-ratelimit-reset-requests": "1h2m17.5s",
        },
        RateLimits(requests=RateLimit(limit=14_400, remaining=14_399, reset=3737.5)),
    ),
    "cerebras": (
        {
            "x-ratelimit-limit-requests-day": "14400",
            "x-ratelimit-limit-tokens-minute": "60000",
            "x-ratelimit-remaining-requests-day": "14399",
            "x-ratelimit-remaining-tokens-minute": "59900",
            "x-ratelimit-reset-requests-day": "33011.25",
            "x-ratelimit-reset-tokens-minute": "11.5",
        },
        RateLimits(
            requests=RateLimit(limit=14_400, remaining=14_399, reset=33_011.25, window=86_400.0),
            tokens=RateLimit(limit=60_000, remaining=59_900, reset=11.5, window=60.0),
        ),
    ),
    "mistral, of several windows the one with least left": (
        {
            "x-ratelimit-limit-req-10-second": "60",
            "x-ratelimit-remaining-req-10-second": "53",
            "x-ratelimit-limit-req-minute": "360",
            "x-ratelimit-remaining-req-minute": "52",
            "x-ratelimit-limit-tokens-minute": "2000000",
            "x-ratelimit-remaining-tokens-minute": "1999370",
            "x-ratelimit-limit-tokens-month": "10000000000",
            "x-ratelimit-remaining-tokens-month": "9999999370",
            "x-ratelimit-tokens-query-cost": "110",
            "x-ratelimit-limit-ocr-pages-minute": "1250",
        },
        RateLimits(
            requests=RateLimit(limit=360, remaining=52, window=60.0),
            tokens=RateLimit(limit=2_000_000, remaining=1_999_370, window=60.0),
        ),
    ),
    "mistral, older": (
        {
            "ratelimitbysize-limit": "500000",
            "ratelimitbysize-remaining": "499975",
            "ratelimitbysize-reset": "29",
            "x-ratelimitbysize-limit-minute": "600000",
            "x-ratelimitbysize-remaining-minute": "599975",
        },
        RateLimits(tokens=RateLimit(limit=500_000, remaining=499_975, reset=29.0)),
    ),
    "anthropic": (
        {
            "anthropic-ratelimit-requests-limit": "4000",
            "anthropic-ratelimit-requests-remaining": "3999",
            "anthropic-ratelimit-requests-reset": "2025-08-02T12:00:45Z",
            "anthropic-ratelimit-tokens-limit": "480000",
            "anthropic-ratelimit-input-tokens-limit": "400000",
            "anthropic-ratelimit-input-tokens-remaining": "399000",
            "anthropic-ratelimit-input-tokens-reset": "2025-08-02T14:00:41.500+02:00",
            "anthropic-ratelimit-output-tokens-remaining": "80000",
            "anthropic-ratelimit-output-tokens-reset": "2025-08-02T12:00:39Z",
            **DATE,
        },
        RateLimits(
            requests=RateLimit(limit=4000, remaining=3999, reset=5.0),
            tokens=RateLimit(limit=480_000),
            input_tokens=RateLimit(limit=400_000, remaining=399_000, reset=1.5),
            output_tokens=RateLimit(remaining=80_000, reset=0.0),
        ),
    ),
    "anthropic without a date: whose clock?": (
        {"anthropic-ratelimit-tokens-limit": "9", "anthropic-ratelimit-tokens-reset": "2025-08-02T12:00:45Z"},
        RateLimits(tokens=RateLimit(limit=9)),
    ),
    "azure in milliseconds": (
        {
            "x-ratelimit-limit-requests": "120",
            "x-ratelimit-limit-tokens": "120000",
            "x-ratelimit-remaining-requests": "119",
            "x-ratelimit-remaining-tokens": "119986",
            "x-ratelimit-renewalperiod-requests": "60",
            "x-ratelimit-renewalperiod-tokens": "60",
            "x-ratelimit-reset-requests": "500",
            "x-ratelimit-reset-tokens": "7",
        },
        RateLimits(
            requests=RateLimit(limit=120, remaining=119, reset=0.5, window=60.0),
            tokens=RateLimit(limit=120_000, remaining=119_986, reset=0.007, window=60.0),
        ),
    ),
    "azure in seconds": (
        {
            "x-ratelimit-limit-requests": "50",
            "x-ratelimit-remaining-requests": "49",
            "x-ratelimit-renewalperiod-requests": "60",
            "x-ratelimit-reset-requests": "1",
            "x-ratelimit-remaining-tokens": "-1",
        },
        RateLimits(requests=RateLimit(limit=50, remaining=49, reset=1.0, window=60.0)),
    ),
    "openrouter, an instant in milliseconds": (
        {
            "X-RateLimit-Limit": "20",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": "1754136060000",
            "Date": "Sat, 02 Aug 2025 12:00:40 GMT",
        },
        RateLimits(requests=RateLimit(limit=20, remaining=0, reset=20.0)),
    ),
    "an instant in seconds": (
        {"x-ratelimit-reset": "1754136045", **DATE},
        RateLimits(requests=RateLimit(reset=5.0)),
    ),
    "an instant as HTTP writes it": (
        {"x-ratelimit-reset": "Sat, 02 Aug 2025 12:01:00 GMT", **DATE},
        RateLimits(requests=RateLimit(reset=20.0)),
    ),
    "an instant of no known clock": ({"x-ratelimit-reset": "2025-08-02T12:00:45", **DATE}, None),
    "together": (
        {
            "x-ratelimit-limit": "2",
            "x-ratelimit-remaining": "1",
            "x-ratelimit-reset": "2",
            "x-tokenlimit-limit": "3000",
            "x-tokenlimit-remaining": "2990",
        },
        RateLimits(
            requests=RateLimit(limit=2, remaining=1, reset=2.0), tokens=RateLimit(limit=3000, remaining=2990)
        ),
    ),
    "fireworks": (
        {
            "x-ratelimit-limit-tokens-prompt": "60000",
            "x-ratelimit-remaining-tokens-prompt": "59000",
            "x-ratelimit-limit-tokens-generated": "6000",
        },
        RateLimits(
            input_tokens=RateLimit(limit=60_000, remaining=59_000), output_tokens=RateLimit(limit=6000)
        ),
    ),
    "replicate": (
        {"ratelimit-remaining": "599", "ratelimit-reset": "1"},
        RateLimits(requests=RateLimit(remaining=599, reset=1.0)),
    ),
    "cohere, trial keys": (
        {"x-trial-endpoint-call-limit": "40", "x-trial-endpoint-call-remaining": "39"},
        RateLimits(requests=RateLimit(limit=40, remaining=39)),
    ),
    "ietf, by name": (
        {
            "ratelimit-policy": '"burst";q=100;w=60,"daily";q=1000;w=86400, "tokens-in";q=9;w=1;qu="tokens"',
            "ratelimit": '"burst";r=50;t=30, "daily";r=999;t=80000',
        },
        RateLimits(
            requests=RateLimit(limit=100, remaining=50, reset=30.0, window=60.0),
            tokens=RateLimit(limit=9, window=1.0),
        ),
    ),
    "ietf, earlier": (
        {"ratelimit": "limit=100, remaining=51, reset=5"},
        RateLimits(requests=RateLimit(limit=100, remaining=51, reset=5.0)),
    ),
    "with a window behind the number": (
        {"x-ratelimit-limit": "100, 100;window=60", "x-ratelimit-remaining": "98.0"},
        RateLimits(requests=RateLimit(limit=100, remaining=98)),
    ),
    "nonsense": (
        {
            "x-ratelimit-limit-requests": "many",
            "x-ratelimit-remaining-requests": "١٢",
            "x-ratelimit-reset-requests": "soon",
            "ratelimit": ";=;,,",
            "ratelimit-policy": "q=;w",
        },
        None,
    ),
}


@pytest.mark.parametrize(("headers", "limits"), CASES.values(), ids=CASES)
def test_headers_as_providers_send_them(headers: dict[str, str], limits: RateLimits | None) -> None:
    assert read_rate_limits(headers) == limits


NAMES = st.sampled_from(
    sorted({name.lower() for headers, _ in CASES.values() for name in headers})
) | st.from_regex(r"\A(x-)?ratelimit-(limit|remaining|reset|renewalperiod)(-[a-z]{0,8}){0,3}\Z")
VALUES = (
    st.text(max_size=40)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from([value for headers, _ in CASES.values() for value in headers.values()])
    | st.from_regex(r"\A(\d{1,30}(\.\d{1,30})?(ms|s|m|h|d)?){1,4}\Z")
    | st.from_regex(r"\A\d{1,5}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)?\Z")
    | st.from_regex(r'\A("?[a-z]{0,6}"?(;[a-z]=-?\d{0,25}){0,3},?){1,3}\Z')
)


@given(st.dictionaries(NAMES, VALUES, max_size=12))
def test_any_headers_give_sensible_numbers_or_nothing(headers: dict[str, str]) -> None:
    limits = read_rate_limits(headers)
    if limits is None:
        return
    found = [limits.requests, limits.tokens, limits.input_tokens, limits.output_tokens]
    assert any(found)
    for one in filter(None, found):
        for amount in (one.limit, one.remaining):
            assert amount is None or amount >= 0
        for seconds in (one.reset, one.window):
            assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


def test_answers_and_errors_have_them() -> None:
    headers = {"X-RateLimit-Remaining-Requests": "7"}
    expected = RateLimits(requests=RateLimit(remaining=7))
    assert CallInfo("openai", "", "gpt-4o", headers=headers).rate_limits == expected
    error = RateLimitError("slow down", headers=headers)
    assert error.rate_limits == expected
    assert pickle.loads(pickle.dumps(error)).rate_limits == expected  # noqa: S301 - our own bytes
    assert CallInfo("openai", "", "gpt-4o").rate_limits is None
    assert RateLimitError("slow down").rate_limits is None

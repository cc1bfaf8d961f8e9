"""What an answer's headers say about the provider's rate limits, in one structure. Pure, and total: nonsense is None.

It stands below everything else because errors have headers too, and answer the same question.

Sources: the providers' pages on rate limits (OpenAI, Anthropic, Azure, Groq, Cerebras, Mistral, Fireworks, Together,
OpenRouter, Cohere, 2026-11), recorded answers, and the drafts 6 to 10 of the IETF's RateLimit header fields.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping


@attrs.frozen(kw_only=True)
class RateLimit:
    """One limit: so much in a window of time. What the provider does not say is None."""

    limit: int | None = None
    """What the window allows in all."""

    remaining: int | None = None
    """What is left of it after this answer."""

    reset: float | None = None
    """Seconds from the answer until all of `limit` is there again."""

    window: float | None = None
    """The window's length in seconds (a month has 30 days)."""


@attrs.frozen(kw_only=True)
class RateLimits:
    """The rate limits of whoever called, as the headers of an answer have them.

    A provider that counts in several windows (a minute and a day) gives several limits of a kind: the one with the
    least remaining is here, and all of them are in the headers.
    """

    requests: RateLimit | None = None
    tokens: RateLimit | None = None
    """Of prompts and answers together."""

    input_tokens: RateLimit | None = None
    output_tokens: RateLimit | None = None


@attrs.define
class _Bucket:
    """A limit in the making; the texts of the headers that speak of it."""

    window: float | None
    limit: str | None = None
    remaining: str | None = None
    reset: str | None = None
    period: str | None = None


_UNITS: Final[Mapping[str, str]] = {
    "": "requests",
    "req": "requests",
    "requests": "requests",
    "tokens": "tokens",
    "project-requests": "requests",
    "project-tokens": "tokens",
    "tokens_usage_based": "tokens",
    "input-tokens": "input_tokens",
    "tokens-prompt": "input_tokens",
    "output-tokens": "output_tokens",
    "tokens-generated": "output_tokens",
}
"""The words that providers have for what they count."""

_WINDOWS: Final[Mapping[str, float]] = {
    "second": 1.0,
    "10-second": 10.0,
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "month": 2_592_000.0,
}

_WORD: Final = r"(?P<word>limit|remaining|reset|renewalperiod)"
_UNIT: Final = "|".join(sorted(filter(None, _UNITS), key=len, reverse=True))
_WINDOW: Final = "|".join(sorted(_WINDOWS, key=len, reverse=True))
_NAMES: Final = (
    (re.compile(rf"(?:x-)?ratelimit-{_WORD}(?:-(?P<unit>{_UNIT}))?(?:-(?P<window>{_WINDOW}))?"), ""),
    (re.compile(rf"anthropic-ratelimit-(?P<unit>{_UNIT})-{_WORD}"), ""),
    (
        re.compile(rf"(?:x-)?ratelimitbysize-{_WORD}(?:-(?P<window>{_WINDOW}))?"),
        "tokens",
    ),  # Mistral's older names
    (re.compile(rf"x-tokenlimit-{_WORD}"), "tokens"),  # Together
    (re.compile(rf"x-trial-endpoint-call-{_WORD}"), ""),  # Cohere
)
"""The names of headers, and what they count where the name does not say."""

_IETF: Final = frozenset({"ratelimit", "ratelimit-policy"})
_IETF_WORDS: Final[Mapping[str, str]] = {
    "r": "remaining",
    "t": "reset",
    "q": "limit",
    "w": "period",
    "limit": "limit",
    "remaining": "remaining",
    "reset": "reset",
}

_AMOUNT: Final = re.compile(r"\s*(\d{1,18})(?:\.\d*)?\s*(?:[,;].*)?", re.ASCII | re.DOTALL)
_NUMBER: Final = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_DURATION: Final = re.compile(r"(?:\d{1,12}(?:\.\d{1,12})?(?:ms|us|µs|ns|d|h|m|s))+", re.ASCII)
_DURATION_PART: Final = re.compile(r"([\d.]+)(ms|us|µs|ns|d|h|m|s)", re.ASCII)
_SECONDS: Final[Mapping[str, float]] = {
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_EPOCH_SECONDS: Final = 1e9
"""From here on a number is no duration but an instant, in seconds since 1970."""
_EPOCH_MILLISECONDS: Final = 1e11


def read_rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """Read the rate limits out of an answer's headers, whatever the case of their names; None where there are none.

    Resets that are given as instants are compared with the answer's own ``date``, so that our clock plays no part;
    without one they are None.
    """
    buckets: dict[tuple[str, str], _Bucket] = {}
    date = ""
    for name, value in headers.items():
        lower = name.lower()
        if lower == "date":
            date = value
        elif lower in _IETF:
            _take_ietf(value, buckets)
        elif "limit" in lower or "remaining" in lower:
            _take(lower, value, buckets)
    found: dict[str, RateLimit] = {}
    for (unit, _), bucket in buckets.items():
        one = _limit(bucket, date)
        if one is not None and (unit not in found or _left(one) < _left(found[unit])):
            found[unit] = one
    return RateLimits(**found) if found else None


def _take(name: str, value: str, buckets: dict[tuple[str, str], _Bucket]) -> None:
    """Take a header that speaks of one number of one bucket, if it is one."""
    for pattern, unit in _NAMES:
        if match := pattern.fullmatch(name):
            parts = match.groupdict()
            named, window = parts.get("unit") or unit, parts.get("window") or ""
            bucket = buckets.setdefault((_UNITS[named], f"{named} {window}"), _Bucket(_WINDOWS.get(window)))
            word = parts["word"]
            setattr(bucket, "period" if word == "renewalperiod" else word, value)
            return


def _take_ietf(value: str, buckets: dict[tuple[str, str], _Bucket]) -> None:
    """Take the items of a ``RateLimit`` or ``RateLimit-Policy`` header: ``"name";q=100;w=60``, or ``limit=100, reset=5``."""
    for item in value.split(","):
        name, fields = "", list[tuple[str, str]]()
        for part in item.split(";"):
            key, mark, text = part.strip().partition("=")
            if mark:
                fields.append((key, text.strip('"')))
            else:
                name = key
        unit = "tokens" if "token" in name.lower() else "requests"
        bucket = buckets.setdefault((unit, f"ietf {name}"), _Bucket(None))
        for key, text in fields:
            if (word := _IETF_WORDS.get(key)) is not None:
                setattr(bucket, word, text)


def _limit(bucket: _Bucket, date: str) -> RateLimit | None:
    """The bucket's numbers; None where there is none."""
    limit, remaining = _amount(bucket.limit), _amount(bucket.remaining)
    window = bucket.window or _seconds(bucket.period, "")
    reset = _seconds(bucket.reset, date)
    if reset is not None and bucket.period is not None and limit and remaining is not None and window:
        reset = _azure_reset(reset, max(0, limit - remaining) / limit * window)
    if limit is None and remaining is None and reset is None:
        return None
    return RateLimit(limit=limit, remaining=remaining, reset=reset, window=window)


def _azure_reset(reset: float, refill: float) -> float:
    """Azure's resets are seconds at some of its endpoints and milliseconds at others.

    It refills at an even rate, which `refill` follows from, so that what takes longer can be no seconds: one request
    of 120 a minute resets in ``500``, one of 50 in ``1``.
    """
    return reset / 1000 if reset > refill + 1 else reset


def _left(one: RateLimit) -> float:
    return float("inf") if one.remaining is None else one.remaining


def _amount(text: str | None) -> int | None:
    match = _AMOUNT.fullmatch(text) if text else None
    return int(match[1]) if match else None


def _seconds(text: str | None, date: str) -> float | None:
    """A reset as seconds from now: a number, a duration such as ``6m0s``, or an instant."""
    text = (text or "").strip()
    if _DURATION.fullmatch(text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))
    if not _NUMBER.fullmatch(text):
        return _until(_instant(text), date)
    number = float(text)
    if number < _EPOCH_SECONDS:
        return number
    return _until(number / 1000 if number >= _EPOCH_MILLISECONDS else number, date)


def _instant(text: str) -> float | None:
    """The instant that a text tells, in seconds since 1970; None where it tells none, or not by which clock."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            instant = parse(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return None if instant.tzinfo is None else instant.timestamp()
    return None


def _until(then: float | None, date: str) -> float | None:
    """Seconds from the answer's date to an instant."""
    now = _instant(date)
    return None if then is None or now is None else max(0.0, then - now)

"""What response headers say about waiting, read without a clock."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks us to wait, or None where it does not say (understandably).

    ``retry-after-ms`` (milliseconds) goes before ``retry-after`` (seconds, fractions allowed, or an HTTP date, which
    is compared with the answer's own ``date`` so that our clock plays no part).
    """
    if (milliseconds := _number(headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is None:
        return None
    if (seconds := _number(value)) is not None:
        return seconds
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, (until - now).total_seconds())
    except (
        ValueError,
        TypeError,
        IndexError,
        OverflowError,
    ):  # no date, or one with and one without a time zone
        return None


def _number(text: str | None) -> float | None:
    """A finite number of seconds from 0 up, or None."""
    try:
        value = float(text) if text else -1.0
    except ValueError:
        return None
    return value if value >= 0 and isfinite(value) else None


def request_id(headers: Mapping[str, str]) -> str | None:
    """The provider's identifier of the request, under whichever of the usual names it stands."""
    return headers.get("x-request-id") or headers.get("request-id") or headers.get("apim-request-id")

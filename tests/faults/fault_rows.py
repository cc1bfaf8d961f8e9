"""What comes of each fault: the documented outcomes, one row for each case.

One table, and long for that: it is to be read from top to bottom, as the page that is made of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from fault_weather import TEXT, TOKENS, WEATHERS, WORDS

if TYPE_CHECKING:
    from fault_run import Form, Where

BLOCKING: Final = "blocking"
STREAMING: Final = "streaming"
ALONE: Final = "alone"
FALLBACK: Final = "fallback"

Seconds = float | tuple[float, float]
"""So many, or between so many."""

B1: Final = (0.0, 0.5)
"""The backoff before the first retry."""
B2: Final = (0.0, 1.0)
"""That before the second."""
S1: Final = (3.0, 3.5)
"""Three seconds of silence, then the backoff."""
S2: Final = (3.0, 4.0)

PARTIAL: Final = "".join(WORDS[:TOKENS])
"""What a stream brings that breaks within the answer."""
SKIPPED: Final = "".join(WORDS[:TOKENS] + WORDS[TOKENS + 1 :])
"""The answer without the malformed event."""


def _usual_text(row: Row) -> str:
    return TEXT if row.outcome == "answer" else ""


def _usual_told(row: Row) -> str:
    if row.outcome == "answer":
        return row.asked[-len(row.asked) // WEATHERS[row.fault].calls :]
    return row.asked if row.outcome == "AllModelsFailedError" else row.asked[:-1]


@attrs.frozen
class Row:
    """What a fault comes to, in one form of call and one configuration."""

    fault: str
    """See `fault_weather`."""
    form: Form
    where: Where
    """Alone, or with a model group to fall back to."""
    outcome: str
    """"answer", or the class of the error."""
    asked: str
    """Who is asked, in order: P for the primary, B for the backup."""
    gaps: tuple[Seconds, ...] = ()
    """Seconds from each request to the next."""
    ends: float = 0.0
    """Seconds from the last request to the outcome."""
    text: str = attrs.field(kw_only=True, default=attrs.Factory(_usual_text, takes_self=True))
    """What a reader has got in the end."""
    told: str = attrs.field(kw_only=True, default=attrs.Factory(_usual_told, takes_self=True))
    """Whose attempts the answer, or the error, tells of: an error of those before the one that it is of."""

    @property
    def seconds(self) -> tuple[float, float]:
        """How long all takes, at least and at most."""
        spans = [span if isinstance(span, tuple) else (span, span) for span in self.gaps]
        return self.ends + sum(low for low, _ in spans), self.ends + sum(high for _, high in spans)


ROWS: Final = (
    Row("429 once", BLOCKING, ALONE, "answer", "PP", (B1,)),
    Row("429 once", BLOCKING, FALLBACK, "answer", "PP", (B1,)),
    Row("429 once", STREAMING, ALONE, "answer", "PP", (B1,)),
    Row("429 once", STREAMING, FALLBACK, "answer", "PP", (B1,)),
    Row("429 for ever", BLOCKING, ALONE, "RateLimitError", "PPP", (B1, B2)),
    Row("429 for ever", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("429 for ever", STREAMING, ALONE, "RateLimitError", "PPP", (B1, B2)),
    Row("429 for ever", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("429 with `Retry-After: 2` once", BLOCKING, ALONE, "answer", "PP", (2,)),
    Row("429 with `Retry-After: 2` once", BLOCKING, FALLBACK, "answer", "PP", (2,)),
    Row("429 with `Retry-After: 2` once", STREAMING, ALONE, "answer", "PP", (2,)),
    Row("429 with `Retry-After: 2` once", STREAMING, FALLBACK, "answer", "PP", (2,)),
    Row("429 with `Retry-After: 2` for ever", BLOCKING, ALONE, "RateLimitError", "PPP", (2, 2)),
    Row("429 with `Retry-After: 2` for ever", BLOCKING, FALLBACK, "answer", "PPPB", (2, 2, 0)),
    Row("429 with `Retry-After: 2` for ever", STREAMING, ALONE, "RateLimitError", "PPP", (2, 2)),
    Row("429 with `Retry-After: 2` for ever", STREAMING, FALLBACK, "answer", "PPPB", (2, 2, 0)),
    Row("429 with `Retry-After: 60`, `timeout=30`", BLOCKING, ALONE, "RateLimitError", "P"),
    Row("429 with `Retry-After: 60`, `timeout=30`", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("429 with `Retry-After: 60`, `timeout=30`", STREAMING, ALONE, "RateLimitError", "P"),
    Row("429 with `Retry-After: 60`, `timeout=30`", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("429, the quota is used up", BLOCKING, ALONE, "RateLimitError", "P"),
    Row("429, the quota is used up", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("429, the quota is used up", STREAMING, ALONE, "RateLimitError", "P"),
    Row("429, the quota is used up", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("500 once", BLOCKING, ALONE, "answer", "PP", (B1,)),
    Row("500 once", BLOCKING, FALLBACK, "answer", "PP", (B1,)),
    Row("500 once", STREAMING, ALONE, "answer", "PP", (B1,)),
    Row("500 once", STREAMING, FALLBACK, "answer", "PP", (B1,)),
    Row("503 for ever", BLOCKING, ALONE, "ServiceUnavailableError", "PPP", (B1, B2)),
    Row("503 for ever", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("503 for ever", STREAMING, ALONE, "ServiceUnavailableError", "PPP", (B1, B2)),
    Row("503 for ever", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("503 for ever, the fallback's too", BLOCKING, ALONE, "ServiceUnavailableError", "PPP", (B1, B2)),
    Row(
        "503 for ever, the fallback's too",
        BLOCKING,
        FALLBACK,
        "AllModelsFailedError",
        "PPPBBB",
        (B1, B2, 0, B1, B2),
    ),
    Row("503 for ever, the fallback's too", STREAMING, ALONE, "ServiceUnavailableError", "PPP", (B1, B2)),
    Row(
        "503 for ever, the fallback's too",
        STREAMING,
        FALLBACK,
        "AllModelsFailedError",
        "PPPBBB",
        (B1, B2, 0, B1, B2),
    ),
    Row("reset before the headers, once", BLOCKING, ALONE, "answer", "PP", (B1,)),
    Row("reset before the headers, once", BLOCKING, FALLBACK, "answer", "PP", (B1,)),
    Row("reset before the headers, once", STREAMING, ALONE, "answer", "PP", (B1,)),
    Row("reset before the headers, once", STREAMING, FALLBACK, "answer", "PP", (B1,)),
    Row("reset before the headers, for ever", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("reset before the headers, for ever", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("reset before the headers, for ever", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("reset before the headers, for ever", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("accepted, then silence", BLOCKING, ALONE, "APITimeoutError", "PPP", (S1, S2), ends=3),
    Row("accepted, then silence", BLOCKING, FALLBACK, "answer", "PB", (3,)),
    Row("accepted, then silence", STREAMING, ALONE, "APITimeoutError", "PPP", (S1, S2), ends=3),
    Row("accepted, then silence", STREAMING, FALLBACK, "answer", "PB", (3,)),
    Row("accepted, then silence until the call's deadline", BLOCKING, ALONE, "APITimeoutError", "P", ends=5),
    Row(
        "accepted, then silence until the call's deadline", BLOCKING, FALLBACK, "APITimeoutError", "P", ends=5
    ),
    Row("accepted, then silence until the call's deadline", STREAMING, ALONE, "APITimeoutError", "P", ends=5),
    Row(
        "accepted, then silence until the call's deadline",
        STREAMING,
        FALLBACK,
        "APITimeoutError",
        "P",
        ends=5,
    ),
    Row("headers, then silence", BLOCKING, ALONE, "APITimeoutError", "PPP", (S1, S2), ends=3),
    Row("headers, then silence", BLOCKING, FALLBACK, "answer", "PB", (3,)),
    Row("headers, then silence", STREAMING, ALONE, "APITimeoutError", "PPP", (S1, S2), ends=3),
    Row("headers, then silence", STREAMING, FALLBACK, "answer", "PB", (3,)),
    Row("cut before the first token", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("cut before the first token", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("cut before the first token", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("cut before the first token", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row(
        "cut before the first token, the fallback's too",
        BLOCKING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
    ),
    Row(
        "cut before the first token, the fallback's too",
        BLOCKING,
        FALLBACK,
        "AllModelsFailedError",
        "PPPBBB",
        (B1, B2, 0, B1, B2),
    ),
    Row(
        "cut before the first token, the fallback's too",
        STREAMING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
    ),
    Row(
        "cut before the first token, the fallback's too",
        STREAMING,
        FALLBACK,
        "AllModelsFailedError",
        "PPPBBB",
        (B1, B2, 0, B1, B2),
    ),
    Row("cut within the answer", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("cut within the answer", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("cut within the answer", STREAMING, ALONE, "APIConnectionError", "P", text=PARTIAL),
    Row("cut within the answer", STREAMING, FALLBACK, "APIConnectionError", "P", text=PARTIAL),
    Row(
        "cut within the answer, `resume`",
        STREAMING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
        text=PARTIAL,
    ),
    Row("cut within the answer, `resume`", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row(
        "cut within the answer, `resume` by prefill",
        STREAMING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
        text=PARTIAL,
    ),
    Row("cut within the answer, `resume` by prefill", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row(
        "cut within the answer, `resume`, prefill refused",
        STREAMING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
        text=PARTIAL,
    ),
    Row(
        "cut within the answer, `resume`, prefill refused",
        STREAMING,
        FALLBACK,
        "answer",
        "PPPBB",
        (B1, B2, 0, 0),
    ),
    Row(
        "cut within the answer, `resume`, the texts differ",
        STREAMING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
        text=PARTIAL,
    ),
    Row(
        "cut within the answer, `resume`, the texts differ",
        STREAMING,
        FALLBACK,
        "APIConnectionError",
        "PPPB",
        (B1, B2, 0),
        text=PARTIAL,
        told="PP",
    ),
    Row(
        "cut within the answer, `restart`",
        STREAMING,
        ALONE,
        "APIConnectionError",
        "PPP",
        (B1, B2),
        text=PARTIAL,
    ),
    Row("cut within the answer, `restart`", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("cut within the answer, `buffer`", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("cut within the answer, `buffer`", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("ended properly within the answer", BLOCKING, ALONE, "APIResponseValidationError", "P"),
    Row("ended properly within the answer", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("ended properly within the answer", STREAMING, ALONE, "IncompleteStreamError", "P", text=PARTIAL),
    Row("ended properly within the answer", STREAMING, FALLBACK, "IncompleteStreamError", "P", text=PARTIAL),
    Row("stalled within the answer", BLOCKING, ALONE, "APITimeoutError", "PPP", (S1, S2), ends=3),
    Row("stalled within the answer", BLOCKING, FALLBACK, "answer", "PB", (3,)),
    Row("stalled within the answer", STREAMING, ALONE, "APITimeoutError", "P", ends=3, text=PARTIAL),
    Row("stalled within the answer", STREAMING, FALLBACK, "APITimeoutError", "P", ends=3, text=PARTIAL),
    Row("a malformed event, or body", BLOCKING, ALONE, "APIResponseValidationError", "P"),
    Row("a malformed event, or body", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("a malformed event, or body", STREAMING, ALONE, "answer", "P", text=SKIPPED),
    Row("a malformed event, or body", STREAMING, FALLBACK, "answer", "P", text=SKIPPED),
    Row(
        "an error inside a 200, before the first token",
        BLOCKING,
        ALONE,
        "InternalServerError",
        "PPP",
        (B1, B2),
    ),
    Row("an error inside a 200, before the first token", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row(
        "an error inside a 200, before the first token",
        STREAMING,
        ALONE,
        "InternalServerError",
        "PPP",
        (B1, B2),
    ),
    Row("an error inside a 200, before the first token", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("an error inside a 200, within the answer", BLOCKING, ALONE, "InternalServerError", "PPP", (B1, B2)),
    Row("an error inside a 200, within the answer", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row(
        "an error inside a 200, within the answer", STREAMING, ALONE, "InternalServerError", "P", text=PARTIAL
    ),
    Row(
        "an error inside a 200, within the answer",
        STREAMING,
        FALLBACK,
        "InternalServerError",
        "P",
        text=PARTIAL,
    ),
    Row("an end without `[DONE]`", BLOCKING, ALONE, "answer", "P"),
    Row("an end without `[DONE]`", BLOCKING, FALLBACK, "answer", "P"),
    Row("an end without `[DONE]`", STREAMING, ALONE, "answer", "P"),
    Row("an end without `[DONE]`", STREAMING, FALLBACK, "answer", "P"),
    Row("context length", BLOCKING, ALONE, "ContextWindowExceededError", "P"),
    Row("context length", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("context length", STREAMING, ALONE, "ContextWindowExceededError", "P"),
    Row("context length", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("context length, `context_window_fallbacks`", BLOCKING, ALONE, "ContextWindowExceededError", "P"),
    Row("context length, `context_window_fallbacks`", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("context length, `context_window_fallbacks`", STREAMING, ALONE, "ContextWindowExceededError", "P"),
    Row("context length, `context_window_fallbacks`", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("content filter", BLOCKING, ALONE, "ContentPolicyViolationError", "P"),
    Row("content filter", BLOCKING, FALLBACK, "ContentPolicyViolationError", "P"),
    Row("content filter", STREAMING, ALONE, "ContentPolicyViolationError", "P"),
    Row("content filter", STREAMING, FALLBACK, "ContentPolicyViolationError", "P"),
    Row("content filter, `content_policy_fallbacks`", BLOCKING, ALONE, "ContentPolicyViolationError", "P"),
    Row("content filter, `content_policy_fallbacks`", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("content filter, `content_policy_fallbacks`", STREAMING, ALONE, "ContentPolicyViolationError", "P"),
    Row("content filter, `content_policy_fallbacks`", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("an answer that the content filter ends", BLOCKING, ALONE, "answer", "P"),
    Row("an answer that the content filter ends", BLOCKING, FALLBACK, "answer", "P"),
    Row("an answer that the content filter ends", STREAMING, ALONE, "answer", "P"),
    Row("an answer that the content filter ends", STREAMING, FALLBACK, "answer", "P"),
    Row("wrong key (401)", BLOCKING, ALONE, "AuthenticationError", "P"),
    Row("wrong key (401)", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("wrong key (401)", STREAMING, ALONE, "AuthenticationError", "P"),
    Row("wrong key (401)", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("no such model (404)", BLOCKING, ALONE, "NotFoundError", "P"),
    Row("no such model (404)", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("no such model (404)", STREAMING, ALONE, "NotFoundError", "P"),
    Row("no such model (404)", STREAMING, FALLBACK, "answer", "PB", (0,)),
    Row("a wrong request (400)", BLOCKING, ALONE, "BadRequestError", "P"),
    Row("a wrong request (400)", BLOCKING, FALLBACK, "BadRequestError", "P"),
    Row("a wrong request (400)", STREAMING, ALONE, "BadRequestError", "P"),
    Row("a wrong request (400)", STREAMING, FALLBACK, "BadRequestError", "P"),
    Row("a proxy's HTML page (502) once", BLOCKING, ALONE, "answer", "PP", (B1,)),
    Row("a proxy's HTML page (502) once", BLOCKING, FALLBACK, "answer", "PP", (B1,)),
    Row("a proxy's HTML page (502) once", STREAMING, ALONE, "answer", "PP", (B1,)),
    Row("a proxy's HTML page (502) once", STREAMING, FALLBACK, "answer", "PP", (B1,)),
    Row("a proxy's HTML page (502) for ever", BLOCKING, ALONE, "BadGatewayError", "PPP", (B1, B2)),
    Row("a proxy's HTML page (502) for ever", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("a proxy's HTML page (502) for ever", STREAMING, ALONE, "BadGatewayError", "PPP", (B1, B2)),
    Row("a proxy's HTML page (502) for ever", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("an HTML page under 200", BLOCKING, ALONE, "APIResponseValidationError", "P"),
    Row("an HTML page under 200", BLOCKING, FALLBACK, "answer", "PB", (0,)),
    Row("an HTML page under 200", STREAMING, ALONE, "IncompleteStreamError", "PPP", (B1, B2)),
    Row("an HTML page under 200", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row(
        "flapping: every other request fails (503)",
        BLOCKING,
        ALONE,
        "answer",
        "PPPPPPPP",
        (B1, 0, B1, 0, B1, 0, B1),
    ),
    Row(
        "flapping: every other request fails (503)",
        BLOCKING,
        FALLBACK,
        "answer",
        "PPPPPPPP",
        (B1, 0, B1, 0, B1, 0, B1),
    ),
    Row(
        "flapping: every other request fails (503)",
        STREAMING,
        ALONE,
        "answer",
        "PPPPPPPP",
        (B1, 0, B1, 0, B1, 0, B1),
    ),
    Row(
        "flapping: every other request fails (503)",
        STREAMING,
        FALLBACK,
        "answer",
        "PPPPPPPP",
        (B1, 0, B1, 0, B1, 0, B1),
    ),
    Row("connection refused", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("connection refused", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("connection refused", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("connection refused", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("unknown host name", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("unknown host name", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("unknown host name", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("unknown host name", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("no TLS where it should be", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("no TLS where it should be", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("no TLS where it should be", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("no TLS where it should be", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("a certificate that nobody vouches for", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("a certificate that nobody vouches for", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("a certificate that nobody vouches for", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("a certificate that nobody vouches for", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("a certificate that has expired", BLOCKING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("a certificate that has expired", BLOCKING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
    Row("a certificate that has expired", STREAMING, ALONE, "APIConnectionError", "PPP", (B1, B2)),
    Row("a certificate that has expired", STREAMING, FALLBACK, "answer", "PPPB", (B1, B2, 0)),
)

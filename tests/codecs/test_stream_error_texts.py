"""An error inside a stream, without a status of its own, gets the class that the same text has elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl.codecs.error_shapes import decode_stream_error
from aiocompl.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    RateLimitError,
    ServiceUnavailableError,
)


@pytest.mark.parametrize(
    ("body", "expected", "status"),
    [
        ({"error": "Rate limit reached"}, RateLimitError, 429),
        ({"error": "Too many tokens, please wait before trying again."}, RateLimitError, 429),
        ({"error": "too many tokens: total 9000, limit 8192"}, ContextWindowExceededError, 400),
        ({"error": {"message": "The model is overloaded"}}, ServiceUnavailableError, 503),
        ({"error": {"message": "Model too busy, try again"}}, ServiceUnavailableError, 503),
        ({"error": {"message": "Invalid API key"}}, AuthenticationError, 401),
        (
            {"error": {"message": "blocked by content filtering policy"}},
            ContentPolicyViolationError,
            400,
        ),
        (
            {
                "error": {
                    "code": 400,
                    "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                }
            },
            ContextWindowExceededError,
            400,
        ),
        ({"error": {"code": "429", "message": "slow down"}}, RateLimitError, 429),
        ({"error": {"code": "503", "message": "later"}}, ServiceUnavailableError, 503),
        ({"error": {"code": "400", "message": "no such field"}}, BadRequestError, 400),
        (
            {"error": {"code": "context_length_exceeded", "message": "rate limit"}},
            ContextWindowExceededError,
            400,
        ),
        (
            {"error": {"type": "server_error", "message": "the rate limit service broke"}},
            InternalServerError,
            500,
        ),
        ({"error": {"message": "It broke."}}, InternalServerError, 500),
    ],
)
def test_by_text(body: Any, expected: type[APIError], status: int) -> None:
    error = decode_stream_error(body, headers={}, provider="acme", model="m")
    assert type(error) is expected
    assert error.status_code == status

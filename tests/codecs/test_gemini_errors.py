"""Gemini's dialect: errors, and answers that nobody foresaw."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from gemini_help import KEY, REQUEST, codec, decode, play
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.wire.messages import HTTPResponse

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "candidates",
                    "content",
                    "parts",
                    "text",
                    "thought",
                    "thoughtSignature",
                    "functionCall",
                    "args",
                    "name",
                    "inlineData",
                    "mimeType",
                    "data",
                    "finishReason",
                    "index",
                    "groundingMetadata",
                    "groundingChunks",
                    "groundingSupports",
                    "segment",
                    "citationMetadata",
                    "citations",
                    "uri",
                    "logprobsResult",
                    "chosenCandidates",
                    "usageMetadata",
                    "promptTokenCount",
                    "createTime",
                    "promptFeedback",
                    "error",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(item=JSONS | st.binary(max_size=60))
def test_anything_is_decoded_or_our_error(item: Any) -> None:
    if isinstance(item, bytes):
        check(item)
    else:
        check(orjson.dumps(item))
        check(orjson.dumps({"candidates": [{"finishReason": "STOP", "content": {"parts": [item]}}]}))


def check(raw: bytes) -> None:
    for act in (
        lambda: decode(raw).to_dict(),
        lambda: play([b"data: " + raw + b"\n\n"]),
        lambda: play([raw]),
    ):
        with suppress(AiocomplError):
            act()
    failure = codec().decode_error(REQUEST, HTTPResponse(400, {}, raw))
    assert isinstance(failure, (APIStatusError, APITimeoutError))


def failed(
    status: int, message: str = "m", word: Any = "X", details: Any = (), headers: dict[str, str] | None = None
) -> APIError:
    error = {"code": status, "message": message, "status": word, "details": details}
    return codec().decode_error(REQUEST, HTTPResponse(status, headers or {}, orjson.dumps({"error": error})))


REASON = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}


@pytest.mark.parametrize(
    ("status", "text", "details", "kind"),
    [
        (400, "Invalid value", [], BadRequestError),
        (400, "No.", [REASON], AuthenticationError),
        (400, "API key not valid. Please pass a valid API key.", [], AuthenticationError),
        (
            400,
            "The input token count (5) exceeds the maximum number of tokens allowed (4).",
            [],
            ContextWindowExceededError,
        ),
        (
            400,
            "Unable to submit request because the input token count is 5 but",
            [],
            ContextWindowExceededError,
        ),
        (401, "Request had invalid credentials", [], AuthenticationError),
        (403, "API has not been used in project", [], PermissionDeniedError),
        (404, "models/x is not found", [], NotFoundError),
        (413, "Request payload size exceeds the limit", [], BadRequestError),
        (429, "Quota", [], RateLimitError),
        (499, "The operation was cancelled.", [], APITimeoutError),
        (500, "Internal", [], InternalServerError),
        (503, "Overloaded", [], ServiceUnavailableError),
        (504, "Deadline", [], APITimeoutError),
    ],
)
def test_classes_of_errors(status: int, text: str, details: list[Any], kind: type[APIError]) -> None:
    error = failed(status, text, details=details)
    assert type(error) is kind
    assert error.status_code == status
    assert text in error.message
    assert (error.provider, error.model, error.type) == ("gemini", "gemini-2.5-flash", "X")
    assert error.code == ("API_KEY_INVALID" if details else "X")


@pytest.mark.parametrize(
    ("details", "headers", "seconds"),
    [
        ([{"retryDelay": "34.5s"}], {}, 34.5),
        ([{"retryDelay": "34s"}], {"retry-after": "2"}, 2),
        ([{"retryDelay": "soon"}, {"retryDelay": 3}, "x"], {}, None),
        ("none", {}, None),
    ],
)
def test_how_long_to_wait(details: Any, headers: dict[str, str], seconds: float | None) -> None:
    error = failed(429, details=details, headers=headers)
    assert error.retry_after == seconds
    assert error.retryable


def test_a_quota_of_the_day_is_not_retried() -> None:
    assert not failed(
        429, details=[{"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}]
    ).retryable


def test_errors_in_other_shapes() -> None:
    made = codec()
    wrapped = orjson.dumps(
        [{"error": {"code": 429, "message": f"{KEY} is used up", "status": "RESOURCE_EXHAUSTED"}}]
    )
    error = made.decode_error(REQUEST, HTTPResponse(429, {}, wrapped))
    assert (type(error), error.code) == (RateLimitError, "RESOURCE_EXHAUSTED")
    assert KEY not in str(error)
    page = made.decode_error(REQUEST, HTTPResponse(502, {"content-type": "text/html"}, b"<html>"))
    assert page.status_code == 502

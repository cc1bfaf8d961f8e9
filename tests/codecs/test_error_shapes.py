"""Error bodies in every shape seen, made into the one tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.error_shapes import MESSAGE_HEAD, decode_error, decode_stream_error, redact
from aiocompl.codecs.error_words import CODE_ERRORS, FINAL_CODES, TYPE_STATUS
from aiocompl.errors import (
    APIError,
    APITimeoutError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ConflictError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    UnprocessableEntityError,
)
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def read(status: int, body: object = b"", **headers: str) -> APIError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return decode_error(HTTPResponse(status, names, raw), provider="openai", model="m", api_key="my-own-key")


def openai(message: str = "no", **fields: Any) -> JSON:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | fields
    }


# The table of OpenAI's (and Azure's) documentation: status, body -> class, and whether to ask again.
DOCUMENTED: list[tuple[int, JSON, type[APIError], bool]] = [
    (400, openai(code="context_length_exceeded"), ContextWindowExceededError, False),
    (400, openai("This model's maximum context length is 8192 tokens."), ContextWindowExceededError, False),
    (
        400,
        openai("Input tokens exceed the configured limit of 272000 tokens."),
        ContextWindowExceededError,
        False,
    ),
    (400, openai("Your input exceeds the context window of this model."), ContextWindowExceededError, False),
    (400, openai(code="string_above_max_length"), BadRequestError, False),
    (400, openai(code="unsupported_parameter", param="max_tokens"), BadRequestError, False),
    (400, openai(code="invalid_value"), BadRequestError, False),
    (400, openai(code="invalid_function_parameters"), BadRequestError, False),
    (400, openai(code="content_policy_violation"), ContentPolicyViolationError, False),
    (400, openai(code="cyber_policy_violation"), ContentPolicyViolationError, False),
    (400, openai(code="misalignment_policy_violation"), ContentPolicyViolationError, False),
    (400, openai(code="bio_policy"), ContentPolicyViolationError, False),
    (400, openai(code="content_filter"), ContentPolicyViolationError, False),
    (
        400,
        openai(
            "Invalid prompt: it was flagged as potentially violating our usage policy.", code="invalid_prompt"
        ),
        ContentPolicyViolationError,
        False,
    ),
    (
        400,
        openai("Your request was rejected as a result of our safety system."),
        ContentPolicyViolationError,
        False,
    ),
    (
        400,
        openai(code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
        ContentPolicyViolationError,
        False,
    ),
    (400, openai(inner_error={"code": "ResponsibleAIPolicyViolation"}), ContentPolicyViolationError, False),
    (
        400,
        openai("… triggering Azure OpenAI's content management policy."),
        ContentPolicyViolationError,
        False,
    ),
    (400, openai(code="OperationNotSupported"), BadRequestError, False),
    (401, openai(code="invalid_api_key"), AuthenticationError, False),
    (401, openai(code="invalid_organization"), AuthenticationError, False),
    (
        401,
        {"statusCode": 401, "message": "Access denied due to invalid subscription key"},
        AuthenticationError,
        False,
    ),
    (402, openai("Insufficient balance"), PermissionDeniedError, False),
    (403, openai(code="unsupported_country_region_territory"), PermissionDeniedError, False),
    (403, openai(code="model_not_found"), PermissionDeniedError, False),
    (404, openai(code="model_not_found"), NotFoundError, False),
    (404, openai(code="DeploymentNotFound"), NotFoundError, False),
    (404, {"error": {"code": "404", "message": "Resource not found"}}, NotFoundError, False),
    (408, openai(code="Timeout"), APITimeoutError, True),
    (409, openai(), ConflictError, True),
    (413, openai(), BadRequestError, False),
    (422, openai(), UnprocessableEntityError, False),
    (424, openai(), InternalServerError, True),
    (498, openai(), ServiceUnavailableError, True),
    (429, openai(type="requests", code="rate_limit_exceeded"), RateLimitError, True),
    (429, openai(type="tokens", code="rate_limit_exceeded"), RateLimitError, True),
    (429, openai(type="rate_limit_error", code="slow_down"), RateLimitError, True),
    (429, openai(code="RateLimitReached"), RateLimitError, True),
    (429, openai(code="NoCapacity"), RateLimitError, True),
    (429, openai(type="insufficient_quota", code="insufficient_quota"), RateLimitError, False),
    (429, openai(type="insufficient_quota"), RateLimitError, False),
    (429, openai(code="credit_balance_exhausted"), RateLimitError, False),
    (429, openai(code="billing_hard_limit_reached"), RateLimitError, False),
    (
        429,
        openai(
            "Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 3, Requested 4.",
            type="tokens",
            code="rate_limit_exceeded",
        ),
        RateLimitError,
        False,
    ),
    (500, openai(type="server_error"), InternalServerError, True),
    (500, openai(code="context_length_exceeded"), ContextWindowExceededError, False),  # the code says more
    (502, openai(), BadGatewayError, True),
    (
        503,
        openai(type="service_unavailable_error", code="server_is_overloaded"),
        ServiceUnavailableError,
        True,
    ),
    (503, openai(code="slow_down"), ServiceUnavailableError, True),
    (504, openai(), APITimeoutError, True),
    (529, openai(type="overloaded_error"), ServiceUnavailableError, True),
]


@pytest.mark.parametrize(("status", "body", "cls", "retryable"), DOCUMENTED)
def test_documented_errors(status: int, body: JSON, cls: type[APIError], *, retryable: bool) -> None:
    error = read(status, body)
    assert type(error) is cls
    assert error.retryable is retryable
    assert (error.status_code, error.body) == (status, body)
    assert (error.provider, error.model) == ("openai", "m")
    assert str(error).startswith(f"openai/m: status {status}: ")


@pytest.mark.parametrize(
    ("provider", "cls"), [("mistral", RateLimitError), ("deepseek", PermissionDeniedError)]
)
def test_what_a_402_is_depends_on_who_says_it(provider: str, cls: type[APIError]) -> None:
    error = decode_error(
        HTTPResponse(402, {}, b'{"message":"payment required"}'), provider=provider, model="m"
    )
    assert type(error) is cls
    assert not error.retryable


@pytest.mark.parametrize("code", CODE_ERRORS)
def test_a_code_may_stand_as_code_or_type(code: str) -> None:
    assert type(read(400, openai(code=code))) is CODE_ERRORS[code]
    assert type(read(400, openai(type=code))) is CODE_ERRORS[code]


@pytest.mark.parametrize("code", sorted(FINAL_CODES))
def test_no_waiting_mends_an_empty_purse(code: str) -> None:
    assert not read(429, openai(code=code)).retryable
    assert not read(429, openai(type=code), retry_after="1").retryable


@pytest.mark.parametrize(
    ("body", "said", "fields"),
    [
        (openai("no", code="c", param="p"), "no", ("c", "invalid_request_error", "p")),
        (openai("no", code=17, type=None, param=["a"]), "no", ("17", None, '["a"]')),
        ({"error": "no"}, "no", (None, None, None)),
        ({"error": "no", "code": "c"}, "no", ("c", None, None)),
        ({"message": "no"}, "no", (None, None, None)),
        ({"object": "error", "message": "no", "type": "t", "code": 3}, "no", ("3", "t", None)),
        ({"detail": "no"}, "no", (None, None, None)),
        ({"detail": [{"loc": ["body"]}]}, "(no message)", (None, None, None)),
        ({"msg": "no"}, "no", (None, None, None)),
        ([openai("no")], "no", (None, "invalid_request_error", None)),
        ({"error": {}}, "(no message)", (None, None, None)),
        ({"error": {"message": {"a": 1}}}, '{"a":1}', (None, None, None)),
    ],
)
def test_shapes(body: object, said: str, fields: tuple[str | None, ...]) -> None:
    error = read(400, body)
    assert error.message == f"status 400: {said}"
    assert (error.code, error.type, error.param) == fields
    assert error.body == body


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"", None),
        (b"null", None),
        (b"[]", []),
        (b"[[]]", [[]]),
        (b"3", 3),
        (b'"text"', "text"),
        (b"{}", {}),
        (b'{"a":1}', {"a": 1}),
        (b'{"error":null}', {"error": None}),
        (b"<html>Bad Gateway</html>", "<html>Bad Gateway</html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"<" + b"x" * 5000, "<" + "x" * (MESSAGE_HEAD - 1)),
    ],
)
def test_what_has_no_error_that_could_be_read(body: bytes, kept: object) -> None:
    error = read(502, body, content_type="text/html; charset=utf-8")
    assert type(error) is BadGatewayError
    assert error.body == kept
    assert error.message == (
        f"status 502: the answer has no error that could be read (text/html, {len(body)} bytes); "
        "see `body` for its head"
    )
    assert "no content type" in read(502, body).message


@pytest.mark.parametrize(
    ("headers", "retry_after"),
    [
        ({}, None),
        ({"retry_after": "20"}, 20.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "125"}, 0.125),
        ({"retry_after": "Sun, 06 Nov 1994 08:49:47 GMT", "date": DATE}, 10.0),
        ({"retry_after": "soon"}, None),
    ],
)
def test_headers_say_how_long_to_wait(headers: dict[str, str], retry_after: float | None) -> None:
    error = read(429, openai(), x_request_id="req_1", **headers)
    assert error.retry_after == retry_after
    assert error.request_id == "req_1"
    assert error.headers["x-request-id"] == "req_1"


@pytest.mark.parametrize(
    ("status", "told", "retryable"),
    [(400, "true", True), (503, "false", False), (503, "maybe", True), (400, "", False)],
)
def test_the_provider_may_say_whether_to_ask_again(status: int, told: str, *, retryable: bool) -> None:
    assert read(status, openai(), x_should_retry=told).retryable is retryable


# ---------------------------------------------------------------- inside streams


def inside(body: object) -> APIError:
    return decode_stream_error(body, headers={}, provider="openai", model="m", api_key=None)


@pytest.mark.parametrize(("word", "status"), TYPE_STATUS.items())
def test_code_and_type_say_which_status_it_would_have_been(word: str, status: int) -> None:
    assert inside(openai(code=word, type=None)).status_code == status
    assert inside(openai(type=word)).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (openai(code=429), 429),
        (openai(status=503), 503),
        (openai(status_code=400), 400),
        ({"error": {"message": "no"}, "status_code": 403}, 403),
        (openai(code=42, type="api_error"), 500),
        (openai(code=True, type=None), 500),
        (openai(type="a new one"), 500),
        ("no", 500),
        (None, 500),
    ],
)
def test_a_status_in_the_body_goes_first(body: object, status: int) -> None:
    assert inside(body).status_code == status


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Incorrect API key provided: sk-proj-abc123DEF.", "Incorrect API key provided: [key]"),
        ("key my-own-key, and my-own-key", "key [key], and [key]"),
        ("Authorization: Bearer abc.def", "Authorization: [key]"),
        ("gsk_abcdef123 xai-abcdef123 hf_abcdef123 r8_abcdef123", "[key] [key] [key] [key]"),
        ("sk-****cdef", "[key]"),
        ("a task-oriented risk-free desk-lamp", "a task-oriented risk-free desk-lamp"),
        ("nothing secret", "nothing secret"),
    ],
)
def test_keys_are_taken_out_of_messages(text: str, clean: str) -> None:
    assert redact(text, "my-own-key") == clean
    assert read(401, openai(text)).message == f"status 401: {clean}"


def test_a_key_at_the_cut_does_not_shine_through() -> None:
    text = "x" * (MESSAGE_HEAD - 3) + "my-own-key"
    assert "my-" not in redact(text, "my-own-key")
    assert len(redact("x" * 5000, None)) == MESSAGE_HEAD

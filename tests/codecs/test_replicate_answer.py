from __future__ import annotations

from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from native_driver import fault
from replicate_samples import CODEC, DRIVER, FAILED, STARTING, SUCCEEDED, URLS, event, prediction, reply

from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.request import ChatRequest

REQUEST = DRIVER.request()
BEGUN = prediction(STARTING)
OUTPUT = event("output", "Hello") + event("logs", "{") + event("output", " there") + event("output", "\n!")
DONE = event("done")
STREAM = BEGUN + OUTPUT + DONE + prediction(SUCCEEDED)


def streamed(*slices: bytes) -> Any:
    return stream_chunk_builder(DRIVER.decode_stream(slices))


def test_an_answer() -> None:
    whole = DRIVER.decode(SUCCEEDED)
    choice = whole.choices[0]
    assert (whole.id, whole.model, whole.created) == ("p1", "meta/meta-llama-3-8b-instruct", 1707756287)
    assert choice.message.content == "Hello there\n!"
    assert (choice.finish_reason, choice["native_finish_reason"]) == ("stop", "succeeded")
    assert whole.usage is not None
    assert (whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.usage.total_tokens) == (7, 3, 10)
    assert choice.message["provider_specific_fields"] == {
        "version": "hidden",
        "input": {"prompt": "Hi"},
        "logs": "",
        "urls": URLS,
        "metrics": SUCCEEDED["metrics"],
    }


@pytest.mark.parametrize(
    ("output", "content", "kept"),
    [
        ("one text", "one text", False),
        ([], "", False),
        (None, "", False),
        (["https://x/1.png"], "https://x/1.png", True),
        ({"transcription": "x"}, None, True),
        (["a", 1], None, True),
        (7, None, True),
    ],
)
def test_outputs(output: Any, content: str | None, kept: bool) -> None:
    body = {**SUCCEEDED, "output": output}
    message = DRIVER.decode(body).choices[0].message
    assert message.content == content
    assert ("output" in message["provider_specific_fields"]) == kept
    assert not kept or message["provider_specific_fields"]["output"] == output
    assert streamed(BEGUN + DONE + prediction(body)).choices[0].message == message


def test_what_may_be_absent() -> None:
    whole = DRIVER.decode({"id": "p", "status": "succeeded", "output": "x"})
    assert (whole.usage, whole.created, whole.model) == (None, 0, DRIVER.model)
    assert "provider_specific_fields" not in whole.choices[0].message
    half = DRIVER.decode({**SUCCEEDED, "metrics": {"output_token_count": 3}, "created_at": "yesterday"})
    assert half.usage is not None
    assert (half.usage.prompt_tokens, half.created) == (0, 0)


@pytest.mark.parametrize(
    ("params", "reason"),
    [({"max_tokens": 3}, "length"), ({"max_completion_tokens": 2}, "length"), ({"max_tokens": 4}, "stop")],
)
def test_an_answer_as_long_as_it_may_be_was_cut(params: dict[str, Any], reason: str) -> None:
    request = DRIVER.request(**params)
    assert CODEC.decode_response(request, reply(SUCCEEDED)).choices[0].finish_reason == reason


@pytest.mark.parametrize("body", [STARTING, {**STARTING, "status": "queued"}, [], b"", {}, {"output": "x"}])
def test_no_finished_prediction(body: Any) -> None:
    with pytest.raises(APIResponseValidationError):
        DRIVER.decode(body)


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("text", "cls", "retryable"),
    [
        ("Your input is too long. Max input length is 4096 tokens", ContextWindowExceededError, False),
        ("This model's maximum context is 4096", ContextWindowExceededError, False),
        ("exceeds the context length", ContextWindowExceededError, False),
        ("prompt is too long: 9 tokens", ContextWindowExceededError, False),
        ("NSFW content detected. Try running it again", ContentPolicyViolationError, False),
        ("The input or output was flagged as sensitive. (E005)", ContentPolicyViolationError, False),
        ("stopped by moderation", ContentPolicyViolationError, False),
        ("CUDA out of memory. Tried to allocate 20 MiB", InternalServerError, True),
        ("Prediction interrupted; please retry (code: PA)", InternalServerError, True),
        ("Director: unexpected error handling prediction (E6716)", InternalServerError, True),
        ("Queue is full. (E004)", ServiceUnavailableError, True),
        ("'int' object is not iterable", BadRequestError, False),
        (None, BadRequestError, False),
    ],
)
def test_failed_predictions(text: str | None, cls: type[APIError], retryable: bool) -> None:
    body = {**FAILED, "error": text}
    error = fault(lambda: CODEC.decode_response(REQUEST, reply(body, x_request_id="r")))
    assert isinstance(error, APIStatusError)
    assert type(error) is cls
    assert error.retryable is retryable
    assert (text or "(no message)") in str(error)
    assert error.body == body
    later = fault(
        lambda: DRIVER.decode_stream([BEGUN + event("done", '{"reason":"error"}') + prediction(body)])
    )
    inside = fault(
        lambda: DRIVER.decode_stream([BEGUN + event("error", orjson.dumps({"detail": text}).decode())])
    )
    assert type(later) is type(inside) is cls
    assert str(later) == str(inside) == str(error)


def test_cancelled_by_somebody_else() -> None:
    body = {**STARTING, "status": "canceled"}
    for act in (
        lambda: DRIVER.decode(body),
        lambda: DRIVER.decode_stream([BEGUN + event("done", '{"reason":"canceled"}') + prediction(body)]),
        lambda: DRIVER.decode_stream([BEGUN + event("done", '{"reason":"canceled"}')]),
    ):
        error = fault(act)
        assert type(error) is APIStatusError
        assert (error.status_code, error.retryable) == (499, False)


def test_cancelled_by_its_deadline() -> None:
    request = attrs.evolve(REQUEST, extra_headers={"Cancel-After": "30s"})
    with pytest.raises(APITimeoutError, match="its deadline passed"):
        CODEC.decode_response(request, reply({**STARTING, "status": "canceled"}))
    with pytest.raises(APITimeoutError, match="was aborted"):
        DRIVER.decode({**STARTING, "status": "aborted"})


@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (400, {"title": "Bad request", "detail": "no"}, BadRequestError),
        (
            401,
            {"title": "Unauthenticated", "detail": "You did not pass a token", "status": 401},
            AuthenticationError,
        ),
        (402, {"title": "Insufficient credit", "detail": "Go to billing"}, PermissionDeniedError),
        (403, {"detail": "no access"}, PermissionDeniedError),
        (404, {"detail": "The requested resource could not be found."}, NotFoundError),
        (413, {"detail": "too large"}, BadRequestError),
        (422, {"title": "Input validation failed", "detail": "- input.prompt: required"}, BadRequestError),
        (422, {"detail": "The input is too long"}, ContextWindowExceededError),
        (
            422,
            {"title": "Invalid version or not permitted", "detail": "Invalid version or not permitted"},
            NotFoundError,
        ),
        (429, {"detail": "Request was throttled. Expected available in 7 seconds."}, RateLimitError),
        (500, {"detail": "oops"}, InternalServerError),
        (503, b"<html>", ServiceUnavailableError),
    ],
)
def test_errors(status: int, body: Any, cls: type[APIError]) -> None:
    error = CODEC.decode_error(REQUEST, reply(body, status))
    assert type(error) is cls
    assert error.status_code == status
    if isinstance(body, dict):
        assert body["detail"] in str(error)
        assert error.type == body.get("title")


def test_what_an_error_says_besides() -> None:
    throttled = {"detail": "Request was throttled. Expected available in 7 seconds."}
    assert CODEC.decode_error(REQUEST, reply(throttled, 429)).retry_after == 7
    assert CODEC.decode_error(REQUEST, reply(throttled, 429, **{"retry-after": "3"})).retry_after == 3
    invalid = {"detail": "no", "invalid_fields": [{"field": "input.top_k", "type": "x"}]}
    assert CODEC.decode_error(REQUEST, reply(invalid, 422)).param == "input.top_k"
    odds: tuple[Any, ...] = ([], ["x"], [{}], 7)
    for odd in odds:
        assert CODEC.decode_error(REQUEST, reply({"detail": "no", "invalid_fields": odd}, 422)).param is None


@pytest.mark.parametrize(
    ("model", "hinted"),
    [("me/mine", True), ("me/mine:v", False), ("02e509", False), ("deployments/me/mine", False)],
)
def test_a_model_that_is_not_official_needs_a_version(model: str, hinted: bool) -> None:
    error = CODEC.decode_error(ChatRequest(model, []), reply({"detail": "not found"}, 404))
    assert ("replicate/<owner>/<name>:<version>" in str(error)) == hinted


# ---------------------------------------------------------------- streams


def test_a_stream_is_the_answer() -> None:
    chunks = DRIVER.decode_stream([STREAM])
    assert [chunk.choices[0].delta.content for chunk in chunks if chunk.choices] == [
        "Hello",
        " there",
        "\n!",
        None,
    ]
    assert {(chunk.id, chunk.created, chunk.model) for chunk in chunks} == {
        ("p1", 1707756287, "meta/meta-llama-3-8b-instruct")
    }
    assert stream_chunk_builder(chunks).to_dict() == DRIVER.decode(SUCCEEDED).to_dict()


@pytest.mark.parametrize("text", [" two  spaces ", "\n", "\n\n", "a\n b\n", "", "data: x", "🙂\u2028"])
def test_text_comes_as_it_stands(text: str) -> None:
    assert streamed(event("output", text) + DONE).choices[0].message.content == text


def test_a_finished_prediction_is_a_stream_of_one() -> None:
    assert streamed(prediction(SUCCEEDED)).to_dict() == DRIVER.decode(SUCCEEDED).to_dict()


def test_a_stream_whose_prediction_is_not_to_be_had() -> None:
    for end in (b"", prediction(STARTING)):
        whole = streamed(BEGUN + OUTPUT + DONE + end)
        assert whole.choices[0].message.content == "Hello there\n!"
        assert (whole.choices[0].finish_reason, whole.usage) == ("stop", None)


def test_the_raw_stream_alone() -> None:
    chunks = DRIVER.decode_stream([OUTPUT + event("done", "") + prediction(SUCCEEDED)])
    assert {chunk.id for chunk in chunks} == {""}
    assert stream_chunk_builder(chunks).choices[0].message.content == "Hello there\n!"


@pytest.mark.parametrize("cut", [b"", BEGUN, BEGUN + OUTPUT, BEGUN + OUTPUT + DONE[:-1]])
def test_a_stream_without_done_is_no_answer(cut: bytes) -> None:
    with pytest.raises(IncompleteStreamError):
        DRIVER.decode_stream([cut])


@pytest.mark.parametrize(
    "bad",
    [
        b"event: output\ndata: \xff\n\n",
        event("done", "{"),
        event("done", "[]"),
        event("prediction", "no"),
        event("prediction", '{"id": 1}'),
        event("prediction", '{"id": "p", "status": []}'),
    ],
)
def test_malformed_events(bad: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        DRIVER.decode_stream([BEGUN + bad])


def test_errors_in_a_stream_that_are_no_object() -> None:
    for data, text in (("out of order", "out of order"), ("[1]", "(no message)"), ("", "(no message)")):
        with pytest.raises(BadRequestError) as caught:
            DRIVER.decode_stream([event("error", data)])
        assert text in str(caught.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PREDICTIONS = st.fixed_dictionaries(
    {"status": st.sampled_from(["succeeded", "failed", "canceled", "aborted", "starting"])},
    optional=dict.fromkeys(
        ("id", "model", "output", "error", "metrics", "created_at", "urls", "input", "logs"), ANYTHING
    ),
)


@given(body=PREDICTIONS)
def test_any_prediction_is_decoded_or_our_error(body: dict[str, Any]) -> None:
    error = fault(lambda: DRIVER.decode(body).to_dict())
    assert error is None or isinstance(error, APIError)
    in_stream = fault(lambda: streamed(prediction(body)).to_dict())
    assert in_stream is None or isinstance(in_stream, APIError)

"""The results of providers' batches: answers and errors, however the download is cut."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from operation_case import KEY, TEXT
from test_batches import ANSWER, LOOK, MESSAGE, MESSAGES, batches, claude, outcome

from aiocompl.codecs.batches.common import CANCELLED, EXPIRED, NO_RESULT
from aiocompl.errors import (
    AiocomplError,
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    BadRequestError,
    RateLimitError,
)
from aiocompl.types.batches import BatchLine
from aiocompl.types.request import (
    BatchCreate,
    BatchDownload,
    BatchList,
    BatchUpload,
    ChatRequest,
)

if TYPE_CHECKING:
    from aiocompl.codecs.batches.common import Batches
    from aiocompl.types.request import Request


def test_openais_answers() -> None:
    response = {"status_code": 200, "request_id": "req_1", "body": ANSWER}
    answer = outcome(batches(), response=response, error=None)
    assert answer.choices[0].message.content == "yes"
    assert answer.usage.total_tokens == 2
    assert (answer.call.provider, answer.call.request_id) == ("openai", "req_1")


def test_openais_errors() -> None:
    body = {"error": {"message": f"Slow down, {KEY}", "code": "rate_limit_exceeded"}}
    error = outcome(batches(), response={"status_code": 429, "request_id": "req_1", "body": body}, error=None)
    assert isinstance(error, RateLimitError)
    assert (error.code, error.request_id) == ("rate_limit_exceeded", "req_1")
    assert KEY not in str(error)
    expired = outcome(batches(), response=None, error={"code": EXPIRED, "message": "Too late."})
    assert isinstance(expired, APITimeoutError)
    assert (expired.code, expired.message, expired.retryable) == (EXPIRED, "Too late.", True)
    cancelled = outcome(batches(), response=None, error={"code": CANCELLED})
    assert (type(cancelled), cancelled.retryable) == (APIError, False)
    odd = outcome(batches(), response=None, error={"message": "Odd."})
    assert (odd.code, odd.message) == ("batch_error", "Odd.")


def test_anthropics_answers_and_errors() -> None:
    operation = claude()
    answer = outcome(operation, result={"type": "succeeded", "message": MESSAGE})
    assert answer.choices[0].message.content == "yes"
    assert answer.call.provider == "anthropic"
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}, "request_id": "r1"}
    error = outcome(operation, result={"type": "errored", "error": body})
    assert isinstance(error, BadRequestError)
    assert error.request_id == "r1"
    assert outcome(operation, result={"type": "expired"}).code == EXPIRED
    assert outcome(operation, result={"type": "canceled"}).code == CANCELLED


def test_a_result_that_is_missing() -> None:
    error = batches().undone(NO_RESULT, "m")
    assert isinstance(error, APIConnectionError)
    assert (error.code, error.retryable, error.model) == (NO_RESULT, True, "m")


def test_answers_to_functions_come_back_as_asked() -> None:
    operation = claude()
    request = ChatRequest("m", MESSAGES, {"tools": []}, legacy=True)
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}
    result = {"type": "succeeded", "message": {**MESSAGE, "content": [use], "stop_reason": "tool_use"}}
    answer: Any = operation.decode_line(BatchLine(custom_id="m1-1", data={"result": result}), request)
    assert answer.choices[0].message.function_call.name == "f"


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        (batches(), {"response": {"status_code": 200, "body": {"choices": 3}}}),
        (batches(), {"response": {"status_code": "x", "body": {}}}),
        (batches(), {"response": {}}),
        (batches(), {"response": 7}),
        (batches(), {}),
        (claude(), {"result": {"type": "succeeded", "message": {}}}),
        (claude(), {"result": {"type": "unheard of"}}),
        (claude(), {"result": 7}),
        (claude(), {}),
    ],
)
def test_a_malformed_result_is_the_error_of_its_request(operation: Batches, data: dict[str, Any]) -> None:
    assert isinstance(outcome(operation, **data), APIResponseValidationError)


json = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("operation", [batches(), claude()])
@given(response=json, error=json, result=json)
def test_any_result_is_an_answer_or_an_error(
    operation: Batches, response: Any, error: Any, result: Any
) -> None:
    given = outcome(operation, response=response, error=error, result=result)
    assert isinstance(given, AiocomplError)
    assert TEXT not in str(given)


LINES = b'{"custom_id":"m1-2","x":"\xc3\xa9"}\n{"custom_id":"m1-1"}\r\n\n{"custom_id":"m1-3"}'


@given(cuts=st.sets(st.integers(1, len(LINES) - 1)))
def test_downloads_are_cut_into_results_however_they_come(cuts: set[int]) -> None:
    operation, request = batches(), BatchDownload(model="m", id="f")
    frames, decoder = operation.frame_decoder(), operation.stream_decoder(request)
    lines: list[BatchLine] = []
    edges = [0, *sorted(cuts), len(LINES)]
    for start, end in pairwise(edges):
        decoder.feed(frames.feed(LINES[start:end]), lines)
    decoder.feed(frames.end(), lines)
    assert not decoder.finished
    decoder.end(lines)
    assert decoder.finished
    assert [line.custom_id for line in lines] == ["m1-2", "m1-1", "m1-3"]
    assert lines[0].data["x"] == "é"


@pytest.mark.parametrize("line", [b"{", b"[]", b"7", b"{}", b'{"custom_id":""}', b'{"custom_id":3}', b"\xff"])
def test_a_download_that_holds_no_results(line: bytes) -> None:
    request = BatchDownload(model="m", id="f")
    decoder = batches().stream_decoder(request)
    lines: list[BatchLine] = []
    with pytest.raises(APIResponseValidationError):
        decoder.feed([("message", b'{"custom_id":"m1-1"}'), ("message", line)], lines)
    assert [each.custom_id for each in lines] == ["m1-1"]


def test_what_a_hook_is_told() -> None:
    requests: list[Request] = [
        BatchUpload(model="m", lines=[b"{}"], name="n"),
        BatchCreate(model="m", mark="m1", lines=[b"{}"]),
        LOOK,
        BatchList(model="m"),
        BatchDownload(model="m", id="f"),
    ]
    assert [request.asked() for request in requests] == [
        {"requests": 1},
        {"mark": "m1", "requests": 1},
        {"batch": "b/1"},
        {},
        {"results": "f"},
    ]
    assert [request.stream for request in requests] == [False, False, False, False, True]

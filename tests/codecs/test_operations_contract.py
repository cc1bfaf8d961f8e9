"""What every operation beside chat promises, whatever its dialect. A new one adds a case, and no test code."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from contract_case import FOR_EACH
from hypothesis import given
from hypothesis import strategies as st
from operation_case import KEY, TEXT, Case
from operation_cases_models import MODELS
from operation_cases_rerank import MODERATIONS, RERANK_ROWS, RERANKS

from aiocompl.codecs.base import Signer
from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
)
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiocompl.types.request import Request

DIALECTS: list[Case] = [*RERANKS, *MODERATIONS, *MODELS]
CASES: list[Case] = [*DIALECTS, *RERANK_ROWS]

each = pytest.mark.parametrize("case", CASES, ids=str)
each_dialect = pytest.mark.parametrize("case", DIALECTS, ids=str)


def response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    return HTTPResponse(status, headers or {}, body)


def decoded(case: Case, body: bytes, status: int = 200) -> Any:
    """The answer, or the error that it is."""
    try:
        return case.bound().decode_response(case.request, response(body, status))
    except AiocomplError as error:
        return error


def attrs_of(request: Request) -> dict[str, Any]:
    """Every field of a request."""
    return {
        name: getattr(request, name) for name in dir(request) if not name.startswith("_") and name != "asked"
    }


def shown(error: AiocomplError) -> str:
    """All that a log line would have of an error, but for the body that it keeps apart."""
    return f"{error} {error!r} {error.args}"


# ---------------------------------------------------------------- encoding


@each
def test_the_request_is_as_documented(case: Case) -> None:
    http = case.bound().encode_request(case.request)
    body = orjson.loads(http.body) if http.body else None
    assert (http.method, http.url, body) == case.sent
    assert KEY in " ".join(http.headers.values())
    assert KEY not in http.url


@each
def test_encoding_changes_nothing_and_is_repeatable(case: Case) -> None:
    operation = case.bound()
    request = deepcopy(case.request)
    request.extra_headers, request.extra_query = {"x-mine": "1"}, {"mine": "1"}
    request.extra_body = {"mine": {"a": 1}}
    before = repr(attrs_of(request))
    first = operation.encode_request(request)
    assert operation.encode_request(request) == first == case.bound().encode_request(request)
    assert repr(attrs_of(request)) == before
    assert first.headers["x-mine"] == "1"
    assert first.url.endswith(("?mine=1", "&mine=1"))
    assert not first.body or orjson.loads(first.body)["mine"] == {"a": 1}


@each
def test_requests_share_their_headers(case: Case) -> None:
    operation = case.bound()
    assert operation.encode_request(case.request).headers is operation.headers


@each
def test_only_those_sign_whose_chat_does(case: Case) -> None:
    operation = case.bound()
    assert isinstance(operation, Signer)
    assert not operation.signs  # there is an API key
    http = operation.encode_request(case.request)
    assert operation.sign(http, 0.0) is http


# ---------------------------------------------------------------- answers


@each
def test_the_answer_is_read_with_nothing_lost(case: Case) -> None:
    answer = decoded(case, orjson.dumps(case.answer))
    assert answer.model_dump(exclude_none=True) == case.means
    assert "'unforeseen': 1" in str(case.means)
    assert type(answer).model_validate(answer.model_dump()) == answer


@each_dialect
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]x",
        b"{}",
        b'"text"',
        b"7",
        b"<html>",
        b"\xff",
        b'{"data": 3, "results": 3, "models": 3}',
    ],
)
def test_what_is_no_answer_is_our_error(case: Case, body: bytes) -> None:
    error = decoded(case, body)
    assert isinstance(error, APIResponseValidationError)
    assert error.status_code == 200
    assert error.provider == case.model.partition("/")[0]


@each_dialect
@pytest.mark.parametrize("message", [f"Sorry, {KEY}", ""])
def test_an_error_in_a_good_answer_is_an_error(case: Case, message: str) -> None:
    body = orjson.dumps({"error": {"message": message or "no", "code": "server_error"}})
    error = decoded(case, body)
    assert isinstance(error, APIStatusError)
    assert KEY not in shown(error)


@each_dialect
@FOR_EACH
@given(body=st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_our_error(case: Case, body: bytes) -> None:
    assert decoded(case, body) is not None


@each_dialect
@FOR_EACH
@given(data=st.data())
def test_any_change_of_a_good_answer_is_an_answer_or_our_error(case: Case, data: st.DataObject) -> None:
    body = deepcopy(case.answer)
    places = list(_places(body))
    holder, key = data.draw(st.sampled_from(places))
    holder[key] = data.draw(ODD)
    answer = decoded(case, orjson.dumps(body))
    if isinstance(answer, AiocomplError):
        assert isinstance(answer, APIError)
        assert KEY not in shown(answer)
        assert TEXT not in shown(answer)
    else:
        assert orjson.loads(answer.model_dump_json()) == answer.model_dump()


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**53) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=4,
)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in parsed JSON at which there is a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _places(inner)


# ---------------------------------------------------------------- errors


STATUSES = (300, 400, 401, 403, 404, 408, 409, 422, 429, 498, 500, 501, 503, 504, 529, 599)
ERRORS = (
    b"",
    b"null",
    b"<html>",
    b"\xff\xfe",
    b'{"error": []}',
    b'[{"error": {"message": 3}}]',
    orjson.dumps({"error": {"message": f"Incorrect API key: {KEY}"}}),
    orjson.dumps({"message": f"Incorrect API key: {KEY}"}),
    orjson.dumps({"errors": [{"code": 7003, "message": f"Incorrect API key: {KEY}"}]}),
)


@each_dialect
def test_any_error_is_read(case: Case) -> None:
    for status, body in product(STATUSES, ERRORS):
        error = case.bound().decode_error(case.request, response(body, status, {"x-request-id": "r1"}))
        assert isinstance(error, APIStatusError | APITimeoutError)
        assert error.status_code == status
        assert KEY not in shown(error)


@each_dialect
@FOR_EACH
@given(body=st.binary(max_size=200), status=st.integers(300, 599))
def test_errors_are_total(case: Case, body: bytes, status: int) -> None:
    error = case.bound().decode_error(case.request, response(body, status))
    assert isinstance(error, APIStatusError | APITimeoutError)

"""What the embeddings of every dialect promise. A new dialect adds a row to `contract_embeddings`, and no test code."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from contract_case import FOR_EACH, KEY
from contract_embeddings import EMBEDDING_DIALECTS, VECTORS, EmbeddingDialect
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    UnsupportedParamsError,
)
from aiocompl.types.embedding import unpacked
from aiocompl.types.operation_params import OPERATION_PARAMS
from aiocompl.types.params import CALL_OPTIONS
from aiocompl.types.request import EmbeddingRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aiocompl.types.embedding import EmbeddingResponse

each_dialect = pytest.mark.parametrize("dialect", EMBEDDING_DIALECTS, ids=lambda dialect: dialect.model)
OURS = OPERATION_PARAMS["embeddings"]


def decode(dialect: EmbeddingDialect, body: bytes, **params: Any) -> EmbeddingResponse:
    return dialect.make().decode_response(dialect.request(**params), HTTPResponse(200, dialect.headers, body))


def fault(act: Callable[[], object]) -> APIError | None:
    try:
        act()
    except APIError as error:
        return error
    return None


# ---------------------------------------------------------------- encoding


@each_dialect
def test_a_request_goes_where_and_as_the_provider_wants_it(dialect: EmbeddingDialect) -> None:
    sent = dialect.make().encode_request(dialect.request())
    assert sent.method == "POST"
    assert sent.url == dialect.url
    assert orjson.loads(sent.body) == dialect.sent


@each_dialect
def test_encoding_changes_nothing_and_is_repeatable(dialect: EmbeddingDialect) -> None:
    codec = dialect.make()
    params = {"dimensions": 2, "encoding_format": "base64"}
    request = EmbeddingRequest(
        model=dialect.route().model,
        input=list(dialect.texts),
        params={name: value for name, value in params.items() if name not in codec.unsupported_params},
        extra_headers={"x-mine": "1"},
        extra_query={"mine": "1"},
        extra_body={"mine": {"a": 1}},
    )
    before = deepcopy(attrs.asdict(request))
    first = codec.encode_request(request)
    assert codec.encode_request(request) == first == dialect.make().encode_request(request)
    assert attrs.asdict(request) == before
    assert first.url.endswith(("?mine=1", "&mine=1"))
    assert first.headers["x-mine"] == "1"
    assert orjson.loads(first.body)["mine"] == {"a": 1}


@each_dialect
def test_requests_share_headers(dialect: EmbeddingDialect) -> None:
    codec = dialect.make()
    first, second = codec.encode_request(dialect.request()), codec.encode_request(dialect.request())
    assert first.headers is second.headers is codec.headers


@each_dialect
def test_the_key_goes_into_a_header_and_nowhere_else(dialect: EmbeddingDialect) -> None:
    codec = dialect.make()
    sent = codec.encode_request(dialect.request())
    assert any(KEY in value for value in sent.headers.values())
    assert KEY not in sent.url
    assert KEY.encode() not in sent.body
    assert KEY not in repr(codec) + repr(sent)


@each_dialect
@pytest.mark.parametrize("value", [object(), b"bytes", {1: "a"}, "\ud800", 1 << 70])
def test_what_is_no_json_is_a_bad_request(dialect: EmbeddingDialect, value: object) -> None:
    request = attrs.evolve(dialect.request(), extra_body={"mine": value})
    with pytest.raises(BadRequestError, match="cannot be written as JSON"):
        dialect.make().encode_request(request)


@each_dialect
def test_parameters_are_of_one_kind(dialect: EmbeddingDialect) -> None:
    codec = dialect.make()
    assert codec.unsupported_params <= OURS - {"encoding_format"}
    assert codec.native_params.isdisjoint(OURS | CALL_OPTIONS)
    assert codec.max_inputs(dialect.route().model) >= len(dialect.texts)


@each_dialect
def test_the_length_of_vectors_is_asked_for_or_refused(dialect: EmbeddingDialect) -> None:
    codec = dialect.make()
    if "dimensions" in codec.unsupported_params:
        return
    sent = codec.encode_request(dialect.request(dimensions=77))
    assert b":77" in sent.body


@each_dialect
def test_a_strange_format_is_refused(dialect: EmbeddingDialect) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        dialect.make().encode_request(dialect.request(encoding_format="hex"))
    assert caught.value.param == "encoding_format"


@each_dialect
def test_token_numbers_are_sent_or_refused(dialect: EmbeddingDialect) -> None:
    request = attrs.evolve(dialect.request(), input=[[1, 2]])
    error = fault(lambda: dialect.make().encode_request(request))
    if error is not None:
        assert isinstance(error, UnsupportedParamsError)
        assert error.param == "input"
    else:
        assert orjson.loads(dialect.make().encode_request(request).body)["input"] == [[1, 2]]


# ---------------------------------------------------------------- answers


@each_dialect
def test_an_answer_is_decoded_and_loses_nothing(dialect: EmbeddingDialect) -> None:
    answer = decode(dialect, dialect.body())
    assert [item.embedding for item in answer.data] == VECTORS[: len(dialect.texts)]
    assert [item.index for item in answer.data] == list(range(len(dialect.texts)))
    assert answer.model
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (3, 3)
    assert dialect.unforeseen(answer.to_dict()) == 1


@each_dialect
def test_vectors_come_as_text_where_that_is_asked_for(dialect: EmbeddingDialect) -> None:
    answer = decode(dialect, dialect.body(), encoding_format="base64")
    texts = [item.embedding for item in answer.data]
    assert [unpacked(text) for text in texts if isinstance(text, str)] == VECTORS[: len(dialect.texts)]


@each_dialect
def test_an_answer_cut_anywhere_is_our_error(dialect: EmbeddingDialect) -> None:
    for at in range(len(dialect.body())):
        with pytest.raises(APIResponseValidationError) as caught:
            decode(dialect, dialect.body()[:at])
        assert caught.value.status_code == 200


@each_dialect
def test_an_error_in_spite_of_its_status(dialect: EmbeddingDialect) -> None:
    with pytest.raises(APIStatusError, match=r"Incorrect API key: \[key\]"):
        decode(dialect, orjson.dumps(dialect.error))


NAMES = [
    "data",
    "embedding",
    "embeddings",
    "values",
    "index",
    "usage",
    "error",
    "message",
    "float",
    "predictions",
    "results",
    "usageMetadata",
    "statistics",
    "token_count",
    "meta",
    "code",
]
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4)
JSONS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES) | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary(max_size=60) | JSONS.map(orjson.dumps)


@each_dialect
@FOR_EACH
@given(body=BODIES)
def test_any_answer_is_decoded_or_our_error(dialect: EmbeddingDialect, body: bytes) -> None:
    error = fault(lambda: decode(dialect, body).to_dict())
    assert error is None or error.model == dialect.route().model


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a parsed body: what holds it, and its key there."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in keys:
        yield value, key
        yield from places(inner)


@each_dialect
@FOR_EACH
@given(data=st.data())
def test_a_good_answer_with_one_value_changed_is_decoded_or_our_error(
    dialect: EmbeddingDialect, data: st.DataObject
) -> None:
    body = deepcopy(dialect.answer)
    holder, key = data.draw(st.sampled_from(list(places(body))))
    holder[key] = data.draw(JSONS)
    answers: list[EmbeddingResponse] = []
    error = fault(lambda: answers.append(decode(dialect, orjson.dumps(body))))
    assert error is None or error.model == dialect.route().model
    for answer in answers:
        assert len(answer.data) == len(dialect.texts)
        for item in answer.data:
            assert item.embedding
            assert all(isinstance(number, (int, float)) for number in item.embedding)
        assert answer.to_dict()


# ---------------------------------------------------------------- errors


HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "x-should-retry", "x-amzn-errortype", "content-type"]),
    st.text(max_size=8),
)


@each_dialect
@FOR_EACH
@given(status=st.integers(min_value=1), body=BODIES, headers=HEADERS)
def test_any_error_is_decoded(
    dialect: EmbeddingDialect, status: int, body: bytes, headers: dict[str, str]
) -> None:
    error = dialect.make().decode_error(dialect.request(), HTTPResponse(status, headers, body))
    assert isinstance(error, (APIStatusError, APITimeoutError))
    assert error.status_code == status
    assert error.model == dialect.route().model
    assert repr(error)


@each_dialect
@FOR_EACH
@given(before=st.text(max_size=1200), after=st.text())
def test_no_message_holds_a_key(dialect: EmbeddingDialect, before: str, after: str) -> None:
    text = orjson.dumps(f"{before}{KEY}{after}")[1:-1]
    body = orjson.dumps(dialect.error).replace(f"Incorrect API key: {KEY}".encode(), text)
    error = dialect.make().decode_error(dialect.request(), HTTPResponse(401, {}, body))
    assert KEY not in str(error) + repr(error)

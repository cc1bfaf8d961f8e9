"""What every codec promises, whatever its dialect. A new dialect adds a row to `contract_dialects`, and no test code.

The contract stands in `aiocompl.codecs.base` and in the design: encoding changes nothing and is repeatable, errors are
decoded whatever they are, streams do not depend on where the bytes were cut, and nothing a provider sends is lost.
"""

from __future__ import annotations

from copy import deepcopy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest
from contract_case import FOR_EACH, KEY, Dialect
from contract_dialects import DIALECTS
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import (
    AiocomplError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    IncompleteStreamError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiocompl.codecs.base import Codec
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.model import JSON


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.name)
def dialect(request: pytest.FixtureRequest) -> Dialect:
    found: Dialect = request.param
    return found


each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

MESSAGES: list[JSON] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
]
REQUEST = ChatRequest("m", MESSAGES, {"temperature": 0.5, "max_tokens": 9})
STREAMED = ChatRequest("m", MESSAGES, {"max_completion_tokens": 9}, stream=True)


def response(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    return HTTPResponse(status, headers or {}, body)


def play(codec: Codec, slices: list[bytes], into: list[ChatCompletionChunk]) -> None:
    frames, decoder = codec.frame_decoder(), codec.stream_decoder(STREAMED)
    for data in slices:
        decoder.feed(frames.feed(data), into)
    decoder.feed(frames.end(), into)
    decoder.end(into)
    assert decoder.finished


def outcome(codec: Codec, slices: list[bytes]) -> tuple[list[JSON], str | None]:
    """The chunks of a stream, and the error it ended with."""
    chunks: list[ChatCompletionChunk] = []
    error = None
    try:
        play(codec, slices, chunks)
    except AiocomplError as caught:
        error = repr(caught)
    return [chunk.to_dict() for chunk in chunks], error


def fault(act: Callable[[], object]) -> APIError | None:
    try:
        act()
    except APIError as error:
        return error
    return None


def in_bytes(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


# ---------------------------------------------------------------- encoding


@pytest.mark.parametrize("request_", [REQUEST, STREAMED], ids=["whole", "streamed"])
def test_encoding_changes_nothing_and_is_repeatable(dialect: Dialect, request_: ChatRequest) -> None:
    request_ = ChatRequest(
        request_.model,
        deepcopy(request_.messages),
        deepcopy(dict(request_.params)),
        stream=request_.stream,
        extra_headers={"x-mine": "1"},
        extra_query={"mine": "1"},
        extra_body={"mine": {"a": 1}},
    )
    before = deepcopy(attrs.asdict(request_))
    codec = dialect.make()
    first = codec.encode_request(request_)
    assert codec.encode_request(request_) == first == dialect.make().encode_request(request_)
    assert attrs.asdict(request_) == before
    assert first.method == "POST"
    assert first.url.endswith(("?mine=1", "&mine=1"))
    assert first.headers["x-mine"] == "1"
    assert orjson.loads(first.body)["mine"] == {"a": 1}


def test_requests_share_url_and_headers(dialect: Dialect) -> None:
    codec = dialect.make()
    first, second = codec.encode_request(REQUEST), codec.encode_request(STREAMED)
    assert second.headers is codec.headers
    assert first.headers == {**codec.headers, **dialect.whole_headers}
    assert first.headers is (codec.encode_request(REQUEST) if dialect.whole_headers else codec).headers
    assert (first.url == second.url) is dialect.one_url
    if first.url == second.url:  # the body says that it is to be a stream, or the URL does
        assert first.body != second.body
    assert codec.encode_request(REQUEST).url == first.url


def test_the_key_goes_into_a_header_and_nowhere_else(dialect: Dialect) -> None:
    codec = dialect.make()
    sent = codec.encode_request(REQUEST)
    assert any(KEY in value for value in sent.headers.values())
    assert KEY not in sent.url
    assert KEY.encode() not in sent.body
    assert KEY not in repr(codec) + repr(sent)


@pytest.mark.parametrize("value", [object(), b"bytes", {1: "a"}, "\ud800", 1 << 70, iter(["a"])])
def test_what_is_no_json_is_a_bad_request(dialect: Dialect, value: object) -> None:
    with pytest.raises(BadRequestError, match="cannot be written as JSON") as caught:
        dialect.make().encode_request(ChatRequest("m", MESSAGES, extra_body={"mine": value}))
    assert caught.value.model == "m"


def test_parameters_are_of_one_kind(dialect: Dialect) -> None:
    codec = dialect.make()
    assert codec.unsupported_params <= OPENAI_PARAMS
    assert codec.native_params.isdisjoint(OPENAI_PARAMS)
    assert codec.takes_functions is (dialect.name in {"openai", "azure"})


# ---------------------------------------------------------------- whole answers


def test_an_answer_is_decoded_and_loses_nothing(dialect: Dialect) -> None:
    whole = dialect.make().decode_response(REQUEST, response(dialect.answer))
    assert whole.choices[0].message.content == "Hello"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.total_tokens == 3
    assert dialect.unforeseen(whole.to_dict()) == 1


def test_an_answer_cut_anywhere_is_our_error(dialect: Dialect) -> None:
    codec = dialect.make()
    for at in range(len(dialect.answer)):
        with pytest.raises(APIResponseValidationError) as caught:
            codec.decode_response(REQUEST, response(dialect.answer[:at]))
        assert caught.value.status_code == 200


def test_an_error_in_spite_of_its_status(dialect: Dialect) -> None:
    with pytest.raises(APIStatusError, match=r"Incorrect API key: \[key\]"):
        dialect.make().decode_response(REQUEST, response(dialect.error))


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "message",
                    "delta",
                    "content",
                    "role",
                    "tool_calls",
                    "function",
                    "function_call",
                    "index",
                    "id",
                    "model",
                    "created",
                    "usage",
                    "error",
                    "code",
                    "type",
                    "param",
                    "status",
                    "finish_reason",
                    "logprobs",
                    "audio",
                    "annotations",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary(max_size=60) | JSONS.map(orjson.dumps)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "date", "x-should-retry", "x-request-id", "content-type"]
    ),
    st.text(max_size=8),
)


@each_dialect
@FOR_EACH
@given(body=BODIES)
def test_any_answer_is_decoded_or_our_error(dialect: Dialect, body: bytes) -> None:
    codec = dialect.make()
    error = fault(lambda: codec.decode_response(REQUEST, response(body)).to_dict())
    assert error is None or error.model == "m"


# ---------------------------------------------------------------- errors


@each_dialect
@FOR_EACH
@given(status=st.integers(), body=BODIES, headers=HEADERS)
def test_any_error_is_decoded(dialect: Dialect, status: int, body: bytes, headers: dict[str, str]) -> None:
    error = dialect.make().decode_error(REQUEST, response(body, status, headers))
    assert isinstance(error, (APIStatusError, APITimeoutError))
    assert error.status_code == status
    assert error.model == "m"
    assert f"status {status}" in str(error)
    assert error.retry_after is None or error.retry_after >= 0
    assert repr(error)


@each_dialect
@FOR_EACH
@given(before=st.text(max_size=1200), after=st.text())
def test_no_message_holds_a_key(dialect: Dialect, before: str, after: str) -> None:
    body = dialect.error.replace(
        f"Incorrect API key: {KEY}".encode(), orjson.dumps(f"{before}{KEY}{after}")[1:-1]
    )
    error = dialect.make().decode_error(REQUEST, response(body, 401))
    assert KEY not in str(error) + repr(error)


# ---------------------------------------------------------------- streams


def test_a_stream_makes_the_answer(dialect: Dialect) -> None:
    chunks: list[ChatCompletionChunk] = []
    play(dialect.make(), [dialect.stream], chunks)
    whole = stream_chunk_builder(chunks)
    assert whole.choices[0].message.content == "Hello"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage is not None
    assert whole.usage.total_tokens == 3
    assert dialect.unforeseen(whole.to_dict()) == 1


def test_all_chunks_share_one_id(dialect: Dialect) -> None:
    chunks, _ = outcome(dialect.make(), [dialect.stream])
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert len(chunks) > 2


def test_a_stream_byte_by_byte_and_with_bytes_after_its_end(dialect: Dialect) -> None:
    whole = outcome(dialect.make(), [dialect.stream])
    assert whole[1] is None
    assert outcome(dialect.make(), in_bytes(dialect.stream)) == whole
    if not dialect.ends:
        return
    assert outcome(dialect.make(), [dialect.stream, dialect.stream, b"\x00 trailing"]) == whole
    assert outcome(dialect.make(), [dialect.stream + dialect.stream]) == whole


def test_a_cut_stream_is_an_error_after_its_chunks(dialect: Dialect) -> None:
    chunks: list[ChatCompletionChunk] = []
    with pytest.raises(IncompleteStreamError) as caught:
        play(dialect.make(), [dialect.cut], chunks)
    assert chunks
    assert caught.value.retryable
    assert caught.value.model == "m"


def test_an_error_inside_a_stream_comes_after_the_chunks_before_it(dialect: Dialect) -> None:
    good, _ = outcome(dialect.make(), [dialect.cut])
    for slices in ([dialect.cut + dialect.stream_error], in_bytes(dialect.cut + dialect.stream_error)):
        chunks: list[ChatCompletionChunk] = []
        with pytest.raises(APIStatusError, match=r"Sorry, \[key\]") as caught:
            play(dialect.make(), slices, chunks)
        assert [chunk.to_dict() for chunk in chunks] == good
        assert caught.value.status_code == 500
        assert caught.value.retryable


@each_dialect
@FOR_EACH
@given(data=st.data())
def test_a_stream_cut_at_random_is_the_same(dialect: Dialect, data: st.DataObject) -> None:
    stream = dialect.stream
    at = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
    slices = [stream[start:end] for start, end in pairwise([0, *sorted(at), len(stream)])]
    assert outcome(dialect.make(), slices) == outcome(dialect.make(), [stream])


@each_dialect
@FOR_EACH
@given(
    bodies=st.lists(BODIES, max_size=4),
    names=st.lists(st.sampled_from(["message", "error", "output", "done", "prediction", "x"]), min_size=4),
)
def test_any_events_are_decoded_or_our_error(dialect: Dialect, bodies: list[bytes], names: list[str]) -> None:
    decoder, chunks = dialect.make().stream_decoder(STREAMED), list[Any]()
    error = fault(lambda: decoder.feed(list(zip(names, bodies, strict=False)), chunks))
    assert error is None or error.model == "m"
    assert all(chunk.to_dict() for chunk in chunks)


@each_dialect
@FOR_EACH
@given(stream=st.binary(max_size=80))
def test_any_bytes_are_decoded_or_our_error(dialect: Dialect, stream: bytes) -> None:
    assert outcome(dialect.make(), [stream]) == outcome(dialect.make(), in_bytes(stream))

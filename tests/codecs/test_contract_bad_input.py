"""What every codec does with answers that are not what its dialect promises: a typed error, or an oddity that is kept.

Needs no row of its own: the answers of `contract_dialects` are broken here in every way that providers, proxies and
hypothesis know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from contract_case import BROKEN, FOR_EACH
from contract_dialects import DIALECTS
from hypothesis import given
from hypothesis import strategies as st
from native_driver import fault

from aiocompl.codecs.base import whole_number
from aiocompl.errors import (
    APIResponseValidationError,
    APIStatusError,
    BadGatewayError,
    IncompleteStreamError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from contract_case import Dialect

    from aiocompl.codecs.base import Codec
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.wire.messages import Event

each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)

ASKED = ChatRequest("m", [{"role": "user", "content": "Hi"}])
STREAMED = ChatRequest("m", [{"role": "user", "content": "Hi"}], stream=True)
HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\r\nnginx</body></html>\r\n"
REASONS = ("finish_reason", "stop_reason", "finishReason", "stopReason", "done_reason", "status")
"""Where the dialects say why an answer ended."""


def whole(codec: Codec, body: bytes) -> ChatCompletion:
    return codec.decode_response(ASKED, HTTPResponse(200, {}, body))


def events_of(codec: Codec, stream: bytes) -> list[Event]:
    frames = codec.frame_decoder()
    return [*frames.feed(stream), *frames.end()]


def play(codec: Codec, events: list[Event], into: list[ChatCompletionChunk]) -> None:
    decoder = codec.stream_decoder(STREAMED)
    decoder.feed(events, into)
    decoder.end(into)


def assembled(codec: Codec, events: list[Event]) -> ChatCompletion:
    chunks: list[ChatCompletionChunk] = []
    play(codec, events, chunks)
    return stream_chunk_builder(chunks)


def text_of(answer: ChatCompletion) -> Any:
    return answer.choices[0].message.content


# ---------------------------------------------------------------- no answer at all


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e30, 1 << 63, -(1 << 63), "x"])
def test_counts_that_are_none(value: Any) -> None:
    with pytest.raises(ValueError, match=r"number|integer|literal"):
        whole_number(value)
    assert whole_number(7.0) == whole_number("7") == 7


@each_dialect
def test_html(dialect: Dialect) -> None:
    codec = dialect.make()
    with pytest.raises(APIResponseValidationError) as caught:
        whole(codec, HTML)
    assert caught.value.body == HTML.decode()
    chunks: list[ChatCompletionChunk] = []
    with pytest.raises((IncompleteStreamError, APIResponseValidationError)):
        play(codec, events_of(codec, HTML), chunks)
    assert chunks == []
    error = codec.decode_error(ASKED, HTTPResponse(502, {"content-type": "text/html"}, HTML))
    assert type(error) is BadGatewayError
    assert error.retryable


@each_dialect
def test_an_empty_body(dialect: Dialect) -> None:
    codec = dialect.make()
    with pytest.raises(APIResponseValidationError):
        whole(codec, b"")
    with pytest.raises(IncompleteStreamError):
        play(codec, [], [])
    assert isinstance(codec.decode_error(ASKED, HTTPResponse(500, {}, b"")), APIStatusError)


@each_dialect
@pytest.mark.parametrize("body", [b"null", b"[]", b"{}", b'"text"', b"7", b"true", b"[null]", b"[[]]"])
def test_json_of_another_kind(dialect: Dialect, body: bytes) -> None:
    codec = dialect.make()
    with pytest.raises(APIResponseValidationError):
        whole(codec, body)


# ---------------------------------------------------------------- half an answer


@each_dialect
def test_a_stream_cut_anywhere_is_an_error_after_what_came(dialect: Dialect) -> None:
    """Gemini's may be cut after its last event, and OpenAI's after the finish reason."""
    good: list[ChatCompletionChunk] = []
    play(dialect.make(), events_of(dialect.make(), dialect.stream), good)
    for at in range(len(dialect.stream)):
        codec, chunks = dialect.make(), list[Any]()
        try:
            play(codec, events_of(codec, dialect.stream[:at]), chunks)
        except (IncompleteStreamError, APIResponseValidationError):
            assert chunks == good[: len(chunks)]
        else:
            assert at > len(dialect.cut)
            assert text_of(stream_chunk_builder(chunks)) == "Hello"


@each_dialect
def test_an_event_cut_anywhere_is_an_error(dialect: Dialect) -> None:
    codec = dialect.make()
    events = events_of(codec, dialect.stream)
    for number, (name, data) in enumerate(events):
        for at in range(1, len(data)) if data.startswith(b"{") else ():
            with pytest.raises(APIResponseValidationError) as caught:
                play(codec, [*events[:number], (name, data[:at])], [])
            assert caught.value.status_code == 200


@each_dialect
def test_bytes_that_are_no_utf_8(dialect: Dialect) -> None:
    codec = dialect.make()
    for bad in (b"\xff", b"\xed\xa0\x80", b"\xc3"):
        with pytest.raises(APIResponseValidationError) as caught:
            whole(codec, dialect.answer.replace(b"Hello", b"He" + bad + b"lo"))
        assert "He\ufffd" in str(caught.value.body)
        events = [
            (name, data.replace(b"Hel", b"He" + bad)) for name, data in events_of(codec, dialect.stream)
        ]
        with pytest.raises(APIResponseValidationError):
            play(codec, events, [])


# ---------------------------------------------------------------- calls

CALLING = [dialect for dialect in DIALECTS if dialect.calls]


@pytest.mark.parametrize("dialect", CALLING, ids=lambda dialect: dialect.name)
def test_calls_of_one_index_with_arguments_that_are_no_json_are_kept(dialect: Dialect) -> None:
    codec = dialect.make()
    message = assembled(codec, events_of(codec, dialect.calls)).choices[0].message
    functions = [call.function for call in message.tool_calls or () if call.function]
    assert [function.name for function in functions] == ["f", "g"]
    assert len({call.id for call in message.tool_calls or ()}) == 2
    assert all(BROKEN in function.arguments.replace('\\"', '"') for function in functions)


# ---------------------------------------------------------------- words that nobody foresaw


@each_dialect
def test_an_unknown_event_is_kept_or_an_error(dialect: Dialect) -> None:
    codec = dialect.make()
    events = events_of(codec, dialect.stream)
    unknown = ("unforeseen", orjson.dumps({"type": "unforeseen", "event_type": "unforeseen", "news": [7341]}))
    for at in range(len(events)):
        try:
            answer = assembled(codec, [*events[:at], unknown, *events[at:]])
        except APIResponseValidationError:
            continue
        assert text_of(answer) == "Hello"
        assert b"7341" in orjson.dumps(answer.to_dict())


def with_reason(data: bytes, word: str) -> bytes:
    """An answer or event that says why it ends, with another word for it."""
    body = orjson.loads(data)

    def replaced(value: Any) -> Any:
        if isinstance(value, list):
            return [replaced(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: word if key in REASONS and isinstance(inner, str) else replaced(inner)
            for key, inner in value.items()
        }

    return orjson.dumps(replaced(body))


def is_json(data: bytes) -> bool:
    return data.startswith(b"{")


GIVING_REASONS = [dialect for dialect in DIALECTS if dialect.reasons]


@pytest.mark.parametrize("dialect", GIVING_REASONS, ids=lambda dialect: dialect.name)
def test_an_unknown_finish_reason_is_kept_or_an_error(dialect: Dialect) -> None:
    codec = dialect.make()
    events = [
        (name, with_reason(data, "unforeseen") if is_json(data) else data)
        for name, data in events_of(codec, dialect.stream)
    ]
    body = with_reason(dialect.answer, "unforeseen")
    decodings: list[Callable[[], ChatCompletion]] = [
        lambda: whole(codec, body),
        lambda: assembled(codec, events),
    ]
    for decode in decodings:
        try:
            answer = decode()
        except APIResponseValidationError:
            continue
        assert text_of(answer) == "Hello"
        assert answer.choices[0].finish_reason == "unforeseen"


# ---------------------------------------------------------------- anything else


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(["", "x", "stop", "error", "null"]),
    st.sampled_from([[], {}, [None], [{}], ["x"], [[]], {"x": 1}, {"type": "x"}, {"text": 1}]),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values within a JSON value, its own first."""
    yield path
    for key, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A JSON value with another one at `path`; `...` leaves it out."""
    if not path:
        return {} if new is ... else new
    key, *rest = path
    items = dict(value) if isinstance(value, dict) else dict(enumerate(value))
    if new is ... and not rest:
        del items[key]
    else:
        items[key] = changed(items[key], tuple(rest), new)
    return items if isinstance(value, dict) else list(items.values())


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """JSON with up to three of its values replaced, or left out."""
    body = orjson.loads(data)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(body))))
        body = changed(body, path, draw(VALUES | st.just(...)))
    return orjson.dumps(body)


@each_dialect
@FOR_EACH
@given(draws=st.data())
def test_a_mutated_answer_is_decoded_or_our_error(dialect: Dialect, draws: st.DataObject) -> None:
    codec = dialect.make()
    body = draws.draw(mutated(dialect.answer))
    answers: list[ChatCompletion] = []
    error = fault(lambda: answers.append(whole(codec, body)))
    assert error is None or error.model == "m"
    assert all(answer.to_dict() and answer.model_dump_json() and repr(answer) for answer in answers)


@each_dialect
@FOR_EACH
@given(draws=st.data())
def test_a_mutated_error_is_decoded(dialect: Dialect, draws: st.DataObject) -> None:
    codec = dialect.make()
    status = draws.draw(st.sampled_from([400, 401, 403, 404, 413, 429, 500, 503, 529]))
    error = codec.decode_error(ASKED, HTTPResponse(status, {}, draws.draw(mutated(dialect.error))))
    assert error.status_code == status
    assert repr(error)


@st.composite
def disordered(draw: st.DrawFn, events: list[Event]) -> list[Event]:
    """A stream's events, some of them mutated, twice there, left out or in another place."""
    made = list(events)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, max(len(made) - 1, 0)))
        match draw(st.sampled_from(["mutate", "mutate", "mutate", "repeat", "drop", "move"])) if made else "":
            case "mutate" if is_json(made[at][1]):
                made[at] = (made[at][0], draw(mutated(made[at][1])))
            case "repeat":
                made.insert(at, made[at])
            case "drop":
                del made[at]
            case "move":
                made.insert(draw(st.integers(0, len(made) - 1)), made.pop(at))
            case _:
                pass
    return made


@each_dialect
@FOR_EACH
@given(draws=st.data())
def test_a_disordered_stream_is_decoded_or_our_error(dialect: Dialect, draws: st.DataObject) -> None:
    codec, chunks = dialect.make(), list[Any]()
    events = draws.draw(disordered(events_of(codec, dialect.stream)))
    error = fault(lambda: play(codec, events, chunks))
    assert error is None or error.model == "m"
    assert all(chunk.to_dict() for chunk in chunks)
    if chunks:
        answer = stream_chunk_builder(chunks)
        assert answer.to_dict()
        assert answer.model_dump_json()

"""Answers that stray from OpenAI's format, whole and streamed: what is read must be the same."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loose_messages import MESSAGES, call

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    AiocomplError,
    APIResponseValidationError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    RateLimitError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion
    from aiocompl.types.model import JSON

REQUEST = ChatRequest("m", [{"role": "user", "content": "Hi"}])
DONE = b"data: [DONE]\n\n"
HEADING = {"id": "a-1", "created": 1, "model": "m-1"}


def codec(name: str) -> OpenAICodec:
    vendor = find_vendor(name)
    assert vendor is not None
    return OpenAICodec(vendor, Endpoint(provider=name, base_url="https://x"))


def whole(message: JSON, reason: str | None = "stop", name: str = "groq", **more: Any) -> ChatCompletion:
    choice = {"index": 0, "message": message, "finish_reason": reason, **more.pop("choice", {})}
    body = orjson.dumps({**HEADING, "choices": [choice], **more})
    return codec(name).decode_response(REQUEST, HTTPResponse(200, {}, body))


def chunk(delta: JSON | None = None, reason: str | None = None, index: int = 0, **more: Any) -> JSON:
    choice = {"index": index, "delta": delta, "finish_reason": reason, **more.pop("choice", {})}
    return {**HEADING, "choices": [] if delta is None else [choice], **more}


def lines(*events: JSON) -> bytes:
    return b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)


def play(data: bytes, name: str = "groq", size: int = 0) -> list[ChatCompletionChunk]:
    one = codec(name)
    frames, decoder = one.frame_decoder(), one.stream_decoder(REQUEST)
    chunks: list[ChatCompletionChunk] = []
    step = size or len(data) or 1
    for start in range(0, len(data), step):
        decoder.feed(frames.feed(data[start : start + step]), chunks)
    decoder.end(chunks)
    return chunks


def streamed(*events: JSON, name: str = "groq") -> ChatCompletion:
    data = lines(*events) + DONE
    chunks = play(data, name)
    assert play(data, name, size=1) == chunks
    assert len({item.id for item in chunks}) == 1
    return stream_chunk_builder(chunks)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("case", MESSAGES)
def test_messages(case: str, streaming: bool) -> None:
    name, message, deltas, expected = MESSAGES[case]
    if streaming:
        answer = streamed(*(chunk(delta) for delta in deltas), chunk({}, "stop"), name=name)
    else:
        answer = whole(message, name=name)
    seen = answer.choices[0].message.to_dict()
    calls = [
        (item["id"], item["function"]["name"], item["function"]["arguments"])
        for item in seen.pop("tool_calls", ())
    ]
    assert calls == expected.get("tool_calls", [])
    assert {key: value for key, value in seen.items() if value is not None or key == "content"} == {
        "role": "assistant",
        **{key: value for key, value in expected.items() if key != "tool_calls"},
    }


@pytest.mark.parametrize("given_id", ["", None, "null"])
def test_a_call_without_an_id_gets_the_same_one_each_time(given_id: str | None) -> None:
    calls = [call("f", id=given_id, index=0), call("g", id=given_id, index=1)]
    blocking = whole({"tool_calls": calls}).choices[0].message.tool_calls
    stream = streamed(*(chunk({"tool_calls": [one]}) for one in calls), chunk({}, "stop"))
    assert blocking is not None
    assert stream.choices[0].message.tool_calls == blocking
    assert len({one.id for one in blocking}) == 2
    assert all(one.id.startswith("call_") for one in blocking)


@pytest.mark.parametrize(
    ("given_reason", "reason", "native"),
    [
        ("stop", "stop", None),
        ("eos", "stop", "eos"),
        ("model_length", "length", "model_length"),
        ("sensitive", "content_filter", "sensitive"),
        ("unforeseen", "unforeseen", None),
    ],
)
def test_finish_reasons(given_reason: str, reason: str, native: str | None) -> None:
    message = {"content": "Hi"}
    for answer in (whole(message, given_reason), streamed(chunk(message), chunk({}, given_reason))):
        choice = answer.choices[0]
        assert (choice.finish_reason, choice.get("native_finish_reason")) == (reason, native)


def test_openrouters_native_finish_reason_is_the_upstreams() -> None:
    answer = whole({"content": "Hi"}, "eos", choice={"native_finish_reason": "upstream"})
    assert answer.choices[0].native_finish_reason == "upstream"


def test_an_empty_finish_reason() -> None:
    calls = {"tool_calls": [call("f", id="a", index=0)]}
    assert whole(calls, "", name="xai").choices[0].finish_reason == "tool_calls"
    assert (
        streamed(chunk(calls, ""), chunk(usage={"total_tokens": 1})).choices[0].finish_reason == "tool_calls"
    )
    assert whole({"content": "Hi"}, "").choices[0].finish_reason is None
    assert streamed(chunk({"content": "Hi"}, "")).choices[0].finish_reason is None
    with pytest.raises(IncompleteStreamError):
        play(lines(chunk(calls, "")))


COUNTS = {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}


@pytest.mark.parametrize(
    ("given_usage", "cached", "written", "reasoning", "completion"),
    [
        (COUNTS, None, None, None, 2),
        ({"prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6, **COUNTS}, 4, None, None, 2),
        ({"num_cached_tokens": 4, **COUNTS}, 4, None, None, 2),
        ({"cached_tokens": 4, "prompt_tokens_details": {"cached_tokens": 5}, **COUNTS}, 5, None, None, 2),
        ({"cache_read_input_tokens": 4, "cache_creation_input_tokens": 3, **COUNTS}, 4, 3, None, 2),
        ({"prompt_token_details": {"cached_tokens": 4}, **COUNTS}, 4, None, None, 2),
        ({"reasoning_tokens": 1, **COUNTS}, None, None, 1, 2),
        (
            {**COUNTS, "total_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 5}},
            None,
            None,
            5,
            7,
        ),
    ],
)
def test_usage(
    given_usage: JSON, cached: int | None, written: int | None, reasoning: int | None, completion: int
) -> None:
    usage = whole({"content": "Hi"}, usage=given_usage).usage
    assert usage is not None
    assert usage.completion_tokens == completion
    prompt, details = usage.prompt_tokens_details, usage.completion_tokens_details
    assert (prompt.cached_tokens if prompt else None) == cached
    assert (prompt.cache_write_tokens if prompt else None) == written
    assert (details.reasoning_tokens if details else None) == reasoning
    assert usage.get("prompt_cache_miss_tokens") == given_usage.get("prompt_cache_miss_tokens")


@pytest.mark.parametrize(
    "events",
    [
        [chunk({"content": "Hi"}), chunk({}, "stop", usage=COUNTS)],
        [chunk({"content": "Hi"}), chunk({}, "stop"), chunk(usage=COUNTS)],
        [chunk({"content": "Hi"}), chunk({}, "stop"), {"id": "a-1", "choices": None, "usage": COUNTS}],
        [chunk({"content": "Hi"}), chunk({}, "stop"), {"id": "a-1", "usage": COUNTS}],
        [chunk({"content": "Hi"}), chunk({}, "stop"), chunk({}, usage=COUNTS)],
        [chunk({"content": "Hi"}), chunk({}, "stop", x_groq={"id": "r", "usage": COUNTS})],
        [chunk({"content": "Hi"}, x_groq={"id": "r"}), chunk({}, "stop", usage=COUNTS)],
        [chunk({"content": "Hi"}), chunk({}, "stop", choice={"usage": COUNTS})],
        [chunk({"content": "Hi"}, usage={"total_tokens": 1}), chunk({}, "stop", usage=COUNTS)],
        [chunk({"content": "Hi"}, usage=COUNTS), chunk({}, "stop")],
    ],
)
def test_usage_stands_once_and_at_the_end(events: list[JSON]) -> None:
    chunks = play(lines(*events) + DONE)
    counted = [item for item in chunks if item.usage is not None]
    assert len(counted) == 1
    assert counted[0].usage is not None
    assert counted[0].usage.total_tokens == 12
    assert not counted[0].choices or chunks.index(counted[0]) >= 1
    assert chunks[-1] is counted[0]
    assert stream_chunk_builder(chunks).choices[0].message.content == "Hi"


def test_a_message_beside_or_instead_of_the_delta() -> None:
    events = [
        chunk({"role": "assistant", "content": "H"}, choice={"message": {"content": "H"}}, citations=["u"]),
        chunk({"content": "i"}, choice={"message": {"content": "Hi"}}, citations=["u"]),
        chunk({}, "stop", choice={"message": {"content": "Hi"}}, citations=["u"]),
    ]
    answer = streamed(*events, name="perplexity")
    assert answer.choices[0].message.content == "Hi"
    assert answer.citations == ["u"]
    del events[2]["choices"][0]["delta"]  # MiniMax's last chunk is a whole answer
    assert streamed(*events, name="minimax").choices[0].message.content == "Hi"
    assert streamed(events[2], name="minimax").choices[0].message.content == "Hi"
    blocking = whole({"content": "Hi"}, name="perplexity", choice={"delta": {"content": ""}}, citations=["u"])
    assert blocking.choices[0].to_dict() == answer.choices[0].to_dict()


def test_two_choices_do_not_mix() -> None:
    events = [
        chunk({"role": "assistant", "content": "<think>a"}),
        chunk({"role": "assistant", "content": "b"}, index=1),
        chunk({"role": "assistant", "content": "</think>c"}),
        chunk({}, "stop", index=1),
        chunk({}, "stop"),
    ]
    first, second = streamed(*events).choices
    assert (first.message.reasoning_content, first.message.content) == ("a", "c")
    assert (second.message.reasoning_content, second.message.content) == (None, "b")


def test_what_was_held_back_comes_at_the_end() -> None:
    assert streamed(chunk({"content": "<th"}), chunk({}, "stop")).choices[0].message.content == "<th"
    assert streamed(chunk({"content": "<th"})).choices[0].message.content == "<th"
    cut_short = streamed(chunk({"content": "<think>a </"}), chunk({}, "length")).choices[0].message
    assert (cut_short.reasoning_content, cut_short.content) == ("a </", "")
    assert play(lines(chunk({"content": "<th"}, "stop")))[-1].choices[0].delta.content == "<th"


def test_a_vendor_without_tags_keeps_them_as_text() -> None:
    vendor = Vendor(name="v", title="V", base_url="", loosely=True)
    one = OpenAICodec(vendor, Endpoint(provider="v", base_url="https://x"))
    chunks: list[ChatCompletionChunk] = []
    data = lines(chunk({"content": "<think>a</think>"}), chunk({}, "stop"))
    one.stream_decoder(REQUEST).feed(one.frame_decoder().feed(data), chunks)
    assert stream_chunk_builder(chunks).choices[0].message.content == "<think>a</think>"


# ---------------------------------------------------------------- failures

FAILED: list[tuple[JSON | list[JSON], type[AiocomplError]]] = [
    ({"error": {"message": "no", "code": 429}, "choices": [{"index": 0, "delta": {}}]}, RateLimitError),
    ({"x_groq": {"error": "no"}, "choices": []}, InternalServerError),
    ({"choices": [{"index": 0, "message": {}, "error": {"code": 400, "message": "no"}}]}, BadRequestError),
    ({"choices": [{"index": 0, "message": {}, "finish_reason": "error"}]}, InternalServerError),
    ({"error": None, "choices": [{"index": 0, "finish_reason": "error"}]}, InternalServerError),
    ({"choices": [{"index": 0, "message": {}, "finish_reason": "network_error"}]}, InternalServerError),
    ({"choices": None, "base_resp": {"status_code": 1004, "status_msg": "no"}}, AuthenticationError),
    ({"choices": [], "base_resp": {"status_code": 1026}}, ContentPolicyViolationError),
    ({"object": "error", "message": "prompt is too long", "code": None}, ContextWindowExceededError),
    ([{"error": {"code": 400, "message": "no"}}], BadRequestError),
    ({"success": False, "errors": [{"code": 5, "message": "no"}], "result": None}, InternalServerError),
]


@pytest.mark.parametrize(("body", "cls"), FAILED)
def test_failures_with_status_200(body: JSON | list[JSON], cls: type[AiocomplError]) -> None:
    with pytest.raises(cls) as caught:
        codec("openrouter").decode_response(REQUEST, HTTPResponse(200, {}, orjson.dumps(body)))
    assert type(caught.value) is cls
    with pytest.raises(cls) as caught:
        play(b"data: " + orjson.dumps(body) + b"\n\n" + DONE)
    assert type(caught.value) is cls


def test_a_status_of_success_is_no_failure() -> None:
    fine: JSON = {"base_resp": {"status_code": 0, "status_msg": ""}, "x_groq": {"id": "r"}}
    assert whole({"content": "Hi"}, **fine).choices[0].message.content == "Hi"
    assert streamed(chunk({"content": "Hi"}, **fine), chunk({}, "stop")).choices[0].message.content == "Hi"


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"3",
        b"[]",
        b'"x"',
        b"{}",
        b'{"choices":[3]}',
        b'{"choices":[{"delta":3,"message":3}]}',
        b'{"choices":[{"delta":{"tool_calls":[{"index":[]}]},"message":{"tool_calls":[{"index":[]}]}}]}',
        b'{"choices":[{"delta":{"tool_calls":"x"},"message":{"tool_calls":"x"}}]}',
        b'{"choices":[{"delta":{"reasoning_details":[3]},"message":{"reasoning_details":[3]}}]}',
        b'{"choices":[{"delta":{"a":1},"message":{},"finish_reason":[]}]}',
        b'{"choices":[],"usage":3}',
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError):
        codec("groq").decode_response(REQUEST, HTTPResponse(200, {}, body))
    with pytest.raises(APIResponseValidationError):
        play(b"data: " + body + b"\n\n" + DONE)


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.text(max_size=3)
    | st.sampled_from(["error", "stop", "<think>"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "choices",
                    "delta",
                    "message",
                    "content",
                    "usage",
                    "error",
                    "x_groq",
                    "base_resp",
                    "tool_calls",
                    "function",
                    "index",
                    "id",
                    "name",
                    "arguments",
                    "finish_reason",
                    "reasoning",
                    "reasoning_details",
                    "type",
                    "text",
                    "thinking",
                    "summary",
                    "audio",
                    "function_call",
                    "refusal",
                    "prompt_tokens",
                    "completion_tokens_details",
                    "reasoning_tokens",
                    "object",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(choice=_ANY, more=st.dictionaries(st.sampled_from(["usage", "error", "x_groq", "base_resp"]), _ANY))
def test_whatever_comes_is_read_or_is_our_error(choice: Any, more: JSON) -> None:
    bodies = [{**more, "choices": [choice]}, {"choices": [{"delta": choice, "message": choice}], **more}]
    for body in bodies:
        with suppress(AiocomplError):
            codec("mistral").decode_response(REQUEST, HTTPResponse(200, {}, orjson.dumps(body)))
        with suppress(AiocomplError):
            stream_chunk_builder(play(lines(body, body) + DONE, "mistral"))

"""Workers AI's native surface: requests, answers without a finish reason, streams, and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import (
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.params import OPENAI_PARAMS
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.chunk import ChatCompletionChunk
    from aiocompl.types.completion import ChatCompletion

MODEL = "@cf/meta/llama-3.1-8b-instruct"
ROOT = "https://api.cloudflare.com/client/v4/accounts/a/ai"
USER = {"role": "user", "content": "Hi"}
CODEC = resolve(Target(f"cloudflare/run/{MODEL}", api_key="k"), {"CLOUDFLARE_ACCOUNT_ID": "a"}).codec


def usage(completion: int) -> dict[str, int]:
    return {"prompt_tokens": 2, "completion_tokens": completion, "total_tokens": 2 + completion}


def whole(result: Any, **params: Any) -> ChatCompletion:
    body = {"result": result, "success": True, "errors": [], "messages": []}
    return CODEC.decode_response(
        ChatRequest(MODEL, [USER], params), HTTPResponse(200, {}, orjson.dumps(body))
    )


def streamed(*events: Any, end: bytes = b"data: [DONE]\n\n", **params: Any) -> ChatCompletion:
    data = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + end
    chunks: list[ChatCompletionChunk] = []
    frames, decoder = (
        CODEC.frame_decoder(),
        CODEC.stream_decoder(ChatRequest(MODEL, [USER], params, stream=True)),
    )
    for at in range(0, len(data), 7):
        decoder.feed(frames.feed(data[at : at + 7]), chunks)
    decoder.feed(frames.end(), chunks)
    decoder.end(chunks)
    assert decoder.finished
    assert chunks[0].choices[0].delta.role == "assistant"
    return stream_chunk_builder(chunks)


@pytest.mark.parametrize(
    "target",
    [
        {"model": f"cloudflare/run/{MODEL}"},
        {"model": f"cloudflare/{MODEL}", "api_base": f"{ROOT}/run"},
        {"model": f"cloudflare/run/{MODEL}", "api_base": f"{ROOT}/run/"},
        {"model": f"cloudflare/run/{MODEL}", "api_base": f"{ROOT}/v1"},
    ],
)
def test_the_ways_to_it(target: dict[str, Any]) -> None:
    route = resolve(Target(api_key="k", **target), {"CLOUDFLARE_ACCOUNT_ID": "a"})
    sent = route.codec.encode_request(ChatRequest(route.model, [USER]))
    assert sent.url == f"{ROOT}/run/{MODEL}"
    assert sent.headers["Authorization"] == "Bearer k"
    assert orjson.loads(sent.body) == {"messages": [USER]}


def test_the_compatible_surface_stays_the_usual_one() -> None:
    route = resolve(Target(f"cloudflare/{MODEL}", api_key="k"), {"CLOUDFLARE_ACCOUNT_ID": "a"})
    assert route.codec.encode_request(ChatRequest(MODEL, [USER])).url == f"{ROOT}/v1/chat/completions"


def test_a_request() -> None:
    called: dict[str, Any] = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    talk = [{"role": "developer", "content": "Brief."}, USER, called]
    params = {"max_completion_tokens": 9, "top_k": 5, "stream_options": {"include_usage": True}}
    body = orjson.loads(CODEC.encode_request(ChatRequest(MODEL, talk, params, stream=True)).body)
    assert body == {
        "messages": [{"role": "system", "content": "Brief."}, USER, {**called, "content": ""}],
        "max_tokens": 9,
        "top_k": 5,
        "stream": True,
    }
    assert {"tool_choice", "stop", "n", "logprobs"} <= CODEC.unsupported_params <= OPENAI_PARAMS
    assert {"top_k", "lora", "repetition_penalty"} <= CODEC.native_params


@pytest.mark.parametrize(
    ("tokens", "params", "reason"),
    [
        (1, {}, "stop"),
        (255, {}, "stop"),
        (256, {}, "length"),
        (9, {"max_tokens": 9}, "length"),
        (300, {"max_completion_tokens": 400}, "stop"),
    ],
)
def test_the_finish_reason_is_told_by_the_count(tokens: int, params: dict[str, Any], reason: str) -> None:
    blocking = whole({"response": "Hello", "usage": usage(tokens)}, **params)
    stream = streamed(
        {"response": "Hel", "p": "abc"},
        {"response": "lo", "p": "a"},
        {"response": "", "usage": usage(tokens)},
        **params,
    )
    for answer in (blocking, stream):
        (choice,) = answer.choices
        assert (choice.message.content, choice.finish_reason) == ("Hello", reason)
        assert answer.usage is not None
        assert answer.usage.completion_tokens == tokens
        assert answer.model == MODEL


def test_tool_calls() -> None:
    calls = [{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}]
    for answer in (
        whole({"response": None, "tool_calls": calls}),
        streamed({"response": "", "tool_calls": calls}, {"response": "", "usage": usage(3)}),
    ):
        (choice,) = answer.choices
        made = [call.function for call in choice.message.tool_calls or () if call.function]
        assert [(each.name, each.arguments) for each in made] == [("f", '{"a":1}'), ("g", "{}")]
        assert len({call.id for call in choice.message.tool_calls or ()}) == 2
        assert choice.message.content is None
        assert choice.finish_reason == "tool_calls"


def test_calls_that_are_in_openais_shape_already() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    made = whole({"response": "", "tool_calls": [call]}).choices[0].message.tool_calls or []
    assert [each.to_dict() for each in made] == [call]


def test_models_that_answer_in_openais_shape() -> None:
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "Hm"}
    answer = whole({"id": "i", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    choice = {"index": 0, "delta": {"role": "assistant", "content": "Hello", "reasoning_content": "Hm"}}
    stream = streamed(
        {"id": "i", "choices": [choice]},
        {"id": "i", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    )
    for each in (answer, stream):
        assert each.id == "i"
        assert each.choices[0].message.content == "Hello"
        assert each.choices[0].message.reasoning_content == "Hm"
        assert each.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("response", "text"), [({"a": 1}, '{"a":1}'), (7, "7"), ("<think>Hm</think>Yes", "Yes")]
)
def test_what_is_no_plain_text(response: Any, text: str) -> None:
    assert whole({"response": response}).choices[0].message.content == text


def test_what_else_comes_is_kept() -> None:
    answer = whole({"response": "Hello", "unforeseen": 1})
    assert answer.to_dict()["unforeseen"] == 1


@pytest.mark.parametrize(
    "result", [{}, None, {"tool_calls": [{"arguments": 1}]}, {"response": "a", "tool_calls": 7}]
)
def test_what_is_no_answer(result: Any) -> None:
    with pytest.raises(APIResponseValidationError):
        whole(result)


def test_a_stream_without_its_end() -> None:
    with pytest.raises(IncompleteStreamError):
        streamed({"response": "Hel"}, end=b"")


def test_an_error_in_a_stream() -> None:
    failed = {"success": False, "errors": [{"code": 3043, "message": "Internal server error"}]}
    with pytest.raises(InternalServerError, match="Internal server error"):
        streamed({"response": "Hel"}, failed)


def test_an_error_with_status_200() -> None:
    body = {"result": None, "success": False, "errors": [{"code": 5007, "message": "No such model"}]}
    with pytest.raises(NotFoundError):
        CODEC.decode_response(ChatRequest(MODEL, [USER]), HTTPResponse(200, {}, orjson.dumps(body)))


@pytest.mark.parametrize(
    ("status", "code", "message", "cls", "retryable"),
    [
        (403, 10000, "Authentication error", PermissionDeniedError, False),
        (400, 5007, "No such model @cf/x", NotFoundError, False),
        (408, 3007, "Request timeout", APITimeoutError, True),
        (429, 3040, "Capacity temporarily exceeded", RateLimitError, True),
        (429, 3036, "daily free allocation", RateLimitError, False),
        (
            413,
            5021,
            "The estimated number of input and maximum output tokens (9) exceeded this model context window limit (8)",
            ContextWindowExceededError,
            False,
        ),
    ],
)
def test_errors(status: int, code: int, message: str, cls: type[APIError], retryable: bool) -> None:
    body = {"success": False, "errors": [{"code": code, "message": message}], "result": None}
    error = CODEC.decode_error(ChatRequest(MODEL, []), HTTPResponse(status, {}, orjson.dumps(body)))
    assert type(error) is cls
    assert error.retryable is retryable

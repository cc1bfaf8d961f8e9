"""SageMaker endpoints: addresses, signatures, both kinds of container, and whose error an error is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from contract_natives import payloads
from native_driver import USER, Driver, sse

from aiocompl.codecs.base import Signer
from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import (
    APIError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
)
from aiocompl.testing.dialects.eventstream import message
from aiocompl.types.assemble import stream_chunk_builder
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.codecs.base import Codec

PAIR = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "the-secret"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOST = "https://runtime.sagemaker.us-east-1.amazonaws.com"
CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tgi"}


def codec(model: str = "sagemaker/e", env: dict[str, str] | None = None, **target: Any) -> Codec:
    return resolve(Target(model, **target), PAIR if env is None else env).codec


def failure(name: str, body: Any) -> bytes:
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    return message(headers, orjson.dumps(body))


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    ("env", "target", "url", "region"),
    [
        ({}, {}, f"{HOST}/endpoints/e/invocations", "us-east-1"),
        (
            {"AWS_REGION": "eu-west-1"},
            {},
            "https://runtime.sagemaker.eu-west-1.amazonaws.com/endpoints/e/invocations",
            "eu-west-1",
        ),
        (
            {"AWS_REGION": "cn-north-1"},
            {},
            "https://runtime.sagemaker.cn-north-1.amazonaws.com.cn/endpoints/e/invocations",
            "cn-north-1",
        ),
        (
            {"AWS_REGION": "eu-west-1"},
            {"api_base": "https://runtime-fips.sagemaker.us-gov-west-1.amazonaws.com/"},
            "https://runtime-fips.sagemaker.us-gov-west-1.amazonaws.com/endpoints/e/invocations",
            "us-gov-west-1",
        ),
        (
            {"AWS_REGION": "eu-west-1"},
            {"api_base": "http://127.0.0.1:9/endpoints/x/invocations"},
            "http://127.0.0.1:9/endpoints/e/invocations",
            "eu-west-1",
        ),
    ],
)
def test_where_requests_go(env: dict[str, str], target: dict[str, Any], url: str, region: str) -> None:
    made: Any = codec(env=PAIR | env, **target)
    assert made.encode_request(ChatRequest("e", [USER])).url == url
    assert (made.region, made.signs) == (region, True)
    streamed = made.encode_request(ChatRequest("e", [USER], stream=True))
    assert streamed.url == f"{url}-response-stream"


def test_names_and_queries_are_quoted() -> None:
    request = ChatRequest("a b/c", [USER], extra_query={"x": "1 2"})
    assert codec().encode_request(request).url == f"{HOST}/endpoints/a%20b%2Fc/invocations?x=1%202"


@pytest.mark.parametrize("model", ["sagemaker/e", "sagemaker_chat/e", "sagemaker/inputs/e"])
@pytest.mark.parametrize("session", [None, "SESSION"])
def test_signatures_are_those_of_botocore(
    model: str, session: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = pytest.importorskip("botocore.auth", reason="botocore is not installed: nothing to compare with")
    awsrequest, botocore = (
        pytest.importorskip("botocore.awsrequest"),
        pytest.importorskip("botocore.credentials"),
    )
    made = codec(model, PAIR | ({"AWS_SESSION_TOKEN": session} if session else {}))
    assert isinstance(made, Signer)
    extra = {"X-Amzn-SageMaker-Inference-Component": "adapter", "X-Amzn-SageMaker-Session-Id": "s"}
    request = ChatRequest("e", [USER], {"temperature": 0.1}, stream=True, extra_headers=extra)
    encoded = made.encode_request(request)
    assert encoded.headers.items() >= extra.items()
    ours = made.sign(encoded, NOW.timestamp())
    monkeypatch.setattr(auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None))
    theirs = awsrequest.AWSRequest("POST", encoded.url, headers=dict(encoded.headers), data=encoded.body)
    theirs.context["payload_signing_enabled"] = True
    keys = botocore.Credentials("AKID", "the-secret", session)
    auth.SigV4Auth(keys, "sagemaker", "us-east-1").add_auth(theirs)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]
    assert "x-amzn-sagemaker-inference-component" in ours.headers["Authorization"]


@pytest.mark.parametrize("model", ["sagemaker/e", "sagemaker/inputs/e"])
def test_a_key_is_for_a_proxy_and_nothing_is_signed(model: str) -> None:
    made: Any = codec(model, api_key="k", api_base="https://proxy.example")
    encoded = made.encode_request(ChatRequest("e", [USER]))
    assert encoded.headers["Authorization"] == "Bearer k"
    assert not made.signs
    assert made.sign(encoded, 0.0) is encoded


# ---------------------------------------------------------------- the Messages API


def test_the_body_is_openais_without_a_model() -> None:
    driver = Driver(codec(), "e")
    body = driver.encode(temperature=0.5, max_completion_tokens=9, top_k=3)
    assert body == {"messages": [USER], "temperature": 0.5, "max_tokens": 9, "top_k": 3}
    assert driver.encode(stream=True)["stream"] is True
    named = codec().encode_request(ChatRequest("e", [USER], extra_body={"model": "tgi"}))
    assert orjson.loads(named.body)["model"] == "tgi"


def test_events_may_be_cut_anywhere() -> None:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "Grü"}, {"content": "ße"}]
    chunks = [CHUNK | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    last = CHUNK | {"choices": [{"index": 0, "delta": {}, "finish_reason": "eos_token"}]}
    text = b"".join(b"data: " + orjson.dumps(chunk) + b"\n\n" for chunk in (*chunks, last))
    driver = Driver(codec(), "e")
    for size in (1, 2, 50, 5000):
        stream = payloads(text, size)
        for step in (1, 64, len(stream)):
            slices = [stream[at : at + step] for at in range(0, len(stream), step)]
            choice = stream_chunk_builder(driver.decode_stream(slices)).choices[0]
            assert (choice.message.content, choice.finish_reason) == ("Grüße", "stop")


@pytest.mark.parametrize("model", ["sagemaker/e", "sagemaker/inputs/e"])
@pytest.mark.parametrize(
    ("name", "body", "kind", "text", "retryable"),
    [
        (
            "ModelStreamError",
            {"Message": "gone", "ErrorCode": "StreamBroken"},
            InternalServerError,
            "gone",
            True,
        ),
        ("InternalStreamFailure", {"Message": "oh"}, InternalServerError, "oh", True),
        ("ValidationException", {"message": "bad"}, BadRequestError, "bad", False),
    ],
)
def test_exceptions_in_a_stream(
    model: str, name: str, body: Any, kind: type[Exception], text: str, retryable: bool
) -> None:
    before = (
        {"token": {"text": "Hi"}}
        if "inputs" in model
        else CHUNK | {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}
    )
    stream = payloads(sse(before, done=False)) + failure(name, body)
    chunks: list[Any] = []
    made = codec(model)
    frames, decoder = made.frame_decoder(), made.stream_decoder(ChatRequest("e", [USER], stream=True))
    with pytest.raises(kind, match=text) as caught:
        decoder.feed(frames.feed(stream), chunks)
    error: Any = caught.value
    assert (error.provider, error.model, error.retryable) == ("sagemaker", "e", retryable)
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["Hi"]


# ---------------------------------------------------------------- errors


def model_error(status: Any, text: str) -> dict[str, Any]:
    return {
        "OriginalStatusCode": status,
        "OriginalMessage": text,
        "LogStreamArn": "arn:x",
        "Message": "Received",
    }


TOO_LONG = (
    '{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096","error_type":"v"}'
)
UNAVAILABLE = '{"error":{"message":"This model\'s maximum context length is 8 tokens","code":400}}'


@pytest.mark.parametrize("model", ["sagemaker/e", "sagemaker/inputs/e"])
@pytest.mark.parametrize(
    ("status", "name", "body", "kind", "text", "code"),
    [
        (424, "ModelError", model_error(422, TOO_LONG), ContextWindowExceededError, "max_new_tokens", 422),
        (
            424,
            "ModelError",
            model_error(400, UNAVAILABLE),
            ContextWindowExceededError,
            "maximum context",
            400,
        ),
        (424, "ModelError", model_error(400, "bad words"), BadRequestError, "see `body`", 400),
        (424, "ModelError", model_error(500, "CUDA out of memory"), InternalServerError, "see `body`", 500),
        (424, "ModelError", model_error(429, '{"message":"slow down"}'), RateLimitError, "slow down", 429),
        (424, "ModelError", model_error(0, ""), InternalServerError, "the container says no more", 500),
        (424, "ModelError", model_error("x", "odd"), InternalServerError, "see `body`", 500),
        (424, "ModelError", {"Message": "no more"}, InternalServerError, "no more", 424),
        (400, "ValidationError", {"Message": "Endpoint e not found."}, BadRequestError, "not found", 400),
        (403, "AccessDeniedException", {"Message": "no"}, PermissionDeniedError, "no", 403),
        (403, "ExpiredTokenException", {"message": "expired"}, AuthenticationError, "expired", 403),
        (429, "ThrottlingException", {"message": "Rate exceeded"}, RateLimitError, "Rate", 429),
        (429, "ModelNotReadyException", {"Message": "loading"}, RateLimitError, "loading", 429),
        (503, "ServiceUnavailable", {"Message": "busy"}, ServiceUnavailableError, "busy", 503),
        (530, "InternalDependencyException", {"Message": "dep"}, InternalServerError, "dep", 530),
        (408, "ModelTimeoutException", {"Message": "late"}, APITimeoutError, "late", 408),
    ],
)
def test_whose_error_it_is(
    model: str, status: int, name: str, body: Any, kind: type[Exception], text: str, code: int
) -> None:
    headers = {"x-amzn-errortype": f"{name}:http://internal.amazon.com/", "x-amzn-requestid": "r1"}
    response = HTTPResponse(status, headers, orjson.dumps(body))
    error = codec(model).decode_error(ChatRequest("e", [USER]), response)
    assert type(error) is kind
    assert isinstance(error, APIError)
    assert text in str(error)
    assert (error.status_code, error.request_id, error.provider) == (code, "r1", "sagemaker")


# ---------------------------------------------------------------- bare prompts


def test_a_prompt_and_its_parameters() -> None:
    driver = Driver(codec("sagemaker/inputs/e"), "e")
    params = {
        "max_completion_tokens": 9,
        "temperature": 0.1,
        "top_p": 0.9,
        "stop": "\n",
        "top_k": 3,
        "seed": 1,
    }
    assert driver.encode(**params) == {
        "inputs": "Hi",
        "parameters": {
            "max_new_tokens": 9, "temperature": 0.1, "top_p": 0.9, "stop": ["\n"], "top_k": 3, "seed": 1,
        },
    }  # fmt: skip
    assert driver.encode(stream=True) == {"inputs": "Hi", "stream": True}
    system = {"role": "system", "content": "Be brief."}
    assert driver.encode(system, USER) == {"inputs": "Be brief.\n\nHi"}
    more = ChatRequest("e", [USER], extra_body={"parameters": {"watermark": True}})
    assert orjson.loads(codec("sagemaker/inputs/e").encode_request(more).body)["parameters"] == {
        "watermark": True
    }


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([USER, {"role": "assistant", "content": "Hi"}], "messages[1].role"),
        ([{"role": "tool", "tool_call_id": "x", "content": "1"}], "messages[0].role"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}],
            "messages[0].content",
        ),
    ],
)
def test_what_a_prompt_cannot_hold(messages: list[dict[str, Any]], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        Driver(codec("sagemaker/inputs/e"), "e").encode(*messages)
    assert caught.value.param == param


@pytest.mark.parametrize(
    ("body", "text", "reason"),
    [
        ([{"generated_text": "Hello"}], "Hello", None),
        ({"generated_text": "HiHello"}, "Hello", None),
        ([{"generated_text": "Hello", "details": {"finish_reason": "length"}}], "Hello", "length"),
        ([{"generated_text": "Hello", "details": {"finish_reason": "eos_token"}}], "Hello", "stop"),
        ([{"generated_text": "Hello", "details": {"finish_reason": "novel"}}], "Hello", "novel"),
    ],
)
def test_generated_text(body: Any, text: str, reason: str | None) -> None:
    answer = Driver(codec("sagemaker/inputs/e"), "e").decode(body)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (text, reason)
    assert answer.usage is None


def test_generated_tokens() -> None:
    details = {"finish_reason": "length", "generated_tokens": 2, "prefill": [{"id": 1}, {"id": 2}], "seed": 7}
    events: list[dict[str, Any]] = [
        {"token": {"text": "Hel", "special": False}},
        {"token": {"text": "lo"}, "generated_text": "Hello", "details": details},
        {"token": {"text": "late"}},
    ]
    driver = Driver(codec("sagemaker/inputs/e"), "e")
    answer = stream_chunk_builder(driver.decode_stream([payloads(sse(*events, done=False))]))
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello", "length")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 2)
    bare = driver.decode_stream([payloads(sse({"token": {"text": "x"}, "generated_text": "x"}, done=False))])
    assert bare[-1].usage is None
    with pytest.raises(IncompleteStreamError):
        driver.decode_stream([payloads(sse(events[0], done=False))])

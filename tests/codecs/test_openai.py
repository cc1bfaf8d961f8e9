"""OpenAI's dialect: requests as golden bytes, streams in all their forms."""

from __future__ import annotations

from collections import UserDict, deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pytest

from aiocompl.codecs.openai import USER_AGENT, OpenAICodec
from aiocompl.codecs.vendor import Vendor
from aiocompl.errors import (
    APIResponseValidationError,
    BadRequestError,
    RateLimitError,
)
from aiocompl.types.completion import ChatCompletionMessage
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest
from aiocompl.wire.messages import HTTPResponse

if TYPE_CHECKING:
    from aiocompl.types.model import JSON

VENDOR = Vendor(name="openai", title="OpenAI", base_url="https://api.openai.com/v1")
USER = {"role": "user", "content": "Hi"}


def codec(
    vendor: Vendor = VENDOR, base_url: str = "https://api.openai.com/v1", **endpoint: Any
) -> OpenAICodec:
    return OpenAICodec(vendor, Endpoint(provider="openai", base_url=base_url, **endpoint))


def body_of(request: ChatRequest, vendor: Vendor = VENDOR) -> bytes:
    return codec(vendor).encode_request(request).body


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize(
    ("vendor", "request_", "golden"),
    [
        ({}, ChatRequest("m", [USER]), b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'),
        (
            {},
            ChatRequest("m", [USER], {"n": 2, "stop": ["a"]}, stream=True),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"n":2,"stop":["a"],"stream":true}',
        ),
        (
            {"max_tokens": "max_completion_tokens"},
            ChatRequest("m", [USER], {"max_tokens": 5}),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":5}',
        ),
        (
            {"max_tokens": "max_tokens"},
            ChatRequest("m", [USER], {"max_completion_tokens": 5}),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":5}',
        ),
        (  # the vendor's own name is the more exact one
            {"max_tokens": "max_tokens"},
            ChatRequest("m", [USER], {"max_completion_tokens": 5, "max_tokens": 7}),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":7}',
        ),
        (
            {"max_tokens": "both"},
            ChatRequest("m", [USER], {"max_completion_tokens": 5, "max_tokens": 7}),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_completion_tokens":5,"max_tokens":7}',
        ),
        (
            {"max_tokens": "max_tokens", "defaults": (("max_tokens", 256), ("temperature", 0.0))},
            ChatRequest("m", [USER], {"max_completion_tokens": 5}),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":5,"temperature":0.0}',
        ),
        (
            {},
            ChatRequest("m", [USER], {"seed": 1}, extra_body={"seed": 2, "x": None}),
            b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"seed":2,"x":null}',
        ),
        (
            {},
            ChatRequest("m", [{"role": "user", "content": "Grüße 👋\u2028\n"}]),
            '{"model":"m","messages":[{"role":"user","content":"Grüße 👋\u2028\\n"}]}'.encode(),
        ),
    ],
)
def test_golden_requests(vendor: dict[str, Any], request_: ChatRequest, golden: bytes) -> None:
    assert body_of(request_, attrs.evolve(VENDOR, **vendor)) == golden


def test_whatever_holds_json_is_written() -> None:
    message = ChatCompletionMessage(content="Hello")
    request = ChatRequest(
        "m",
        (UserDict(USER), MappingProxyType(USER)),
        {
            "tools": deque([{"type": "web_search"}]),
            "modalities": frozenset({"text", "audio"}),
            "stop": {"a": 1}.keys(),
            "prediction": {"content": message},
        },
    )
    body = orjson.loads(body_of(request))
    assert body["messages"] == [USER, USER]
    assert body["tools"] == [{"type": "web_search"}]
    assert body["modalities"] == ["audio", "text"]
    assert body["stop"] == ["a"]
    assert body["prediction"] == {"content": {"role": "assistant", "content": "Hello", "refusal": None}}


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (object(), "object of type object"),
        (b"a", "object of type bytes"),
        (bytearray(b"a"), "object of type bytearray"),
        (iter("a"), "object of type str_ascii_iterator|object of type str_iterator"),
        ((text for text in "a"), "object of type generator"),
        (1 << 64, "Integer exceeds 64-bit range"),
        ({1: 2}, "Dict key must be str"),
    ],
)
def test_what_has_no_place_in_a_request(value: object, what: str) -> None:
    with pytest.raises(BadRequestError, match=what) as caught:
        body_of(ChatRequest("m", [USER], {"metadata": value}))
    assert caught.value.provider == "openai"


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("https://x/v1", "https://x/v1/chat/completions"),
        ("https://x/v1/", "https://x/v1/chat/completions"),
        ("https://x/v1/chat/completions", "https://x/v1/chat/completions"),
        ("https://x", "https://x/chat/completions"),
        ("https://x/d?api-version=1", "https://x/d/chat/completions?api-version=1"),
        ("https://x/d/chat/completions?api-version=1", "https://x/d/chat/completions?api-version=1"),
    ],
)
def test_urls(base_url: str, url: str) -> None:
    one = codec(base_url=base_url)
    assert one.encode_request(ChatRequest("m", [USER])).url == url
    mark = "&" if "?" in url else "?"
    more = one.encode_request(ChatRequest("m", [USER], extra_query={"a": "1 2", "b": "é"}))
    assert more.url == f"{url}{mark}a=1+2&b=%C3%A9"


USUAL = {"Content-Type": "application/json", "User-Agent": USER_AGENT}


@pytest.mark.parametrize(
    ("auth", "endpoint", "headers"),
    [
        ("bearer", {}, USUAL),
        ("bearer", {"api_key": "k"}, {"Authorization": "Bearer k", **USUAL}),
        ("header:api-key", {"api_key": "k"}, {"api-key": "k", **USUAL}),
        (
            "bearer",
            {"api_key": "k", "organization": "o", "project": "p"},
            {"Authorization": "Bearer k", "OpenAI-Organization": "o", "OpenAI-Project": "p", **USUAL},
        ),
        (
            "bearer",
            {"api_key": "k", "extra_headers": (("authorization", "Basic x"), ("A", "1"))},
            {**USUAL, "authorization": "Basic x", "A": "1"},
        ),
    ],
)
def test_headers(auth: str, endpoint: dict[str, Any], headers: dict[str, str]) -> None:
    assert codec(attrs.evolve(VENDOR, auth=auth), **endpoint).headers == headers


def test_headers_of_a_call_go_over_those_of_the_endpoint() -> None:
    one = codec(api_key="k")
    sent = one.encode_request(ChatRequest("m", [USER], extra_headers={"authorization": "Bearer mine"}))
    assert sent.headers == {**USUAL, "authorization": "Bearer mine"}
    assert one.headers["Authorization"] == "Bearer k"


# ---------------------------------------------------------------- whole answers


def decode(body: bytes) -> JSON:
    answer = codec().decode_response(ChatRequest("m", [USER]), HTTPResponse(200, {"x-request-id": "r"}, body))
    return answer.to_dict()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"null",
        b"[]",
        b"3",
        b'"error"',
        b"{}",
        b'{"id":"a"}',
        b'{"choices":null}',
        b'{"choices":3}',
        b'{"choices":"abc"}',
        b'{"choices":{"a":1}}',
        b'{"choices":[null]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":[]}]}',
        b'{"choices":[{"message":{"tool_calls":{"a":1}}}]}',
        b'{"choices":[{"message":{"tool_calls":[{"function":{}}]}}]}',
        b'{"choices":[{"message":{},"logprobs":{"content":[{}]}}]}',
        b'{"choices":[],"usage":3}',
        b'{"choices":[],"error":null',
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(APIResponseValidationError, match="status 200") as caught:
        decode(body)
    error = caught.value
    assert (error.provider, error.model, error.status_code) == ("openai", "m", 200)
    assert error.body == body.decode("utf-8", "replace")
    assert error.__cause__ is not None
    assert not error.retryable


@pytest.mark.parametrize("more", [b"", b',"choices":[]', b',"choices":null'])
def test_an_error_with_status_200(more: bytes) -> None:
    with pytest.raises(RateLimitError, match="slow down") as caught:
        decode(b'{"error":{"message":"slow down","code":429}' + more + b"}")
    assert caught.value.request_id == "r"


def test_an_error_that_is_null_is_none() -> None:
    assert decode(b'{"choices":[],"error":null}')["choices"] == []

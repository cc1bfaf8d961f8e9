"""Gemini's dialect: URL, headers and parameters, written by hand from Google's documentation."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from gemini_help import DECLARED, EXPRESS, KEY, SAID, SCHEMA, STUDIO, TOOL, USER, VERTEX, codec, sent

from aiocompl.codecs.gemini import vertex_base_url
from aiocompl.errors import BadRequestError, UnsupportedParamsError
from aiocompl.types.request import ChatRequest


@pytest.mark.parametrize(
    ("base", "model", "stream", "url"),
    [
        (STUDIO, "gemini-2.5-flash", False, f"{STUDIO}/models/gemini-2.5-flash:generateContent"),
        (STUDIO, "gemini-2.5-flash", True, f"{STUDIO}/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        (STUDIO, "tunedModels/mine", False, f"{STUDIO}/tunedModels/mine:generateContent"),
        (STUDIO, "a?key=b#c", False, f"{STUDIO}/models/a%3Fkey%3Db%23c:generateContent"),
        (
            VERTEX,
            "gemini-2.5-pro",
            False,
            f"{VERTEX}/publishers/google/models/gemini-2.5-pro:generateContent",
        ),
        (VERTEX, "endpoints/17", True, f"{VERTEX}/endpoints/17:streamGenerateContent?alt=sse"),
        (EXPRESS, "m", False, f"{EXPRESS}/publishers/google/models/m:generateContent"),
    ],
)
def test_the_model_stands_in_the_url(base: str, model: str, stream: bool, url: str) -> None:
    request = ChatRequest(model=model, messages=[USER], stream=stream)
    assert codec(base).encode_request(request).url == url


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
    ],
)
def test_where_vertex_is(location: str, host: str) -> None:
    assert vertex_base_url("p", location) == f"https://{host}/v1/projects/p/locations/{location}"


def test_queries_are_added() -> None:
    request = ChatRequest(model="m", messages=[USER], stream=True, extra_query={"a": "b c"})
    assert codec().encode_request(request).url.endswith(":streamGenerateContent?alt=sse&a=b+c")
    made = codec(f"{VERTEX}/?%24alt=json").encode_request(attrs_evolved(request, stream=False))
    assert made.url == f"{VERTEX}/publishers/google/models/m:generateContent?%24alt=json&a=b+c"
    made = codec(f"{VERTEX}?x=1").encode_request(request)
    assert made.url.endswith("?x=1&alt=sse&a=b+c")
    alone = ChatRequest(model="m", messages=[USER], extra_query={"a": "b"})
    assert codec().encode_request(alone).url.endswith(":generateContent?a=b")


def attrs_evolved(request: ChatRequest, *, stream: bool) -> ChatRequest:
    return ChatRequest(
        request.model, request.messages, request.params, stream=stream, extra_query=request.extra_query
    )


@pytest.mark.parametrize(
    ("base", "auth", "header", "value"),
    [
        (STUDIO, "bearer", "x-goog-api-key", KEY),
        (STUDIO, "header:x-goog-api-key", "x-goog-api-key", KEY),
        (STUDIO, "header:X-Gateway", "X-Gateway", KEY),
        (VERTEX, "bearer", "Authorization", f"Bearer {KEY}"),
        (EXPRESS, "bearer", "x-goog-api-key", KEY),
        (EXPRESS, "header:X-Gateway", "X-Gateway", KEY),
    ],
)
def test_the_key_goes_into_one_header(base: str, auth: str, header: str, value: str) -> None:
    made = codec(base, auth=auth).encode_request(ChatRequest(model="m", messages=[USER]))
    assert made.headers[header] == value
    assert [text for text in made.headers.values() if KEY in text] == [value]
    assert KEY not in made.url
    assert KEY.encode() not in made.body


def test_without_a_key_there_is_no_header_of_it() -> None:
    assert codec(EXPRESS, api_key=None).headers.keys() == {"Content-Type", "User-Agent"}


def test_requests_carry_the_same_headers_object() -> None:
    made = codec()
    assert made.encode_request(ChatRequest(model="m", messages=[USER])).headers is made.headers
    more = ChatRequest(model="m", messages=[USER], extra_headers={"x": "y"})
    assert made.encode_request(more).headers["x"] == "y"


def test_defaults_and_extra_body() -> None:
    made = codec(defaults=(("temperature", 0.5),)).encode_request(
        ChatRequest(
            model="m",
            messages=[USER],
            params={"top_k": 2},
            extra_body={"generationConfig": {"topK": 3}, "cachedContent": "c"},
        )
    )
    assert orjson.loads(made.body) == {
        "contents": [SAID],
        "generationConfig": {"temperature": 0.5, "topK": 3},
        "cachedContent": "c",
    }


THINK = {"includeThoughts": True}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"max_tokens": 5}, {"maxOutputTokens": 5}),
        ({"max_completion_tokens": 5}, {"maxOutputTokens": 5}),
        ({"temperature": 0, "top_p": 0.5, "top_k": 3}, {"temperature": 0, "topP": 0.5, "topK": 3}),
        ({"n": 2, "seed": 7}, {"candidateCount": 2, "seed": 7}),
        ({"stop": "x"}, {"stopSequences": ["x"]}),
        ({"stop": ["x", "y"]}, {"stopSequences": ["x", "y"]}),
        ({"presence_penalty": 1, "frequency_penalty": 0.5}, {"presencePenalty": 1, "frequencyPenalty": 0.5}),
        ({"logprobs": True, "top_logprobs": 3}, {"responseLogprobs": True, "logprobs": 3}),
        ({"logprobs": True, "top_logprobs": 0}, {"responseLogprobs": True}),
        ({"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "strict": True, "schema": SCHEMA | {"$schema": "x"}},
                }
            },
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
        ({"modalities": ["text", "image"]}, {"responseModalities": ["TEXT", "IMAGE"]}),
        (
            {"modalities": ["audio"], "audio": {"voice": "Kore", "format": "pcm16"}},
            {
                "responseModalities": ["AUDIO"],
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            },
        ),
        ({"speech_config": {"languageCode": "de"}, "audio": {}}, {"speechConfig": {"languageCode": "de"}}),
        (
            {"thinking_config": {"thinkingBudget": 3}, "thinking": {}},
            {"thinkingConfig": {"thinkingBudget": 3}},
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 99}, "reasoning_effort": "low"},
            {"thinkingConfig": THINK | {"thinkingBudget": 99}},
        ),
        ({"thinking": {"type": "adaptive"}}, {"thinkingConfig": THINK}),
        ({"thinking": {"type": "disabled"}}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"reasoning_effort": "none"}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"reasoning_effort": "medium"}, {"thinkingConfig": THINK | {"thinkingBudget": 8192}}),
    ],
)
def test_parameters_of_the_generation(params: dict[str, Any], expected: dict[str, Any]) -> None:
    assert sent(params) == {"generationConfig": expected}


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128}),
        ("gemini-3-pro-preview", "none", {"thinkingLevel": "LOW"}),
        ("gemini-3-pro-preview", "medium", THINK | {"thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro-preview", "medium", THINK | {"thinkingLevel": "MEDIUM"}),
        ("gemini-3-flash-preview", "minimal", THINK | {"thinkingLevel": "MINIMAL"}),
        ("gemini-3.8-flash", "minimal", THINK | {"thinkingLevel": "LOW"}),
        ("gemini-4-argon", "xhigh", THINK | {"thinkingLevel": "HIGH"}),
        ("gemini-flash-latest", "low", THINK | {"thinkingLevel": "LOW"}),
        ("tunedModels/mine", "high", THINK | {"thinkingBudget": 24576}),
    ],
)
def test_effort_becomes_what_the_model_knows(model: str, effort: str, expected: dict[str, Any]) -> None:
    assert sent({"reasoning_effort": effort}, model) == {"generationConfig": {"thinkingConfig": expected}}


def test_models_that_do_not_think() -> None:
    assert sent({"reasoning_effort": "none"}, "gemini-2.0-flash") == {}
    with pytest.raises(UnsupportedParamsError) as caught:
        sent({"thinking": {"type": "enabled"}}, "gemini-pro")
    assert caught.value.param == "thinking"


ANY = {"mode": "ANY"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"tool_choice": "auto"}, {"mode": "AUTO"}),
        ({"tool_choice": "none"}, {"mode": "NONE"}),
        ({"tool_choice": "required"}, ANY),
        (
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
            ANY | {"allowedFunctionNames": ["weather"]},
        ),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "required", "tools": [TOOL]},
                }
            },
            ANY | {"allowedFunctionNames": ["weather"]},
        ),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TOOL]}}},
            {"mode": "VALIDATED", "allowedFunctionNames": ["weather"]},
        ),
    ],
)
def test_tool_choice_in_every_form(params: dict[str, Any], expected: dict[str, Any]) -> None:
    body = sent({"tools": [TOOL], **params})
    assert body["toolConfig"] == {"functionCallingConfig": expected}
    assert body["tools"] == [{"functionDeclarations": [DECLARED]}]


def test_tools() -> None:
    bare = {"type": "function", "function": {"name": "now"}}
    assert sent({"tools": [bare], "parallel_tool_calls": True}) == {
        "tools": [{"functionDeclarations": [{"name": "now"}]}]
    }
    search = {"tools": [{"type": "web_search"}], "web_search_options": {}}
    assert sent(search) == {"tools": [{"googleSearch": {}}]}
    assert sent({"tools": [{"type": "file_search", "file_search": {"a": 1}}]}) == {
        "tools": [{"fileSearch": {"a": 1}}]
    }


def test_functions_beside_the_providers_own_tools() -> None:
    params = {"tools": [TOOL], "web_search_options": {}, "tool_config": {"retrievalConfig": {}}}
    tools = [{"functionDeclarations": [DECLARED]}, {"googleSearch": {}}]
    flag = {"includeServerSideToolInvocations": True}
    assert sent(params, "gemini-3-flash-preview") == {
        "tools": tools,
        "toolConfig": flag | {"retrievalConfig": {}},
    }
    assert sent(params, "gemini-3-flash-preview", VERTEX) == {
        "tools": tools,
        "toolConfig": {"retrievalConfig": {}},
    }


def test_what_stands_beside_the_generation() -> None:
    safety = [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}]
    assert sent({"safety_settings": safety, "cached_content": "c", "service_tier": "default"}) == {
        "safetySettings": safety,
        "cachedContent": "c",
        "serviceTier": "standard",
    }
    assert sent({"service_tier": "auto", "metadata": {"a": "b"}, "response_format": {"type": "text"}}) == {}
    assert sent({"metadata": {"a": "b"}}, base=VERTEX) == {"labels": {"a": "b"}}
    assert sent({"labels": {"c": "d"}, "metadata": {"a": "b"}}, base=VERTEX) == {"labels": {"c": "d"}}


def test_what_is_supported_is_declared() -> None:
    made = codec(native=frozenset({"x"}), unsupported=frozenset({"seed"}))
    assert {"x", "top_k", "thinking", "safety_settings", "cached_content"} <= made.native_params
    assert {"seed", "logit_bias", "metadata"} <= made.unsupported_params
    assert "metadata" not in codec(VERTEX).unsupported_params
    assert "service_tier" in codec(VERTEX).unsupported_params


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"parallel_tool_calls": False, "tools": [TOOL]}, "parallel_tool_calls"),
        ({"tools": [{"type": "teleport"}]}, "tools"),
        ({"web_search_options": {"user_location": {"type": "approximate"}}}, "web_search_options"),
        ({"audio": {"voice": "Kore", "format": "mp3"}}, "audio"),
    ],
)
def test_values_without_a_place(params: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        sent(params)
    assert caught.value.param == param


@pytest.mark.parametrize(
    "params", [{"reasoning_effort": "huge"}, {"reasoning_effort": 3}, {"thinking": "yes"}]
)
def test_values_that_nobody_knows(params: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        sent(params)

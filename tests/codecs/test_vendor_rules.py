"""What the rows say of parameters and messages beyond renaming: refusals, marks, omissions."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.openai_params import is_prefill, rules_for
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

USER = {"role": "user", "content": "Hi"}
BEGUN = {"role": "assistant", "content": "Well"}
TOOL = {"type": "function", "function": {"name": "f", "strict": True}}


def sent(name: str, params: dict[str, Any], *messages: Any, model: str = "m", base: str | None = None) -> Any:
    vendor = find_vendor(name)
    assert vendor is not None
    codec = OpenAICodec(vendor, Endpoint(provider=name, base_url=base or vendor.base_url, api_key="k"))
    request = ChatRequest(model, list(messages) or [USER], params)
    before = deepcopy((request.messages, params))
    made = codec.encode_request(request)
    assert (request.messages, params) == before
    return made.url, orjson.loads(made.body)


def test_most_vendors_have_no_rules() -> None:
    assert [name for name in ("openai", "deepinfra", "cerebras") if rules_for(found(name))] == []


def found(name: str) -> Any:
    vendor = find_vendor(name)
    assert vendor is not None
    return vendor


# ---------------------------------------------------------------- parameters

JSON_SCHEMA = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}


@pytest.mark.parametrize(
    ("name", "model", "params", "refused"),
    [
        ("groq", "m", {"n": 2}, "n"),
        ("deepseek", "deepseek-reasoner", {"logprobs": True}, "logprobs"),
        ("zai", "m", {"tools": [TOOL], "tool_choice": "required"}, "tool_choice"),
        ("zai", "m", {"tools": [TOOL], "tool_choice": {"type": "function"}}, "tool_choice"),
        ("perplexity", "sonar", {"response_format": {"type": "json_object"}}, "response_format"),
        ("xai", "grok-4", {"stop": ["a"]}, "stop"),
        ("xai", "grok-code-fast-1", {"presence_penalty": 0.5}, "presence_penalty"),
        ("xai", "grok-3-mini", {"stop": "a"}, "stop"),
        ("databricks", "databricks-claude-sonnet-4-5", {"seed": 1}, "seed"),
        ("databricks", "databricks-claude-sonnet-4-5", {"n": 2}, "n"),
        ("mistral", "m", {"service_tier": "flex"}, "service_tier"),
    ],
)
def test_what_is_refused(name: str, model: str, params: dict[str, Any], refused: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        sent(name, params, model=model)
    assert (caught.value.param, caught.value.provider, caught.value.model) == (refused, name, model)


@pytest.mark.parametrize(
    ("name", "model", "params", "said"),
    [
        ("groq", "m", {"n": 1}, {"n": 1}),
        ("deepseek", "m", {"response_format": {"type": "json_object"}}, None),
        ("deepseek", "deepseek-chat", {"logprobs": True}, None),
        ("zai", "m", {"tool_choice": "auto"}, None),
        ("perplexity", "sonar", {"response_format": JSON_SCHEMA}, None),
        ("xai", "grok-4", {"stop": [], "presence_penalty": 0}, {}),
        ("xai", "grok-4-fast-non-reasoning", {"stop": ["a"]}, None),
        ("xai", "grok-3-mini", {"presence_penalty": 0.5}, None),
        ("databricks", "databricks-claude-sonnet-4-5", {"n": 1, "top_p": 0.5}, {"top_p": 0.5}),
        ("databricks", "databricks-llama", {"n": 2, "seed": 1}, None),
        ("together", "m", {"logprobs": True}, {"logprobs": 1}),
        ("together", "m", {"logprobs": True, "top_logprobs": 5}, {"logprobs": 5}),
        ("together", "m", {"logprobs": False}, {}),
        ("fireworks", "a/m", {"tool_choice": "required"}, {"tool_choice": "any"}),
        ("mistral", "m", {"tool_choice": "required"}, {"tool_choice": "any"}),
        ("mistral", "m", {"service_tier": "default"}, {"service_tier": "standard_only"}),
        ("mistral", "m", {"service_tier": "auto"}, None),
    ],
)
def test_what_is_said(name: str, model: str, params: dict[str, Any], said: dict[str, Any] | None) -> None:
    _, body = sent(name, params, model=model)
    assert {key: value for key, value in body.items() if key not in {"model", "messages"}} == (
        params if said is None else said
    )


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("xai", {"name": "f"}),
        ("fireworks", {"name": "f"}),
        ("mistral", {"name": "f", "strict": True, "parameters": {"type": "object", "properties": {}}}),
        ("groq", {"name": "f", "strict": True}),
    ],
)
def test_tools(name: str, function: dict[str, Any]) -> None:
    _, body = sent(name, {"tools": [TOOL]})
    assert body["tools"] == [{"type": "function", "function": function}]


def test_tools_that_are_no_functions_stay() -> None:
    search = {"type": "web_search"}
    assert sent("xai", {"tools": [search]})[1]["tools"] == [search]


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("llama-v3p1-8b", "accounts/fireworks/models/llama-v3p1-8b"),
        ("accounts/me/deployments/d", "accounts/me/deployments/d"),
    ],
)
def test_short_names_of_models(model: str, said: str) -> None:
    assert sent("fireworks", {}, model=model)[1]["model"] == said


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("openrouter", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        (
            "openrouter",
            {"thinking": {"type": "enabled", "budget_tokens": 9}},
            {"reasoning": {"max_tokens": 9}},
        ),
        ("openrouter", {"thinking": {"type": "adaptive"}}, {"reasoning": {"enabled": True}}),
        ("openrouter", {"thinking": {"type": "disabled"}}, {"reasoning": {"enabled": False}}),
        (
            "openrouter",
            {"thinking": {"type": "adaptive"}, "reasoning_effort": "high"},
            {"reasoning": {"effort": "high"}},
        ),
        (
            "openrouter",
            {"thinking": {"type": "enabled", "budget_tokens": 9}, "reasoning_effort": "high"},
            {"reasoning": {"max_tokens": 9}},
        ),
        ("openrouter", {"include_reasoning": False}, {"reasoning": {"exclude": True}}),
        ("openrouter", {"reasoning": {"max_tokens": 5}}, None),
        (
            "openrouter",
            {"reasoning": {"max_tokens": 5}, "reasoning_effort": "low", "include_reasoning": True},
            {"reasoning": {"max_tokens": 5, "exclude": False}},
        ),
        (
            "openrouter",
            {"reasoning": {"exclude": True}, "reasoning_effort": "low"},
            {"reasoning": {"effort": "low", "exclude": True}},
        ),
        ("openrouter", {}, None),
        ("vercel_ai_gateway", {"reasoning_effort": "low"}, {"reasoning": {"effort": "low"}}),
        ("together", {"thinking": {"type": "enabled", "budget_tokens": 9}}, {"reasoning": {"enabled": True}}),
        ("together", {"thinking": {"type": "disabled"}}, {"reasoning": {"enabled": False}}),
        ("together", {"reasoning_effort": "low"}, None),
    ],
)
def test_reasoning_in_one_object(name: str, params: dict[str, Any], said: dict[str, Any] | None) -> None:
    _, body = sent(name, params)
    assert {key: value for key, value in body.items() if key not in {"model", "messages"}} == (
        params if said is None else said
    )


def test_parts_that_are_refused() -> None:
    file = {"type": "file", "file": {"file_data": "data:application/pdf;base64,AAAA"}}
    message = {"role": "user", "content": [{"type": "text", "text": "Hi"}, file]}
    with pytest.raises(UnsupportedParamsError, match="no content of type 'file'") as caught:
        sent("fireworks", {}, message)
    assert caught.value.param == "messages"
    assert sent("openrouter", {}, message)[1]["messages"] == [message]


@pytest.mark.parametrize("param", ["safety_identifier", "prompt_cache_retention", "user", "logit_bias"])
def test_a_closed_schema_refuses_what_it_lacks(param: str) -> None:
    assert param in found("mistral").unsupported


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("name", "mark"),
    [("mistral", "prefix"), ("codestral", "prefix"), ("deepseek", "prefix"), ("moonshot", "partial")],
)
def test_an_answer_that_is_begun_is_marked(name: str, mark: str) -> None:
    _, body = sent(name, {}, USER, BEGUN)
    assert body["messages"] == [USER, BEGUN | {mark: True}]
    _, given = sent(name, {}, USER, BEGUN | {mark: False})
    assert given["messages"][-1][mark] is False
    for messages in ([USER], [USER, BEGUN, USER], [USER, {"role": "assistant", "content": ""}]):
        _, body = sent(name, {}, *messages)
        assert all(mark not in message for message in body["messages"])


@pytest.mark.parametrize("name", ["openai", "groq", "openrouter"])
def test_others_get_it_as_it_is(name: str) -> None:
    assert sent(name, {}, USER, BEGUN)[1]["messages"] == [USER, BEGUN]


def test_deepseek_goes_on_at_its_beta_address_only() -> None:
    assert sent("deepseek", {}, USER, BEGUN)[0] == "https://api.deepseek.com/beta/chat/completions"
    assert sent("deepseek", {}, USER)[0] == "https://api.deepseek.com/chat/completions"
    assert sent("deepseek", {}, USER, BEGUN, base="https://h/v1")[0] == "https://h/v1/chat/completions"


def test_vllm_is_told_by_parameters() -> None:
    _, body = sent("vllm", {}, USER, BEGUN)
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert "continue_final_message" not in sent("vllm", {}, USER)[1]


@pytest.mark.parametrize(
    ("messages", "begun"),
    [([], False), ([BEGUN], True), ([BEGUN, USER], False), ([BEGUN | {"tool_calls": [{"id": "c"}]}], False)],
)
def test_what_an_answer_that_is_begun_is(messages: list[Any], begun: bool) -> None:
    assert is_prefill(messages) is begun


def test_perplexity_wants_turns() -> None:
    parts = [{"type": "text", "text": "c"}]
    _, body = sent(
        "perplexity",
        {},
        {"role": "system", "content": "a"},
        {"role": "developer", "content": "b"},
        USER,
        USER,
        {"role": "user", "content": parts},
        BEGUN,
        USER,
    )
    assert body["messages"] == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": [{"type": "text", "text": "Hi\n\nHi"}, *parts]},
        BEGUN,
        USER,
    ]


def test_names_and_cache_marks_that_are_refused_are_left_out() -> None:
    part = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
    named = {"role": "user", "name": "ann", "content": [part]}
    assert sent("groq", {}, named)[1]["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}]}
    ]
    assert sent("xai", {}, named, BEGUN | {"name": "bob"})[1]["messages"] == [named, BEGUN]
    assert sent("openrouter", {}, named)[1]["messages"] == [named]


def test_deepseek_takes_text_but_from_users() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    _, body = sent(
        "deepseek", {}, {"role": "developer", "content": parts}, {"role": "user", "content": parts}
    )
    assert body["messages"] == [{"role": "system", "content": "ab"}, {"role": "user", "content": parts}]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("groq", "input_audio"),
        ("deepseek", "input_audio"),
        ("deepseek", "file"),
        ("perplexity", "input_audio"),
    ],
)
def test_parts_that_the_vendor_cannot_take_are_refused(name: str, kind: str) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": kind, kind: {}}]}
    with pytest.raises(UnsupportedParamsError, match=kind) as caught:
        sent(name, {}, message)
    assert caught.value.param == "messages"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("groq", "image_url"), ("groq", "document"), ("deepseek", "image_url"), ("xai", "file")],
)
def test_parts_that_it_may_take_are_sent(name: str, kind: str) -> None:
    message = {
        "role": "user",
        "content": [{"type": "text", "text": "Hi"}, {"type": kind, kind: {"url": "u"}}],
    }
    assert sent(name, {}, message)[1]["messages"][0]["content"] == message["content"]

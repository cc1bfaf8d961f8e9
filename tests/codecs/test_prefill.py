"""Who can be made to go on with an answer that was begun, and how that is asked."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.prefill import prefilled
from aiocompl.codecs.routing import Target, resolve
from aiocompl.types.request import ChatRequest

USER = {"role": "user", "content": "hi"}


def begun(model: str, text: str = "one two ", *, messages: Any = (USER,), **params: Any) -> Any:
    route = resolve(Target(model, api_key="sk-made-up"), {})
    request = ChatRequest(route.model, [*messages], params, stream=True)
    made = prefilled(request, text, route.codec)
    assert request.messages == [*messages]
    if made is None:
        return None
    body = orjson.loads(route.codec.encode_request(made.request).body)
    return made.text, made.may_echo, body["messages"][-1]


@pytest.mark.parametrize(
    ("model", "may_echo", "last"),
    [
        ("anthropic/claude-3-5-haiku-latest", False, {"content": [{"type": "text", "text": "one two"}]}),
        ("mistral/mistral-small-latest", True, {"content": "one two", "prefix": True}),
        ("moonshot/kimi-k2", False, {"content": "one two", "partial": True}),
        ("hosted_vllm/m", False, {"content": "one two"}),
    ],
)
def test_models_that_go_on(model: str, may_echo: bool, last: dict[str, Any]) -> None:
    assert begun(model) == ("one two", may_echo, {"role": "assistant", **last})


@pytest.mark.parametrize(
    "model", ["openai/gpt-4o", "anthropic/claude-opus-4-6", "gemini/gemini-2.5-flash", "groq/llama-3.3-70b"]
)
def test_models_that_are_not_known_to(model: str) -> None:
    assert begun(model) is None


@pytest.mark.parametrize("params", [{"tools": []}, {"n": 2}, {"response_format": {"type": "json_object"}}])
def test_requests_that_want_more_than_one_text(params: dict[str, Any]) -> None:
    assert begun("moonshot/kimi-k2", **params) is None


def test_one_answer_is_one() -> None:
    assert begun("moonshot/kimi-k2", n=1) is not None


def test_nothing_to_go_on_with() -> None:
    assert begun("moonshot/kimi-k2", " \n") is None


def test_a_beginning_of_the_callers_own() -> None:
    own = {"role": "assistant", "content": "So: "}
    _, _, last = begun("moonshot/kimi-k2", messages=[USER, own])
    assert last["content"] == "So: one two"
    assert begun("mistral/mistral-small-latest", messages=[USER, own]) is None
    blocks = {"role": "assistant", "content": [{"type": "text", "text": "So: "}]}
    assert begun("moonshot/kimi-k2", messages=[USER, blocks]) is None

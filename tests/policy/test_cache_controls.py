from __future__ import annotations

from typing import Any

import pytest

from aiocompl.errors import BadRequestError
from aiocompl.policy.cache_controls import DEFAULT, OFF, CacheControls, cache_controls, is_worth_keeping
from aiocompl.types.completion import ChatCompletion


@pytest.mark.parametrize(
    ("given", "controls"),
    [
        (None, DEFAULT),
        (True, DEFAULT),
        ({}, DEFAULT),
        (False, OFF),
        ({"no-cache": True}, CacheControls(read=False)),
        ({"no-store": True, "no-cache": False}, CacheControls(store=False)),
        ({"no-store": None, "namespace": None, "ttl": None, "s-maxage": None}, DEFAULT),
        ({"ttl": 60}, CacheControls(ttl=60)),
        ({"s-maxage": 0}, CacheControls(max_age=0)),
        ({"s-maxage": 0.5, "namespace": "a"}, CacheControls(max_age=0.5, namespace="a")),
    ],
)
def test_controls(given: object, controls: CacheControls) -> None:
    assert cache_controls(given) == controls


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"no_cache": True}, "cache has no 'no_cache'; did you mean 'no-cache'"),
        ({"tll": 3}, "did you mean 'ttl'"),
        ({"whatever": 3}, "there are no-cache, no-store, ttl, s-maxage, namespace"),
        ({1: 3}, "cache has no 1"),
        ({"ttl": 0}, "cache\\['ttl'\\] must be a positive number of seconds"),
        ({"ttl": "60"}, "cache\\['ttl'\\] must be a positive number"),
        ({"s-maxage": -1}, "cache\\['s-maxage'\\] must be"),
        ({"no-cache": "yes"}, "cache\\['no-cache'\\] must be True or False"),
        ({"namespace": 3}, "cache\\['namespace'\\] must be text, not int"),
        ("no-cache", "cache must be False or a mapping"),
        (0, "cache must be False or a mapping"),
    ],
)
def test_what_is_none(given: object, message: str) -> None:
    with pytest.raises(BadRequestError, match=message) as raised:
        cache_controls(given)
    assert (raised.value.param or "").startswith("cache")


def answer(finish_reason: str | None = "stop", **message: Any) -> ChatCompletion:
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", **message}}
    return ChatCompletion.model_validate({"id": "1", "choices": [choice]})


CALL = {"id": "c", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("kept", "whole"),
    [
        (True, answer(content="yes")),
        (True, answer("length", content="ye")),
        (True, answer("tool_calls", tool_calls=[CALL])),
        (True, answer("function_call", function_call={"name": "f"})),
        (True, answer(refusal="no")),
        (True, answer(audio={"id": "a"})),
        (False, answer(content="")),
        (False, answer("length", content=None, reasoning_content="hm")),
        (False, answer("content_filter", content="ye")),
        (False, answer("error", content="ye")),
        (False, answer(None, content="ye")),
        (False, ChatCompletion(id="1", choices=[])),
        (False, ChatCompletion(id="1", choices=[*answer(content="a").choices, *answer(content="").choices])),
    ],
)
def test_which_answers_are_kept(kept: bool, whole: ChatCompletion) -> None:
    assert is_worth_keeping(whole) is kept

from __future__ import annotations

from collections import UserList
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.policy.cache_key import _OPTIONS, cache_key
from aiocompl.types.completion import ChatCompletionMessage
from aiocompl.types.params import CALL_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

MESSAGES = [{"role": "user", "content": "hi"}]
KEY = cache_key("gpt-4o", MESSAGES, {})


def options_key(**options: Any) -> str | None:
    return cache_key("gpt-4o", MESSAGES, {}, options=options)


def test_it_is_a_sha256() -> None:
    assert KEY is not None
    assert len(KEY) == 64
    assert set(KEY) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other",
    [
        cache_key("gpt-4o-mini", MESSAGES, {}),
        cache_key("gpt-4o", [{"role": "user", "content": "ho"}], {}),
        cache_key("gpt-4o", [*MESSAGES, *MESSAGES], {}),
        cache_key("gpt-4o", MESSAGES, {"temperature": 0}),
        cache_key("gpt-4o", MESSAGES, {"top_k": 1}),
        cache_key("gpt-4o", MESSAGES, {"user": "ann"}),
        cache_key("gpt-4o", MESSAGES, {}, provider="azure"),
        cache_key("gpt-4o", MESSAGES, {}, api_base="http://here/v1"),
        cache_key("gpt-4o", MESSAGES, {}, namespace="tests"),
        options_key(api_base="http://here/v1"),
        options_key(custom_llm_provider="azure"),
        options_key(extra_body={"a": 1}),
        options_key(extra_headers={"anthropic-beta": "x"}),
        options_key(drop_params=True),
    ],
)
def test_what_makes_another_question(other: str | None) -> None:
    assert other is not None
    assert other != KEY


@pytest.mark.parametrize(
    "same",
    [
        cache_key("gpt-4o", tuple(MESSAGES), {}),
        cache_key("gpt-4o", [MappingProxyType(MESSAGES[0])], {}),
        cache_key("gpt-4o", UserList(MESSAGES), {}),
        cache_key("gpt-4o", MESSAGES, {"temperature": None}),
        cache_key("gpt-4o", MESSAGES, {"stream_options": {"include_usage": True}, "metadata": {"a": "b"}}),
        options_key(timeout=3.0, num_retries=1, logger_fn=print, verbose=True),
        options_key(api_key="sk-1", vertex_credentials={"a": 1}, api_base=None),
        options_key(cache={"ttl": 3}),
    ],
)
def test_what_is_the_same_question(same: str | None) -> None:
    assert same == KEY


def test_a_message_out_of_an_answer_is_the_mapping_that_is_sent() -> None:
    message = ChatCompletionMessage(content="yes", model_extra={"x": 1})
    keys = {cache_key("m", [said], {}) for said in (message, message.to_dict())}
    assert len(keys) == 1


def test_header_names_have_no_case() -> None:
    assert options_key(extra_headers={"X-A": "b"}) == options_key(extra_headers={"x-a": "b"})


@pytest.mark.parametrize(
    ("messages", "params", "options"),
    [
        ([{"role": "user", "content": object()}], {}, {}),
        (MESSAGES, {"response_format": int}, {}),
        (MESSAGES, {"stop": print}, {}),
        (MESSAGES, {"seed": 2**70}, {}),
        (MESSAGES, {"stop": b"bytes"}, {}),
        (MESSAGES, {"user": "\ud800"}, {}),
        (MESSAGES, {"logit_bias": {1: 2}}, {}),
        (MESSAGES, {}, {"extra_headers": ["none"]}),
        (MESSAGES, {}, {"extra_headers": {1: "x"}}),
        (MESSAGES, {}, {"extra_body": {"a": {1, 2}}}),
        (iter(MESSAGES), {}, {}),
    ],
)
def test_what_has_no_one_form_has_no_key(
    messages: object, params: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    assert cache_key("m", messages, params, options=options) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


def turned(value: Any) -> Any:
    """The same with all mappings in the opposite order."""
    if isinstance(value, dict):
        return {name: turned(value[name]) for name in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text("abcd", min_size=1), JSON), JSON)
def test_mappings_in_any_order_make_one_key(params: dict[str, Any], body: Any) -> None:
    key = cache_key("m", MESSAGES, params, options={"extra_body": {"x": body}})
    assert key is not None
    assert key == cache_key(
        "m", turned(MESSAGES), turned(params), options=turned({"extra_body": {"x": body}})
    )


def test_the_options_that_count_are_options() -> None:
    assert _OPTIONS <= CALL_OPTIONS


def test_the_key_is_the_same_in_each_version() -> None:
    """Another form of key makes all that is kept on disk and in Redis useless: it needs a reason."""
    assert KEY == "063266098a6e5c71474c2a3ffe975d86ef8e63c185c8e9e25e899b675dd7fc91"

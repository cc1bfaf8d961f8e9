"""Bad calls: each is found before any I/O and says where."""

from __future__ import annotations

from collections import UserDict, UserList
from copy import deepcopy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocompl.errors import BadRequestError
from aiocompl.types.checks import check_messages, check_params, did_you_mean
from aiocompl.types.completion import ChatCompletionMessage, FunctionCall, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

USER = {"role": "user", "content": "Hi"}
PARTS = [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def tool(**function: Any) -> list[dict[str, Any]]:
    return [{"type": "function", "function": function}]


GOOD_MESSAGES: list[Any] = [
    [USER],
    (USER,),
    UserList([USER]),
    [{"role": "developer", "content": "Be brief."}, {"role": "system", "content": ""}, USER],
    [{"role": "user", "content": PARTS, "name": "Ann-1_a"}],
    [{"role": "user", "content": tuple(PARTS)}],
    [{"role": "user", "content": []}],
    [USER, {"role": "assistant", "content": None, "tool_calls": [CALL]}],
    [
        USER,
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "1"},
    ],
    [USER, {"role": "assistant", "content": "Hello"}, USER],
    [{"role": "function", "name": "f", "content": "1"}, {"role": "function", "name": "f", "content": None}],
    [{"role": "user", "content": "Hi", "name": None}],
    [UserDict(USER), MappingProxyType(USER)],
]

BAD_MESSAGES: list[tuple[Any, str]] = [
    (None, "messages"),
    ([], "messages"),
    ((), "messages"),
    ("Hi", "messages"),
    (b"Hi", "messages"),
    (USER, "messages"),
    (3, "messages"),
    (iter([USER]), "messages"),
    (["Hi"], "messages[0]"),
    ([USER, None], "messages[1]"),
    ([USER, [USER]], "messages[1]"),
    ([{}], "messages[0].role"),
    ([{"content": "Hi"}], "messages[0].role"),
    ([{"role": None, "content": "Hi"}], "messages[0].role"),
    ([{"role": "User", "content": "Hi"}], "messages[0].role"),
    ([{"role": ["user"], "content": "Hi"}], "messages[0].role"),
    ([{"role": {}, "content": "Hi", "name": "x"}], "messages[0].role"),
    ([USER, USER, {"role": "robot", "content": "Hi"}], "messages[2].role"),
    ([{"role": "function", "content": "1"}], "messages[0].name"),
    ([{"role": "function", "content": "1", "name": None}], "messages[0].name"),
    ([{"role": "user", "content": "Hi", "name": ""}], "messages[0].name"),
    ([{"role": "user", "content": "Hi", "name": "a b"}], "messages[0].name"),
    ([{"role": "user", "content": "Hi", "name": "a\n"}], "messages[0].name"),
    ([{"role": "user", "content": "Hi", "name": "é"}], "messages[0].name"),
    ([{"role": "user", "content": "Hi", "name": "x" * 65}], "messages[0].name"),
    ([{"role": "user", "content": "Hi", "name": 3}], "messages[0].name"),
    ([USER, {"role": "tool", "content": "1"}], "messages[1].tool_call_id"),
    ([USER, {"role": "tool", "content": "1", "tool_call_id": None}], "messages[1].tool_call_id"),
    ([USER, {"role": "tool", "content": "1", "tool_call_id": 1}], "messages[1].tool_call_id"),
    ([{"role": "user"}], "messages[0].content"),
    ([{"role": "user", "content": None}], "messages[0].content"),
    ([{"role": "system", "content": None}], "messages[0].content"),
    ([{"role": "tool", "content": None, "tool_call_id": "a"}], "messages[0].content"),
    ([{"role": "user", "content": 3}], "messages[0].content"),
    ([{"role": "assistant", "content": 3}], "messages[0].content"),
    ([{"role": "user", "content": {"type": "text"}}], "messages[0].content"),
    ([{"role": "user", "content": b"Hi"}], "messages[0].content"),
    ([{"role": "user", "content": ["Hi"]}], "messages[0].content[0]"),
    ([{"role": "user", "content": [PARTS[0], {"text": "Hi"}]}], "messages[0].content[1]"),
    ([{"role": "user", "content": [{"type": 3}]}], "messages[0].content[0]"),
]

GOOD_PARAMS: list[dict[str, Any]] = [
    {},
    {"temperature": 99, "n": -1, "top_p": "much"},  # the provider's business
    {"stop": None},
    {"stop": "END"},
    {"stop": ["a", "b", "c", "d"]},
    {"stop": []},
    {"tools": None, "functions": None},
    {"tools": []},
    {"tools": tool(name="f")},
    {"tools": tool(name="x" * 64, parameters=None)},
    {"tools": tool(name="f", parameters={})},
    {"tools": tool(name="f", parameters={"type": "object", "properties": {"a": {"type": "string"}}})},
    {"tools": [MappingProxyType({"type": "function", "function": MappingProxyType({"name": "f"})})]},
    {"tools": [{"type": "custom", "custom": {"name": "g"}}, {"type": "web_search"}]},
    {"functions": ({"name": "f", "parameters": {"type": "object"}},)},
]

BAD_PARAMS: list[tuple[dict[str, Any], str]] = [
    ({"stop": ["a", "b", "c", "d", "e"]}, "stop"),
    ({"stop": 3}, "stop"),
    ({"stop": b"END"}, "stop"),
    ({"stop": {"a": 1}}, "stop"),
    ({"stop": ["a", 3]}, "stop[1]"),
    ({"stop": [None]}, "stop[0]"),
    ({"tools": {}}, "tools"),
    ({"tools": "f"}, "tools"),
    ({"tools": ["f"]}, "tools[0]"),
    ({"tools": [{"function": {"name": "f"}}]}, "tools[0]"),
    ({"tools": [{"type": 1}]}, "tools[0]"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": "f"}]}, "tools[0].function"),
    ({"tools": tool()}, "tools[0].function.name"),
    ({"tools": tool(name="")}, "tools[0].function.name"),
    ({"tools": [*tool(name="f"), *tool(name="a.b")]}, "tools[1].function.name"),
    ({"tools": tool(name="x" * 65)}, "tools[0].function.name"),
    ({"tools": tool(name=3)}, "tools[0].function.name"),
    ({"tools": tool(name="f", parameters="{}")}, "tools[0].function.parameters"),
    ({"tools": tool(name="f", parameters=[])}, "tools[0].function.parameters"),
    ({"tools": tool(name="f", parameters={"type": "string"})}, "tools[0].function.parameters"),
    ({"tools": tool(name="f", parameters={"properties": []})}, "tools[0].function.parameters.properties"),
    ({"functions": {"name": "f"}}, "functions"),
    ({"functions": [None]}, "functions[0]"),
    ({"functions": [{"description": "no name"}]}, "functions[0].name"),
    ({"functions": [{"name": "f", "parameters": 3}]}, "functions[0].parameters"),
]


@pytest.mark.parametrize("messages", GOOD_MESSAGES)
def test_good_messages(messages: Any) -> None:
    checked = check_messages(messages)
    assert [dict(message) for message in checked] == [dict(message) for message in messages]
    assert all(type(message) is dict for message in checked)


def test_good_messages_are_not_copied() -> None:
    messages = [USER, {"role": "assistant", "content": None}]
    assert check_messages(messages) is messages


@pytest.mark.parametrize(("messages", "param"), BAD_MESSAGES)
def test_bad_messages(messages: Any, param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        check_messages(messages)
    said(caught.value, param)


@pytest.mark.parametrize("params", GOOD_PARAMS)
def test_good_params(params: dict[str, Any]) -> None:
    check_params(params)


@pytest.mark.parametrize(("params", "param"), BAD_PARAMS)
def test_bad_params(params: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        check_params(params)
    said(caught.value, param)


def said(error: BadRequestError, param: str) -> None:
    assert error.param == param
    assert error.message.startswith(f"{param} ")
    assert (error.status_code, error.type) == (400, "invalid_request_error")
    assert not error.retryable


def fault(check: Callable[[Any], object], value: Any) -> str | None:
    try:
        check(value)
    except BadRequestError as error:
        return error.param
    return None


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.sampled_from(["user", "tool"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "name", "tool_call_id", "type", "function", "parameters", "properties"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(ANYTHING | st.lists(ANYTHING, max_size=3))
def test_any_messages_pass_or_are_refused(messages: Any) -> None:
    before = deepcopy(messages)
    param = fault(check_messages, messages)
    assert param is None or param.startswith("messages")
    assert messages == before


@given(
    st.fixed_dictionaries({"stop": ANYTHING, "tools": ANYTHING | st.lists(ANYTHING), "functions": ANYTHING})
)
def test_any_params_pass_or_are_refused(params: dict[str, Any]) -> None:
    param = fault(check_params, params)
    assert param is None or param.startswith(("stop", "tools", "functions"))


def test_a_message_out_of_an_answer_can_be_put_back() -> None:
    message = ChatCompletionMessage(
        tool_calls=[ToolCall(id="call_1", function=FunctionCall(name="f", arguments="{}"))],
        model_extra={"thought_signature": "abc"},
    )
    messages = [USER, message, {"role": "tool", "tool_call_id": "call_1", "content": "1"}]
    checked = check_messages(messages)
    assert messages[1] is message
    assert checked[1] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [CALL],
        "thought_signature": "abc",
    }


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("temprature", "; did you mean 'temperature'?"),
        ("stream", "; did you mean 'streams' or 'stream_a'?"),
        ("zzz", ""),
    ],
)
def test_did_you_mean(name: str, hint: str) -> None:
    assert did_you_mean(name, {"temperature": 1, "streams": 2, "stream_a": 3}) == hint

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.local.requests import adapt

WEATHER = {"type": "function", "function": {"name": "weather"}}
TIME = {"type": "function", "function": {"name": "time"}}
FORCED: dict[str, Any] = {"tool_call_required": True}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"tools": [WEATHER, TIME], "tool_choice": "none", "parallel_tool_calls": False, "n": 1},
            {"n": 1},
            id="none",
        ),
        pytest.param(
            {"tools": [WEATHER, TIME], "tool_choice": "required"},
            {"tools": [WEATHER, TIME], "tool_choice": "required", "chat_template_kwargs": FORCED},
            id="required",
        ),
        pytest.param(
            {"tools": [WEATHER, TIME], "tool_choice": TIME},
            {"tools": [TIME], "tool_choice": "required", "chat_template_kwargs": FORCED},
            id="named",
        ),
        pytest.param(
            {"tools": [TIME], "tool_choice": "required", "chat_template_kwargs": {"a": 1}},
            {"tools": [TIME], "tool_choice": "required", "chat_template_kwargs": FORCED | {"a": 1}},
            id="given-kwargs-stay",
        ),
    ],
)
def test_says_in_the_servers_way(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert orjson.loads(adapt(orjson.dumps(given))) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"messages": []}',
        b'{"tools": [], "tool_choice": "auto"}',
        b'{"tools": {}, "tool_choice": "none"}',
        b'{"tools": [], "tool_choice": {"type": "function"}}',
        b'["tool_choice"]',
        b'{"tool_choice"',
    ],
)
def test_leaves_alone_what_it_has_nothing_to_say_about(body: bytes) -> None:
    assert adapt(body) is body

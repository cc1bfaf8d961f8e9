"""What OpenAI's models refuse, before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl.codecs.catalogue import find_vendor
from aiocompl.codecs.openai import OpenAICodec
from aiocompl.codecs.openai_models import refused_params
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.endpoint import Endpoint
from aiocompl.types.request import ChatRequest

TOOLS = [{"type": "function", "function": {"name": "f"}}]


@pytest.mark.parametrize(
    ("model", "params", "refused"),
    [
        ("gpt-4o", {"temperature": 0, "stop": "a", "n": 2, "logprobs": True}, ()),
        ("gpt-5-chat-latest", {"temperature": 0}, ()),
        ("unknown", {"temperature": 0}, ()),
        ("gpt-5", {"temperature": 0, "top_p": 0.5}, ("temperature", "top_p")),
        ("gpt-5-mini-2025-08-07", {"stop": ["a"]}, ("stop",)),
        ("gpt-5", {"temperature": 1, "top_p": 1.0, "logprobs": False, "stop": [], "logit_bias": {}}, ()),
        ("gpt-5", {"n": 2, "parallel_tool_calls": True, "tools": TOOLS}, ()),
        ("o1", {"n": 2}, ("n",)),
        ("o1", {"n": 1}, ()),
        ("o3-mini", {"parallel_tool_calls": False}, ("parallel_tool_calls",)),
        ("o3", {"parallel_tool_calls": False, "presence_penalty": 0.5}, ("presence_penalty",)),
        ("ft:o4-mini-2025-04-16:org::id", {"logit_bias": {"1": 1}}, ("logit_bias",)),
        ("gpt-5.1", {"temperature": 0}, ()),
        ("gpt-5.1", {"temperature": 0, "reasoning_effort": "none"}, ()),
        ("gpt-5.1", {"temperature": 0, "reasoning_effort": "low"}, ("temperature",)),
        ("gpt-5.2", {"reasoning_effort": "low", "tools": TOOLS}, ()),
        ("gpt-5.4", {"tools": TOOLS}, ()),
        ("gpt-5.4-mini", {"reasoning_effort": "low", "tools": TOOLS}, ("reasoning_effort",)),
        ("gpt-5.6-sol", {"reasoning_effort": "none", "tools": TOOLS, "temperature": 0}, ()),
        ("gpt-5.6-sol", {"temperature": 0}, ("temperature",)),
        ("gpt-6-luna", {"frequency_penalty": 1, "top_logprobs": 2}, ("frequency_penalty", "top_logprobs")),
    ],
)
def test_refused_params(model: str, params: dict[str, Any], refused: tuple[str, ...]) -> None:
    assert refused_params(model, params) == refused


def test_they_are_refused_before_anything_is_sent() -> None:
    vendor = find_vendor("openai")
    assert vendor is not None
    codec = OpenAICodec(vendor, Endpoint(provider="openai", base_url=vendor.base_url))
    with pytest.raises(UnsupportedParamsError, match="stop, temperature not supported") as caught:
        codec.encode_request(ChatRequest("o3", [], {"temperature": 0, "stop": "a"}))
    assert (caught.value.param, caught.value.model, caught.value.provider) == ("stop", "o3", "openai")
    with pytest.raises(UnsupportedParamsError, match="openai/responses/<model>"):
        codec.encode_request(ChatRequest("gpt-5.4", [], {"reasoning_effort": "low", "tools": TOOLS}))
    assert codec.encode_request(ChatRequest("o3", [], {"temperature": 1})).body

"""What a Claude refuses of sampling and of budgets is refused before it is sent, whoever hosts it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.request import ChatRequest

ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "global",
    "SNOWFLAKE_API_BASE": "https://a.snowflakecomputing.com/api/v2",
    "AZURE_AI_API_BASE": "https://r.services.ai.azure.com",
}
HOSTS = [
    "anthropic/claude-sonnet-4-5",
    "vertex_ai/claude-sonnet-4-5@20250929",
    "azure_ai/claude-sonnet-4-5",
    "snowflake/messages/claude-sonnet-4-5",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
]
THINKS = {"type": "enabled", "budget_tokens": 2048}


def body_of(model: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
    target = resolve(Target(model, api_key="made-up"), ENVIRONMENT)
    message = {"role": "user", "content": "Hi"}
    request = ChatRequest(target.model, [message], params, extra_headers=headers)
    return orjson.loads(target.codec.encode_request(request).body)


def sampling(body: Any) -> dict[str, Any]:
    place = {**body, **body.get("inferenceConfig", {})}
    names = {"temperature": "temperature", "top_p": "top_p", "topP": "top_p"}
    return {names[name]: place[name] for name in names if name in place}


@pytest.mark.parametrize("model", HOSTS)
@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"temperature": 0.5, "top_p": 0.9}, "top_p"),
        ({"thinking": THINKS, "temperature": 0.5}, "temperature"),
        ({"thinking": THINKS, "top_p": 0.5}, "top_p"),
        ({"thinking": THINKS, "top_k": 5}, "top_k"),
        ({"reasoning_effort": "low", "temperature": 0}, "temperature"),
        ({"thinking": THINKS, "max_tokens": 2048}, "thinking"),
        ({"thinking": THINKS, "max_completion_tokens": 1000}, "thinking"),
    ],
)
def test_refused(model: str, params: dict[str, Any], param: str) -> None:
    with pytest.raises(UnsupportedParamsError) as caught:
        body_of(model, **params)
    assert caught.value.param == param


@pytest.mark.parametrize("model", HOSTS)
@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"temperature": 0.5, "top_p": 1}, {"temperature": 0.5}),
        ({"temperature": 1, "top_p": 0.5}, {"top_p": 0.5}),
        ({"thinking": THINKS, "temperature": 1.5}, {"temperature": 1}),
        ({"thinking": THINKS, "top_p": 0.95}, {"top_p": 0.95}),
        ({"thinking": {"type": "disabled"}, "temperature": 0}, {"temperature": 0}),
    ],
)
def test_sent(model: str, params: dict[str, Any], sent: dict[str, Any]) -> None:
    assert sampling(body_of(model, **params)) == sent


def test_models_that_take_both_get_both() -> None:
    body = body_of("anthropic/claude-3-5-sonnet-20241022", temperature=0.5, top_p=0.9)
    assert sampling(body) == {"temperature": 0.5, "top_p": 0.9}


def test_without_a_bound_of_the_callers_there_is_room_for_the_budget() -> None:
    assert body_of("anthropic/claude-sonnet-4-5", thinking=THINKS)["max_tokens"] > 2048
    assert body_of("anthropic/claude-3-7-sonnet", thinking=THINKS)["max_tokens"] > 2048


@pytest.mark.parametrize(
    "more",
    [
        {"betas": ["interleaved-thinking-2025-05-14"]},
        {"headers": {"anthropic-beta": "interleaved-thinking-2025-05-14"}},
    ],
)
def test_interleaved_thinking_may_take_more_than_one_answer(more: dict[str, Any]) -> None:
    body = body_of("anthropic/claude-sonnet-4-5", thinking=THINKS, max_tokens=1000, **more)
    assert body["thinking"] == THINKS


def test_no_other_model_on_bedrock_is_held_to_it() -> None:
    body = body_of("bedrock/amazon.nova-pro-v1:0", thinking=THINKS, temperature=0.5, top_p=0.5)
    assert sampling(body) == {"temperature": 0.5, "top_p": 0.5}

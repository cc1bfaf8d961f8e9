"""What each Claude model refuses, at Anthropic's, on Vertex AI and on Bedrock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bare_client import Client

    from aiocompl.testing import Simulator

USER = "hello there"
THINKING = {"type": "enabled", "budget_tokens": 1024}
DEPRECATED, EITHER, PREFILL = "is deprecated", "cannot both be specified", "prefill"

OLD = ["claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-opus-4-20250514"]
MIDDLE = ["claude-opus-4-1-20250805", "claude-sonnet-4-5-20250929", "claude-haiku-4-5", "claude-opus-4-5"]
NEWER = ["claude-opus-4-6", "claude-sonnet-4-6"]
NEWEST = ["claude-opus-4-7", "claude-opus-4-8", "claude-sonnet-5", "claude-haiku-5-5", "claude-fable-5-1"]

BOTH = {"temperature": 0.5, "top_p": 0.9}
CASES: list[tuple[list[str], dict[str, Any], str | None]] = [
    (OLD, BOTH, None),
    (MIDDLE, BOTH, EITHER),
    (MIDDLE, {"temperature": 0.5}, None),
    (MIDDLE, {"top_p": 0.9}, None),
    (NEWER, BOTH, None),
    (NEWEST, {"temperature": 1}, DEPRECATED),
    (NEWEST, {"top_p": 0.9}, DEPRECATED),
    (NEWEST, {"top_k": 5}, DEPRECATED),
    (NEWEST, {}, None),
    (OLD + MIDDLE, {"prefill": "Well"}, None),
    (NEWER + NEWEST, {"prefill": "Well"}, PREFILL),
    (MIDDLE, {"thinking": THINKING, "temperature": 0.5}, "may only be set to 1"),
    (MIDDLE, {"thinking": THINKING, "top_p": 0.9}, "greater than or equal to 0.95"),
    (MIDDLE, {"thinking": THINKING, "top_k": 5}, "must be unset"),
    (MIDDLE, {"thinking": THINKING, "temperature": 1}, None),
    (MIDDLE, {"thinking": THINKING, "top_p": 0.97}, None),
]
EACH = [(model, asked, words) for models, asked, words in CASES for model in models]


async def post(
    client: Client, simulator: Simulator, path: str, body: dict[str, Any], **headers: str
) -> tuple[int, str]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.session.post(simulator.url + path, json=body, headers=sent) as response:
        return response.status, await response.text()


def turns(prefill: str | None) -> list[tuple[str, str]]:
    return [("user", USER), *([("assistant", prefill)] if prefill else [])]


def check(found: tuple[int, str], words: str | None) -> None:
    status, body = found
    assert status == (400 if words else 200), body
    assert (words or "") in body


@pytest.mark.parametrize(("model", "asked", "words"), EACH)
async def test_anthropic_and_vertex(
    client: Client, simulator: Simulator, model: str, asked: dict[str, Any], words: str | None
) -> None:
    params = dict(asked)
    said = turns(params.pop("prefill", None))
    messages = [{"role": role, "content": text} for role, text in said]
    body = {"messages": messages, "max_tokens": 2000, **params}
    named = {"model": model, **body}
    check(await post(client, simulator, "/v1/messages", named, anthropic_version="2023-06-01"), words)
    path = f"/v1/projects/p/locations/l/publishers/anthropic/models/{model}:rawPredict"
    hosted = {**body, "anthropic_version": "vertex-2023-10-16"}
    check(await post(client, simulator, path, hosted), words)


@pytest.mark.parametrize(("model", "asked", "words"), EACH)
async def test_bedrock(
    client: Client, simulator: Simulator, model: str, asked: dict[str, Any], words: str | None
) -> None:
    params = dict(asked)
    said = turns(params.pop("prefill", None))
    config = {
        ours: params.pop(name)
        for name, ours in (("temperature", "temperature"), ("top_p", "topP"))
        if name in params
    }
    body = {
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in said],
        "inferenceConfig": {"maxTokens": 2000, **config},
        "additionalModelRequestFields": params,
    }
    check(await post(client, simulator, f"/model/us.anthropic.{model}-v1:0/converse", body), words)


async def test_bedrock_lets_claude_begin_with_the_assistant(client: Client, simulator: Simulator) -> None:
    first = {"role": "assistant", "content": [{"text": "Hello there!"}]}
    asked = {"role": "user", "content": [{"text": "Now say goodbye."}]}
    body = {"messages": [first, asked], "system": [], "inferenceConfig": {}}
    claude = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
    check(await post(client, simulator, claude, body), None)
    check(await post(client, simulator, claude, {"messages": [first]}), None)
    other = await post(client, simulator, "/model/us.amazon.nova-lite-v1%3A0/converse", body)
    check(other, "must start with a user message")

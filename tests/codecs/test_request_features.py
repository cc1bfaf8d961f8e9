"""One request through every dialect: what only some can say is a hint that others never see, or a refusal."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from aiocompl.codecs.routing import Target, resolve
from aiocompl.errors import UnsupportedParamsError
from aiocompl.types.request import ChatRequest

ENVIRONMENT = {
    "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com",
    "GOOGLE_CLOUD_PROJECT": "p",
    "GOOGLE_CLOUD_LOCATION": "global",
    "WATSONX_PROJECT_ID": "p",
}
MARK = {"type": "ephemeral"}
MARKED: list[dict[str, Any]] = [
    {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": MARK}]},
    {
        "role": "user",
        "cache_control": MARK,
        "content": [
            {"type": "text", "text": "Hi", "cache_control": MARK},
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="},
                "cache_control": MARK,
            },
        ],
    },
]
TOOL: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def body(model: str, messages: list[dict[str, Any]], **params: Any) -> str:
    route = resolve(Target(model, api_key="k"), ENVIRONMENT)
    request = ChatRequest(route.model, messages, params)
    before = orjson.dumps([messages, params])
    text = route.codec.encode_request(request).body.decode()
    assert orjson.dumps([messages, params]) == before
    return text


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("anthropic/claude-sonnet-4-5", "cache_control"),
        ("bedrock/anthropic.claude-sonnet-4-5", "cachePoint"),
        ("openrouter/anthropic/claude-sonnet-4", "cache_control"),
    ],
)
def test_marks_of_the_prompt_cache_reach_those_who_know_them(model: str, word: str) -> None:
    assert body(model, MARKED, tools=[{**TOOL, "cache_control": MARK}]).count(word) >= 4


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-4o",
        "azure/d",
        "openai/responses/gpt-4o",
        "gemini/gemini-2.5-flash",
        "vertex_ai/gemini-2.5-flash",
        "ollama/llama3.2",
        "mistral/mistral-large-latest",
        "groq/llama-4",
        "fireworks/llama",
    ],
)
def test_marks_of_the_prompt_cache_are_no_error_elsewhere(model: str) -> None:
    sent = body(model, MARKED, tools=[{**TOOL, "cache_control": MARK}])
    assert "cache_control" not in sent
    assert "Be brief." in sent


@pytest.mark.parametrize("model", ["cohere/command-a-03-2025", "cohere/v1/command-r"])
def test_nor_where_there_are_no_images(model: str) -> None:
    messages = [MARKED[0], {"role": "user", "content": [MARKED[1]["content"][0]]}]
    assert "cache_control" not in body(model, messages, tools=[{**TOOL, "cache_control": MARK}])


def test_openais_own_marks_stay() -> None:
    breakpoint_ = {"mode": "explicit", "ttl": "30m"}
    part = {"type": "text", "text": "Hi", "cache_control": MARK, "prompt_cache_breakpoint": breakpoint_}
    for model in ("openai/gpt-5.6", "openai/responses/gpt-5.6"):
        sent = body(model, [{"role": "user", "content": [part]}])
        assert "prompt_cache_breakpoint" in sent
        assert "cache_control" not in sent


@pytest.mark.parametrize("model", ["openai/gpt-4o", "azure/d", "fireworks/llama"])
def test_what_an_answer_of_another_provider_had_beyond_openais_fields_stays_here(model: str) -> None:
    answer: dict[str, Any] = {
        "role": "assistant",
        "content": "Hello",
        "refusal": None,
        "thinking_blocks": [{"type": "thinking", "thinking": "Hm", "signature": "s"}],
        "provider_specific_fields": {"citations": []},
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
    }
    user = {"role": "user", "content": "Hi"}
    assert orjson.loads(body(model, [user, answer, user]))["messages"][1] == {
        "role": "assistant",
        "content": "Hello",
    }


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (
            "anthropic/claude-sonnet-4-5",
            {"type": "document", "source": {"type": "url", "url": "https://x/a.pdf"}},
        ),
        ("openai/responses/gpt-4o", {"type": "input_file", "file_url": "https://x/a.pdf"}),
        ("mistral/mistral-large-latest", {"type": "document_url", "document_url": "https://x/a.pdf"}),
        (
            "gemini/gemini-2.5-flash",
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://x/a.pdf"}},
        ),
    ],
)
@pytest.mark.parametrize("name", ["file_url", "file_id"])
def test_a_file_by_its_url(model: str, sent: dict[str, Any], name: str) -> None:
    part = {"type": "file", "file": {name: "https://x/a.pdf"}}
    assert orjson.dumps(sent).decode() in body(model, [{"role": "user", "content": [part]}])


def test_a_file_in_amazons_store() -> None:
    part = {"type": "file", "file": {"file_id": "s3://bucket/a.pdf", "filename": "a.pdf"}}
    sent = body("bedrock/amazon.nova-pro-v1:0", [{"role": "user", "content": [part]}])
    assert '"s3Location":{"uri":"s3://bucket/a.pdf"}' in sent


@pytest.mark.parametrize(
    "model",
    ["cohere/command-a-03-2025", "cohere/v1/command-r", "ollama/llama3.2", "bedrock/amazon.nova-pro-v1:0"],
)
def test_a_file_that_a_dialect_cannot_fetch_is_refused(model: str) -> None:
    part = {"type": "file", "file": {"file_id": "https://x/a.pdf"}}
    with pytest.raises(UnsupportedParamsError, match=r"messages\[0\]\.content\[0\]"):
        body(model, [{"role": "user", "content": [part]}])

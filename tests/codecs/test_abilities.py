"""What `get_supported_openai_params` says, and that it says it of every provider, with no key and no environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aiocompl import NotFoundError, get_supported_openai_params, register_provider, unregister_provider
from aiocompl.codecs.abilities import _TRIALS
from aiocompl.codecs.routing import known_vendors
from aiocompl.types.params import OPENAI_PARAMS

if TYPE_CHECKING:
    from collections.abc import Mapping

SAMPLING = {"temperature", "top_p", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty"}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for vendor in known_vendors():
        for name in (*vendor.api_key_env, *vendor.base_env):
            monkeypatch.delenv(name, raising=False)


def test_every_parameter_is_tried() -> None:
    assert _TRIALS.keys() == OPENAI_PARAMS


def test_a_model_that_takes_everything() -> None:
    assert get_supported_openai_params("gpt-4o") == sorted(OPENAI_PARAMS)


REFUSED: Mapping[str, set[str]] = {
    "o1": SAMPLING | {"stop", "logit_bias", "n", "parallel_tool_calls"},
    "o3-mini": SAMPLING | {"stop", "logit_bias", "parallel_tool_calls"},
    "gpt-5": SAMPLING | {"stop", "logit_bias"},
    "gpt-5.1": set(),  # does not reason unless it is told to
    "openai/responses/gpt-4o": {"n", "stop", "seed", "logit_bias", "audio", "modalities", "prediction",
                                "presence_penalty", "frequency_penalty"},
    "groq/llama-3.3-70b-versatile": {"logit_bias", "logprobs", "metadata", "n", "store", "top_logprobs"},
}  # fmt: skip


@pytest.mark.parametrize(("model", "refused"), REFUSED.items())
def test_what_is_refused(model: str, refused: set[str]) -> None:
    assert OPENAI_PARAMS - set(get_supported_openai_params(model)) == refused


@pytest.mark.parametrize(
    ("model", "passes", "refused"),
    [
        ("claude-3-5-haiku-20241022", "temperature", "reasoning_effort"),
        ("claude-sonnet-4-5", "reasoning_effort", "n"),
        ("claude-opus-4-7", "tools", "temperature"),
        ("gemini/gemini-2.5-flash", "n", "parallel_tool_calls"),
        ("vertex_ai/gemini-2.5-flash", "metadata", "user"),
        ("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0", "response_format", "seed"),
        ("bedrock/meta.llama3-3-70b-instruct-v1:0", "stop", "response_format"),
        ("cohere/command-a-03-2025", "seed", "n"),
        ("cohere/v1/command-r-08-2024", "tools", "reasoning_effort"),
        ("ollama/llama3.2", "seed", "logit_bias"),
        ("openai/responses/gpt-5", "reasoning_effort", "temperature"),
        ("azure/my-deployment", "n", None),
        ("watsonx/ibm/granite-3-8b-instruct", "tools", None),
        ("local", "seed", None),
    ],
)
def test_what_only_a_model_or_a_value_tells(model: str, passes: str, refused: str | None) -> None:
    params = get_supported_openai_params(model)
    assert passes in params
    assert refused not in params


@pytest.mark.parametrize("provider", [vendor.name for vendor in known_vendors()] + ["custom"])
def test_every_provider_answers(provider: str) -> None:
    params = get_supported_openai_params("some-model", provider)
    assert params == sorted(set(params) & OPENAI_PARAMS)
    assert params or provider == "morph"  # it takes a model and messages


def test_unknown_names() -> None:
    with pytest.raises(NotFoundError, match="no-such-model"):
        get_supported_openai_params("no-such-model")
    with pytest.raises(NotFoundError, match="did you mean 'groq'"):
        get_supported_openai_params("llama", "groqq")


def test_a_registered_provider() -> None:
    register_provider(
        "acme", base_url="https://acme.example", unsupported={"seed", "n"}, api_key_env="ACME_KEY"
    )
    try:
        assert OPENAI_PARAMS - set(get_supported_openai_params("acme/m")) == {"seed", "n"}
    finally:
        unregister_provider("acme")

"""An error inside a 200, of whatever kind and in whichever dialect, has the class that it has as a status."""

from __future__ import annotations

from typing import Any

import pytest
from test_every_dialect import MODELS

from aiocompl import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    InternalServerError,
    RateLimitError,
    ServiceUnavailableError,
    Supervisor,
)
from aiocompl.testing import Simulator, faults
from aiocompl.testing.dialects import DIALECTS

OWN: dict[tuple[str, str], type[APIError]] = {
    ("authentication", "sagemaker"): InternalServerError,  # its streams break with one exception and one text
    ("content_policy", "cohere"): InternalServerError,  # it has a status for this, and no text
    ("content_policy", "ollama"): InternalServerError,  # which has no such thing
    ("content_policy", "sagemaker"): InternalServerError,
    ("content_policy", "vertex_ai/meta"): BadRequestError,  # a status and a text, and no code for it
    ("content_policy", "vertex_ai/mistral"): BadRequestError,
    ("content_policy", "vertex_ai/openai"): BadRequestError,
    ("content_policy", "vertex_ai/openapi"): BadRequestError,
    ("context_length", "sagemaker"): InternalServerError,
    ("overloaded", "cloudflare/run"): RateLimitError,  # one code for both
    ("overloaded", "huggingface/hf-inference"): RateLimitError,  # TGI's word for its 429
    ("overloaded", "sagemaker"): InternalServerError,
    ("rate_limit", "sagemaker"): InternalServerError,
    ("server_error", "replicate"): BadRequestError,  # a prediction that failed, on this very input
}
"""Where a provider's way of saying it tells less."""

SPEAKS = 'The user said "Tell me about the old bridges of Prague, please": no.'


async def fail(model: str, fault: faults.Fault, text: str = "hello there") -> tuple[APIError, str]:
    """The error of the streamed call, and the supervisor's own account of it."""
    provider = model.partition("/")[0]
    dialect = provider if provider in DIALECTS else "openai"
    async with Simulator(fault, dialect=dialect) as simulator, Supervisor(num_retries=0) as supervisor:
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "sk-made-up"}
        messages = [{"role": "user", "content": text}]
        with pytest.raises(APIError) as caught:
            await (await supervisor.acompletion(model, messages, stream=True, **place)).response()
        return caught.value, repr(supervisor.snapshot())


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("rate_limit", None, RateLimitError),
        ("context_length", None, ContextWindowExceededError),
        ("content_policy", None, ContentPolicyViolationError),
        ("server_error", "It broke.", InternalServerError),
        ("overloaded", None, ServiceUnavailableError),
        ("authentication", None, AuthenticationError),
    ],
)
async def test_kinds(model: str, kind: Any, message: str | None, expected: type[APIError]) -> None:
    error, _ = await fail(model, faults.ErrorEvent(at_event=2, kind=kind, message=message))
    own = [cls for (which, prefix), cls in OWN.items() if which == kind and model.startswith(prefix)]
    assert type(error) is (own[0] if own else expected)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "fault", [faults.ErrorEvent(message=SPEAKS), faults.Status(status=400, message=SPEAKS)]
)
async def test_no_message_quotes_the_prompt(model: str, fault: faults.Fault) -> None:
    error, account = await fail(model, fault, "Tell me about the old bridges of Prague, please")
    assert "[...]" in str(error)
    assert "Prague" not in f"{error} {error.args} {account}"

"""Whatever goes wrong at a provider, in whichever dialect it says so, is the same error to the caller."""

from __future__ import annotations

from typing import Any

import pytest

from aiocompl import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APITimeoutError,
    AuthenticationError,
    BadGatewayError,
    BadRequestError,
    ContentPolicyViolationError,
    ContextWindowExceededError,
    IncompleteStreamError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServiceUnavailableError,
    Supervisor,
)
from aiocompl.testing import Fault, Simulator, faults
from aiocompl.testing.dialects import DIALECTS

MODELS = [
    "openai/gpt-4o",
    "openai/responses/gpt-4o",
    "azure/gpt-4o",
    "anthropic/claude-sonnet-4-5",
    "gemini/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "cohere/v1/command-r",
    "ollama/llama3.2",
    "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0",
    "groq/llama-3.3-70b-versatile",
    "mistral/mistral-large-latest",
    "watsonx/ibm/granite-4-h-small",
    "sagemaker/my-endpoint",
    "sagemaker/inputs/my-endpoint",
    "vertex_ai/meta/llama-3.3-70b-instruct-maas",
]
MORE_TO_COME = (
    *("openai/gpt", "azure/", "cohere/command", "groq/", "mistral/", "sagemaker/my", "vertex_ai/meta"),
    "watsonx/",
)
"""Whose streams go on after the finish reason: with ``[DONE]``, or with the counts."""

PLAIN_UNDER_200 = [model for model in MODELS if not model.startswith("sagemaker/")]
"""Whose errors look alike under every status: SageMaker wraps its container's, and only under 424."""

TEXT = "You said: hello there"

each_model = pytest.mark.parametrize("model", MODELS)
each_form = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def provider_of(model: str) -> str:
    return model.partition("/")[0]


async def ask(model: str, fault: Fault, *, stream: bool) -> tuple[str | None, str | None]:
    """Text and finish reason of the answer."""
    provider = provider_of(model)
    dialect = provider if provider in DIALECTS else "openai"
    async with Simulator(fault, dialect=dialect) as simulator, Supervisor(num_retries=0) as supervisor:
        place: dict[str, Any] = {"api_base": simulator.base_url, "api_key": "sk-made-up"}
        if model.startswith("sagemaker/inputs/"):  # else it does not say why a whole answer ended
            place["extra_body"] = {"parameters": {"details": True}}
        messages = [{"role": "user", "content": "hello there"}]
        if stream:
            streamed = await supervisor.acompletion(model, messages, stream=True, **place)
            answer = await streamed.response()
        else:
            answer = await supervisor.acompletion(model, messages, **place)
    return answer.choices[0].message.content, answer.choices[0].finish_reason


OWN: dict[tuple[str, str], type[APIError]] = {
    ("quota", "anthropic"): BadRequestError,  # which is how Anthropic says it
    ("content_policy", "ollama"): BadRequestError,  # which has no such thing
    ("content_policy", "vertex_ai"): BadRequestError,  # as above; Gemini's own surface says it otherwise
}
"""Where a provider's way of saying it tells less."""

AS_RATE_LIMIT = ("gemini", "ollama", "sagemaker", "vertex_ai", "watsonx")
"""Who words an exhausted quota as a rate limit."""


@each_form
@each_model
@pytest.mark.parametrize(
    ("kind", "fault", "expected"),
    [
        ("rate_limit", faults.rate_limited(retry_after=3), RateLimitError),
        ("quota", faults.quota_exhausted(), RateLimitError),
        ("context_length", faults.context_length(), ContextWindowExceededError),
        ("content_policy", faults.content_policy(), ContentPolicyViolationError),
        ("server_error", faults.server_error(), InternalServerError),
        ("overloaded", faults.overloaded(), ServiceUnavailableError),
        ("bad_gateway", faults.html_page(), BadGatewayError),
        ("authentication", faults.Status(status=401), AuthenticationError),
        ("permission", faults.Status(status=403), PermissionDeniedError),
        ("not_found", faults.Status(status=404), NotFoundError),
        ("timeout", faults.Status(status=504), APITimeoutError),
    ],
)
async def test_statuses(model: str, stream: bool, kind: str, fault: Fault, expected: type[APIError]) -> None:
    with pytest.raises(APIError) as caught:
        await ask(model, fault, stream=stream)
    error = caught.value
    assert type(error) is OWN.get((kind, provider_of(model)), expected)
    assert error.provider == provider_of(model)
    if kind == "rate_limit":
        assert error.retry_after == 3
    if kind in ("server_error", "overloaded", "bad_gateway", "timeout", "rate_limit") or (
        kind == "quota" and provider_of(model) in AS_RATE_LIMIT
    ):
        assert error.retryable
    else:
        assert not error.retryable


@each_form
@each_model
@pytest.mark.parametrize(
    "fault",
    [
        faults.Reset(),
        faults.Hangup(),
        faults.Cut(after_events=2),
        faults.Cut(after_events=2, clean=True),
        faults.ResetAfter(after_events=2),
    ],
    ids=repr,
)
async def test_connections_that_break(model: str, stream: bool, fault: Fault) -> None:
    """A blocking answer that is cut properly is half a JSON text; all else may be asked again."""
    with pytest.raises(APIError) as caught:
        await ask(model, fault, stream=stream)
    half = not stream and getattr(fault, "clean", False)
    assert isinstance(caught.value, APIResponseValidationError if half else APIConnectionError)
    assert caught.value.retryable is not half


@each_model
@pytest.mark.parametrize("at_event", [0, 2])
async def test_an_error_within_a_stream(model: str, at_event: int) -> None:
    with pytest.raises(InternalServerError, match=r"It broke\."):
        await ask(model, faults.ErrorEvent(at_event=at_event, message="It broke."), stream=True)


@pytest.mark.parametrize("model", PLAIN_UNDER_200)
async def test_an_error_under_the_status_200(model: str) -> None:
    with pytest.raises(InternalServerError, match=r"It broke\."):
        await ask(model, faults.ErrorEvent(message="It broke."), stream=False)


@each_model
async def test_what_is_no_json(model: str) -> None:
    with pytest.raises(APIResponseValidationError):
        await ask(model, faults.Malformed(), stream=False)


WORDS = ("You", " said:", " hello", " there")


@each_model
async def test_an_event_that_is_no_json_is_left_out_where_the_rest_is_whole(model: str) -> None:
    """Whichever event it is: at most one word is lost, and never the finish reason."""
    lost = set[str]()
    for at_event in range(9):
        try:
            text, reason = await ask(model, faults.Malformed(at_event=at_event), stream=True)
        except APIResponseValidationError:
            continue
        assert reason == "stop"
        lost |= {word for word in WORDS if word not in (text or "")}
        assert text in {TEXT, *(TEXT.replace(word, "") for word in WORDS)}
    assert lost >= set(WORDS[1:]), "each word's event is left out, not the answer"


@each_form
@each_model
async def test_half_of_the_last_event(model: str, stream: bool) -> None:
    """Where the last event comes after the finish reason, nothing of the answer is lost with it."""
    if stream and model.startswith(MORE_TO_COME):
        assert await ask(model, faults.Truncated(), stream=stream) == (TEXT, "stop")
        return
    with pytest.raises((APIResponseValidationError, IncompleteStreamError)):
        await ask(model, faults.Truncated(), stream=stream)


@each_form
@each_model
async def test_an_event_too_large_to_be_true_is_never_taken_for_text(model: str, stream: bool) -> None:
    try:
        text, _ = await ask(model, faults.Oversized(at_event=2), stream=stream)
    except APIResponseValidationError:
        return
    assert stream
    assert text is not None
    assert "x" * 99 not in text


@each_model
async def test_a_stream_without_its_finish_reason_is_never_said_to_have_stopped(model: str) -> None:
    """Where the dialect's own end comes all the same, the reason is left open."""
    try:
        answer = await ask(model, faults.MissingFinish(), stream=True)
    except IncompleteStreamError:
        return
    assert answer == (TEXT, None)


@each_form
@each_model
@pytest.mark.parametrize(
    "fault",
    [faults.ContentType(), faults.CloseAfter(), faults.OddFraming(bom=True), faults.SlowBody()],
    ids=repr,
)
async def test_oddities_that_change_nothing(model: str, stream: bool, fault: Fault) -> None:
    assert await ask(model, fault, stream=stream) == (TEXT, "stop")
